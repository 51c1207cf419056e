"""What is written comes back the same, and nothing else can be written."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from store_helpers import differs
from toy_data import write_world
from vectorize_helpers import save_vectors

from craft_core import experiment
from craft_core.bound import share_noise
from craft_core.budgets import budget_curve, budget_grid, covered_supply, energy_anchors, prefixes
from craft_core.cluster import KMeans
from craft_core.compare import Plan, compare
from craft_core.config import Data, ExperimentConfig
from craft_core.corpus.pairs import corpus_from_texts
from craft_core.corpus.sample import content_keys
from craft_core.describe import words_of
from craft_core.experiment import Report, open_files
from craft_core.holdout import hold_out
from craft_core.ledger import isolated_validation
from craft_core.measure import cells_of
from craft_core.problem import Selection
from craft_core.project import project
from craft_core.selectors import Craft, Random
from craft_core.stability import Repeats, clustered_again
from craft_core.store.codec import Unstorable, read_value, write_value
from craft_core.store.files import Damaged, TooLarge
from craft_core.sweep import point_of, sweep, trade_off
from craft_core.vectorize import Hashing, Precomputed, Tfidf, Vectors
from craft_core.vectorize.sentence import SentenceEncoder
from craft_core.whatif import Ranking
from craft_core.yardsticks import measure_yardsticks

LARGE = 1 << 29


def there_and_back(value: object, folder: Path) -> Any:
    folder = folder / "entry"
    folder.mkdir()
    tree = json.loads(json.dumps(write_value(value, folder, LARGE)))
    return read_value(tree, folder)


def unstorable(value: object, folder: Path) -> str:
    with pytest.raises(Unstorable) as caught:
        write_value(value, folder, LARGE)
    return str(caught.value)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)) | st.binary(max_size=30)
keys = st.integers() | st.text(max_size=5) | st.tuples(st.integers(), st.text(max_size=2))
trees = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(keys, inner, max_size=4), max_leaves=8
)


@given(value=trees)
def test_plain_values_come_back(value: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert differs(value, there_and_back(value, tmp_path_factory.mktemp("plain"))) is None


ARRAYS = {
    "empty": np.zeros((0, 3), np.float32),
    "no dimensions": np.array(7),
    "switches": np.array([True, False]),
    "moments": np.array(["2020-02-02T03:04", "NaT"], "datetime64[ns]"),
    "spans": np.array([1, 2], "timedelta64[s]"),
    "text": np.array(["a", "नमस्ते"]),
    "bytes": np.array([b"ab", b"c"]),
    "big-endian": np.arange(4, dtype=">i4"),
    "half": np.array([1.5, np.nan, -np.inf], np.float16),
    "complex": np.array([1 + 2j]),
    "by columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "every second": np.arange(10)[::2],
    "fields": np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
    "objects": np.array([["a", None], ["नमस्ते", ""]], object),
    "large": np.arange(300_000, dtype=np.float64).reshape(3, -1),
    "large by columns": np.asfortranarray(np.arange(300_000, dtype=np.float64).reshape(3, -1)),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_come_back_read_only(name: str, tmp_path: Path) -> None:
    array = ARRAYS[name]
    found = there_and_back(array, tmp_path)
    assert differs(array, found) is None
    assert not found.flags.writeable
    assert found.flags.f_contiguous == np.asarray(array, order="K").flags.f_contiguous or name == "every second"


def test_a_large_array_is_mapped_and_outlives_its_file(tmp_path: Path) -> None:
    array = np.arange(500_000, dtype=np.int64)
    found = there_and_back(array, tmp_path)
    assert isinstance(found.base, np.memmap)
    for path in (tmp_path / "entry").iterdir():
        path.unlink()
    assert (found == array).all()


def test_small_arrays_share_a_file(tmp_path: Path) -> None:
    values = [np.full(3, number, np.int16) for number in range(50)]
    assert differs(values, there_and_back(values, tmp_path)) is None
    assert [path.name for path in (tmp_path / "entry").iterdir()] == ["small.npy"]


SCALARS = [np.float32(1.1), np.float64("nan"), np.int8(-3), np.bool_(True), np.str_("ä"), np.datetime64("2020-02-02"), np.uint64(2**64 - 1)]


@pytest.mark.parametrize("scalar", SCALARS, ids=repr)
def test_numpy_scalars_come_back(scalar: np.generic, tmp_path: Path) -> None:
    assert differs(scalar, there_and_back(scalar, tmp_path)) is None


TEXTS = ["plain", "", "नमस्ते", "a\0b\r\n", "\u2028", "😀", None]
ARROW = {
    "large text": pa.array(TEXTS, pa.large_string()),
    "text": pa.array(TEXTS, pa.string()),
    "a slice": pa.array(TEXTS * 9, pa.large_string()).slice(3, 4),
    "nothing": pa.array([], pa.large_string()),
    "all null": pa.array([None, None]),
    "chunks": pa.chunked_array([[1, 2], [], [3]], pa.int8()),
    "no chunks": pa.chunked_array([], pa.string()),
    "bytes": pa.array([b"\xff\xfe", None], pa.large_binary()),
    "lists": pa.array([[1.5], None, []], pa.list_(pa.float32())),
    "vectors": pa.array([[1, 2], [3, 4]], pa.list_(pa.float16(), 2)),
    "records": pa.array([{"a": 1, "b": "x"}, None]),
    "moments": pa.array([1, None], pa.timestamp("us", "Asia/Kolkata")),
    "table": pa.table({"a": pa.chunked_array([["x"], ["y", None]]), "b": [1, 2, 3]}).replace_schema_metadata({"k": "v"}),
    "no columns": pa.table({}),
    "rows without columns": pa.table({"a": [1, 2]}).select([]),
    "large": pa.array(["नमस्ते दुनिया" * 9] * 20_000, pa.large_string()),
}


@pytest.mark.parametrize("name", ARROW)
def test_arrow_comes_back_with_its_types(name: str, tmp_path: Path) -> None:
    found = there_and_back(ARROW[name], tmp_path)
    assert type(found) is type(ARROW[name])
    assert differs(ARROW[name], found) is None
    found.validate(full=True)


def test_dictionaries_come_back_as_one_with_the_same_values(tmp_path: Path) -> None:
    chunks = pa.chunked_array([pa.array(["b"]).dictionary_encode(), pa.array(["a", "b"]).dictionary_encode()])
    corpus = replace(corpus_from_texts(["1", "2", "3"], ["4", "5", "6"], "pool"), columns=pa.table({"topic": chunks}))
    found = there_and_back(corpus, tmp_path)
    assert found.columns.column("topic").type == chunks.type
    assert found.columns.column("topic").to_pylist() == ["b", "a", "b"]
    assert found.digest == corpus.digest


@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csr_array])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_sparse_matrices_come_back_and_multiply(kind: Callable[..., Any], index: type, tmp_path: Path) -> None:
    matrix = kind(scipy.sparse.random(500, 80, 0.2, random_state=0, dtype=np.float32))
    matrix.indices, matrix.indptr = matrix.indices.astype(index), matrix.indptr.astype(index)
    found = there_and_back(matrix, tmp_path)
    assert differs(matrix, found) is None
    dense = np.arange(160, dtype=np.float32).reshape(80, 2)
    assert ((found @ dense) == (matrix @ dense)).all()
    assert ((found[3:9] @ matrix.T) != (matrix[3:9] @ matrix.T)).nnz == 0


def test_an_object_that_occurs_twice_is_written_once_and_is_one_again(tmp_path: Path) -> None:
    array = np.arange(200_000, dtype=np.int64)
    corpus = corpus_from_texts(["a"], ["b"], "pool")
    found = there_and_back((array, [array], corpus, corpus), tmp_path)
    assert found[0] is found[1][0]
    assert found[2] is found[3]
    assert sum(path.suffix == ".npy" for path in (tmp_path / "entry").iterdir()) == 2  # one large, one for the small


def test_equal_arrays_made_and_dropped_on_the_way_are_not_mistaken(tmp_path: Path) -> None:
    values = [scipy.sparse.csr_matrix(np.full((2, 2), number, np.float32)) for number in range(20)]
    assert differs(values, there_and_back(values, tmp_path)) is None


class Text(str):
    __slots__ = ()


@dataclass(frozen=True)
class Outside:
    """Frozen, but not of the package."""

    value: int = 0


REFUSED = {
    "a function": (len, "value['x'][1] is a builtins.builtin_function_or_method."),
    "a class": (Selection, "value['x'][1] is a builtins.type."),
    "a set": ({1}, "value['x'][1] is a builtins.set."),
    "a path": (Path("a"), "value['x'][1] is a pathlib"),
    "an object array": (np.array([1, "a"], object), "value['x'][1] is an array of object."),
    "a masked array": (np.ma.masked_array([1], [True]), "value['x'][1] is a numpy.ma"),
    "text of another class": (Text("a"), "value['x'][1] is a test_store_codec.Text."),
    "a dataclass of others": (Outside(), "value['x'][1] is a test_store_codec:Outside, which is no frozen dataclass of craft_core."),
    "a column matrix": (scipy.sparse.csc_matrix((2, 2)), "value['x'][1] is a scipy.sparse"),
    "half a text": (np.array(["\ud800"], object), "value['x'][1] cannot be written as Arrow"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_stored_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    value, message = REFUSED[name]
    assert unstorable({"x": (1, value)}, tmp_path).startswith(message)


def test_the_place_inside_a_dataclass_is_told(tmp_path: Path) -> None:
    ranking = Ranking(np.arange(2), np.array([0, 2]), np.zeros(2), (len,))  # type: ignore[arg-type]
    assert unstorable((ranking,), tmp_path) == "value[0].notes[0] is a builtins.builtin_function_or_method."


@pytest.mark.parametrize(
    "name",
    ["os:system", "craft_core.errors:DataError", "craft_core.nowhere:A", "craft_corelike:A", "craft_core.problem:Problem.__init__", ""],
)
def test_no_other_class_is_ever_looked_up(name: str, tmp_path: Path) -> None:
    with pytest.raises(Damaged):
        read_value({"is": "dataclass", "class": name, "fields": {}}, tmp_path)


def test_arrays_are_held_to_the_limit_before_they_are_written(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        write_value([np.zeros(300_000), np.zeros(300_000)], tmp_path, 4_000_000)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 3_000_000


def test_fields_go_through_the_constructor(tmp_path: Path) -> None:
    corpus = corpus_from_texts(["a", "b"], ["c", "d"], "pool")
    tree = write_value(corpus, tmp_path, LARGE)
    tree["fields"]["ids"], tree["fields"]["rows"] = tree["fields"]["rows"], tree["fields"]["ids"]
    with pytest.raises(AttributeError):
        read_value(tree, tmp_path)  # the constructor makes rows read-only, which texts cannot be


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("world")
    write_world(folder)
    data = Data((str(folder / "pool.tsv"),), str(folder / "validation.tsv"), str(folder / "test.tsv"))
    config = ExperimentConfig(data, budget=60, vectorizer=Tfidf(dimensions=8), clustering=KMeans(n_clusters=4))
    return experiment.run(config, open_files(data))


@pytest.fixture(scope="module")
def vectors(report: Report) -> Vectors:
    return experiment.encode(report.data, report.config.vectorizer, 0)


def test_data_come_back_byte_for_byte(report: Report, tmp_path: Path) -> None:
    found = there_and_back(report.data, tmp_path)
    assert differs(report.data, found) is None
    for name in ("pool", "validation", "test"):
        assert getattr(found, name).digest == getattr(report.data, name).digest
    assert found.cleanings["pool"].n_out == report.data.cleanings["pool"].n_out


@pytest.mark.parametrize("vectorizer", [Tfidf(dimensions=8), Tfidf(analyzer="char_wb", sublinear_tf=True), Hashing(n_bits=10)], ids=repr)
def test_vectors_come_back_and_encode_alike(vectorizer: Any, report: Report, tmp_path: Path) -> None:
    vectors = experiment.encode(report.data, vectorizer, 0)
    bare = replace(vectors, pool=replace(vectors.pool, texts=None), validation=replace(vectors.validation, texts=None))
    bare = replace(bare, test=replace(vectors.test, texts=None))
    found = there_and_back(bare, tmp_path)
    assert differs(bare, found) is None
    assert (found.source_encoder(report.data.pool.sources) == vectors.pool.sources).all()
    assert (found.target_encoder(report.data.pool.targets) == vectors.pool.targets).all()
    assert (found.pool.zero == vectors.pool.zero).all()


def test_vectors_with_texts_hold_them_once(vectors: Vectors, report: Report, tmp_path: Path) -> None:
    found = there_and_back({"data": report.data, "vectors": vectors}, tmp_path)
    assert found["vectors"].pool.texts is not None
    assert differs(report.data.pool, found["vectors"].pool.texts) is None


def test_precomputed_vectors_have_no_encoder(report: Report, tmp_path: Path) -> None:
    folder = save_vectors(tmp_path / "vectors", report.data.pool, report.data.validation, report.data.test)
    vectors = experiment.encode(report.data, Precomputed(folder=str(folder)), 0)
    found = there_and_back(vectors, tmp_path)
    assert differs(vectors, found) is None
    assert found.source_encoder is None


def test_a_sentence_encoder_is_its_parameters(tmp_path: Path) -> None:
    encoder = SentenceEncoder("some/model", "cpu", 64, None)
    assert there_and_back(encoder, tmp_path) == encoder


RESULTS: dict[str, Callable[[Report, Vectors], object]] = {
    "clusters": lambda report, _: report.problem.clustering,
    "problem": lambda report, _: report.problem,
    "ranking": lambda report, _: Craft().rank(report.problem),
    "selection": lambda report, _: replace(report.selection, notes=("A note.",)),
    "allocation": lambda report, _: report.allocation,
    "diagnostics": lambda report, _: report.diagnostics,
    "cells": lambda report, _: cells_of(report.problem, report.selection),
    "isolated": lambda report, _: isolated_validation(report.problem),
    "words": lambda report, _: words_of(report.data.pool, report.data.validation, report.problem.clustering),
    "map by pca": lambda report, _: a_map(report, "pca"),
    "map by umap": lambda report, _: a_map(report, "umap"),
    "comparison": lambda report, vectors: a_comparison(report, vectors),
    "clusters again": lambda report, vectors: clusters_again(report, vectors),
    "stability": lambda report, vectors: repeated(report, vectors),
    "sweep": lambda report, vectors: swept(report, vectors),
    "trade-off": lambda report, vectors: trade_off(swept(report, vectors), 1.0),
    "curve": lambda report, _: a_curve(report),
    "prefixes": lambda report, _: prefixes(report.problem, Craft().rank(report.problem), report.data.pool, report.data.test),
    "held out": lambda report, vectors: hold_out(report.problem, vectors.test, np.random.default_rng(0)),
    "bounds": lambda report, _: tuple(point_of(report.problem, report.selection, 60).bound(L) for L in (0.5, 2.0)),
    "noise": lambda report, _: share_noise(report.allocation.validation_counts, report.allocation.selected_share, np.random.default_rng(0)),
    "yardsticks": lambda report, vectors: measure_yardsticks(report.problem, report.selection, vectors.test, Craft(), 60, 0),
    "config": lambda report, _: report.config,
}


def a_map(report: Report, method: str) -> object:
    task = report.problem
    return project(method, task.pool.sources, task.validation.sources, np.arange(0, len(task.pool), 2), 0)


def a_comparison(report: Report, vectors: Vectors) -> object:
    return compare(Plan((Craft(), Random()), (20, 40), (0, 1)), vectors, lambda seed: report.problem.clustering, {})


def clusters_again(report: Report, vectors: Vectors) -> object:
    repeats = Repeats(n_seeds=2, vary_clusters=True)
    return clustered_again(report.problem, vectors, lambda seed: content_keys(report.data.pool, seed), KMeans(n_clusters=4), 0, repeats)


def repeated(report: Report, vectors: Vectors) -> object:
    config = replace(report.config, stability=Repeats(n_seeds=2))
    return experiment.repeated(config, report.data, vectors, report.problem)


def swept(report: Report, vectors: Vectors) -> Any:
    return tuple(sweep(vectors, content_keys(report.data.pool, 0), KMeans(), Craft(), 40, 0, (2, 4)))


def a_curve(report: Report) -> object:
    rng = np.random.default_rng(0)
    task, data = report.problem, report.data
    held = hold_out(task, None, rng)
    budgets = budget_grid(covered_supply(task), points=3)
    curve = budget_curve(held, Craft(), data.pool, data.validation, None, budgets, 1.0, rng)
    return curve, energy_anchors(held, rng)


@pytest.mark.parametrize("name", RESULTS)
def test_results_of_the_pages_come_back(name: str, report: Report, vectors: Vectors, tmp_path: Path) -> None:
    result = RESULTS[name](report, vectors)
    assert differs(result, there_and_back(result, tmp_path)) is None


def test_a_map_that_comes_back_places_alike(report: Report, tmp_path: Path) -> None:
    one: Any = a_map(report, "umap")
    found = there_and_back(one, tmp_path)
    rows = report.problem.pool.targets[:5]
    assert (found.layout.place(rows) == one.layout.place(rows)).all()
