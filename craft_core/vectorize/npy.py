"""Rows of vectors out of .npy and .npz files, of which nothing is believed before it is checked.

A forged header can ask for more memory than there is, a pickled object can run code, and a small archive can expand to a large one. So the
header is read first and held against the size of the file, objects are refused, and archives are read in blocks.
"""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from craft_core.arrays import FloatMatrix, IntVector
from craft_core.errors import DataError
from craft_core.progress import Progress, silent
from craft_core.vectorize.protocol import unit_rows

__all__ = ["NpyFile", "block_rows", "read_npz", "scaled"]

_BLOCK_ROWS = 16_384
_BLOCK_NUMBERS = 1 << 22  # in a block: 32 MB while they are checked in float64
_MAX_DIMENSIONS = 65_536
_MAX_HEADER = 10_000
_MAX_EXPANSION = 100  # vectors hardly compress; an archive that expands more often is all zeros, or a trap
_SMALL = 64_000_000  # bytes that may come out of any archive

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_UNREADABLE = (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, tokenize.TokenError)
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)


@dataclass(frozen=True)
class _Header:
    rows: int
    dimensions: int
    dtype: np.dtype[Any]
    fortran: bool
    offset: int


@dataclass(frozen=True)
class NpyFile:
    """Hold what the header of a .npy file says, one matrix of float16, float32 or float64; its numbers stay on disk.

    Attributes
    ----------
    path : Path
        The file.
    rows, dimensions : int
        Its shape.
    """

    path: Path
    rows: int
    dimensions: int
    _header: _Header

    @classmethod
    def open(cls, path: Path) -> NpyFile:
        """Read the header, nothing else. Raises DataError for a file that is no such matrix, or not as large as its header says."""
        with path.open("rb") as stream:
            header = _header(stream.read(_MAX_HEADER), path.stat().st_size, str(path))
        return cls(path, header.rows, header.dimensions, header)

    def hold_rows(self, needed: int, what: str) -> None:
        """Raise DataError if there are fewer rows than needed; `what` says whose."""
        _hold_rows(self._header, needed, str(self.path), what)

    def read(self, rows: IntVector, what: str, progress: Progress = silent) -> FloatMatrix:
        """Return some rows, each of length 1 or zero; a row is the same to the last bit, whichever others are read with it.

        Parameters
        ----------
        rows : IntVector
            Which rows, in the order wanted, repeats allowed.
        what : str
            Whose rows they are, for the messages.
        progress : Progress
            Called after each block.

        Raises
        ------
        DataError
            For a missing row, NaN or infinity.
        """
        self.hold_rows(int(rows.max()) + 1 if len(rows) else 0, what)
        vectors = np.empty((len(rows), self.dimensions), np.float32)
        step = block_rows(self.dimensions)
        for start in range(0, len(rows), step):
            wanted = rows[start : start + step]
            vectors[start : start + len(wanted)] = scaled(self._mapped(wanted), wanted, str(self.path))
            progress(min(1.0, (start + step) / len(rows)), f"Reading {self.path.name}")
        return vectors

    def _mapped(self, rows: IntVector) -> npt.NDArray[Any]:
        """Return rows as they are. Mapped anew each time, so that of a large file only these count as memory of this process."""
        header, first = self._header, int(rows.min())
        if header.fortran:
            return np.memmap(self.path, header.dtype, "r", header.offset, (header.rows, header.dimensions), order="F")[rows]
        count, width = int(rows.max()) + 1 - first, header.dimensions * header.dtype.itemsize
        matrix = np.memmap(self.path, header.dtype, "r", header.offset + first * width, (count, header.dimensions))
        return matrix if count == len(rows) and (np.diff(rows) == 1).all() else matrix[rows - first]


