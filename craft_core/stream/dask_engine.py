"""The engine of Dask: calls go to the workers of a scheduler, one started here or one that runs already on a cluster.

All workers must see the files and the work folder under the same names, as on one machine or with a shared file system.
"""

from __future__ import annotations

import logging
import pickle
import platform
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, cast

from craft_core.errors import DataError, ParameterError
from craft_core.store.fingerprint import code_fingerprint
from craft_core.stream.engine import Call, answers, died_error
from craft_core.workers import FORKS, ONE_THREAD, environment, no_script, prepare_workers

__all__ = ["Dask", "do_call"]

_ANSWER_SECONDS = 5  # for a scheduler to answer, and for workers to come
_LOST_SECONDS = 120  # without any worker
_END_SECONDS = 0.5  # for a worker to end by itself
_SETTINGS = {
    "distributed.worker.memory.target": False,  # nothing is kept in workers that could be written out
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 2.0,  # files mapped into memory count, which all workers share
    "distributed.comm.timeouts.connect": f"{_ANSWER_SECONDS}s",
    "distributed.worker.multiprocessing-method": "forkserver" if FORKS else "spawn",  # as `worker` does: four times as fast
    "distributed.admin.tick.limit": "1h",  # says that a busy machine is busy
}
_LEFT_BEHIND = (*ONE_THREAD, "PYTHONHASHSEED", "MALLOC_TRIM_THRESHOLD_", "__DASK_PARENT_PID")  # variables that Dask sets here too


class Dask:
    """Do calls on the workers of a Dask scheduler.

    Parameters
    ----------
    address : str or None
        Of a scheduler that runs; None starts workers on this machine.
    n_workers : int
        Processes that are started; a running scheduler has its own.
    memory : int
        Bytes these processes may hold together.

    Raises
    ------
    ParameterError
        If the package is missing, nobody answers, there are no workers, or they run other code.
    """

    def __init__(self, address: str | None, n_workers: int, memory: int) -> None:
        _check_installed()
        with ExitStack() as stack:
            stack.enter_context(_quiet())
            if address is None:
                self._client: Any = _local(stack, n_workers, memory)
            else:
                self._client = _connected(stack, address)
            self.count()
            _check_code(self._client)
            self._stack = stack.pop_all()

    def do(self, calls: Iterator[Call], tick: Callable[[], None]) -> Iterator[dict[str, Any]]:
        """Yield the result of every call, in the order they end."""
        from distributed.scheduler import KilledWorker

        executor = self._client.get_executor(pure=False)
        code, called = _code(), _caller()

        def submit(call: Call) -> Future[dict[str, Any]]:
            key = f"{call[0].__name__}-{uuid.uuid4().hex}"
            return cast("Future[dict[str, Any]]", executor.submit(called, pickle.dumps(call), code, key=key))

        try:
            yield from answers(submit, lambda: self.n_workers, calls, _Watch(self, tick))
        except KilledWorker as error:
            raise died_error(str(error.task).partition("-")[0], error.allowed_failures + 1) from error
        except CancelledError as error:
            raise _gone() from error
        finally:
            with suppress(Exception):
                executor.shutdown(wait=False)

    def close(self) -> None:
        """End the workers that were started here, also in the middle of a task, and leave others to themselves."""
        self._stack.close()

    def count(self) -> int:
        """Return how many workers there are now."""
        found = int(sum(self._client.nthreads().values()))
        self.n_workers = max(found, 1)
        return found


class _Watch:
    """Tick, and look now and then how many workers there are, and whether any."""

    def __init__(self, engine: Dask, tick: Callable[[], None]) -> None:
        self._engine, self._tick = engine, tick
        self._seen = self._looked = time.monotonic()

    def __call__(self) -> None:
        self._tick()
        now = time.monotonic()
        if now - self._looked < _ANSWER_SECONDS:
            return
        self._looked = now
        if self._engine.count():
            self._seen = now
        elif now - self._seen > _LOST_SECONDS:
            raise _gone()


