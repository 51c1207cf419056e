from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core import draws
from craft_core.draws import drawn_first, gumbel, uniforms, uniforms_of


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


class Bits:
    """A generator whose 64 bits are known."""

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def integers(self, high: int, dtype: type) -> np.uint64:
        return np.uint64(self.bits)


@pytest.mark.parametrize("keys", [np.arange(100_000, dtype=np.uint64), np.arange(100_000, dtype=np.uint64) << np.uint64(40)])
def test_the_law_is_uniform_even_for_keys_in_a_row(keys: np.ndarray) -> None:
    drawn = uniforms(keys, rng())
    counts = np.bincount((drawn * 100).astype(int), minlength=100)
    assert (np.abs(counts - 1_000) < 5 * np.sqrt(1_000)).all()
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 0.02
    assert drawn.min() > 0
    assert drawn.max() < 1
    assert len(np.unique(drawn)) == len(keys)


def unshifted(mixed: int, shift: int) -> int:
    """The number x that x ^ (x >> shift) makes into this."""
    x = 0
    for further in range(0, 64, shift):
        x ^= mixed >> further
    return x


def unmixed(mixed: int) -> int:
    """The key that becomes these bits where the generator gives zeros."""
    mixed = unshifted(mixed, 31)
    for shift, factor in reversed(draws._STEPS):
        mixed = unshifted(mixed * pow(int(factor), -1, 2**64) % 2**64, int(shift))
    return mixed


@pytest.mark.parametrize("bits", [0, 1, 2**63, 2**64 - 2, 2**64 - 1])
def test_no_bits_make_0_or_1(bits: int) -> None:
    keys = np.array([unmixed(bits)], np.uint64)
    drawn = uniforms(keys, Bits(0))  # type: ignore[arg-type]
    assert drawn[0] == pytest.approx(bits / 2**64, abs=1e-15)
    assert 0 < drawn[0] < 1
    assert np.isfinite(gumbel(keys, Bits(0))).all()  # type: ignore[arg-type]


def test_equal_keys_get_equal_numbers_and_each_call_draws_anew() -> None:
    keys = np.array([3, 7, 3, 7, 9], np.uint64)
    generator = rng()
    one, two = uniforms(keys, generator), uniforms(keys, generator)
    assert one[0] == one[2] != one[1] == one[3] != one[4]
    assert not np.isin(one, two).any()
    assert uniforms(keys, rng()).tolist() == one.tolist()
    assert not np.isin(uniforms(keys, rng(1)), one).any()
    assert len(uniforms(keys[:0], rng())) == 0


@given(seed=st.integers(0, 2**16), n=st.integers(0, 50))
def test_permuting_keys_permutes_numbers(seed: int, n: int) -> None:
    keys = rng(seed).integers(2**64, size=n, dtype=np.uint64)
    order = rng(seed).permutation(n)
    assert uniforms(keys[order], rng(seed)).tolist() == uniforms(keys, rng(seed))[order].tolist()
    assert gumbel(keys[order], rng(seed)).tolist() == gumbel(keys, rng(seed))[order].tolist()


def test_the_largest_of_log_p_plus_noise_are_draws_without_replacement() -> None:
    p, repeats, generator = np.array([0.6, 0.3, 0.1]), 20_000, rng()
    keys = np.arange(3 * repeats, dtype=np.uint64)
    noisy = np.log(p) + gumbel(keys, generator).reshape(-1, 3)
    first_two = np.argsort(-noisy, axis=1)[:, :2]
    for a, b in permutations(range(3), 2):
        expected = p[a] * p[b] / (1 - p[a])
        found = np.mean((first_two == (a, b)).all(axis=1))
        assert abs(found - expected) < 5 * np.sqrt(expected * (1 - expected) / repeats)


@given(seed=st.integers(0, 2**16), n=st.integers(0, 50), cut=st.integers(0, 50))
def test_pairs_that_come_in_parts_draw_as_they_would_together(seed: int, n: int, cut: int) -> None:
    keys = rng(seed).integers(2**64, size=n, dtype=np.uint64)
    lot = rng(seed).integers(2**64, dtype=np.uint64)
    together = uniforms(keys, rng(seed))
    assert [*uniforms_of(keys[:cut], lot), *uniforms_of(keys[cut:], lot)] == together.tolist()


@given(numbers=st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.5]), max_size=30), size=st.integers(1, 35))
def test_the_smallest_numbers_come_first_and_ties_by_position(numbers: list[float], size: int) -> None:
    plain = sorted(range(len(numbers)), key=lambda position: (numbers[position], position))
    assert drawn_first(np.array(numbers), size).tolist() == plain[:size]
