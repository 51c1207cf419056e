"""Numbers and lines of text tables."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

__all__ = ["MISSING", "count_text", "line", "size_text", "time_text", "titled", "wrapped"]

MISSING = "-"
"""Stands where nothing was measured."""

_LABEL, _COLUMN, _SENTENCE = 38, 13, 120


def line(label: str, cells: Sequence[str]) -> str:
    """Return a line of a table: a label, and cells to the right of their columns."""
    return (f"{label:<{_LABEL}}" + "".join(f"{cell:>{_COLUMN}}" for cell in cells)).rstrip()


def titled(title: str) -> list[str]:
    """Return the lines of a title."""
    return [title, "=" * len(title)]


def wrapped(text: str) -> str:
    """Return sentences in lines about as wide as the tables."""
    return textwrap.fill(text, _SENTENCE, break_long_words=False, break_on_hyphens=False)


def time_text(seconds: float) -> str:
    """Return a time with its unit, as "1.50 s" or "12.0 ms"."""
    if seconds < 0.0995:
        return f"{1000 * seconds:.1f} ms" if seconds >= 0.000995 else f"{1e6 * seconds:.0f} us"
    return f"{seconds:.2f} s" if seconds < 99.5 else f"{seconds:,.0f} s"


def size_text(n_bytes: float) -> str:
    """Return a size with its unit, as "1.50 GB" or "12 MB"."""
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes >= 0.0995e9 else f"{n_bytes / 1e6:,.0f} MB"


def count_text(value: float) -> str:
    """Return a number in three digits, with thousands separators."""
    return f"{float(f'{value:.3g}'):,.0f}"
