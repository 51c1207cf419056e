"""The passes over the pool: what an engine is asked to do, what is finished already, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from craft_core.arrays import IntVector
from craft_core.config import ExperimentConfig
from craft_core.corpus import CleaningReport, ReadReport
from craft_core.corpus.read import FileReport, encoding_of
from craft_core.corpus.survey import Survey, check_totals, common_types, id_problem_of
from craft_core.errors import DataError
from craft_core.progress import Progress, part
from craft_core.stream import tasks
from craft_core.stream.engine import Call, Engine
from craft_core.stream.fit import Sample
from craft_core.stream.merge import Merged, pairs_at
from craft_core.stream.model import load_projections, save_counters
from craft_core.stream.place import Result, read_result
from craft_core.stream.plan import piece_folder
from craft_core.stream.prepare import Prepared
from craft_core.stream.scan import blocks_of
from craft_core.stream.side import save_samples
from craft_core.stream.twins import first_repeat, mark_twins, read_marks
from craft_core.vectorize import Tfidf
from craft_core.vectorize.counts import Counter
from craft_core.vectorize.fitting import SideSample
from craft_core.vectorize.projection import Projection

__all__ = ["Passes", "Scan"]

Todo = tuple[str, int, Call | Callable[[int], Call]]
"""A stage, a number, and what is to be done; or what says so when it is its turn."""

_ALL = 2**64 - 1


@dataclass(frozen=True, eq=False)
class Scan:
    """Hold what the first pass says of the whole pool.

    Attributes
    ----------
    read : ReadReport
        What was read.
    cleaning : CleaningReport
        What is dropped; without examples.
    types : pyarrow.Schema
        Of the further columns, in their order.
    id_column : str or None
        The column of the ids; None where these are row numbers.
    """

    read: ReadReport
    cleaning: CleaningReport
    types: pa.Schema
    id_column: str | None


class Passes:
    """Do the passes of a run.

    Parameters
    ----------
    engine : Engine
        Who does the work.
    ready : Prepared
        What is to be done.
    """

    def __init__(self, engine: Engine, ready: Prepared) -> None:
        self._engine, self._ready, self._plan = engine, ready, ready.plan
        self._folder = str(ready.plan.folder)
        self._numbers = range(len(ready.plan.pieces))
        self._starts: IntVector = np.zeros(1, np.int64)
        self._n_kept = 0
        self._sampled = ("scan", ready.threshold)

    def scan(self, progress: Progress) -> Scan:
        """Do the first pass. Raises DataError for a file that cannot be taken as it is, and where cleaning leaves nothing."""
        n_files = len(self._ready.files)
        todo: list[Todo] = [("scan", number, (tasks.scan, (self._folder, number, self._ready.threshold))) for number in self._numbers]
        todo += [
            ("digest", number, (tasks.digest, (self._folder, number, str(self._ready.files[number].path)))) for number in range(n_files)
        ]
        for _ in self._done(todo, part(progress, 0.0, 0.9), "Reading and cleaning the pool"):
            pass
        scans = self._results("scan")
        self._starts = np.concatenate([[0], np.cumsum([one.facts["n_rows"] for one in scans])]).astype(np.int64)
        surveys = [Survey(**one.facts["survey"]) for one in scans]
        config = self._plan.config
        check_totals(surveys, config.limits)
        path = self._plan.folder / "marks.npy"
        counts = mark_twins(scans, self._starts, path, lambda share: progress(0.9 + 0.1 * share, "Looking for pairs that stand twice"))
        cleaning = self._plan.sift.report("pool", counts)
        self._n_kept = cleaning.n_out
        notes = [note for one in surveys for note in one.notes]
        types = common_types(surveys, config.columns)
        id_column = self._id_column(scans, surveys, types, notes)
        files = tuple(self._file(number) for number in range(n_files))
        nulls = sum(one.null_texts for one in surveys)
        read = ReadReport(files, int(self._starts[-1]), nulls, tuple(dict.fromkeys(notes)))
        return Scan(read, cleaning, types, id_column)

    def sample(self, size: int, progress: Progress) -> Sample:
        """Return the pairs of the pool with the smallest keys: so many, or all there are. Looks at the pool again if need be."""
        while True:
            stage, threshold = self._sampled
            found = self._sample_of(stage)
            if found.num_rows >= min(size, self._n_kept):
                break
            share = min(1.0, 1.2 * (size + 1_000) / max(self._n_kept, 1)) if threshold < _ALL else 1.0
            larger = _ALL if share >= 1 else max(int(share * 2**64), min(2 * threshold, _ALL))
            self._sampled = (f"sample-{larger:016x}", larger)
            self._gather(*self._sampled, progress)
        table = found.slice(0, size) if found.num_rows > size else found
        texts = [_whole(table.column(name)) for name in ("source", "target")]
        return Sample(np.asarray(table.column("row"), np.int64), texts[0], texts[1], table.num_rows == self._n_kept, self._n_kept)

    def count(self, counters: tuple[Counter, Counter], progress: Progress) -> tuple[IntVector, IntVector]:
        """Return in how many sources and targets each term occurs; the counters are where workers find them."""
        totals = [np.zeros(one.index.size, np.int64) for one in counters]
        todo: list[Todo] = [("count", number, (tasks.count, (self._folder, number, self._start(number)))) for number in self._numbers]
        for _, found in self._done(todo, progress, "Counting the words of the pool"):
            for total, side in zip(totals, ("source", "target"), strict=True):
                total += found.array(side)
        return totals[0], totals[1]

    def fit_sides(
        self, config: ExperimentConfig, samples: tuple[SideSample, SideSample], n_pool: int, progress: Progress
    ) -> tuple[Projection, ...]:
        """Fit both sides, a worker each; where the vectorizer wants it, the words of the whole pool are counted first.

        Raises
        ------
        DataError
            If a side of the pool has no term to work with.
        """
        vectorizer, frequencies, share = config.vectorizer, None, 0.0
        if isinstance(vectorizer, Tfidf):
            counters = vectorizer.counter(samples[0]), vectorizer.counter(samples[1])
            save_counters(self._plan.folder, counters)
            share = 0.5
            frequencies = self.count(counters, part(progress, 0.0, share))
        save_samples(self._plan.folder, samples, frequencies, n_pool)
        todo: list[Todo] = [("sides", number, (tasks.fit_side, (self._folder, number))) for number in range(2)]
        for _ in self._done(todo, part(progress, share, 1.0), "Fitting the vectors of both sides"):
            pass
        return load_projections(self._plan.folder)

    def choose(self, merged: Merged, progress: Progress) -> None:
        """Do the second pass, and take in what comes of each piece."""

        def call(number: int) -> Call:
            most = [one.tolist() for one in merged.ceilings()]
            return tasks.choose, (self._folder, number, self._start(number), most, merged.limits())

        todo: list[Todo] = [("choose", number, call) for number in self._numbers]
        for _, found in self._done(todo, progress, "Vectors, clusters and scores of the pool"):
            merged.add(found)

    def kept(self, rows: IntVector) -> pa.Table:
        """Return the pairs at these rows of the pool, which the second pass kept; rows are distinct and rise."""
        return pairs_at(self._results("choose"), self._starts, rows)

    def _done(self, todo: Sequence[Todo], progress: Progress, text: str) -> Iterator[tuple[int, Result]]:
        """Yield the number and result of all that is to be done, what is there already first."""
        left, n_done = [], 0
        for stage, number, call in todo:
            found = read_result(piece_folder(self._plan.folder, stage, number))
            if found is None:
                left.append((stage, number, call))
            else:
                n_done += 1
                yield number, found
        told = f"{text} ({n_done:,} of {len(todo):,} parts were done before)" if n_done and left else text

        def tick() -> None:
            progress(n_done / max(len(todo), 1), told)

        names = {stage for stage, _, _ in left}
        own = next(iter(names)) if len(names) == 1 else None  # of several stages, what comes of them is read afterwards
        calls = (call if isinstance(call, tuple) else call(number) for _, number, call in left)
        for answer in self._engine.do(calls, tick):
            n_done += 1
            tick()
            found = None if own is None else read_result(piece_folder(self._plan.folder, own, answer["number"]))
            if found is not None:
                yield answer["number"], found

    def _results(self, stage: str) -> list[Result]:
        found = [read_result(piece_folder(self._plan.folder, stage, number)) for number in self._numbers]
        return [one for one in found if one is not None]

    def _start(self, number: int) -> int:
        return int(self._starts[number])

    def _gather(self, stage: str, threshold: int, progress: Progress) -> None:
        todo: list[Todo] = [
            (stage, number, (tasks.gather, (self._folder, number, self._start(number), stage, threshold))) for number in self._numbers
        ]
        for _ in self._done(todo, progress, "Looking for a larger sample"):
            pass

    def _sample_of(self, stage: str) -> pa.Table:
        """Return what a stage sampled, without what cleaning drops, by key and then by row."""
        marks, tables = read_marks(self._plan.folder / "marks.npy"), []
        for start, found in zip(self._starts, self._results(stage), strict=False):
            table = found.table("sample")
            rows = np.asarray(table.column("row"), np.int64) + start
            kept = np.flatnonzero(self._plan.sift.kept(marks[rows]))
            table = table.set_column(table.schema.get_field_index("row"), "row", pa.array(rows))
            tables.append(table.take(pa.array(kept)) if len(kept) < len(rows) else table)
        whole = pa.concat_tables(tables)
        order = np.lexsort((np.asarray(whole.column("row")), np.asarray(whole.column("key"))))
        return whole.take(pa.array(order))

    def _id_column(self, scans: Sequence[Result], surveys: Sequence[Survey], types: pa.Schema, notes: list[str]) -> str | None:
        """Return the column that names the pairs, None where row numbers do; by the rule of `read_corpus`, and with its words."""
        columns = self._plan.config.columns
        name = columns.id or "id"
        if name not in types.names:  # nor is it source or target
            return None
        problem = id_problem_of(surveys, types, name, self._starts.tolist()) or self._repeated(scans, name)
        if problem is None:
            return name
        if columns.id is not None:
            raise DataError(f"{problem} Ids must name one pair each: mend them, or choose no id column.")
        notes.append(f"{problem} So row numbers are the ids.")
        return None

    def _repeated(self, scans: Sequence[Result], name: str) -> str | None:
        rows = first_repeat(scans, self._starts)
        if rows is None:
            return None
        values = [self._id_at(row, name) for row in rows]
        if values[0] != values[1]:  # of one hash, which one in a hundred million pools may meet
            return None
        return f"The id column '{name}' has '{values[0][:80]}' in row {rows[0]:,} and again in row {rows[1]:,}."

    def _id_at(self, row: int, name: str) -> str:
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        left = row - self._start(number)
        for block in blocks_of(self._plan, number, (name,)):
            if left < block.start + len(block):
                return str(block.table.column(name)[left - block.start].as_py())
        raise AssertionError(row)  # unreachable: the row was read before

    def _file(self, number: int) -> FileReport:
        file = self._ready.files[number]
        found = read_result(piece_folder(self._plan.folder, "digest", number))
        assert found is not None  # noqa: S101 -- it was made in the first pass
        return FileReport(file.label, found.facts["size"], found.facts["sha256"], encoding_of(file, self._plan.config.columns))


def _whole(column: pa.ChunkedArray) -> pa.LargeStringArray:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.large_string())
