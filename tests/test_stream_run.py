"""Runs out of core against runs in memory: to the last bit the same."""

import os
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_worlds import (
    CLUSTERS,
    HASHING,
    SETTINGS,
    WORDS,
    InProcess,
    Row,
    StoppedError,
    both,
    make_world,
    pairs,
    refused,
    same,
    shrink,
    table,
    use,
    write,
)
from vectorize_helpers import tiny_model

from craft_core.cluster import KMeans
from craft_core.config import ExperimentConfig
from craft_core.corpus import Cleaning, Columns, Limits, ParallelText
from craft_core.describe import ClusterNames
from craft_core.errors import ParameterError
from craft_core.experiment import open_files, run
from craft_core.progress import silent
from craft_core.selectors import Craft, Random
from craft_core.stability import Repeats
from craft_core.stream import can_stream, stream
from craft_core.stream.prepare import prepare
from craft_core.vectorize import Hashing, Precomputed, SentenceTransformers, Tfidf


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> InProcess:
    shrink(monkeypatch)
    return use(monkeypatch, InProcess(seed=0))


@pytest.mark.parametrize(
    ("with_test", "choices"),
    [
        (True, {}),
        (False, {"seed": 3}),
        (True, {"vectorizer": Tfidf(dimensions=8, sample_rows=100), "seed": 2**32 + 5}),
        (False, {"vectorizer": Tfidf(analyzer="char_wb", dimensions=8, sample_rows=100, min_df=2, max_terms=50, sublinear_tf=True)}),
        (False, {"selector": Craft(allocation="kl-optimal", shrinkage=2.5)}),
        (True, {"selector": Craft(distance="euclidean", shrinkage=1.0)}),
        (False, {"selector": Craft(distance="euclidean"), "budget": 3}),
        (False, {"clustering": replace(CLUSTERS, fit_on="validation")}),
        (True, {"clustering": replace(CLUSTERS, fit_on="pool"), "seed": 2**70}),
        (False, {"cleaning": Cleaning(False, None, False, False, False)}),
        (True, {"cleaning": Cleaning(max_characters=20, drop_source_overlaps=False)}),
        (False, {"budget": 10_000}),
        (True, {"budget": 10_000, "selector": Craft(allocation="kl-optimal")}),
        (False, {"budget": 1}),
    ],
    ids=str,
)
def test_every_choice_gives_what_it_gives_in_memory(tmp_path: Path, engine: InProcess, with_test: bool, choices: dict[str, Any]) -> None:
    both(make_world(tmp_path).config(with_test, **choices), tmp_path / "work")


def test_limits_that_are_not_reached_are_no_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, InProcess())
    both(make_world(tmp_path).config(), tmp_path / "work")


@pytest.mark.parametrize("drop_duplicates", [True, False])
def test_precomputed_vectors(tmp_path: Path, engine: InProcess, drop_duplicates: bool) -> None:
    world, rng = make_world(tmp_path), np.random.default_rng(0)
    for role, n in (("pool", 330), ("validation", 40), ("test", 40)):
        for side in ("source", "target"):
            vectors = rng.normal(size=(n, 6)).astype(np.float32)
            vectors[3::17] = 0
            np.save(tmp_path / f"{role}.{side}.npy", vectors)
    config = world.config(drop_duplicates, vectorizer=Precomputed(folder=str(tmp_path)), cleaning=Cleaning(drop_duplicates=drop_duplicates))
    both(config, tmp_path / "work")


def test_pairs_that_say_the_same_may_have_other_vectors(tmp_path: Path, engine: InProcess) -> None:
    """More of them than are sampled, so that which ones these are makes a difference."""
    rows, rng = [{"source": "w1", "target": "w2"}] * 200 + pairs(40, 0, odd=False), np.random.default_rng(0)
    world = make_world(tmp_path, rows)
    for role, n in (("pool", 240), ("validation", 40)):
        for side in ("source", "target"):
            np.save(tmp_path / f"{role}.{side}.npy", rng.normal(size=(n, 6)))
    cleaning = Cleaning(drop_duplicates=False)
    both(world.config(vectorizer=Precomputed(folder=str(tmp_path)), cleaning=cleaning), tmp_path / "work")


