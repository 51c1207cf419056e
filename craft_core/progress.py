"""How long work tells how far it is, and how it is stopped."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "part", "silent"]

Progress = Callable[[float, str], None]
"""Called between chunks with the share done in [0, 1] and what is being done; raising from it cancels the work."""


def silent(share: float, text: str) -> None:
    """Report to nobody."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """Return a progress that maps its own [0, 1] onto [start, stop] of another."""
    return lambda share, text: progress(start + (stop - start) * share, text)
