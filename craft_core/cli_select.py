"""Choosing pairs and writing them, in memory or out of core; the result is the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from craft_core.progress import Progress, on_terminal, part

if TYPE_CHECKING:
    from craft_core.config import ExperimentConfig
    from craft_core.experiment import Report
    from craft_core.files import Files
    from craft_core.stream import Streaming

__all__ = ["choose", "choose_and_write"]


def choose_and_write(config: ExperimentConfig, out: Path, overwrite: bool, quiet: bool, streaming: Streaming | None) -> int:
    """Run a config and write its export; return 0.

    Parameters
    ----------
    config : ExperimentConfig
        What decides the result.
    out : Path
        The folder of the export.
    overwrite, quiet : bool
        Whether an earlier export is replaced, and whether nothing is told.
    streaming : Streaming or None
        How to go out of core; None to do so only where the pool would not fit into memory.
    """
    from craft_core.experiment import open_files
    from craft_core.export import check_folder, export_folder, summary

    check_folder(out, overwrite)  # before the work, not after it
    files = open_files(config.data)
    with on_terminal(quiet) as progress, choose(config, files, streaming, out, part(progress, 0.0, 0.95)) as report:
        names = export_folder(report, out, overwrite=overwrite, progress=part(progress, 0.95, 1.0))
    if not quiet:
        print(summary(report))
        print(f"Written:     {out}: {', '.join(names)}")
    return 0


@contextmanager
def choose(config: ExperimentConfig, files: Files, streaming: Streaming | None, out: Path, progress: Progress) -> Iterator[Report]:
    """Give the report of a run; what was finished on the way to it is thrown away when the context ends well."""
    from craft_core.experiment import run

    how = streaming or _for_its_size(config, files)
    if how is None:
        yield run(config, files, progress)
        return
    from craft_core.stream import stream

    work = how.work or out.resolve().with_name(f"{out.resolve().name}.work")
    used: list[Path] = []
    yield stream(config, files, how, work, progress, used.append)
    for folder in used:
        shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # other runs, or files of the user, are in it
        work.rmdir()


def _for_its_size(config: ExperimentConfig, files: Files) -> Streaming | None:
    """Return how to go out of core if the pool would not fit into memory and the method can."""
    from craft_core.estimate import estimate_run, sizes_of_files
    from craft_core.machine import available_memory
    from craft_core.stream import Streaming, can_stream

    free = available_memory()
    if free is None or not can_stream(config, files):
        return None
    singles = [file for given in files.pool for file in (vars(given).values() if hasattr(given, "source") else (given,))]
    packed = sum(file.size for file in singles if file.gzipped or file.suffix == ".parquet")
    sizes = [sizes_of_files(n, is_packed) for n, is_packed in ((packed, True), (sum(file.size for file in singles) - packed, False)) if n]
    needed = sum(estimate_run(config, one).bytes + 2 * one.pool * int(2 * one.text_bytes) for one in sizes)
    return Streaming(int(0.8 * free)) if needed > 0.8 * free else None
