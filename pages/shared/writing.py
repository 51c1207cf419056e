"""Writing to disk behind the page's back: a page that is drawn anew waits for no disk."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any


def later(function: Callable[..., Any], *values: Any, **named: Any) -> None:
    """Call a function after those given before, in a thread of its own; the process waits for it at its end."""
    _writer().submit(function, *values, **named)


def settle() -> None:
    """Wait until all that was given so far is written."""
    _writer().submit(int).result()


@cache
def _writer() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="session")
