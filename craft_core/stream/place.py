"""The work folder: what is finished is found again after a kill, what is half-written is never read.

A result is a folder that is written under another name and renamed when it is whole. It holds arrays (`.npy`), tables (Arrow IPC) and
facts (JSON), and the sizes of these files, so that one the system lost in a crash is told from a whole one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["Result", "Writer", "is_whole", "read_result", "writing"]

_FACTS, _SIZES = "facts.json", "sizes.json"


@dataclass(frozen=True)
class Result:
    """Name a finished result; its parts are read when they are asked for.

    Attributes
    ----------
    folder : Path
        Where it lies.
    facts : Mapping
        Plain values.
    """

    folder: Path
    facts: Mapping[str, Any]

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return an array, mapped into memory and not read."""
        path = self.folder / f"{name}.npy"
        found: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return found

    def table(self, name: str) -> pa.Table:
        """Return a table, mapped into memory and not read."""
        with pa.memory_map(str(self.folder / f"{name}.arrow")) as source, pa.ipc.open_file(source) as reader:
            return reader.read_all()


class Writer:
    """Write the parts of a result as they come."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def array(self, name: str, array: npt.NDArray[Any]) -> None:
        """Write an array."""
        np.save(self._folder / f"{name}.npy", array, allow_pickle=False)

    def table(self, name: str, table: pa.Table) -> None:
        """Write a table."""
        with pa.OSFile(str(self._folder / f"{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)

    def facts(self, facts: Mapping[str, Any]) -> None:
        """Write plain values; once, as the last part."""
        (self._folder / _FACTS).write_text(json.dumps(dict(facts), ensure_ascii=False), encoding="utf-8")


@contextmanager
def writing(folder: Path) -> Iterator[Writer]:
    """Give a writer for a result, which is there, whole, when the context ends, or not at all where it ends in an error.

    One that is there already stays, as the same work gives the same.
    """
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}.{os.urandom(4).hex()}.part")
    fresh.mkdir(parents=True)
    try:
        yield Writer(fresh)
        sizes = {path.name: path.stat().st_size for path in fresh.iterdir()}
        (fresh / _SIZES).write_text(json.dumps(sizes), encoding="utf-8")
        _renamed(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _renamed(fresh: Path, folder: Path) -> None:
    try:
        fresh.rename(folder)
    except OSError:
        if not is_whole(folder):  # what a crash left of an earlier one
            shutil.rmtree(folder, ignore_errors=True)
            fresh.rename(folder)


def is_whole(folder: Path) -> bool:
    """Return whether a result is there with all of its files at their full size."""
    try:
        sizes = json.loads((folder / _SIZES).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def read_result(folder: Path) -> Result | None:
    """Return a finished result, None where there is none."""
    if not is_whole(folder):
        return None
    try:
        return Result(folder, json.loads((folder / _FACTS).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
