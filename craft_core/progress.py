"""How long work tells how far it is, and how it is stopped."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Progress", "on_terminal", "part", "silent"]

Progress = Callable[[float, str], None]
"""Called between chunks with the share done in [0, 1] and what is being done; raising from it cancels the work."""


def silent(share: float, text: str) -> None:
    """Report to nobody."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """Return a progress that maps its own [0, 1] onto [start, stop] of another."""
    return lambda share, text: progress(start + (stop - start) * share, text)


@contextmanager
def on_terminal(quiet: bool) -> Iterator[Progress]:
    """Give a progress that draws a bar on standard error while the context is open, or one that is silent."""
    if quiet:
        yield silent
        return
    from tqdm import tqdm

    with tqdm(total=100, leave=False, miniters=0, bar_format="{desc:<40.40} {percentage:3.0f}% |{bar}| {elapsed}", file=sys.stderr) as bar:

        def show(share: float, text: str) -> None:
            bar.set_description_str(text, refresh=False)
            bar.update(100 * min(max(share, 0.0), 1.0) - bar.n)  # draws ten times a second at most

        yield show
