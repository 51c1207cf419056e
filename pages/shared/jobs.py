"""Work in threads of its own: one job for each piece of work, however many pages wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from streamlit import runtime

from craft_core.progress import Progress

__all__ = ["Cancelled", "Job", "join", "leave"]


class Cancelled(Exception):  # noqa: N818 -- not an error: the user asked for it
    """Raised from a progress call to end work the user stopped."""


class Job:
    """One piece of work in a thread of its own.

    Parameters
    ----------
    key : str
        What the work depends on.
    function : callable
        Does the work; it calls the progress it is given between chunks.
    """

    def __init__(self, key: str, function: Callable[[Progress], Any]) -> None:
        self.key = key
        self.share, self.text, self.started, self.seconds = 0.0, "", time.monotonic(), 0.0
        self.result: Any = None
        self.error: BaseException | None = None
        self.watchers: set[str] = set()
        self.done, self._cancelled = threading.Event(), threading.Event()
        threading.Thread(target=self._run, args=(function,), daemon=True).start()

    def cancel(self) -> None:
        """Make the next progress call of the work end it."""
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether the work was told to end."""
        return self._cancelled.is_set()

    def caption(self) -> str:
        """Return what is being done and, once it can be told, how long it will take."""
        spent = time.monotonic() - self.started
        if self.share < 0.05 or spent < 2:
            return f"{self.text or 'Starting'} …"
        return f"{self.text} … about {max(spent / self.share - spent, 1):,.0f} s left"

    def _run(self, function: Callable[[Progress], Any]) -> None:
        try:
            self.result = function(self._report)
        except BaseException as error:  # raised again in the page's own thread
            self.error = error
        finally:
            self.seconds = time.monotonic() - self.started
            self.done.set()

    def _report(self, share: float, text: str) -> None:
        if self._cancelled.is_set():
            raise Cancelled
        self.share, self.text = min(max(share, 0.0), 1.0), text


_running: dict[tuple[str, str], Job] = {}
_lock = threading.Lock()


def join(stage: str, key: str, function: Callable[[Progress], Any], session: str) -> Job:
    """Return the job that does this work for anybody, or start it: a page that is loaded again finds what it was waiting for."""
    with _lock:
        for place in [place for place, job in _running.items() if job.done.is_set()]:
            del _running[place]
        job = _running.get((stage, key))
        if job is None or job.is_cancelled:
            job = _running[stage, key] = Job(key, function)
        job.watchers.add(session)
        return job


def leave(job: Job, session: str) -> None:
    """Stop waiting for a job; unless another open page waits for it, it is cancelled."""
    with _lock:
        job.watchers.discard(session)
        if not any(map(_is_open, job.watchers)):
            job.cancel()


def _is_open(session: str) -> bool:
    # a page that was loaded again has a new session; the old one stays known for a while, but is not active
    return runtime.exists() and runtime.get_instance().is_active_session(session)