@pytest.mark.parametrize("spoil", ["validation.source.npy is short", "test.target.npy is not there", "pool.target.npy has a NaN"])
def test_vectors_that_are_wrong_are_refused_with_the_same_words(tmp_path: Path, engine: InProcess, spoil: str) -> None:
    world, name = make_world(tmp_path), spoil.split()[0]
    for role, n in (("pool", 330), ("validation", 40), ("test", 40)):
        for side in ("source", "target"):
            np.save(tmp_path / f"{role}.{side}.npy", np.ones((n, 6), np.float32))
    if spoil.endswith("there"):
        (tmp_path / name).unlink()
    else:
        rows = 30 if spoil.endswith("short") else 330
        np.save(tmp_path / name, np.where(np.arange(rows) == 290, np.nan, 1.0)[:, None] * np.ones((1, 6)))
    assert name in refused(world.config(True, vectorizer=Precomputed(folder=str(tmp_path))), tmp_path / "work")
    assert bool(engine.done) == spoil.endswith("NaN")  # the others are found before the pool is read


def test_a_neural_model_chooses_the_same_pairs(tmp_path: Path, engine: InProcess) -> None:
    model = tiny_model(tmp_path / "tiny", WORDS)
    vectorizer = SentenceTransformers(model=str(model), device="cpu")
    config = make_world(tmp_path).config(vectorizer=vectorizer, budget=25)
    memory, streamed = run(config, open_files(config.data)), stream(config, open_files(config.data), SETTINGS, tmp_path / "work")
    assert sorted(streamed.rows) == sorted(memory.rows)
    assert streamed.diagnostics.energy.joint == pytest.approx(memory.diagnostics.energy.joint, abs=1e-3)


SHARDS = [
    ["a.parquet", "b.parquet", "c.parquet"],
    [f"{number:02d}.{'tsv' if number % 2 else 'jsonl'}" for number in range(24)],
    ["z.parquet", "y.jsonl.gz", "x.csv", "w.en+w.hi", "v.tsv.gz", "u.jsonl", "t.csv.gz", "s.tsv"],
    ["one.jsonl"],
    ["one.en+one.hi"],
    ["one.csv.gz"],
]


@pytest.mark.parametrize("names", SHARDS, ids=lambda names: f"{len(names)} {names[0]}")
def test_files_of_all_formats_in_any_number(tmp_path: Path, engine: InProcess, names: list[str]) -> None:
    both(make_world(tmp_path, names=names).config(), tmp_path / "work")


def test_files_in_another_order_are_another_pool_as_in_memory(tmp_path: Path, engine: InProcess) -> None:
    world = make_world(tmp_path, names=SHARDS[2])
    (one, _), (other, _) = (
        both(replace(world, pool=pool).config(), tmp_path / f"work{number}") for number, pool in enumerate((world.pool, world.pool[::-1]))
    )
    assert one.rows.tolist() != other.rows.tolist()
    assert sorted(one.data.pool.take(one.selection.indices).sources.to_pylist()) == sorted(
        other.data.pool.take(other.selection.indices).sources.to_pylist()
    )


def labelled(rows: list[Row]) -> list[Row]:
    """Add columns of all kinds, with holes."""
    rng = np.random.default_rng(5)
    for number, row in enumerate(rows):
        row |= {
            "id": f"n{number}",
            "topic": ["news", "talks", "news", None][number % 4],
            "year": int(rng.integers(1990, 2020)),
            "weight": None if number % 5 == 0 else float(rng.random()),
            "many": f"value {number}",
            "one": "same",
            "good": bool(number % 3),
        }
    return rows


def test_further_columns_and_ids_come_along(tmp_path: Path, engine: InProcess) -> None:
    world = make_world(tmp_path, labelled(pairs(330, 0)), ["a.parquet", "b.parquet"])
    memory, streamed = both(world.config(), tmp_path / "work")
    assert streamed.pool_labels is not None
    assert list(streamed.pool_labels) == ["topic"]
    assert streamed.data.pool.id_column == memory.data.pool.id_column == "id"


def test_files_need_not_have_the_same_columns(tmp_path: Path, engine: InProcess) -> None:
    rows = labelled(pairs(330, 0))
    world = make_world(tmp_path, rows, ["a.parquet", "b.jsonl", "c.parquet", "d.csv"])
    third = [{**row, "year": float(row["year"]), "topic": None, "new": number % 7} for number, row in enumerate(rows[165:248])]
    write(tmp_path / "c.parquet", table(third, ["new", "target", "topic", "year", "source"]))
    both(world.config(), tmp_path / "work")


