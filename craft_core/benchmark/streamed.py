"""Run the command line on made-up pairs in files: files in, folder out, in a program of its own."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from craft_core.benchmark.in_memory import digest_of
from craft_core.benchmark.made_up_files import write_pool, write_validation
from craft_core.benchmark.record import Case, Run
from craft_core.benchmark.watch import watched
from craft_core.export import MANIFEST
from craft_core.progress import Progress, silent

__all__ = ["streamed", "words_of"]

_NO_LIMIT = 2**50


def streamed(case: Case, memory: str | None, folder: Path, progress: Progress = silent) -> Run:
    """Select from files once.

    Parameters
    ----------
    case : Case
        What to work on.
    memory : str or None
        What --memory gets; None to leave it out, so that everything is held in memory.
    folder : Path
        Where the made-up files are, or are written to before the clock starts.
    progress : Progress
        Called while files are written.

    Returns
    -------
    Run
        Its stages are those the manifest names, and "start and end" for what the program does around them.

    Raises
    ------
    ParameterError
        If the command refuses the case.
    DataError
        If the files cannot be written.
    """
    pool, validation = write_pool(folder, case.pairs, case.seed, progress), write_validation(folder, case.validation_pairs, case.seed)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        out = Path(place) / "out"
        found = watched(words_of(case, memory, pool, validation, out), f"The streamed run with {case.vectorizer} on {case.pairs:,} pairs")
        stages = {str(name): float(taken) for name, taken in json.loads((out / MANIFEST).read_text(encoding="utf-8"))["seconds"].items()}
        chosen = digest_of(np.load(out / "indices.npy"))
    stages["start and end"] = max(found.seconds - sum(stages.values()), 0.0)
    return Run("streamed", case, stages, found.seconds, found.cpu_seconds, found.peak_bytes, chosen)


def words_of(case: Case, memory: str | None, pool: Sequence[Path], validation: Path, out: Path) -> list[str]:
    """Return the words after ``python -m`` that make a run."""
    words = ["craft_core", "select", "craft", "--pool", *map(str, pool), "--validation", str(validation), "--out", str(out), "--quiet"]
    numbers = {"--n-clusters": case.n_clusters, "--budget": case.budget, "--seed": case.seed}
    for name, value in {"--vectorizer": case.vectorizer, **numbers, "--max-rows": _NO_LIMIT, "--max-bytes": _NO_LIMIT}.items():
        words += [name, str(value)]
    return words + ([] if memory is None else ["--memory", memory])
