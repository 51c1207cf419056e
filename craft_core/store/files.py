"""The files of one entry: numbered npy and Arrow files, and one more for all small arrays together."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from craft_core.arrays import frozen

__all__ = ["Damaged", "FileReader", "FileWriter", "TooLarge", "check_files", "files_in", "write_bytes"]

Array = npt.NDArray[Any]

_SMALL = "small.npy"
_MAPPED_BYTES = 1 << 20  # what is larger has a file of its own and is mapped, not read
_SUMMED_BYTES = 1 << 24  # a checksum of this much takes 10 ms
_ALIGNED = 64


class Damaged(Exception):  # noqa: N818 -- the entry is, nobody made a mistake
    """Say that files are not what was written."""


class TooLarge(Exception):  # noqa: N818 -- the same
    """Say that files would be larger than they may be."""


class FileWriter:
    """Write arrays into a folder and say where they are.

    Parameters
    ----------
    folder : Path
        Where to; it exists.
    limit : int
        Most bytes in all.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._left = folder, limit
        self._small = bytearray()
        self._number = 0

    def add_array(self, array: Array) -> dict[str, Any]:
        """Write an array without objects; return its place, for JSON."""
        if array.nbytes > _MAPPED_BYTES or array.dtype.fields is not None:
            name = self._next("npy", array.nbytes)
            with (self._folder / name).open("xb") as file:
                np.save(file, array, allow_pickle=False)
                _settle(file)
            return {"file": name}
        order: Literal["C", "F"] = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        self._small += bytes(-len(self._small) % _ALIGNED)
        start = len(self._small)
        self._small += array.tobytes(order)
        return {"start": start, "dtype": array.dtype.str, "shape": list(array.shape), "order": order}

    def add_table(self, table: pa.Table) -> str:
        """Write a table whose columns stay chunked as they are; return the name of its file."""
        name = self._next("arrow", table.nbytes)
        with (self._folder / name).open("xb") as file:
            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table.unify_dictionaries())
            _settle(file)
        return name

    def finish(self) -> None:
        """Write the small arrays."""
        self._take(len(self._small))
        with (self._folder / _SMALL).open("xb") as file:
            np.save(file, np.frombuffer(self._small, np.uint8), allow_pickle=False)
            _settle(file)

    def _next(self, suffix: str, size: int) -> str:
        self._take(size)
        self._number += 1
        return f"{self._number}.{suffix}"

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise TooLarge


class FileReader:
    """Give back what a `FileWriter` wrote into a folder; large arrays are mapped read-only, and stay readable if the files are removed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._small: Array | None = None

    def array(self, place: Mapping[str, Any]) -> Array:
        """Return the array at a place, read-only."""
        if "file" in place:
            return frozen(np.asarray(np.load(self._folder / place["file"], mmap_mode="r", allow_pickle=False)))
        dtype, shape = np.dtype(place["dtype"]), tuple(place["shape"])
        if self._small is None:
            self._small = np.load(self._folder / _SMALL, allow_pickle=False)
        start = int(place["start"])
        size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        if size == 0:
            return frozen(np.empty(shape, dtype, place["order"]))
        return frozen(np.ndarray(shape, dtype, self._small[start : start + size].data, order=place["order"]))

    def table(self, name: str) -> pa.Table:
        """Return the table in a file."""
        path = self._folder / name
        source = pa.memory_map(str(path)) if path.stat().st_size > _MAPPED_BYTES else pa.py_buffer(path.read_bytes())
        table = pa.ipc.open_file(source).read_all()
        table.validate()
        return table


def files_in(folder: Path) -> dict[str, list[int | None]]:
    """Return the size of each file and, of those that are not large, a checksum."""
    return {path.name: [path.stat().st_size, _sum_of(path)] for path in sorted(folder.iterdir())}


def check_files(folder: Path, files: Mapping[str, list[int | None]]) -> None:
    """Raise Damaged unless the files are those that `files_in` saw; of a large one only the size is compared."""
    for name, (size, checksum) in files.items():
        path = folder / name
        if path.stat().st_size != size or _sum_of(path) != checksum:
            raise Damaged(name)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a new file, and wait until the disk has it."""
    with path.open("xb") as file:
        file.write(data)
        _settle(file)


def _sum_of(path: Path) -> int | None:
    return zlib.crc32(path.read_bytes()) if path.stat().st_size <= _SUMMED_BYTES else None


def _settle(file: IO[bytes]) -> None:
    """Wait until the disk has the file: after a power cut there must be no entry whose files are empty."""
    file.flush()
    os.fsync(file.fileno())
