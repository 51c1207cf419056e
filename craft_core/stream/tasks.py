"""What workers do: each task reads a piece, writes its result into the work folder, and returns its number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from craft_core.corpus import file_digest
from craft_core.stream.choose import choose_piece
from craft_core.stream.count import count_piece
from craft_core.stream.gather import gather_piece
from craft_core.stream.model import load_counters, load_model, save_projection
from craft_core.stream.place import read_result, writing
from craft_core.stream.plan import load_plan, piece_folder
from craft_core.stream.scan import Keys, scan_piece
from craft_core.stream.side import fitted_side
from craft_core.stream.twins import read_marks
from craft_core.threads import one_thread

__all__ = ["choose", "count", "digest", "fit_side", "gather", "scan"]


def scan(folder: str, number: int, threshold: int) -> dict[str, Any]:
    """Do the first pass over a piece."""
    plan = load_plan(folder)
    with writing(piece_folder(plan.folder, "scan", number)) as writer:
        writer.facts(scan_piece(plan, number, threshold, writer))
    return {"number": number}


def gather(folder: str, number: int, start: int, stage: str, threshold: int) -> dict[str, Any]:
    """Collect the pairs of a piece whose key is not above a threshold."""
    plan = load_plan(folder)
    with writing(piece_folder(plan.folder, stage, number)) as writer:
        writer.facts(gather_piece(plan, *_known(plan.folder, number, start), number, threshold, writer))
    return {"number": number}


def count(folder: str, number: int, start: int) -> dict[str, Any]:
    """Count in how many texts of a piece each term occurs."""
    plan = load_plan(folder)
    with writing(piece_folder(plan.folder, "count", number)) as writer:
        writer.facts(count_piece(plan, load_counters(folder), _known(plan.folder, number, start)[0], number, writer))
    return {"number": number}


def fit_side(folder: str, number: int) -> dict[str, Any]:
    """Fit the source side (0) or the target side (1)."""
    plan = load_plan(folder)
    with one_thread(), writing(piece_folder(plan.folder, "sides", number)) as writer:
        writer.facts(save_projection(writer, fitted_side(plan, number)))
    return {"number": number}


def choose(folder: str, number: int, start: int, ceilings: list[list[int]], limits: list[float]) -> dict[str, Any]:
    """Do the second pass over a piece."""
    plan = load_plan(folder)
    model = load_model(folder)
    marks, keys = _known(plan.folder, number, start)
    most = [np.array(one, np.int64) for one in ceilings]
    with one_thread(), writing(piece_folder(plan.folder, "choose", number)) as writer:
        writer.facts(choose_piece(plan, model, marks, keys, number, start, most, limits, writer))
    return {"number": number}


def digest(folder: str, number: int, path: str) -> dict[str, Any]:
    """Hash a file."""
    with writing(piece_folder(Path(folder), "digest", number)) as writer:
        writer.facts({"sha256": file_digest(Path(path)), "size": Path(path).stat().st_size})
    return {"number": number}


def _known(folder: Path, number: int, start: int) -> tuple[Any, Keys]:
    """Return what is wrong with each pair of a piece, and its content key of seed 0."""
    scan = read_result(piece_folder(folder, "scan", number))
    assert scan is not None  # noqa: S101 -- the first pass is over
    n_rows = int(scan.facts["n_rows"])
    keys = [scan.array(f"keys.{part}") for part in range(scan.facts["n_parts"])]
    return read_marks(folder / "marks.npy")[start : start + n_rows], keys[0] if len(keys) == 1 else np.concatenate(keys)
