"""Long work: computed once a session in a thread, with progress, remaining time and a Stop button.

Results live on a shelf that belongs to one browser session. A key is made of content digests and the `repr` of parameters: Streamlit's own
hashing samples large arrays and frames, and takes equal fields of different classes for the same.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from craft_core.progress import Progress, part
from pages.shared.expected import Expected, Wait, learn
from pages.shared.jobs import Job, join, leave
from pages.shared.keeping import Keep, found_or_made, is_kept

T = TypeVar("T")
K = TypeVar("K")

_AGREED = "agreed"  # in the session state: (stage, key) of heavy work the user wants begun
_SAID_SECONDS = 2.0  # what takes less needs no estimate
_STOPPED = "stopped"  # in the session state: (stage, key) of the work the user stopped
_POLL_SECONDS = 0.1
_QUIET_SECONDS = 0.3
_KEPT_PARTS = 4  # of each stage; parts are small
_KEPT_RESULTS = 2  # of each stage: vectors of a million pairs take 2 GB


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


def digest_of(key: str) -> str:
    """Return a short digest of a key, for what is kept beyond this run of the program."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def is_ready(stage: str, key: str) -> bool:
    """Return whether this result of a stage is already computed."""
    return key in _shelf().results.get(stage, {})


def is_running(stage: str, key: str) -> bool:
    """Return whether this result of a stage is being computed."""
    job = _shelf().jobs.get(stage)
    return job is not None and job.key == key and not job.is_cancelled


def compute(stage: str, key: str, function: Callable[[Progress], T], keep: Keep | None = None, wait: Wait | None = None) -> T:
    """Return the result under a key, computing it with progress and a Stop button if it is not there.

    Parameters
    ----------
    stage : str
        What is computed, for the user; work of the same stage under another key is cancelled.
    key : str
        From `key_of`.
    function : callable
        Does the work; it calls the progress it is given between chunks.
    keep : Keep or None
        How the result is kept on disk; None for one that is made anew each time.
    wait : callable or None
        Says what the work will take. Where that is much, the user is asked first.
    """
    shelf = _shelf()
    kept = shelf.results.setdefault(stage, OrderedDict())
    if key not in kept:
        _stop_here_if_stopped(stage, key)
        expected = None if wait is None or is_kept(stage, key, keep) else wait()
        _ask_if_heavy(stage, key, expected)
        while len(kept) >= _KEPT_RESULTS:  # before computing: old and new together would be one too many
            kept.popitem(last=False)
        kept[key] = job = _finish(shelf, stage, key, found_or_made(stage, key, function, keep), expected)
        if expected is not None and job.result.is_new:
            learn(expected, job.result.seconds)
    kept.move_to_end(key)
    return kept[key].result.value  # type: ignore[no-any-return]


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


def collect(
    stage: str, key: str, wanted: Sequence[K], make: Callable[[K, Progress], T], keep: Keep | None = None, wait: Wait | None = None
) -> dict[K, T]:
    """Return the parts of a piece of work, making those that are not there; each is kept as soon as it is made.

    Parameters
    ----------
    stage, key
        As in `compute`.
    wanted : sequence
        What parts are made of, in the order to make them.
    make : callable
        Makes one of them; it calls the progress it is given between chunks.
    keep : Keep or None
        How each part is kept on disk.
    wait : callable or None
        Says what the missing parts will take.
    """
    made = parts(stage, key)
    if any(one not in made for one in wanted):

        def found(one: K, progress: Progress) -> T:
            return found_or_made(stage, key_of(key, one), lambda now: make(one, now), keep)(progress).value  # type: ignore[no-any-return]

        expected = None if wait is None else wait()
        _ask_if_heavy(stage, key, expected)
        made |= _finish(_shelf(), stage, key, missing_parts(made, wanted, found), expected).result  # another page may have begun the work
    return made


def missing_parts(made: dict[K, T], wanted: Sequence[K], make: Callable[[K, Progress], T]) -> Callable[[Progress], dict[K, T]]:
    """Return the work that makes what is missing among the parts, one after the other, and returns all of them."""

    def work(progress: Progress) -> dict[K, T]:
        missing = [one for one in wanted if one not in made]
        for number, one in enumerate(missing):
            made[one] = make(one, part(progress, number / len(missing), (number + 1) / len(missing)))
        return made

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
    return round(float(_shelf().results[stage][key].result.seconds), 3)


def _stop_here_if_stopped(stage: str, key: str) -> None:
    if not was_stopped(stage, key):
        return
    st.info(f"{stage}: stopped before it was finished. Change the settings, or go on.", icon=":material/pause_circle:")
    if st.button("Go on", type="primary", key="go_on"):
        ask_again(stage, key)
        st.rerun()
    st.stop()


def _ask_if_heavy(stage: str, key: str, expected: Expected | None) -> None:
    """Stop the page before heavy work until the user wants it begun."""
    agreed: frozenset[tuple[str, str]] = st.session_state.get(_AGREED, frozenset())
    if expected is None or (stage, key) in agreed or is_running(stage, key) or not expected.is_heavy:
        return
    with st.container(border=True):
        st.markdown(f"**{stage}** will take {expected.sentence()} on this machine. You can stop it at any time.")
        if st.button("Begin", type="primary", key=f"begin_{stage}", icon=":material/play_arrow:"):
            st.session_state[_AGREED] = agreed | {(stage, key)}
            st.rerun()
        st.caption("Fewer dimensions, fewer clusters, another vectorizer or another method may be faster: the settings are at the side.")
    st.stop()


def _finish(shelf: Shelf, stage: str, key: str, function: Callable[[Progress], Any], expected: Expected | None = None) -> Job:
    job = shelf.jobs.get(stage)
    if job is None or job.key != key or job.is_cancelled:
        if job is not None:
            leave(job, _session())
        job = shelf.jobs[stage] = join(stage, key, function, _session())
    slot = st.empty()
    if not job.done.wait(_QUIET_SECONDS):
        _watch(slot, stage, job, expected)
    slot.empty()
    shelf.jobs.pop(stage, None)
    if job.error is not None:
        raise job.error
    return job


def _watch(slot: Any, stage: str, job: Job, expected: Expected | None) -> None:
    with slot.container(border=True):
        bar = st.progress(0.0, text=f"**{stage}**")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Stop", key=f"stop_{stage}", on_click=_stop, args=(stage, job), icon=":material/stop_circle:")
            if expected is not None and expected.here.seconds >= _SAID_SECONDS:
                st.caption(f"Expected: {expected.sentence()}.")
    # A run of the page that is stopped here, by navigation or by Streamlit's own Stop, leaves the job going: the next run finds it again.
    while not job.done.wait(_POLL_SECONDS):
        bar.progress(job.share, text=f"**{stage}:** {job.caption()}")


def _session() -> str:
    context = get_script_run_ctx()
    return "" if context is None else context.session_id


def _stop(stage: str, job: Job) -> None:
    leave(job, _session())
    shelf = _shelf()
    if shelf.jobs.get(stage) is job:
        del shelf.jobs[stage]
    # many stages share a key, and more than one can wait at a time
    st.session_state[_STOPPED] = st.session_state.get(_STOPPED, frozenset()) | {(stage, job.key)}