def block_rows(dimensions: int) -> int:
    """Return how many rows to check at once, so that it takes little memory however long they are."""
    return max(1, min(_BLOCK_ROWS, _BLOCK_NUMBERS // max(1, dimensions)))


def read_npz(path: Path, key: str, rows: IntVector, what: str, progress: Progress = silent) -> FloatMatrix:
    """Return the same from one matrix in a .npz archive, read in blocks, so that only the rows wanted take memory.

    Raises
    ------
    DataError
        As `NpyFile` does, and for an archive that is broken, encrypted, lacks the matrix, or expands to more than 100 times its size.
    """
    name = f"{path} [{key}]"
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_member(archive, _member(archive, key, path), rows, (name, what), progress)
    except _BROKEN_ZIP as error:
        raise DataError(f"{name} cannot be read: {error}. Save it again with numpy.savez.") from error


def scaled(block: npt.NDArray[Any], rows: IntVector, name: str) -> FloatMatrix:
    """Return rows scaled to length 1, float32, zero rows as they are; NaN and infinity raise DataError with the row they are in."""
    wide = block.astype(np.float64)
    bad = ~np.isfinite(wide).all(axis=1)
    if bad.any():
        raise DataError(f"{name} holds NaN or infinity in row {int(rows[bad.argmax()]):,}. Every vector must be made of finite numbers.")
    largest = np.abs(wide).max(axis=1, keepdims=True)
    np.divide(wide, largest, out=wide, where=largest > 0)  # so that squares can neither overflow nor vanish
    return unit_rows(wide.astype(np.float32))


def _header(start: bytes, size: int, name: str) -> _Header:
    stream = io.BytesIO(start)
    try:
        version = np.lib.format.read_magic(stream)
        shape, fortran, dtype = _HEADERS[version](stream, max_header_size=_MAX_HEADER)
    except (*_UNREADABLE, KeyError) as error:
        raise DataError(f"{name} is no readable .npy file. Save it with numpy.save from a matrix of float32.") from error
    if dtype.kind != "f" or dtype.itemsize > 8:
        raise DataError(f"{name} holds {dtype} numbers. Save float16, float32 or float64.")
    if len(shape) != 2 or shape[0] < 0 or not 1 <= shape[1] <= _MAX_DIMENSIONS:
        raise DataError(f"{name} has shape {shape}. Save one row a pair, with 1 to {_MAX_DIMENSIONS:,} columns.")
    rows, dimensions = int(shape[0]), int(shape[1])
    expected = stream.tell() + rows * dimensions * dtype.itemsize
    if expected != size:
        raise DataError(f"{name} says shape {shape} of {dtype}, which takes {expected:,} bytes, but has {size:,}. Save it again.")
    return _Header(rows, dimensions, dtype, fortran, stream.tell())


def _hold_rows(header: _Header, needed: int, name: str, what: str) -> None:
    if header.rows < needed:
        raise DataError(
            f"{name} has shape ({header.rows}, {header.dimensions}), but the {what} has at least {needed:,} rows as given. "
            "Save one row for each pair of the data as given, before any cleaning."
        )


def _member(archive: zipfile.ZipFile, key: str, path: Path) -> zipfile.ZipInfo:
    try:
        member = archive.getinfo(f"{key}.npy")
    except KeyError:
        names = ", ".join(sorted(one.removesuffix(".npy") for one in archive.namelist()[:20])) or "nothing"
        raise DataError(f"{path} has no array '{key}'. It holds: {names}.") from None
    if member.file_size > max(_SMALL, _MAX_EXPANSION * member.compress_size):
        raise DataError(
            f"{path} [{key}] expands from {member.compress_size:,} to {member.file_size:,} bytes, more than {_MAX_EXPANSION} times. "
            "Save it with numpy.save, uncompressed, if it is meant to."
        )
    return member


def _read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, rows: IntVector, names: tuple[str, str], progress: Progress
) -> FloatMatrix:
    name, what = names
    with archive.open(member) as stream:
        header = _header(stream.read(_MAX_HEADER), member.file_size, name)
    _hold_rows(header, int(rows.max()) + 1 if len(rows) else 0, name, what)
    if header.fortran:
        raise DataError(f"{name} is stored column by column. Save numpy.ascontiguousarray of it.")
    order = np.argsort(rows, kind="stable")
    in_file = rows[order]
    vectors = np.empty((len(rows), header.dimensions), np.float32)
    with archive.open(member) as stream:
        stream.read(header.offset)
        for start, block in _blocks(stream, header):
            first, last = np.searchsorted(in_file, (start, start + len(block)))
            wanted = in_file[first:last]
            vectors[order[first:last]] = scaled(block[wanted - start], wanted, name)
            progress((start + len(block)) / header.rows, f"Reading {member.filename}")
    return vectors


def _blocks(stream: IO[bytes], header: _Header) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    width = header.dimensions * header.dtype.itemsize
    step = max(1, min(_BLOCK_ROWS, 2**24 // width))
    for start in range(0, header.rows, step):
        count = min(step, header.rows - start)
        data = stream.read(count * width)
        if len(data) < count * width:
            raise EOFError("it ends too early")
        yield start, np.frombuffer(data, header.dtype).reshape(count, header.dimensions)
