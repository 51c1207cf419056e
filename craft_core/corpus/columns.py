"""What the columns of the data mean, and how much of them is read."""

from __future__ import annotations

from dataclasses import dataclass

from craft_core.errors import ParameterError
from craft_core.params import check, param

__all__ = ["MAX_COLUMNS", "Columns", "Limits"]

MAX_COLUMNS = 1000
"""More columns than this is not a table of text pairs but a mistake (or an attack)."""


@dataclass(frozen=True)
class Columns:
    """Say which column is which, and how text files are written.

    Attributes
    ----------
    source, target, id : str
        Names of columns. Without an `id`, a column called "id" is taken where it is unique and complete; else row numbers are the ids.
    header : bool
        Whether CSV and TSV files begin with a line of column names.
    encoding : str or None
        A Python codec name; a byte-order mark in the file wins over it. None for UTF-8, or what a byte-order mark says.

    Raises
    ------
    ParameterError
        If two of the names are the same, or the encoding is unknown.
    """

    source: str = param("source", help="Column with the source text.")
    target: str = param("target", help="Column with the target text.")
    id: str | None = param(None, help="Column that names each pair; empty: a unique column 'id' if there is one, else row numbers.")
    header: bool = param(True, help="Whether CSV and TSV files begin with a line of column names; if not, they are called 1, 2, 3, ...")
    encoding: str | None = param(None, help="Encoding of text files, such as cp1252; empty: UTF-8, or UTF-16 with a byte-order mark.")

    def __post_init__(self) -> None:
        check(self)
        named = [name for name in (self.source, self.target, self.id) if name is not None]
        if len(set(named)) < len(named):
            raise ParameterError(f"Source, target and id must be different columns. Got {', '.join(map(repr, named))}.")
        if self.encoding is not None:
            _check_encoding(self.encoding)


@dataclass(frozen=True)
class Limits:
    """Cap what is read, so that a small file that unpacks to a huge one is refused in time."""

    max_rows: int = param(50_000_000, low=1, help="Most rows read, over all files.")
    max_bytes: int = param(8 * 2**30, low=1, help="Most bytes of data read after decompression, over all files.")

    def __post_init__(self) -> None:
        check(self)


def _check_encoding(encoding: str) -> None:
    try:
        # Unlike codecs.lookup, this refuses codecs that are no text encodings, such as zlib.
        "a\n".encode(encoding)
    except (LookupError, ValueError) as error:
        raise ParameterError(f"The 'encoding' parameter of Columns must be a text encoding Python knows. Got {encoding!r}.") from error
