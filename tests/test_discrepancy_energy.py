import numpy as np
import pytest
from conftest import random_pairs
from scipy.spatial.distance import cdist, pdist

from craft_core.discrepancy import energy_distance, half_against_half, mean_energy, sample_pairs
from craft_core.errors import DataError
from craft_core.vectorize.protocol import EncodedPairs


def plain(x: np.ndarray, y: np.ndarray) -> float:
    return 2 * cdist(x, y).mean() - pdist(x).mean() - pdist(y).mean()


def test_energy_distance_matches_the_definition_on_every_side() -> None:
    rng = np.random.default_rng(0)
    one, other = random_pairs(1_500, 6, rng), random_pairs(40, 6, rng)  # more rows than a block
    got = energy_distance(one, other)
    joint = [np.hstack([pairs.sources, pairs.targets]) / np.sqrt(2) for pairs in (one, other)]
    assert got.source == pytest.approx(plain(one.sources, other.sources), abs=1e-5)
    assert got.target == pytest.approx(plain(one.targets, other.targets), abs=1e-5)
    assert got.joint == pytest.approx(plain(*joint), abs=1e-5)


def test_the_estimate_is_unbiased_so_equal_laws_give_both_signs() -> None:
    rng = np.random.default_rng(1)
    found = [energy_distance(random_pairs(30, 4, rng), random_pairs(30, 4, rng)).joint for _ in range(60)]
    assert min(found) < 0 < max(found)
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(60)


def test_a_shifted_law_is_farther_than_the_noise_floor() -> None:
    rng = np.random.default_rng(2)
    test = random_pairs(200, 4, rng)
    shifted = EncodedPairs(np.abs(random_pairs(200, 4, rng).sources), random_pairs(200, 4, rng).targets)
    assert energy_distance(shifted, test).source > 10 * half_against_half(test, rng).source


def test_mean_and_sample() -> None:
    rng = np.random.default_rng(3)
    pairs = random_pairs(50, 3, rng)
    small = sample_pairs(pairs, np.arange(50), rng, limit=10)
    assert len(small) == 10
    assert len(sample_pairs(pairs, np.arange(5), rng, limit=10)) == 5
    both = [energy_distance(small, pairs), energy_distance(pairs, small)]
    assert mean_energy(both).joint == pytest.approx(both[0].joint, abs=1e-6)


def test_one_pair_is_too_few() -> None:
    pairs = random_pairs(5, 3, np.random.default_rng(0))
    with pytest.raises(DataError, match="at least 2 pairs on each side. Got 1"):
        energy_distance(pairs, pairs.take(np.array([0])))
