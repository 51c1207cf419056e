import math

import numpy as np
import pyarrow as pa
import pytest
from conftest import random_problem

from craft_core.compare import MEASURES, Ruler, find_measure, make_ruler, marks
from craft_core.corpus.pairs import Corpus
from craft_core.discrepancy import energy_distance
from craft_core.errors import DataError
from craft_core.problem import Problem
from craft_core.vectorize.protocol import EncodedPairs


def with_labels(pairs: EncodedPairs, labels: list[str]) -> EncodedPairs:
    texts = pairs.texts
    assert texts is not None
    table = pa.table({"topic": labels})
    return EncodedPairs(pairs.sources, pairs.targets, Corpus(texts.sources, texts.targets, texts.ids, texts.rows.copy(), table, "pairs"))


@pytest.fixture
def world() -> tuple[Problem, EncodedPairs, Ruler]:
    problem = random_problem()
    pool = with_labels(problem.pool, ["a", "b", "c"] * 100)
    problem = Problem(pool, problem.validation, problem.clustering)
    held = with_labels(random_problem(seed=7).validation, ["a"] * 45 + ["b"] * 15)
    return problem, held, make_ruler(problem, held, "topic", 0)


def test_every_measure_is_declared_once_and_says_how_to_read_it() -> None:
    assert len({one.name for one in MEASURES}) == len({one.label for one in MEASURES}) == len(MEASURES)
    for one in MEASURES:
        assert one.better in {"low", "high", ""}
        assert one.help.endswith(".")
        assert format(0.5, one.form)
        assert find_measure(one.name) is one


def test_marks_of_a_selection(world: tuple[Problem, EncodedPairs, Ruler]) -> None:
    problem, held, ruler = world
    chosen = np.arange(0, 200)
    found = marks(ruler, problem.pool, chosen, np.arange(300) < 50)
    assert set(found) == {one.name for one in MEASURES}
    assert found["energy"] == pytest.approx(energy_distance(problem.pool.take(chosen), held).joint)
    assert found["label_share"] == pytest.approx(67 / 200 + 0.25)  # min(3/4, 67/200) + min(1/4, 67/200)
    assert found["mispaired"] == 0.25
    assert found["mean_tokens"] == 16.0  # eight words a side
    assert 0 < found["source_tokens"] <= 1
    unknown = {name for name, value in found.items() if math.isnan(value)}
    assert unknown == {"seconds", "seconds_built", "nll", "model_chrf"}


def test_the_held_out_pairs_themselves_are_near_and_others_are_far(world: tuple[Problem, EncodedPairs, Ruler]) -> None:
    _problem, held, ruler = world
    same = marks(ruler, held, np.arange(len(held)))
    far = marks(ruler, with_labels(random_problem(n=60, seed=3).pool, ["c"] * 60), np.arange(60))
    assert same["energy"] < far["energy"]
    assert same["gaussian_kl"] == pytest.approx(0, abs=1e-6)
    assert same["dispersion"] == pytest.approx(1)
    assert same["source_tokens"] == same["target_bigrams"] == 1
    assert same["label_share"] == 1
    assert far["label_share"] == 0


def test_too_few_pairs_give_no_numbers_instead_of_wrong_ones(world: tuple[Problem, EncodedPairs, Ruler]) -> None:
    problem, _, ruler = world
    assert all(math.isnan(value) for value in marks(ruler, problem.pool, np.array([3])).values())
    few = marks(ruler, problem.pool, np.arange(8))
    assert math.isnan(few["gaussian_kl"])
    assert math.isfinite(few["energy"])


def test_pairs_without_texts_are_refused_with_a_sentence(world: tuple[Problem, EncodedPairs, Ruler]) -> None:
    problem, held, _ = world
    with pytest.raises(DataError, match="counts words, but these pairs have vectors and no texts"):
        make_ruler(problem, EncodedPairs(held.sources, held.targets), None, 0)