@pytest.mark.parametrize("where", [(5, 6), (3, 320), (40, 200)])
def test_a_repeated_id_is_no_id(tmp_path: Path, engine: InProcess, where: tuple[int, int]) -> None:
    rows = labelled(pairs(330, 0))
    rows[where[1]]["id"] = rows[where[0]]["id"]
    rows[310]["id"] = rows[50]["id"]
    world = make_world(tmp_path, rows, ["a.parquet", "b.jsonl"])
    write(tmp_path / "v.parquet", labelled(pairs(40, 1, (0, 2))))
    told = refused(world.config(columns=Columns(id="id")), tmp_path / "work")
    assert f"in row {where[0]} and again in row {where[1]}" in told
    if where == (5, 6):
        _, streamed = both(world.config(), tmp_path / "work")
        assert streamed.data.pool.id_column is None


def test_another_id_column_and_whole_numbers_as_ids(tmp_path: Path, engine: InProcess) -> None:
    rows = [{**row, "key": number * 7, "id": "no"} for number, row in enumerate(pairs(200, 0))]
    world = make_world(tmp_path, rows, ["a.parquet", "b.jsonl"])
    write(tmp_path / "v.parquet", [{**row, "key": number} for number, row in enumerate(pairs(40, 1, (0, 2)))])
    both(world.config(columns=Columns(id="key")), tmp_path / "work")


def test_null_texts_are_empty_and_told(tmp_path: Path, engine: InProcess) -> None:
    rows = pairs(150, 0)
    for place in (3, 50, 149):
        rows[place]["source" if place == 3 else "target"] = None
    memory, streamed = both(make_world(tmp_path, rows, ["a.parquet", "b.jsonl"]).config(), tmp_path / "work")
    assert streamed.data.reads["pool"].null_texts == memory.data.reads["pool"].null_texts == 3


def test_too_small_a_validation_set_is_chosen_for_but_not_measured(tmp_path: Path, engine: InProcess) -> None:
    world = make_world(tmp_path)
    write(tmp_path / "v.parquet", pairs(6, 3, odd=False))
    _, streamed = both(world.config(), tmp_path / "work")
    assert streamed.diagnostics.energy is None


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"clustering": KMeans(n_clusters=900)}, "must be at most"),
        ({"cleaning": Cleaning(max_characters=1)}, "is left after cleaning"),
        ({"columns": Columns(source="French")}, "has no column 'French'"),
        ({"limits": Limits(max_rows=100)}, "b.jsonl (file 2 of 2) goes beyond the limit of 100 rows"),
        ({"limits": Limits(max_bytes=5_000)}, "goes beyond the limit of 5,000 bytes"),
        ({"vectorizer": Tfidf(min_df=500, dimensions=8)}, "no term that occurs in 500"),
    ],
    ids=str,
)
def test_what_is_refused_in_memory_is_refused_with_the_same_words(
    tmp_path: Path, engine: InProcess, choices: dict[str, Any], words: str
) -> None:
    engine.seed = None  # of two sides that cannot be fitted, the first to be done is named
    assert words in refused(make_world(tmp_path, names=["a.parquet", "b.jsonl"], n=180).config(**choices), tmp_path / "work")


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        ([{"source": "...", "target": "!!!"}] * 3, "No pair of the pool has a known term on both sides"),
        ([{"source": "", "target": "w1"}] * 3, "No pair of the pool is left after cleaning"),
        ([{"source": "red red", "target": f"lal {i}"} for i in range(9)], "No pair can be chosen"),
    ],
)
def test_a_pool_that_has_nothing_is_refused_with_the_same_words(tmp_path: Path, engine: InProcess, pool: list[Row], words: str) -> None:
    world = make_world(tmp_path, pool)
    write(tmp_path / "v.parquet", [{"source": "blue red blue", "target": "neela lal"}])
    config = world.config(vectorizer=Hashing(dimensions=16, n_bits=12), clustering=KMeans(n_clusters=2), budget=3)
    assert words in refused(config, tmp_path / "work")


