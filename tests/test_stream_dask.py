import builtins
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import stream_helpers as helpers

from craft_core.errors import DataError, ParameterError
from craft_core.experiment import open_files, run
from craft_core.stream import Streaming, dask_engine, stream, tasks
from craft_core.stream.dask_engine import Dask
from craft_core.stream.engine import open_engine

ROOT = Path(__file__).parent.parent
GIB = 2**30


@pytest.fixture(scope="module")
def engine() -> Iterator[Dask]:
    """One cluster of two workers for all tests, as it takes seconds to start."""
    before = environment()
    engine = Dask(None, 2, 4 * GIB)
    pids = list(engine._client.run(os.getpid).values())
    yield engine
    engine.close()
    assert environment() == before
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


def quiet() -> None:
    pass


def numbers(engine: Dask, *calls: Any) -> list[Any]:
    return [found["number"] for found in engine.do(iter(calls), quiet)]


def test_dask_is_loaded_only_when_it_is_asked_for() -> None:
    code = "import sys, craft_core.stream.tasks, craft_core.cli; print('dask' in sys.modules or 'distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout == "False\n"


def test_every_call_is_done(engine: Dask) -> None:
    assert engine.n_workers == 2
    assert sorted(numbers(engine, *((helpers.double, (number,)) for number in range(20)))) == list(range(0, 40, 2))
    assert numbers(engine, (helpers.double, (4,)), (helpers.double, (4,))) == [8, 8]
    assert numbers(engine) == []


def test_workers_use_one_thread_and_keep_to_themselves(engine: Dask) -> None:
    (found,) = engine.do(iter([(helpers.threads, ())]), quiet)
    assert found["polars"] == "1"
    assert set(found["numbers"]) == {1}
    assert engine._client.scheduler.address.startswith("tcp://127.0.0.1:")
    assert all(worker["memory_limit"] == 2 * GIB for worker in engine._client.scheduler_info()["workers"].values())


def test_results_come_as_they_end(engine: Dask, tmp_path: Path) -> None:
    path = str(tmp_path / "here")
    found = numbers(engine, (helpers.wait_for, (path,)), (helpers.double, (1,)), (helpers.touch, (path,)))
    assert sorted(found[:2], key=str) == [2, "touched"]
    assert found[2] == "waited"


def test_errors_arrive_as_they_were(engine: Dask) -> None:
    with pytest.raises(DataError, match="^The file is not a file.$"):
        numbers(engine, (helpers.wrong_data, ()))
    with pytest.raises(IndexError):
        numbers(engine, (helpers.bug, ()))
    assert numbers(engine, (helpers.double, (1,))) == [2]


def test_a_worker_killed_in_the_middle_changes_nothing(engine: Dask, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    calls = [(helpers.double, (number,)) for number in range(4)]
    calls.insert(1, (helpers.die_once, (str(tmp_path / "one"),)))
    assert sorted(map(str, numbers(engine, *calls))) == ["0", "2", "4", "6", "alive"]
    assert capfd.readouterr() == ("", "")


def test_work_that_kills_every_worker_is_given_up(engine: Dask, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match=r"Workers died 4 times at the same work \(die\).*smaller --memory"):
        numbers(engine, (helpers.die, ()))
    assert capfd.readouterr() == ("", "")


def test_raising_from_a_tick_cancels_what_is_not_begun(engine: Dask, tmp_path: Path) -> None:
    def tick() -> None:
        raise InterruptedError

    engine._client.wait_for_workers(2)
    paths = [tmp_path / str(number) for number in range(2)]
    with pytest.raises(InterruptedError):
        list(engine.do(iter([(helpers.nap, (0.8,))] * 2 + [(helpers.touch, (str(path),)) for path in paths]), tick))
    assert numbers(engine, (helpers.double, (1,))) == [2]
    assert not any(path.exists() for path in paths)


def test_a_run_whose_worker_is_killed_is_the_run_in_memory(engine: Dask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = helpers.small_run(tmp_path)
    expected = run(config, open_files(config.data))
    monkeypatch.setattr(tasks, "choose", helpers.choose_or_die)
    monkeypatch.setattr(engine, "close", quiet)
    monkeypatch.setattr(dask_engine, "Dask", lambda *_: engine)
    found = stream(config, open_files(config.data), Streaming(10**10, 2, "dask"), tmp_path / "work")
    assert len(list(tmp_path.glob("work/*/died"))) == 1
    helpers.assert_same(found, expected)


def test_another_run_joins_a_scheduler_by_its_address(engine: Dask) -> None:
    engine._client.wait_for_workers(2)  # one that was killed may not be back
    with open_engine(f"dask:{engine._client.scheduler.address}", 7, 1) as other:
        assert other.n_workers == 2
        assert [found["number"] for found in other.do(iter([(helpers.double, (1,))]), quiet)] == [2]
    assert numbers(engine, (helpers.double, (2,))) == [4]


@pytest.mark.parametrize(
    ("code", "what"), [(("2.7.18", "same"), r"Python 2\.7\.18, not 3\.14"), (("3.14", "other"), "another version of craft_core")]
)
def test_workers_with_other_code_are_refused(code: tuple[str, str], what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_engine, "_code", lambda: ("3.14", "same"))
    client = SimpleNamespace(run=lambda _: {"tcp://1.2.3.4:5": ("3.14", "same"), "tcp://1.2.3.4:6": code})
    with pytest.raises(ParameterError, match=f"worker tcp://1.2.3.4:6 runs {what}.*Install the same"):
        dask_engine._check_code(client)


def test_a_worker_that_came_late_is_looked_at_too() -> None:
    with pytest.raises(ParameterError, match="another version"):
        dask_engine.do_call(b"", (dask_engine._code()[0], "other"))


def test_workers_without_the_package_are_refused() -> None:
    def run(_: Any) -> None:
        raise ModuleNotFoundError("No module named 'craft_core'")

    with pytest.raises(ParameterError, match=r"cannot load craft_core \(No module named 'craft_core'\)"):
        dask_engine._check_code(SimpleNamespace(run=run))


def test_an_address_where_nobody_answers_is_named(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(dask_engine, "_ANSWER_SECONDS", 0.2)
    for address in ("tcp://127.0.0.1:1", "nonsense"):
        with pytest.raises(ParameterError, match=f"No Dask scheduler answers at '{address}'"):
            Dask(address, 1, GIB)
    assert capfd.readouterr() == ("", "")


def test_a_scheduler_without_workers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    monkeypatch.setattr(dask_engine, "_ANSWER_SECONDS", 0.2)
    with (
        LocalCluster(n_workers=0, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0") as cluster,
        pytest.raises(ParameterError, match="has no workers. Start some with `dask worker"),
    ):
        Dask(cluster.scheduler_address, 1, GIB)


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *others: Any) -> Any:
        if name == "distributed":
            raise ModuleNotFoundError(name)
        return real(name, *others)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ParameterError, match="pip install"):
        Dask(None, 1, GIB)


def test_a_scheduler_that_goes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 60.0, 130.0])
    monkeypatch.setattr(dask_engine, "time", SimpleNamespace(monotonic=lambda: next(now)))
    watch = dask_engine._Watch(SimpleNamespace(count=lambda: 0), quiet)
    watch()
    with pytest.raises(DataError, match="all of its workers have gone"):
        watch()
