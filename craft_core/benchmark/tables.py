"""Runs as text: a table a vectorizer and way, with a column a size, and one of all together."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from craft_core.benchmark.cells import MISSING, count_text, line, size_text, time_text, titled, wrapped
from craft_core.benchmark.growth import growth_of
from craft_core.benchmark.record import Case, Run

__all__ = ["FIXED_COSTS", "agreement", "run_table", "summary_table"]

FIXED_COSTS = (
    "Growth is the exponent e in seconds ~ pairs^e: 1 is linear; first over all sizes, by least squares, then between the two largest. "
    "Some work does not grow with the pool: starting the program, k-means and what a vectorizer learns, both from a sample, and distances, "
    "measured on at most 4,096 pairs. It weighs most on small pools, which therefore take longer a pair, and pulls the exponent over all "
    "sizes below 1."
)
"""What to know when reading a growth."""

_WAYS = {"memory": "in memory", "streamed": "streamed"}
_LONG_WAYS = {"memory": "from pairs in memory to numbers measured", "streamed": "from files to a folder, a program of its own"}
_APP = {
    "open": "open one Parquet file",
    "allocate": "allocate a budget",
    "budget": "another budget on a ranked pool",
    "prepare": "prepare a ranked pool for the slider",
    "slider": "slider: every number of a budget",
    "curves": "curves over 12 budgets",
    "sweep": "sweep, 9 numbers of clusters",
    "map": "map of 20,000 pairs (PCA)",
    "places": "place of every pair on the map",
}
_LEAST_SECONDS = 0.01  # the growth of less is that of noise

Taken = Callable[[Run], float | None]
"""Gives a number of a run, or None where it was not measured."""


@dataclass(frozen=True)
class _Columns:
    """Hold the sizes of a table, and write its rows."""

    sizes: tuple[int, ...]

    def head(self) -> str:
        growth = {0: (), 1: (), 2: ("growth",)}.get(len(self.sizes), ("growth", "two largest"))
        return line("pairs", [*(f"{size:,}" for size in self.sizes), *growth])

    def seconds(self, label: str, runs: Sequence[Run], taken: Taken) -> str:
        """Return a row of times with their growth."""
        found = _medians(runs, taken)
        return line(
            label, [*self._cells(found, time_text), *(self._growth(found) if max(found.values(), default=0) >= _LEAST_SECONDS else ())]
        )

    def bytes(self, label: str, runs: Sequence[Run], taken: Taken) -> str:
        """Return a row of sizes in memory with their growth."""
        found = _medians(runs, taken)
        return line(label, [*self._cells(found, size_text), *self._growth(found)])

    def counts(self, label: str, runs: Sequence[Run], taken: Taken) -> str:
        """Return a row of numbers."""
        return line(label, self._cells(_medians(runs, taken), count_text))

    def _cells(self, found: Mapping[int, float], shown: Callable[[float], str]) -> list[str]:
        return [shown(found[size]) if size in found else MISSING for size in self.sizes]

    def _growth(self, found: Mapping[int, float]) -> list[str]:
        growth = growth_of(found)
        if growth is None:
            return []
        return [f"{growth.overall:z.2f}", *([f"{growth.last:z.2f}"] if len(self.sizes) > 2 else [])]


def run_table(runs: Sequence[Run]) -> str:
    """Return the runs of one vectorizer and way as a table: medians, with a column a size and, from two sizes on, their growth."""
    columns, first = _columns(runs), runs[0]
    stages = list(dict.fromkeys(stage for run in runs for stage in run.stages))
    lines = [*titled(f"{first.case.vectorizer}, {_WAYS[first.way]} ({_LONG_WAYS[first.way]})"), columns.head()]
    lines += [columns.counts("budget", runs, lambda run: run.case.budget), "wall time"]
    lines += [columns.seconds(f"  {stage}", runs, _stage(stage)) for stage in stages]
    lines += [columns.seconds("  together", runs, _together), columns.seconds("processor time", runs, lambda run: run.cpu_seconds)]
    lines += ["pairs per second", *(columns.counts(f"  {stage}", runs, _pace(_stage(stage))) for stage in stages)]
    lines += [columns.counts("  together", runs, _pace(_together)), columns.bytes("peak memory", runs, _peak), *_app_rows(columns, runs)]
    growth = growth_of(_medians(runs, _together))
    return "\n".join([*lines, *([] if growth is None else [wrapped(growth.sentence())])])


def summary_table(runs: Sequence[Run]) -> str:
    """Return time and peak memory of every vectorizer and way, a row each."""
    columns = _columns(runs)
    kinds = {f"  {case.vectorizer}, {_WAYS[way]}": (case.vectorizer, way) for case, way in ((run.case, run.way) for run in runs)}
    own = {label: [run for run in runs if (run.case.vectorizer, run.way) == kinds[label]] for label in sorted(kinds)}
    lines = [*titled("All together"), columns.head(), "wall time"]
    lines += [columns.seconds(label, some, _together) for label, some in own.items()]
    lines += ["peak memory", *(columns.bytes(label, some, _peak) for label, some in own.items())]
    return "\n".join(lines)


def agreement(runs: Sequence[Run]) -> str:
    """Say whether all runs of a case chose the same pairs, whichever way they went."""
    chosen: dict[Case, set[str]] = {}
    for run in runs:
        chosen.setdefault(run.case, set()).add(run.chosen)
    apart = [f"{case.vectorizer} on {case.pairs:,} pairs" for case, digests in chosen.items() if len(digests) > 1]
    same = "Of the same pairs, with the same vectorizer,"
    return f"{same} runs chose DIFFERENTLY: {', '.join(apart)}." if apart else f"{same} every run chose the same, whichever way it went."


def _app_rows(columns: _Columns, runs: Sequence[Run]) -> list[str]:
    if not any(run.app for run in runs):
        return []
    rows = [columns.seconds(f"  {label}", runs, _of_app(name)) for name, label in _APP.items()]
    return ["the app, with the pool loaded", *rows, columns.bytes("peak memory with the app's rows", runs, lambda run: run.app_peak_bytes)]


def _columns(runs: Sequence[Run]) -> _Columns:
    return _Columns(tuple(sorted({run.case.pairs for run in runs})))


def _medians(runs: Sequence[Run], taken: Taken) -> dict[int, float]:
    """Return the median by number of pairs, of the runs that know."""
    known: dict[int, list[float]] = {}
    for run in runs:
        value = taken(run)
        if value is not None:
            known.setdefault(run.case.pairs, []).append(value)
    return {size: statistics.median(values) for size, values in known.items()}


def _together(run: Run) -> float:
    return run.seconds


def _peak(run: Run) -> float | None:
    return run.peak_bytes


def _stage(name: str) -> Taken:
    return lambda run: run.stages.get(name)


def _of_app(name: str) -> Taken:
    return lambda run: run.app.get(name)


def _pace(taken: Taken) -> Taken:
    """Return what gives the pairs per second of a time."""

    def pace(run: Run) -> float | None:
        seconds = taken(run)
        return run.case.pairs / seconds if seconds else None

    return pace