def _gone() -> DataError:
    return DataError(
        "The Dask scheduler or all of its workers have gone. What is finished is kept in the work folder: start the run again."
    )


def _check_installed() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise ParameterError(
            "The engine 'dask' needs the package distributed. Install it with: pip install 'dask[distributed]'."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Dask logs from the terminal: what matters is raised."""
    import dask

    logger = logging.getLogger("distributed")
    before = logger.level, logger.propagate
    logger.setLevel(logging.CRITICAL)
    try:
        with dask.config.set(_SETTINGS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before[0])


def _local(stack: ExitStack, n_workers: int, memory: int) -> Any:
    """Start a scheduler and workers on this machine, which end with the stack."""
    import tempfile

    from distributed import Client, LocalCluster

    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="craft-dask-", ignore_cleanup_errors=True))
    stack.enter_context(environment(dict.fromkeys(_LEFT_BEHIND)))
    stack.enter_context(no_script())
    prepare_workers()
    cluster = LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        host="127.0.0.1",
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        memory_limit=max(memory // n_workers, 1),
        local_directory=folder,
        silence_logs=logging.CRITICAL,
        env=ONE_THREAD,
        preload=["craft_core.stream.tasks"],
    )
    stack.callback(_end, cluster)
    return stack.enter_context(Client(cluster))


def _end(cluster: Any) -> None:
    import asyncio

    async def end() -> None:
        await asyncio.gather(*(nanny.close(timeout=_END_SECONDS) for nanny in cluster.workers.values()), return_exceptions=True)

    cluster.sync(end)
    cluster.close()


def _connected(stack: ExitStack, address: str) -> Any:
    """Return a client of a scheduler that runs."""
    from distributed import Client

    try:
        client = stack.enter_context(Client(address, timeout=_ANSWER_SECONDS))
    except (OSError, ValueError) as error:
        raise ParameterError(
            f"No Dask scheduler answers at '{address}'. Start one with `dask scheduler`, which says its address, such as tcp://10.0.0.1:8786."
        ) from error
    try:
        client.wait_for_workers(1, timeout=_ANSWER_SECONDS)
    except TimeoutError as error:
        raise ParameterError(f"The Dask scheduler at '{address}' has no workers. Start some with `dask worker {address}`.") from error
    return client


def _check_code(client: Any) -> None:
    """Raise ParameterError if workers have other code than this process: they would make other results."""
    try:
        found = client.run(_code)
    except Exception as error:
        raise ParameterError(f"The Dask workers cannot load craft_core ({error}). Install the same version there as here.") from error
    _compare(_code(), found)


def _compare(own: tuple[str, str], found: dict[str, tuple[str, str]]) -> None:
    for address, theirs in found.items():
        if theirs != own:
            what = f"Python {theirs[0]}, not {own[0]}" if theirs[0] != own[0] else "another version of craft_core or of a package it uses"
            raise ParameterError(f"The Dask worker {address} runs {what}, so its results would differ. Install the same versions there.")


def _code() -> tuple[str, str]:
    """Return what results depend on: the versions of Python, of this package and of those it computes with."""
    return platform.python_version(), code_fingerprint()


def _caller() -> Callable[[bytes, tuple[str, str]], dict[str, Any]]:
    """Return a function that is sent whole, not by its name, so that the scheduler, which looks at it, need not have this package."""

    def called(message: bytes, code: tuple[str, str]) -> dict[str, Any]:
        from craft_core.stream.dask_engine import do_call

        return do_call(message, code)

    return called


def do_call(message: bytes, code: tuple[str, str]) -> dict[str, Any]:
    """Do a call on a worker, which may have come after the others were looked at.

    Calls are pickled, so that Dask does not look through their arguments. Raises ParameterError if the worker runs other code.
    """
    _compare(code, {"that came last": _code()})
    task, arguments = pickle.loads(message)  # noqa: S301 -- from the one who started the run
    return cast("dict[str, Any]", task(*arguments))
