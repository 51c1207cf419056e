import ast
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import stream_helpers as helpers

from craft_core.errors import DataError
from craft_core.experiment import open_files, run
from craft_core.stream import Streaming, stream, tasks
from craft_core.stream.engine import Engine, Processes, open_engine

ROOT = Path(__file__).parent.parent


@pytest.fixture
def engine() -> Iterator[Processes]:
    engine = Processes(2)
    yield engine
    engine.close()


def quiet() -> None:
    pass


def numbers(engine: Engine, *calls: Any) -> list[Any]:
    return [found["number"] for found in engine.do(iter(calls), quiet)]


def pids(engine: Processes) -> list[int | None]:
    return [worker._process.pid for worker in engine._staff]


def is_alive(pid: int | None) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_every_call_is_done_once_and_twice_in_a_row(engine: Processes) -> None:
    assert sorted(numbers(engine, *((helpers.double, (number,)) for number in range(20)))) == list(range(0, 40, 2))
    assert numbers(engine, (helpers.double, (4,))) == [8]
    assert numbers(engine) == []


def test_results_come_as_they_end(engine: Processes, tmp_path: Path) -> None:
    path = str(tmp_path / "here")
    found = numbers(engine, (helpers.wait_for, (path,)), (helpers.double, (1,)), (helpers.touch, (path,)))
    assert sorted(found[:2], key=str) == [2, "touched"]
    assert found[2] == "waited"


def test_calls_are_made_late_so_that_they_can_know_of_earlier_results(engine: Processes) -> None:
    asked = []

    def calls() -> Iterator[Any]:
        for number in range(20):
            asked.append(number)
            yield helpers.double, (number,)

    most = [len(asked) for _ in zip(engine.do(calls(), quiet), count(1), strict=False)]
    assert most[0] <= 4  # two for each of two workers
    assert all(known <= place + 6 for place, known in enumerate(most))


def test_the_environment_of_the_one_who_asks_stays_as_it_was() -> None:
    before = dict(os.environ)
    with open_engine("processes", 1, 10**9) as engine:
        assert numbers(engine, (helpers.double, (1,))) == [2]
    assert dict(os.environ) == before


def test_a_mistake_in_the_data_arrives_as_it_was(engine: Processes) -> None:
    with pytest.raises(DataError, match="^The file is not a file.$"):
        numbers(engine, (helpers.wrong_data, ()))
    assert numbers(engine, (helpers.double, (1,))) == [2]


def test_a_bug_says_where_in_the_worker_it_is(engine: Processes) -> None:
    with pytest.raises(IndexError) as caught:
        numbers(engine, (helpers.bug, ()))
    assert 'return {"number": [][0]}' in caught.value.__notes__[0]
    with pytest.raises(RuntimeError, match="OddError: very odd"):  # it cannot be unpickled
        numbers(engine, (helpers.odd, ()))


def test_a_worker_killed_in_the_middle_changes_nothing(engine: Processes, tmp_path: Path) -> None:
    calls = [(helpers.double, (number,)) for number in range(6)]
    calls.insert(2, (helpers.die_once, (str(tmp_path / "one"),)))
    calls.insert(4, (helpers.die_once, (str(tmp_path / "two"),)))
    assert sorted(map(str, numbers(engine, *calls))) == ["0", "10", "2", "4", "6", "8", "alive", "alive"]
    assert len(engine._staff) == 2


def test_workers_killed_while_they_wait_are_replaced(engine: Processes) -> None:
    numbers(engine, *((helpers.nap, (0.01,)) for _ in range(4)))
    for pid in pids(engine):
        os.kill(pid or 0, signal.SIGKILL)
    assert sorted(numbers(engine, (helpers.double, (1,)), (helpers.double, (2,)), (helpers.double, (3,)))) == [2, 4, 6]


def test_work_that_kills_every_worker_is_given_up(engine: Processes) -> None:
    with pytest.raises(DataError, match=r"Workers died 4 times at the same work \(die\).*smaller --memory"):
        numbers(engine, (helpers.die, ()))


def test_raising_from_a_tick_ends_the_work_and_leaves_nobody(tmp_path: Path) -> None:
    def tick() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError), open_engine("processes", 2, 10**9) as engine:  # noqa: PT012
        assert isinstance(engine, Processes)
        numbers(engine, *((helpers.nap, (0.01,)) for _ in range(4)))
        known = pids(engine)
        list(engine.do(iter([(helpers.touch_late, (str(tmp_path / "late"),))] * 3), tick))
    assert len(known) == 2
    assert not (tmp_path / "late").exists()
    assert not any(is_alive(pid) for pid in known)


def test_closing_twice_and_before_anything_is_asked_does_no_harm() -> None:
    engine = Processes(2)
    engine.close()
    engine.close()


SCRIPT = """
import os, sys
sys.path.insert(0, {tests!r})
import stream_helpers as helpers
from craft_core.stream.engine import Processes
print("once")
engine = Processes(2)
for found in engine.do(iter([(helpers.threads, ()), (helpers.nap, (60,))]), lambda: None):
    print(found)
    print(*(worker._process.pid for worker in engine._staff), flush=True)
"""


def test_a_script_is_not_run_again_by_its_workers_which_use_one_thread_and_end_with_it(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(SCRIPT.format(tests=str(ROOT / "tests"))))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"}
    process = subprocess.Popen([sys.executable, path], env=environment, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "once\n"
        found = ast.literal_eval(process.stdout.readline())
        workers = [int(pid) for pid in process.stdout.readline().split()]
        assert all(is_alive(pid) for pid in workers)
        process.kill()
    assert (found["polars"], set(found["numbers"])) == ("1", {1})
    assert len(workers) == 2
    end = time.monotonic() + 10
    while any(is_alive(pid) for pid in workers) and time.monotonic() < end:
        time.sleep(0.02)
    assert not any(is_alive(pid) for pid in workers)


def test_a_run_whose_worker_is_killed_is_the_run_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = helpers.small_run(tmp_path)
    expected = run(config, open_files(config.data))
    monkeypatch.setattr(tasks, "choose", helpers.choose_or_die)
    found = stream(config, open_files(config.data), Streaming(10**10, 2), tmp_path / "work")
    assert len(list(tmp_path.glob("work/*/died"))) == 1
    helpers.assert_same(found, expected)
