"""The benchmark as a command: runs in turn, each in a process of its own, then tables."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from craft_core.benchmark.cells import wrapped
from craft_core.benchmark.made_up_files import write_pool
from craft_core.benchmark.memory import MEMORY_WORDS
from craft_core.benchmark.methods import estimate_of_method, too_slow
from craft_core.benchmark.methods_table import methods_table
from craft_core.benchmark.options import Settings, settings_of
from craft_core.benchmark.out import check_place, write_record
from craft_core.benchmark.record import Case, Contest, Run, contest_of, run_of
from craft_core.benchmark.streamed import streamed
from craft_core.benchmark.tables import FIXED_COSTS, agreement, run_table, summary_table
from craft_core.benchmark.watch import watched
from craft_core.errors import DataError, ParameterError
from craft_core.progress import on_terminal
from craft_core.selectors import SELECTORS

__all__ = ["benchmark"]

_MEMORY_SHARE = 0.8  # of what is free


def benchmark(args: argparse.Namespace) -> int:
    """Run the benchmark, print its tables and write its numbers; return 0.

    Raises
    ------
    ParameterError
        For options that make no sense, and for a run that fails, with its last words.
    DataError
        If files cannot be written.
    """
    settings = settings_of(args)
    if settings.out is not None:
        check_place(settings.out)  # before the work, not after it
    machine = _machine()
    print(wrapped(machine))
    print(wrapped(_about(settings)))
    with _folder(settings) as folder:
        runs, skipped = _runs(settings, folder)
    for sentence in skipped:
        print(sentence)
    _show(settings, runs)
    found = _contest(settings) if settings.compare else None
    if found is not None:
        print(f"\n{methods_table(found)}")
    if settings.out is not None:
        write_record(settings.out, _record(settings, machine, runs, skipped, found))
        print(f"\nWritten: {settings.out}")
    return 0


def _runs(settings: Settings, folder: Path) -> tuple[list[Run], list[str]]:
    """Run every case in every way as often as asked, in turn, so that a busy minute of the machine meets them all."""
    if "streamed" in settings.ways:
        with on_terminal(quiet=False) as progress:
            for pairs in settings.pairs:
                write_pool(folder, pairs, settings.seed, progress)
    too_large = {case.pairs: why for case in settings.cases if "memory" in settings.ways and (why := _too_large(case))}
    runs = []
    for number in range(settings.repeats):
        for case in settings.cases:
            for way in settings.ways:
                if way == "memory" and case.pairs in too_large:
                    continue
                _tell(f"{case.vectorizer}, {case.pairs:,} pairs, {way}, run {number + 1} of {settings.repeats} ...")
                runs.append(_in_own_process(case, settings.with_app) if way == "memory" else streamed(case, settings.memory, folder))
    return runs, [*too_large.values()]


def _too_large(case: Case) -> str:
    """Return why a case cannot be run in memory, or nothing if it can."""
    from craft_core.benchmark.in_memory import config_of
    from craft_core.estimate import Sizes, available_memory, estimate_run

    sizes, free = Sizes(case.pairs, case.validation_pairs), available_memory()
    need = estimate_run(config_of(case), sizes).bytes + 3 * case.pairs * 2 * sizes.text_bytes
    if free is None or need <= _MEMORY_SHARE * free:
        return ""
    return f"Not run in memory: {case.pairs:,} pairs would take about {need / 1e9:,.0f} GB, and {free / 1e9:,.0f} GB are free."


def _in_own_process(case: Case, with_app: bool) -> Run:
    job = json.dumps({"case": asdict(case), "with_app": with_app})
    found = watched(["craft_core.benchmark", "memory", job], f"The run with {case.vectorizer} on {case.pairs:,} pairs")
    return run_of(json.loads(found.out.splitlines()[-1]))


def _contest(settings: Settings) -> Contest:
    """Let methods choose, all in one process."""
    case = settings.case(settings.vectorizers[0], settings.pairs[-1])
    skipped = {} if settings.methods else too_slow(case, settings.patience)
    methods = [name for name in settings.methods or SELECTORS if name not in skipped]
    if not methods:
        raise ParameterError(
            f"No method is estimated to choose within --patience {settings.patience:g} seconds. Raise it, or name --methods."
        )
    seconds = settings.repeats * sum(estimate_of_method(case, name).seconds for name in methods)
    _tell(f"{len(methods)} methods, {settings.repeats} times each, about {seconds:,.0f} s for choosing ...")
    job = json.dumps({"case": asdict(case), "methods": methods, "repeats": settings.repeats})
    found = watched(["craft_core.benchmark", "methods", job], "The comparison of methods")
    return replace(contest_of(json.loads(found.out.splitlines()[-1])), skipped=skipped)


def _show(settings: Settings, runs: Sequence[Run]) -> None:
    """Print a table a vectorizer and way, and what to know of them."""
    for vectorizer in settings.vectorizers:
        for way in settings.ways:
            own = [run for run in runs if run.way == way and run.case.vectorizer == vectorizer]
            if own:
                print(f"\n{run_table(own)}")
    if runs:
        print(f"\n{summary_table(runs)}\n\n{agreement(runs)}")
        print(wrapped(f"Peak memory in memory: the most the one process had, as the system counts it. Streamed: {MEMORY_WORDS}."))
    if len({run.case.pairs for run in runs}) > 1:
        print(wrapped(FIXED_COSTS))


def _about(settings: Settings) -> str:
    sizes = ", ".join(f"{pairs:,}" for pairs in settings.pairs)
    return (
        f"Made-up pairs: {sizes}; {settings.validation_pairs:,} validation pairs, {settings.n_clusters:,} clusters, "
        f"budget {settings.budget:,} or a fifth of the pairs; medians of {settings.repeats}; --memory {settings.memory or 'none'}."
    )


@contextmanager
def _folder(settings: Settings) -> Iterator[Path]:
    """Give the folder of made-up files: the one that is kept, or one that is removed afterwards."""
    if settings.keep is None:
        with tempfile.TemporaryDirectory(prefix="craft-benchmark-") as place:
            yield Path(place)
        return
    try:
        settings.keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"The folder '{settings.keep}' of --keep cannot be made: {error.strerror or error}.") from error
    yield settings.keep


def _record(settings: Settings, machine: str, runs: Sequence[Run], skipped: Sequence[str], found: Contest | None) -> dict[str, Any]:
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "settings": {name: str(value) if isinstance(value, Path) else value for name, value in asdict(settings).items()},
        "runs": [asdict(run) for run in runs],
        "skipped": list(skipped),
        "comparison": None if found is None else asdict(found),
    }


def _machine() -> str:
    from craft_core.export.manifest import versions

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    shown = ", ".join(f"{name} {version}" for name, version in versions("").items())
    return f"{platform.system()} {platform.machine()}, {cores} cores; {shown}"


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
