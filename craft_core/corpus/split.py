"""Cut text into lines and fields without a loop over rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["split_fields", "split_lines"]

_NEWLINE, _TAB, _RETURN = 10, 9, 13


def split_lines(block: bytes) -> pa.LargeStringArray:
    r"""Return the lines of UTF-8 text whose every line ends with "\n" or "\r\n"."""
    data = np.frombuffer(block, np.uint8)
    return _columns(block, data, np.flatnonzero(data == _NEWLINE).reshape(-1, 1))[0]


def split_fields(block: bytes, n_fields: int) -> list[pa.LargeStringArray] | None:
    """Return the columns of tab-separated UTF-8 text, quotes being text; None if some line has not this number of fields."""
    data = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero((data == _TAB) | (data == _NEWLINE))
    if len(ends) % n_fields:
        return None
    table = ends.reshape(-1, n_fields)
    if np.any(data[table[:, -1]] != _NEWLINE) or np.any(data[table[:, :-1]] != _TAB):
        return None
    return _columns(block, data, table)


def _columns(block: bytes, data: npt.NDArray[np.uint8], ends: npt.NDArray[np.intp]) -> list[pa.LargeStringArray]:
    n_rows, n_fields = ends.shape
    starts = np.append(0, ends.ravel() + 1)[:-1].reshape(ends.shape)
    stops = ends.copy()
    last = stops[:, -1]
    last -= (last > starts[:, -1]) & (data[last - 1] == _RETURN)
    # Arrow needs no gaps between texts: fields (even) and what stands between them (odd) alternate, and the fields are taken out.
    offsets = np.append(np.stack([starts.ravel(), stops.ravel()], axis=1).ravel(), len(data)).astype(np.int64)
    pieces = pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(block))
    firsts = np.arange(n_rows, dtype=np.int64) * 2 * n_fields
    return [pieces.take(pa.array(firsts + 2 * field)) for field in range(n_fields)]
