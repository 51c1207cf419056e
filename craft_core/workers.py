"""Worker processes: how one is started, asked and ended, and what it does for itself.

On Linux they are forked from a server, itself a fresh process that has loaded all they need once: a worker then starts in milliseconds and
shares the memory of what is loaded. That server stays until the process that started it ends. Elsewhere, where forking is not safe, each
worker is a fresh process.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from craft_core.errors import CraftError

__all__ = ["FORKS", "ONE_THREAD", "Worker", "WorkerDiedError", "environment", "no_script", "prepare_workers"]

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
"""Environment variables that let libraries use one thread; they are read when a library is loaded or first used."""

FORKS = sys.platform == "linux"
"""Whether workers are forked from a server."""

_PRELOADED = ["craft_core.stream.preload"]  # a name, not an import: this room is below that one
_ROOT = str(Path(__file__).resolve().parents[1])
_FIRST_TO_GO = "500"  # of 1,000: where memory runs out the kernel ends a worker, not the one who started it
_BURIAL_SECONDS = 10


class WorkerDiedError(Exception):
    """Report that a worker is no more."""


class Worker:
    """Start a process that does calls one after the other."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("forkserver" if FORKS else "spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs,), daemon=True)  # type: ignore[attr-defined]
        prepare_workers()
        with environment({} if FORKS else ONE_THREAD), no_script():
            self._process.start()
        theirs.close()

    def ask(self, message: bytes) -> tuple[Exception | None, Any]:
        """Return what a pickled call raised and what it returned. Raises WorkerDiedError if the worker dies of it."""
        try:
            self._line.send_bytes(message)
            answer = self._line.recv_bytes()
        except (EOFError, OSError) as error:
            raise WorkerDiedError from error
        raised, found = pickle.loads(answer)  # noqa: S301 -- from our own process
        return raised, found

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()

    def bury(self) -> None:
        """End the process if need be and let go of all that belongs to it."""
        self._process.kill()
        self._process.join(_BURIAL_SECONDS)
        self._line.close()


def prepare_workers() -> None:
    """Let the server of workers load what they need, in the background, if it does not run already."""
    if not FORKS:
        return
    from multiprocessing import forkserver

    forkserver.set_forkserver_preload(_PRELOADED)
    with environment(ONE_THREAD | _where_modules_are()), no_script():
        forkserver.ensure_running()


def _where_modules_are() -> dict[str, str]:
    """Return the variables that let a fresh process find the same modules as this one, and not those of the current folder."""
    paths = [str(Path(one).resolve()) for one in sys.path]
    return {"PYTHONPATH": os.pathsep.join(paths if _ROOT in paths else [_ROOT, *paths]), "PYTHONSAFEPATH": "1"}


@contextmanager
def environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables while the context is open; afterwards they are what they were, also those given as None."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update({name: value for name, value in variables.items() if value is not None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def no_script() -> Iterator[None]:
    """Let processes that are started now not run the script of this one again, as they need nothing of it.

    Python leaves out scripts that are the `__main__` of a package, so this one is passed off as such. Else every script would need its
    `if __name__ == "__main__"`, and each worker of the app would load the app.
    """
    main = sys.modules["__main__"]
    before = getattr(main, "__spec__", None)
    main.__spec__ = ModuleSpec("craft_core.__main__", None)
    try:
        yield
    finally:
        main.__spec__ = before


def _work(line: Connection) -> None:
    """Do calls until the one who asks is gone."""
    _begin()
    with suppress(EOFError, OSError):
        while True:
            line.send_bytes(_answered(line.recv_bytes()))


def _begin() -> None:
    """Prepare a worker: one thread, Ctrl-C is for the one who started it, and nobody is left behind when that one is killed."""
    import pyarrow as pa

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.update(ONE_THREAD)
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
    gc.freeze()  # what was loaded before the fork is not looked through again, so that its memory stays shared


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _answered(message: bytes) -> bytes:
    try:
        task, arguments = pickle.loads(message)  # noqa: S301 -- from our own process
        return pickle.dumps((None, task(*arguments)))
    except Exception as error:  # whatever it is, it is raised where the call was made
        return _packed(error)


def _packed(error: Exception) -> bytes:
    """Pickle an error; a bug takes along where it happened, and one that cannot be unpickled is told in words."""
    where = "".join(traceback.format_exception(error))
    if not isinstance(error, CraftError):
        error.add_note(f"\nIn a worker:\n{where}")
    try:
        packed = pickle.dumps((error, None))
        pickle.loads(packed)  # noqa: S301
    except Exception:
        return pickle.dumps((RuntimeError(f"In a worker:\n{where}"), None))
    return packed
