"""Who does the work: the same task on every piece, in processes of this machine or on a cluster.

A task is a function of this package that reads its piece, writes its result into the work folder and returns a few facts. So an engine
moves names and numbers, never texts, and a worker that dies has lost nothing but time: its piece is given to another one.
"""

from __future__ import annotations

import pickle
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, Protocol, cast

from craft_core.errors import DataError
from craft_core.workers import Worker, WorkerDiedError, prepare_workers

__all__ = ["Call", "Engine", "Processes", "Task", "answers", "died_error", "open_engine"]

Task = Callable[..., dict[str, Any]]
"""A function of a module, so that its name is enough to find it; its result holds plain values."""

Call = tuple[Task, tuple[Any, ...]]
"""A task and its arguments, which are plain values."""

_TRIES = 4
_AHEAD = 2  # calls given out for each worker, so that none waits for the next
_POLL_SECONDS = 0.5


class Engine(Protocol):
    """Does calls side by side.

    Attributes
    ----------
    n_workers : int
        How many.
    """

    n_workers: int

    def do(self, calls: Iterator[Call], tick: Callable[[], None]) -> Iterator[dict[str, Any]]:
        """Yield the result of every call, in the order they end; a call is taken from the iterator when there is a worker for it.

        `tick` is called twice a second; raising from it ends the work. What a task raises is raised here. Where workers die again and
        again on one call, DataError says so.
        """
        ...

    def close(self) -> None:
        """Send the workers home."""
        ...


@contextmanager
def open_engine(name: str, n_workers: int, memory: int) -> Iterator[Engine]:
    """Give an engine while the context is open: "processes", "dask" or "dask:ADDRESS".

    Raises
    ------
    ParameterError
        If the engine's package is missing or its scheduler does not answer.
    """
    kind, _, address = name.partition(":")
    engine: Engine
    if kind == "dask":
        from craft_core.stream.dask_engine import Dask

        engine = Dask(address or None, n_workers, memory)
    else:
        engine = Processes(n_workers)
    try:
        yield engine
    finally:
        engine.close()


class Processes:
    """Do calls in processes of this machine, each with one thread for linear algebra.

    They are started in the background before the first call is known, as they have much to load. Each is looked after by a thread, which
    hands it a call, waits for the answer and puts another in its place if it dies.
    """

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        self._staff: set[Worker] = set()
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self._hiring = threading.Lock()
        self._is_closed = False
        prepare_workers()
        self._threads = ThreadPoolExecutor(n_workers, "craft-worker")
        for _ in range(n_workers):
            self._threads.submit(lambda: self._idle.put(self._hired()))

    def do(self, calls: Iterator[Call], tick: Callable[[], None]) -> Iterator[dict[str, Any]]:
        """Yield the result of every call, in the order they end."""
        return answers(lambda call: self._threads.submit(self._answer, call), lambda: self.n_workers, calls, tick)

    def close(self) -> None:
        """End the workers, also in the middle of a task: what they write is whole or never read."""
        with self._hiring:
            self._is_closed = True
            staff = list(self._staff)
        for worker in staff:
            worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in staff:
            worker.bury()

    def _answer(self, call: Call) -> dict[str, Any]:
        message = pickle.dumps(call)
        for _ in range(_TRIES):
            worker = self._taken()
            try:
                error, found = worker.ask(message)
            except WorkerDiedError:
                self._staff.discard(worker)
                worker.bury()
                continue
            self._idle.put(worker)
            if error is not None:
                raise error
            return cast("dict[str, Any]", found)
        raise died_error(call[0].__name__, _TRIES)

    def _taken(self) -> Worker:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return self._hired()

    def _hired(self) -> Worker:
        with self._hiring:
            if self._is_closed:
                raise WorkerDiedError
            worker = Worker()
            self._staff.add(worker)
        return worker


def answers(
    submit: Callable[[Call], Future[dict[str, Any]]], n_workers: Callable[[], int], calls: Iterator[Call], tick: Callable[[], None]
) -> Iterator[dict[str, Any]]:
    """Yield what comes of every call, in the order they end, with two calls given out for each worker and a tick twice a second."""
    running: set[Future[dict[str, Any]]] = set()
    while True:
        while len(running) < _AHEAD * n_workers() and (call := next(calls, None)) is not None:
            running.add(submit(call))
        if not running:
            return
        done, running = wait(running, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
        tick()
        for future in done:
            yield future.result()


def died_error(task: str, n_times: int) -> DataError:
    """Return what is said where workers die again and again on one call."""
    return DataError(
        f"Workers died {n_times} times at the same work ({task}), most likely for want of memory. Give them less to do at once with a "
        "smaller --memory, or fewer --workers."
    )
