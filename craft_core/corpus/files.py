"""Files from outside: named, opened, counted and hashed."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import BinaryIO

from craft_core.corpus.columns import Limits
from craft_core.errors import DataError
from craft_core.progress import Progress, silent

__all__ = ["InputFile", "ParallelText", "Reading", "chunks", "file_digest", "head", "on_disk", "readable", "server_file", "uploaded"]

CHUNK = 4 * 2**20


@dataclass(frozen=True)
class InputFile:
    """One file: a path, or bytes that were uploaded. Make it with `on_disk` or `uploaded`.

    Attributes
    ----------
    label : str
        What messages call it.
    suffix : str
        The lower-case suffix that decides the format, without ".gz".
    gzipped : bool
        Whether it ended in ".gz".
    path, data : Path, bytes
        The one that is not None is the file.
    """

    label: str
    suffix: str
    gzipped: bool
    path: Path | None = None
    data: bytes | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """Bytes of the file as given, compressed or not; 0 where it cannot be seen (opening it then says why)."""
        if self.path is None:
            return len(self.data or b"")
        return self.path.stat().st_size if self.path.is_file() else 0

    def open(self) -> BinaryIO:
        """Open the file as given, without decompressing it."""
        return io.BytesIO(self.data or b"") if self.path is None else self.path.open("rb")


@dataclass(frozen=True)
class ParallelText:
    """Two text files aligned by line."""

    source: InputFile
    target: InputFile


def on_disk(path: str | Path) -> InputFile:
    """Name a file on disk."""
    path = Path(path)
    return InputFile(path.name, *_suffix(path.name), path=path)


def uploaded(name: str, data: bytes) -> InputFile:
    """Name an upload. Of the client's name only the suffix is used."""
    suffix, gzipped = _suffix(name)
    suffix = suffix if suffix.isprintable() and len(suffix) < 12 else ""
    return InputFile(f"upload{suffix}{'.gz' if gzipped else ''}", suffix, gzipped, data=data)


def server_file(root: str | Path, name: str) -> Path:
    """Return a file under the folder that files are offered from.

    Raises
    ------
    DataError
        If the name leads out of the folder, also by a link, or to no file.
    """
    folder = Path(root).resolve()
    try:
        path = (folder / name).resolve()
    except (ValueError, OSError) as error:
        raise DataError(f"{name!r} is not the name of a file.") from error
    if not path.is_relative_to(folder):
        raise DataError(f"{name!r} lies outside the folder that data may be read from. Choose a file inside it.")
    if not path.is_file():
        raise DataError(f"There is no file {name!r} in the folder that data may be read from.")
    return path


def file_digest(file: str | Path | bytes) -> str:
    """Return the sha256 of a file, or of bytes, in hexadecimal digits."""
    if isinstance(file, bytes):
        return hashlib.sha256(file).hexdigest()
    with readable(Path(file).name), Path(file).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Reading:
    """Count what one reading has taken in so far, over all its files, and hold it to the limits.

    Parameters
    ----------
    limits : Limits
        What is held to.
    total : int
        Bytes of all files as given, for the progress.
    progress : Progress
        Called between chunks.
    """

    def __init__(self, limits: Limits, total: int = 0, progress: Progress = silent) -> None:
        self.limits = limits
        self.rows = 0
        self.bytes = 0
        self.notes: list[str] = []
        self._total = max(total, 1)
        self._done = 0
        self._progress = progress

    def check(self, label: str, rows: int = 0, size: int = 0) -> None:
        """Refuse with DataError if so many more rows or bytes would be too many."""
        if self.rows + rows > self.limits.max_rows:
            raise DataError(f"{label} goes beyond the limit of {self.limits.max_rows:,} rows. Give fewer rows, or raise max_rows.")
        if self.bytes + size > self.limits.max_bytes:
            raise DataError(
                f"{label} goes beyond the limit of {self.limits.max_bytes:,} bytes after decompression. Give less data, or raise max_bytes."
            )

    def add(self, label: str, rows: int = 0, size: int = 0) -> None:
        """Count more rows or bytes. Raises DataError if they are too many."""
        self.check(label, rows, size)
        self.rows += rows
        self.bytes += size

    def at(self, position: int) -> None:
        """Tell how many bytes of the current file, as given, are behind us."""
        self._progress(min(1.0, (self._done + position) / self._total), f"{self.rows:,} rows read")

    def finish(self, file: InputFile) -> None:
        """Go on to the next file."""
        self._done += file.size
        self.at(0)


def chunks(file: InputFile, reading: Reading) -> Iterator[bytes]:
    """Yield the decompressed bytes of a file. Raises DataError for a file that cannot be read or goes beyond the limits."""
    with readable(file.label), file.open() as raw, gzip.GzipFile(fileobj=raw) if file.gzipped else nullcontext(raw) as stream:
        while chunk := stream.read(CHUNK):
            reading.add(file.label, size=len(chunk))
            reading.at(raw.tell())
            yield chunk


def head(file: InputFile, size: int = 4096) -> bytes:
    """Return the first decompressed bytes of a file. Raises DataError if it cannot be read."""
    with readable(file.label), file.open() as raw, gzip.GzipFile(fileobj=raw) if file.gzipped else nullcontext(raw) as stream:
        return stream.read(size)


@contextmanager
def readable(label: str) -> Iterator[None]:
    """Turn what goes wrong in opening, reading and decompressing into DataError."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{label} is not a whole gzip file: {error}. Make it again.") from error
    except FileNotFoundError as error:
        raise DataError(f"There is no file {label}. Check its path.") from error
    except OSError as error:
        raise DataError(f"{label} cannot be read: {error.strerror or error}.") from error


def _suffix(name: str) -> tuple[str, bool]:
    pure = PurePath(name.lower().replace("\\", "/").rsplit("/", 1)[-1])
    if pure.suffix == ".gz":
        return PurePath(pure.stem).suffix, True
    return pure.suffix, False
