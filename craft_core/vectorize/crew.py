"""Processes that do the same slow work beside each other, and end with it.

The standard pools would run the caller's main script again in every child, which for a page or a script without a guard means to start
all over; and some of them wait for ever for a child that was killed. So a child here is a plain Python that reads work from its input and
writes results to its output: where the parent ends, however it ends, the input does, and the child with it.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import IO, Any, Generic, TypeVar

from craft_core.errors import ParameterError

__all__ = ["Crew", "serve"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_POLL_SECONDS = 0.2
_AHEAD = 3  # items in hand for each child: none waits for the next, and little is lost where the work is stopped
_CHILD = "from craft_core.vectorize.crew import serve; serve()"


class Crew(Generic[Item, Result]):
    """Share items among child processes; a context manager, at whose end they are gone."""

    def __init__(self) -> None:
        self._members: list[_Member] = []
        self._idle: queue.SimpleQueue[_Member] = queue.SimpleQueue()
        self._threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> Crew[Item, Result]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def has_started(self) -> bool:
        """Whether there are children now."""
        return bool(self._members)

    def start(self, works: Sequence[Callable[[Item], Result]]) -> None:
        """Start one child for each callable, which is what it does with an item; callables and items are such as can be pickled."""
        self.close()
        for work in works:
            self._members.append(_Member(work))
            self._idle.put(self._members[-1])

    def map(self, items: Iterable[Item], report: Callable[[], None]) -> Iterator[Result]:
        """Yield the results in the order of the items; `report` is called five times a second meanwhile, and ends all by raising.

        Close the iterator, or leave the context, when you stop before its end.

        Raises
        ------
        ParameterError
            If a child ended before its work.
        Exception
            What the work raised in a child.
        """
        if self._threads is None:
            self._threads = ThreadPoolExecutor(len(self._members), thread_name_prefix="crew")
        threads, ahead = self._threads, _AHEAD * len(self._members)
        futures: deque[Future[Result]] = deque()
        try:
            for item in items:
                futures.append(threads.submit(self._one, item))
                if len(futures) >= ahead:
                    yield _waited(futures.popleft(), report)
            while futures:
                yield _waited(futures.popleft(), report)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all children at once, whatever they are doing, and wait until they are gone."""
        for member in self._members:
            member.kill()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)  # they find their children gone
        for member in self._members:
            member.close()
        self._members, self._idle, self._threads = [], queue.SimpleQueue(), None

    def _one(self, item: Item) -> Result:
        member = self._idle.get()
        try:
            result: Result = member.do(item)
            return result
        finally:
            self._idle.put(member)


class _Member:
    """One child."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        # the same modules are found; nothing is taken from the current folder that the parent would not take
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        self._work: Callable[[Any], Any] | None = work
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )

    def do(self, item: Any) -> Any:
        """Return what the child makes of an item."""
        assert self._process.stdin is not None  # noqa: S101 -- asked for above
        assert self._process.stdout is not None  # noqa: S101
        try:
            if self._work is not None:
                _send(self._process.stdin, self._work)
                self._work = None
            _send(self._process.stdin, item)
            is_good, result = pickle.load(self._process.stdout)  # noqa: S301 -- from a child of our own
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise ParameterError(
                f"A process that encodes sentences ended too early (code {self._process.wait()}), perhaps for lack of memory. "
                "Lower the 'processes' or the 'batch_size' parameter of sentence-transformers."
            ) from error
        if not is_good:
            raise result
        return result

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):  # what was not sent yet cannot be any more
                    stream.close()


def serve() -> None:
    """Be a child: read a callable and then items from standard input, and write what it returns or raises, until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C ends the parent, and the parent ends this
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anybody prints is no answer
    try:
        work = pickle.load(sys.stdin.buffer)  # noqa: S301 -- from our own parent
        while True:
            _send(answers, _answer(work, pickle.load(sys.stdin.buffer)))  # noqa: S301
    except (EOFError, BrokenPipeError):
        os._exit(0)  # nobody listens; there is nothing to tidy


def _answer(work: Callable[[Any], Any], item: Any) -> tuple[bool, Any]:
    try:
        return True, work(item)
    except Exception as error:  # raised again where it was asked for
        return False, error


def _send(stream: IO[bytes], value: Any) -> None:
    stream.write(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
    stream.flush()


def _waited(future: Future[Result], report: Callable[[], None]) -> Result:
    while not wait([future], _POLL_SECONDS).done:
        report()
    return future.result()