def test_what_cannot_go_out_of_core_says_so(tmp_path: Path, engine: InProcess) -> None:
    world = make_world(tmp_path)
    for choices, words in (({"selector": Random()}, "Only craft works out of core"), ({"stability": Repeats(2)}, "other seeds")):
        config = world.config(**choices)
        files = open_files(config.data)
        assert not can_stream(config, files)
        with pytest.raises(ParameterError, match=words):
            stream(config, files, SETTINGS, tmp_path / "work")
    config = world.config(vectorizer=Precomputed())
    assert not can_stream(config, open_files(config.data))
    config = world.config()
    files = open_files(config.data)
    assert can_stream(config, files)
    uploaded = replace(files.pool[0], path=None, data=b"")
    for other in (uploaded, ParallelText(files.pool[0], uploaded)):
        assert not can_stream(config, replace(files, pool=(files.pool[0], other)))
    assert not (tmp_path / "work").exists()


def test_a_sample_that_is_too_small_is_gathered_anew(tmp_path: Path, engine: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("craft_core.stream.prepare._SPARE", 0.1)
    both(make_world(tmp_path).config(), tmp_path / "work")
    assert any(one.startswith("gather") for one in engine.done)


def test_a_sample_whose_pairs_have_no_vectors_is_gathered_anew(tmp_path: Path, engine: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of six pairs one has words on both sides, so that the sample of the first pass, large enough for the terms, is too small."""
    rows = [{**row, "target": row["target"] if number % 6 == 0 else "?" * number} for number, row in enumerate(pairs(600, 0, odd=False))]
    both(make_world(tmp_path, rows).config(vectorizer=Tfidf(dimensions=8, sample_rows=100), budget=15), tmp_path / "work")
    begun = [engine.done.index(f"{task} 0") for task in ("scan", "count", "gather", "choose")]
    assert begun == sorted(begun)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_run_that_was_stopped_goes_on_where_it_was(
    tmp_path: Path, engine: InProcess, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    config = make_world(tmp_path, n=200).config(vectorizer=Tfidf(dimensions=8, sample_rows=100))
    files, work = open_files(config.data), tmp_path / "work"
    memory = run(config, files)
    same(memory, stream(config, files, SETTINGS, tmp_path / "other"), tmp_path)
    assert len(engine.done) == len(set(engine.done)) > 12
    first = use(monkeypatch, InProcess(seed=1, last=int(share * len(engine.done))))
    with pytest.raises(StoppedError):
        stream(config, files, SETTINGS, work)
    second = use(monkeypatch, InProcess(seed=2))
    told: list[str] = []
    same(memory, stream(config, files, SETTINGS, work, lambda _, text: told.append(text)), tmp_path)
    assert sorted(first.done + second.done) == sorted(engine.done)
    if share == 0.2:
        assert any("parts were done before" in text for text in told)
    third = use(monkeypatch, InProcess())
    same(memory, stream(config, files, SETTINGS, work), tmp_path)
    assert third.done == []


@pytest.mark.parametrize("stage", ["scan", "choose", "digest", "sides", "model", "plan"])
def test_what_is_half_written_is_never_read(tmp_path: Path, engine: InProcess, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    config = make_world(tmp_path, n=120).config()
    files, work = open_files(config.data), tmp_path / "work"
    report = stream(config, files, SETTINGS, work)
    (folder,) = work.iterdir()
    whole = sorted(path for path in (folder / stage).rglob("*") if path.is_file())
    largest = max(whole, key=lambda path: path.stat().st_size)
    shutil.copytree(folder / stage, folder / f".{stage}.1.ab.part")
    shutil.copytree(work, tmp_path / "again")  # what a process has read once it does not read again
    with (tmp_path / "again" / largest.relative_to(work)).open("r+b") as file:
        file.truncate(largest.stat().st_size // 2)
    again = use(monkeypatch, InProcess())
    same(report, stream(config, files, SETTINGS, tmp_path / "again"), tmp_path)
    assert len(again.done) == (stage in ("scan", "choose", "digest", "sides"))


def folder_of(config: ExperimentConfig, work: Path) -> str:
    return prepare(config, open_files(config.data), SETTINGS, work).plan.folder.name


def test_other_runs_have_other_folders(tmp_path: Path, engine: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    world, work = make_world(tmp_path, names=["a.parquet", "b.jsonl"]), tmp_path / "work"
    config = world.config(True)
    own = folder_of(config, work)
    assert folder_of(replace(config, cluster_names=ClusterNames.of({1: "one"})), work) == own
    changed = [
        replace(config, budget=41),
        replace(config, seed=1),
        replace(config, cleaning=Cleaning(drop_duplicates=False)),
        replace(config, vectorizer=replace(HASHING, n_bits=9)),
        replace(world, pool=world.pool[::-1]).config(True),
        replace(world, pool=world.pool[:1]).config(True),
        world.config(),
    ]
    others = [folder_of(one, work) for one in changed]
    assert len({own, *others}) == 8
    monkeypatch.chdir(tmp_path)
    assert folder_of(replace(world, pool=("a.parquet", "b.jsonl"), validation="v.parquet", test="t.parquet").config(True), work) == own
    for path in (world.pool[0], world.pool[1], world.validation, world.test):
        before = Path(path).stat()
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
        assert folder_of(config, work) != own
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert folder_of(config, work) == own
    with Path(world.pool[1]).open("a") as file:
        file.write('{"source": "w1", "target": "w2"}\n')
    assert folder_of(config, work) != own


def test_progress_rises_and_can_cancel(tmp_path: Path, engine: InProcess) -> None:
    config = make_world(tmp_path, n=150).config(vectorizer=Tfidf(dimensions=8, sample_rows=100))
    seen: list[float] = []

    def stop(share: float, text: str) -> None:
        if share > 0.6:
            raise StoppedError

    with pytest.raises(StoppedError):
        stream(config, open_files(config.data), SETTINGS, tmp_path / "work", stop)
    report = stream(config, open_files(config.data), SETTINGS, tmp_path / "other", lambda share, _: seen.append(share))
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(seen))
    assert seen[0] < 0.05
    assert 0.9 < seen[-1] <= 1
    assert set(report.seconds) == {"scan", "fit", "choose", "measure"}
    stream(config, open_files(config.data), SETTINGS, tmp_path / "work", silent)


@st.composite
def tied_pools(draw: st.DrawFn) -> tuple[list[Row], list[str], int, int, dict[str, Any]]:
    """Pools of so few words that most pairs are as good as others, cut anywhere."""
    texts = st.sampled_from(["w1", "w2", "w1 w2", "w2 w1", "w3", "", "?", "w4 w4", "w1 w2 w3"])
    rows = draw(st.lists(st.builds(lambda source, target: {"source": source, "target": target}, texts, texts), min_size=12, max_size=120))
    rows += [{"source": "w1 w3", "target": "w2"}, {"source": "w3 w2", "target": "w1"}, {"source": "w4", "target": "w4 w1"}]
    names = [f"p{number}.parquet" for number in range(draw(st.integers(1, 5)))]
    choices = {
        "cleaning": Cleaning(drop_duplicates=draw(st.booleans()), drop_source_overlaps=draw(st.booleans())),
        "selector": Craft(allocation=draw(st.sampled_from(["water-fill", "kl-optimal"]))),
        "clustering": KMeans(n_clusters=draw(st.integers(1, 3)), points_per_center=1, n_iterations=2),
        "seed": draw(st.integers(0, 5)),
    }
    return rows, names, draw(st.integers(1, 40)), draw(st.integers(0, 99)), choices


@settings(max_examples=10)
@given(case=tied_pools())
def test_pools_full_of_ties_cut_anywhere_and_done_in_any_order(tmp_path_factory: pytest.TempPathFactory, case: tuple) -> None:
    rows, names, budget, order, choices = case
    folder = tmp_path_factory.mktemp("ties")
    world = make_world(folder, rows, names)
    write(folder / "v.parquet", [{"source": "w1 w2 w9", "target": "w1 w3"}, {"source": "w3 w8", "target": "w2"}] * 6)
    config = world.config(budget=budget, vectorizer=Hashing(dimensions=16, n_bits=10, sample_rows=100), **choices)
    with pytest.MonkeyPatch.context() as monkeypatch:
        shrink(monkeypatch, most_rows=9, least_rows=9, least_sample=20)
        use(monkeypatch, InProcess(seed=order))
        both(config, folder / "work")
