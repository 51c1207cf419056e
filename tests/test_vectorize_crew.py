"""Child processes: what they return, what they raise, and that none is left behind."""

import os
import subprocess
import sys
import time

import pytest

from craft_core.errors import ParameterError
from craft_core.vectorize import crew as module
from craft_core.vectorize.crew import Crew

PID = "__import__('os').getpid()"
SLEEP = "__import__('time').sleep(60)"
DIE = "__import__('os').kill(__import__('os').getpid(), 9)"


def nothing() -> None:
    pass


def started(count: int = 2) -> Crew[str, object]:
    """Children that evaluate text."""
    crew = Crew[str, object]()
    crew.start([eval] * count)
    return crew


def are_gone(pids: set[object]) -> bool:
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    return True


def test_results_come_in_the_order_of_the_items_from_all_children_which_end_with_the_context() -> None:
    with started() as crew:
        pids = set(crew.map(["__import__('time').sleep(0.05) or " + PID] * 20, nothing))
        found = list(crew.map([f"__import__('time').sleep({0.2 if number == 0 else 0}) or {number}" for number in range(20)], nothing))
        assert list(crew.map(["print('this is no answer') or 3"], nothing)) == [3]
        assert list(crew.map([], nothing)) == []
    assert found == list(range(20))
    assert len(pids) == 2
    assert are_gone(pids)
    assert not crew.has_started


def test_what_a_child_raises_is_raised_here_and_ends_all() -> None:
    with started() as crew:
        pids = set(crew.map([PID] * 2, nothing))
        with pytest.raises(ZeroDivisionError, match="division by zero"):
            list(crew.map([SLEEP, "1 / 0"][::-1], nothing))
        assert are_gone(pids)


def test_a_killed_child_is_told_in_a_sentence() -> None:
    with started() as crew:
        with pytest.raises(ParameterError) as caught:
            list(crew.map(["1", DIE, SLEEP], nothing))
        assert not crew.has_started
    assert str(caught.value) == (
        "A process that encodes sentences ended too early (code -9), perhaps for lack of memory. "
        "Lower the 'processes' or the 'batch_size' parameter of sentence-transformers."
    )


def test_a_report_that_raises_ends_children_at_work() -> None:
    calls: list[float] = []

    def stop() -> None:
        calls.append(time.monotonic())
        if len(calls) == 3:
            raise KeyboardInterrupt

    with started() as crew:
        pids = set(crew.map([PID] * 2, nothing))
        with pytest.raises(KeyboardInterrupt):
            list(crew.map([SLEEP] * 9, stop))
        assert are_gone(pids)


def test_an_iterator_that_is_left_alone_ends_with_the_context() -> None:
    with started() as crew:
        pids = set(crew.map([PID] * 2, nothing))
        results = crew.map(["1"] + [SLEEP] * 9, nothing)
        assert next(results) == 1
    assert are_gone(pids)


def test_a_child_ends_with_its_input() -> None:
    done = subprocess.run([sys.executable, "-c", module._CHILD], input=b"", capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
