import numpy as np
import pytest
from conftest import random_problem

from craft_core.cluster import Clustering
from craft_core.corpus.pairs import corpus_from_texts
from craft_core.corpus.sample import content_keys
from craft_core.errors import DataError
from craft_core.problem import Problem, Selection
from craft_core.vectorize.protocol import EncodedPairs


def without_texts(problem: Problem) -> Problem:
    pool, validation = (EncodedPairs(one.sources, one.targets) for one in (problem.pool, problem.validation))
    return Problem(pool, validation, problem.clustering)


def labelled(problem: Problem, pool: list[int], validation: list[int]) -> Problem:
    return Problem(
        problem.pool, problem.validation, Clustering(problem.clustering.centers, *(np.array(x, np.int32) for x in (pool, validation)))
    )


def test_pairs_in_no_cluster_are_neither_available_nor_wanted() -> None:
    problem = labelled(random_problem(n=5, m=4, n_clusters=3), [0, -1, 2, -1, 1], [-1, 0, 2, -1])
    assert problem.available.tolist() == [0, 2, 4]
    assert problem.wanted.tolist() == [1, 2]


@pytest.mark.parametrize("with_texts", [True, False])
def test_keys_belong_to_the_pairs_and_not_to_their_places(with_texts: bool) -> None:
    problem = random_problem(n=200, m=4)
    problem = problem if with_texts else without_texts(problem)
    order = np.random.default_rng(1).permutation(200)
    labels = problem.clustering.pool_labels[order]
    shuffled = Problem(
        problem.pool.take(order), problem.validation, Clustering(problem.clustering.centers, labels, problem.clustering.validation_labels)
    )
    keys = problem.pool_keys
    assert keys.shape == (200,)
    assert keys.dtype == np.uint64
    assert not keys.flags.writeable
    assert problem.pool_keys is keys
    assert shuffled.pool_keys.tolist() == keys[order].tolist()
    assert len(np.unique(keys)) == 200


def test_keys_are_made_of_the_texts_where_there_are_any() -> None:
    problem = random_problem(n=3, m=2)
    texts = corpus_from_texts(["a", "b", "a"], ["x", "y", "x"], "pool")
    problem = Problem(EncodedPairs(problem.pool.sources, problem.pool.targets, texts), problem.validation, problem.clustering)
    assert problem.pool_keys.tolist() == content_keys(texts, 0).tolist()
    assert problem.pool_keys[0] == problem.pool_keys[2] != problem.pool_keys[1]


def test_keys_of_vectors_tell_pairs_mirror_images_and_order_apart() -> None:
    a, b = np.array([1, 0, 0.5], np.float32), np.array([0, 0.5, 1], np.float32)
    sources, targets = np.stack([a, b, a, a, b, a[::-1]]), np.stack([b, a, b, a, b, b])
    clustering = Clustering(a[None], np.zeros(6, np.int32), np.zeros(6, np.int32))
    keys = Problem(EncodedPairs(sources, targets), EncodedPairs(sources, targets), clustering).pool_keys
    assert keys[0] == keys[2]
    assert len(np.unique(keys)) == 5


def test_keys_of_vectors_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = without_texts(random_problem(n=50, m=2)).pool_keys
    monkeypatch.setattr("craft_core.problem._KEY_ROWS", 7)
    assert without_texts(random_problem(n=50, m=2)).pool_keys.tolist() == whole.tolist()


def test_texts_are_given_or_missed_with_a_sentence() -> None:
    problem = random_problem(n=6, m=3)
    pool, validation = problem.texts("dsir")
    assert pool is problem.pool.texts
    assert validation is problem.validation.texts
    bare = without_texts(problem)
    for lacking in (
        bare,
        Problem(problem.pool, bare.validation, problem.clustering),
        Problem(bare.pool, problem.validation, problem.clustering),
    ):
        with pytest.raises(DataError, match="The method dsir counts words, but these pairs have vectors and no texts"):
            lacking.texts("dsir")


def test_in_one_cluster_all_are_together_but_those_in_none() -> None:
    problem = labelled(random_problem(n=5, m=4, n_clusters=3), [0, -1, 2, -1, 1], [-1, 1, 2, 0])
    one = problem.in_one_cluster()
    assert one.clustering.n_clusters == 1
    assert one.clustering.pool_labels.tolist() == [0, -1, 0, -1, 0]
    assert one.clustering.validation_labels.tolist() == [-1, 0, 0, 0]
    assert one.clustering.supply.tolist() == [3]
    assert one.pool is problem.pool
    assert one.validation is problem.validation
    assert problem.clustering.pool_labels.tolist() == [0, -1, 2, -1, 1]


def test_with_validation_keeps_the_clusters() -> None:
    problem = labelled(random_problem(n=5, m=4, n_clusters=3), [0, -1, 2, -1, 1], [-1, 1, 2, 0])
    fewer = problem.with_validation(np.array([2, 0]))
    assert fewer.clustering.validation_labels.tolist() == [2, -1]
    assert fewer.clustering.centers is problem.clustering.centers
    assert fewer.validation.sources.tolist() == problem.validation.sources[[2, 0]].tolist()
    assert fewer.validation.texts is not None
    assert problem.validation.texts is not None
    assert fewer.validation.texts.sources[0] == problem.validation.texts.sources[2]


def test_a_selection_cannot_be_changed() -> None:
    selection = Selection(np.arange(3), np.zeros(3, np.float32), np.ones(3, np.float32))
    assert len(selection) == 3
    assert not any(one.flags.writeable for one in (selection.indices, selection.scores, selection.weights))
