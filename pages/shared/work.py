"""Long work: computed once a session in a thread, with progress, remaining time and a Stop button.

Results live on a shelf that belongs to one browser session. A key is made of content digests and the `repr` of parameters: Streamlit's own
hashing samples large arrays and frames, and takes equal fields of different classes for the same.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

from craft_core.progress import Progress, part

T = TypeVar("T")
K = TypeVar("K")

_STOPPED = "stopped"  # in the session state: (stage, key) of the work the user stopped
_POLL_SECONDS = 0.1
_QUIET_SECONDS = 0.3
_KEPT_PARTS = 4  # of each stage; parts are small
_KEPT_RESULTS = 2  # of each stage: vectors of a million pairs take 2 GB


class Cancelled(Exception):  # noqa: N818 -- not an error: the user asked for it
    """Raised from a progress call to end work the user stopped."""


class Job:
    """One piece of work in a thread of its own."""

    def __init__(self, key: str, function: Callable[[Progress], Any]) -> None:
        self.key = key
        self.share, self.text, self.started, self.seconds = 0.0, "", time.monotonic(), 0.0
        self.result: Any = None
        self.error: BaseException | None = None
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


class Shelf:
    """Results and running jobs of one session; of each stage, the result used longest ago goes first."""

    def __init__(self) -> None:
        self.results: dict[str, OrderedDict[str, Job]] = {}
        self.parts: dict[str, OrderedDict[str, dict[Any, Any]]] = {}
        self.jobs: dict[str, Job] = {}


@st.cache_resource(scope="session", show_spinner=False)
def _shelf() -> Shelf:
    return Shelf()


def key_of(*parts: object) -> str:
    """Return a key of digests, numbers and parameter objects; the `repr` of a parameter object carries its class."""
    return "\n".join(map(repr, parts))


def is_ready(stage: str, key: str) -> bool:
    """Return whether this result of a stage is already computed."""
    return key in _shelf().results.get(stage, {})


def is_running(stage: str, key: str) -> bool:
    """Return whether this result of a stage is being computed."""
    job = _shelf().jobs.get(stage)
    return job is not None and job.key == key and not job.is_cancelled


def compute(stage: str, key: str, function: Callable[[Progress], T]) -> T:
    """Return the result under a key, computing it with progress and a Stop button if it is not there.

    Parameters
    ----------
    stage : str
        What is computed, for the user; work of the same stage under another key is cancelled.
    key : str
        From `key_of`.
    function : callable
        Does the work; it calls the progress it is given between chunks.
    """
    shelf = _shelf()
    kept = shelf.results.setdefault(stage, OrderedDict())
    if key not in kept:
        _stop_here_if_stopped(stage, key)
        while len(kept) >= _KEPT_RESULTS:  # before computing: old and new together would be one too many
            kept.popitem(last=False)
        kept[key] = _finish(shelf, stage, key, function)
    kept.move_to_end(key)
    return kept[key].result  # type: ignore[no-any-return]


def parts(stage: str, key: str) -> dict[Any, Any]:
    """Return the parts of a piece of work made so far, by what each was made of; they are kept when it is stopped."""
    return kept_parts(_shelf(), stage, key)


def kept_parts(shelf: Shelf, stage: str, key: str) -> dict[Any, Any]:
    """Return a shelf's parts under a key, of the stage's few latest keys."""
    kept = shelf.parts.setdefault(stage, OrderedDict())
    found = kept.setdefault(key, {})
    kept.move_to_end(key)
    while len(kept) > _KEPT_PARTS:
        kept.popitem(last=False)
    return found


def collect(stage: str, key: str, wanted: Sequence[K], make: Callable[[K, Progress], T]) -> dict[K, T]:
    """Return the parts of a piece of work, making those that are not there; each is kept as soon as it is made.

    Parameters
    ----------
    stage, key
        As in `compute`.
    wanted : sequence
        What parts are made of, in the order to make them.
    make : callable
        Makes one of them; it calls the progress it is given between chunks.
    """
    made = parts(stage, key)
    if any(one not in made for one in wanted):
        _finish(_shelf(), stage, key, missing_parts(made, wanted, make))
    return made


def missing_parts(made: dict[K, T], wanted: Sequence[K], make: Callable[[K, Progress], T]) -> Callable[[Progress], None]:
    """Return the work that makes what is missing among the parts, one after the other."""

    def work(progress: Progress) -> None:
        missing = [one for one in wanted if one not in made]
        for number, one in enumerate(missing):
            made[one] = make(one, part(progress, number / len(missing), (number + 1) / len(missing)))

    return work


def was_stopped(stage: str, key: str) -> bool:
    """Return whether the user stopped this work and has not asked for it again."""
    return (stage, key) in st.session_state.get(_STOPPED, frozenset())


def ask_again(stage: str, key: str) -> None:
    """Forget that this work was stopped."""
    st.session_state[_STOPPED] = st.session_state.get(_STOPPED, frozenset()) - {(stage, key)}


def forget_stops() -> None:
    """Forget all that was stopped: the user asked for everything, or for something else."""
    st.session_state.pop(_STOPPED, None)


def seconds_of(stage: str, key: str) -> float:
    """Return the wall seconds a result took."""
    return round(_shelf().results[stage][key].seconds, 3)


def _stop_here_if_stopped(stage: str, key: str) -> None:
    if not was_stopped(stage, key):
        return
    st.info(f"{stage}: stopped before it was finished. Change the settings, or go on.", icon=":material/pause_circle:")
    if st.button("Go on", type="primary", key="go_on"):
        ask_again(stage, key)
        st.rerun()
    st.stop()


def _finish(shelf: Shelf, stage: str, key: str, function: Callable[[Progress], Any]) -> Job:
    job = shelf.jobs.get(stage)
    if job is None or job.key != key or job.is_cancelled:
        if job is not None:
            job.cancel()
        job = shelf.jobs[stage] = Job(key, function)
    slot = st.empty()
    if not job.done.wait(_QUIET_SECONDS):
        _watch(slot, stage, job)
    slot.empty()
    shelf.jobs.pop(stage, None)
    if job.error is not None:
        raise job.error
    return job


def _watch(slot: Any, stage: str, job: Job) -> None:
    with slot.container(border=True):
        bar = st.progress(0.0, text=f"**{stage}**")
        st.button("Stop", key=f"stop_{stage}", on_click=_stop, args=(stage, job), icon=":material/stop_circle:")
    # A run of the page that is stopped here, by navigation or by Streamlit's own Stop, leaves the job going: the next run finds it again.
    while not job.done.wait(_POLL_SECONDS):
        bar.progress(job.share, text=f"**{stage}:** {job.caption()}")


def _stop(stage: str, job: Job) -> None:
    job.cancel()
    shelf = _shelf()
    if shelf.jobs.get(stage) is job:
        del shelf.jobs[stage]
    # many stages share a key, and more than one can wait at a time
    st.session_state[_STOPPED] = st.session_state.get(_STOPPED, frozenset()) | {(stage, job.key)}
