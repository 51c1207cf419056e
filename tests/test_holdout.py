import numpy as np
import pytest
from conftest import random_pairs, random_problem

from craft_core.corpus import Corpus, corpus_from_texts
from craft_core.holdout import hold_out
from craft_core.problem import Problem
from craft_core.vectorize.protocol import EncodedPairs


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def numbered(n: int, name: str) -> Corpus:
    return corpus_from_texts([f"{name} {i}" for i in range(n)], ["-"] * n, name)


def test_the_test_set_is_held_out_without_its_pairs_that_have_no_vector(problem: Problem) -> None:
    pairs = random_pairs(12, 8, rng())
    sources = pairs.sources.copy()
    sources[[2, 7]] = 0
    held = hold_out(problem, EncodedPairs(sources, pairs.targets.copy()), rng())
    (fold,) = held.folds
    assert held.from_test
    assert held.is_enough
    assert held.words == "the test set (10 pairs)"
    assert fold.positions.tolist() == [0, 1, 3, 4, 5, 6, 8, 9, 10, 11]
    assert fold.problem is problem
    texts = held.texts(fold, numbered(60, "validation"), numbered(12, "test")).sources.to_pylist()
    assert texts[2] == "test 3"


def test_without_one_each_half_of_validation_is_held_out_while_the_other_selects(problem: Problem) -> None:
    held = hold_out(problem, None, rng())
    one, other = held.folds
    assert sorted([*one.positions, *other.positions]) == list(range(60))
    for fold, selects in ((one, other), (other, one)):
        assert np.array_equal(fold.held.sources, problem.validation.sources[fold.positions])
        assert np.array_equal(fold.problem.validation.sources, problem.validation.sources[selects.positions])
        labels = problem.clustering.validation_labels[selects.positions]
        assert np.array_equal(fold.problem.clustering.validation_labels, labels)
    assert held.texts(one, numbered(60, "validation"), None).sources[0].as_py() == f"validation {one.positions[0]}"
    assert "halves of validation (60 pairs)" in held.words


@pytest.mark.parametrize(("m", "enough"), [(7, False), (8, True)])
def test_halves_of_fewer_than_4_pairs_are_too_few(m: int, enough: bool) -> None:
    assert hold_out(random_problem(m=m), None, rng()).is_enough is enough
