"""Runs out of core in one process, on small pools with all that is odd, and what they must equal."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from craft_core.cluster import KMeans
from craft_core.config import Data, ExperimentConfig
from craft_core.experiment import Report, open_files, run
from craft_core.export import export_folder
from craft_core.stream import Streaming, stream
from craft_core.stream.engine import Call
from craft_core.vectorize import Hashing

MEMORY = 8 * 10**9
SETTINGS = Streaming(MEMORY, workers=2)
HASHING = Hashing(dimensions=16, n_bits=10, sample_rows=100)
CLUSTERS = KMeans(n_clusters=6, points_per_center=10, n_iterations=4)
WORDS = [f"w{number}" for number in range(60)]
Row = dict[str, Any]

_AHEAD = 4
_SMALL = {
    "stream.memory._MOST_ROWS": 40,
    "stream.memory._LEAST_ROWS": 40,
    "stream.memory._MOST_PIECE": 3_000,
    "stream.memory._LEAST_PIECE": 3_000,
    "stream.scan._PART_ROWS": 64,
    "stream.choose._SLACK": 16,
    "stream.fit._BLOCK": 50,
    "stream.fit.PAIRS_LIMIT": 50,
    "describe.PAIRS_LIMIT": 50,
    "cluster.LEAST_SAMPLE": 60,
    "stream.choose.MAX_ROWS": 30,
    "measure.MAX_ROWS": 30,
    # these functions took the number when they were made
    "discrepancy.energy.sampled.__defaults__": (30,),
    "discrepancy.energy.sample_pairs.__defaults__": (30,),
}


class StoppedError(Exception):
    """What ends a run in its middle."""


@dataclass
class InProcess:
    """Do calls in this process: in their order, or a few of them out of order.

    Attributes
    ----------
    seed : int or None
        Of the order; None for that of the calls.
    last : int or None
        Calls that are done before the run is stopped; None for all.
    done : list of str
        What was done: task and number.
    """

    seed: int | None = None
    last: int | None = None
    n_workers: int = 2
    done: list[str] = field(default_factory=list)

    def do(self, calls: Iterator[Call], tick: Callable[[], None]) -> Iterator[dict[str, Any]]:
        rng = np.random.default_rng(self.seed)
        waiting: list[Call] = []
        for call in calls:
            waiting.append(call)
            if self.seed is None or len(waiting) == _AHEAD:
                yield self._one(waiting.pop(int(rng.integers(len(waiting)))), tick)
        while waiting:
            yield self._one(waiting.pop(int(rng.integers(len(waiting)))), tick)

    def _one(self, call: Call, tick: Callable[[], None]) -> dict[str, Any]:
        task, arguments = call
        if self.last is not None and len(self.done) >= self.last:
            raise StoppedError
        json.dumps(arguments)  # names and numbers alone
        found = task(*arguments)
        self.done.append(f"{task.__name__} {arguments[1]}")
        tick()
        return found

    def close(self) -> None:
        pass


def use(monkeypatch: pytest.MonkeyPatch, engine: InProcess, memory: int = MEMORY) -> InProcess:
    """Let runs out of core be done by this engine."""

    @contextmanager
    def opened(name: str, n_workers: int, given: int) -> Iterator[InProcess]:
        assert (name, given) == ("processes", memory)
        yield engine

    monkeypatch.setattr("craft_core.stream.run.open_engine", opened)
    return engine


def shrink(monkeypatch: pytest.MonkeyPatch, **others: int) -> None:
    """Make all limits small, so that a pool of some hundred pairs meets what a large one meets; by their names they can be others."""
    for name, size in _SMALL.items():
        monkeypatch.setattr(f"craft_core.{name}", others.pop(name.rpartition(".")[2].strip("_").lower(), size))
    assert not others


def pairs(n: int, seed: int, topics: Sequence[int] = (0, 1, 2), odd: bool = True) -> list[Row]:
    """Pairs of few words in three topics; if odd, with repeats, blank sides, an overlong one, and texts without a word."""
    rng = np.random.default_rng(seed)
    made: list[Row] = []
    for number in range(n):
        topic = topics[number % len(topics)]
        source, target = (" ".join(WORDS[20 * topic + one] for one in rng.integers(0, 20, 4)) for _ in range(2))
        made.append({"source": source, "target": target})
    if odd:
        for place in range(5, n, 11):
            made[place] = dict(made[place // 2])
        texts = [("", "w1"), ("...", "w1 w2"), ("w3", " \u200b"), ("?", "!"), ("w5 " * 900, "w6")]
        for place in range(7, n, 13):
            made[place] |= dict(zip(("source", "target"), texts[place % len(texts)], strict=True))
    return made


def table(rows: Sequence[Row], columns: Sequence[str] | None = None) -> pa.Table:
    return pa.table({name: [row.get(name) for row in rows] for name in columns or dict.fromkeys(key for row in rows for key in row)})


def write(path: Path, given: Sequence[Row] | pa.Table) -> str:
    """Write pairs in the format the name asks for, which may be two names joined by a plus sign; return what a run calls it."""
    whole = given if isinstance(given, pa.Table) else table(given)
    if path.suffix == ".parquet":
        pq.write_table(whole, path, row_group_size=37)
        return str(path)
    if "+" in path.name:
        names = [path.parent / name for name in path.name.split("+")]
        for name, column in zip(names, ("source", "target"), strict=True):
            name.write_text("".join(f"{text or ''}\n" for text in whole[column].to_pylist()), encoding="utf-8")
        return "+".join(map(str, names))
    data = _lines(path.name.removesuffix(".gz").rpartition(".")[2], whole).encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return str(path)


def _lines(kind: str, whole: pa.Table) -> str:
    rows = whole.to_pylist()
    if kind == "jsonl":
        sides = ("source", "target")  # of other columns, null is not written
        lines = [json.dumps({name: value for name, value in row.items() if name in sides or value is not None}) for row in rows]
    else:
        cells = [whole.column_names, *(["" if one is None else str(one) for one in row.values()] for row in rows)]
        lines = [("\t" if kind == "tsv" else ",").join(line) for line in cells]
    return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class World:
    """Name the files of a pool, a validation set and a test set."""

    pool: tuple[str, ...]
    validation: str
    test: str

    def config(self, with_test: bool = False, **choices: Any) -> ExperimentConfig:
        """Return a config for these files."""
        data = Data(self.pool, self.validation, self.test if with_test else None)
        return ExperimentConfig(data, **({"budget": 40, "vectorizer": HASHING, "clustering": CLUSTERS} | choices))


def make_world(folder: Path, rows: Sequence[Row] | None = None, names: Sequence[str] = ("pool.parquet",), n: int = 330) -> World:
    """Write a pool of these rows, cut into files of these names, and 40 pairs of validation and of test in two of its topics."""
    validation, test = pairs(40, 1, (0, 2)), pairs(40, 2, (0, 2), odd=False)
    if rows is None:
        rows = pairs(n, 0)
        rows[20:23] = [dict(validation[3]), {**validation[4], "target": "w9 w8"}, dict(test[5])]
    edges = np.linspace(0, len(rows), len(names) + 1).astype(int)
    pool = [write(folder / name, rows[start:stop]) for name, start, stop in zip(names, edges[:-1], edges[1:], strict=True)]
    return World(tuple(pool), write(folder / "v.parquet", validation), write(folder / "t.parquet", test))


def both(config: ExperimentConfig, work: Path) -> tuple[Report, Report]:
    """Run a config in memory and out of core; both must say the same to the last bit. Returns both reports."""
    memory = run(config, open_files(config.data))
    streamed = stream(config, open_files(config.data), SETTINGS, work)
    same(memory, streamed, work.parent)
    return memory, streamed


def same(memory: Report, streamed: Report, folder: Path) -> None:
    """Hold the reports, and what is exported of them, against each other."""
    assert streamed.rows.tolist() == memory.rows.tolist()
    assert streamed.selection.scores.tobytes() == memory.selection.scores.tobytes()
    for name in ("counts", "supply", "validation_counts"):
        assert getattr(streamed.allocation, name).tolist() == getattr(memory.allocation, name).tolist(), name
    for name in ("kl", "reverse_kl", "covered_kl", "total_variation", "energy", "anchors", "held_out"):
        assert getattr(streamed.diagnostics, name) == getattr(memory.diagnostics, name), name
    assert streamed.warnings == memory.warnings
    one, other = exported(memory, folder / "one"), exported(streamed, folder / "other")
    assert list(one) == list(other)
    for name, data in one.items():
        assert other[name] == data, name


def exported(report: Report, folder: Path) -> dict[str, bytes]:
    """Return the files of an export, without what tells when it was made."""
    shutil.rmtree(folder, ignore_errors=True)
    export_folder(report, folder)
    found = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    manifest = json.loads(found["manifest.json"])
    found["manifest.json"] = json.dumps({key: value for key, value in manifest.items() if key not in ("created", "seconds")}).encode()
    return found


def refused(config: ExperimentConfig, work: Path) -> str:
    """Run a config both ways; both must refuse it with the same words, which are returned."""
    told = []
    for way in (lambda files: run(config, files), lambda files: stream(config, files, SETTINGS, work)):
        with pytest.raises(Exception) as caught:  # noqa: PT011 -- what is raised is compared
            way(open_files(config.data))
        told.append((type(caught.value), str(caught.value)))
    assert told[1] == told[0]
    return told[0][1]
