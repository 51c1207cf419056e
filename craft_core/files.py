"""The files of a run: from the names a config has to inputs that can be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from craft_core.config import Data
from craft_core.corpus import InputFile, ParallelText, on_disk
from craft_core.errors import DataError

__all__ = ["Files", "Input", "open_files", "parts_of"]

Input = InputFile | ParallelText
"""One input: a file, or two text files aligned by line."""


@dataclass(frozen=True, eq=False)
class Files:
    """Name the inputs of a run: one or more pool files, a validation file, perhaps a test file."""

    pool: tuple[Input, ...]
    validation: Input
    test: Input | None = None


def open_files(data: Data, folder: Path = Path()) -> Files:
    """Find the files a config names.

    Parameters
    ----------
    data : Data
        The names; relative ones are meant from `folder`.
    folder : Path
        The current folder, or the one a recipe lies in.

    Raises
    ------
    DataError
        For a file that is not there; with its role, and how to point to it.
    """
    pool = tuple(_find("pool", entry, folder) for entry in data.pool)
    test = None if data.test is None else _find("test", data.test, folder)
    return Files(pool, _find("validation", data.validation, folder), test)


def parts_of(entry: str, folder: Path = Path()) -> tuple[str, ...]:
    """Return the one path an entry names, or the two of line-aligned text, ``a.en+a.hi``; a path that exists as written wins."""
    if (folder / entry).is_file() or "+" not in entry:
        return (entry,)
    cuts = [position for position, letter in enumerate(entry) if letter == "+"]
    there = [cut for cut in cuts if (folder / entry[:cut]).is_file() and (folder / entry[cut + 1 :]).is_file()]
    cut = (there or [cuts[len(cuts) // 2]])[0]
    return (entry[:cut], entry[cut + 1 :])


def _find(role: str, entry: str, folder: Path) -> Input:
    paths = [folder / part for part in parts_of(entry, folder)]
    for path in paths:
        if not path.is_file():
            raise DataError(f"There is no {role} file '{path}'. Put it there, or point to it with --{role}.")
    files = [on_disk(path) for path in paths]
    return files[0] if len(files) == 1 else ParallelText(*files)
