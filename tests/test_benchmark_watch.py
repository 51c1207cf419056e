import subprocess
import sys
import time
from pathlib import Path

import pytest

from craft_core.benchmark import memory, watch
from craft_core.benchmark.watch import watched
from craft_core.errors import ParameterError

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "program.py"


@linux
def test_memory_and_processor_time_of_all_processes_are_seen(program: Path) -> None:
    child = "import time; held = b'x' * 60_000_000; time.sleep(0.25)"
    program.write_text(
        "import subprocess, sys, time\n"
        f"one = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "held = b'x' * 60_000_000; print('done', one.wait())\n"
    )
    found = watched(["program"], "The program")
    assert found.out == "done 0\n"
    assert 120e6 < found.peak_bytes < 220e6
    assert found.seconds > 0.25
    assert found.cpu_seconds > 0.01


def test_what_fails_gets_its_last_words(program: Path) -> None:
    program.write_text("import sys; sys.exit('first\\ncraft_core.errors.ParameterError: Too many clusters.')")
    with pytest.raises(ParameterError, match=r"^The run failed: Too many clusters\.$"):
        watched(["program"], "The run")


@linux
def test_an_interruption_ends_what_was_started(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program.write_text("import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])\n")
    leaders: list[int] = []

    def interrupt(leader: int) -> float:
        leaders.append(leader)
        if len(sessions(leader)) == 2:
            raise KeyboardInterrupt
        return 0.0

    monkeypatch.setattr(watch, "session_memory", interrupt)
    with pytest.raises(KeyboardInterrupt):
        watched(["program"], "The program")
    until = time.monotonic() + 5
    while sessions(leaders[0]) and time.monotonic() < until:
        time.sleep(0.01)
    assert not sessions(leaders[0])


def sessions(leader: int) -> list[Path]:
    """Processes of a session; one that has ended but was not fetched yet is none."""
    own = [path for path in Path("/proc").iterdir() if path.name.isdigit() and memory._session(int(path.name)) == leader]
    return [path for path in own if path.exists() and " Z " not in (path / "stat").read_text()]


@linux
def test_the_peak_can_be_forgotten() -> None:
    held = b"x" * 200_000_000
    high = memory.peak_memory()
    del held
    assert memory.forget_peak()
    low, now = memory.peak_memory(), memory.memory_now()
    assert high is not None
    assert low is not None
    assert now is not None
    assert low < high - 150e6
    assert low == pytest.approx(now, rel=0.05)


def test_without_proc_ps_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_IS_LINUX", False)
    shown = listed("    7  100\n   12   50\n    7   11\n")
    monkeypatch.setattr(memory.subprocess, "run", lambda *args, **settings: shown)
    assert memory.session_memory(7) == 1024 * 111


def test_where_nobody_tells_nothing_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*args: object, **settings: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(memory, "_IS_LINUX", False)
    monkeypatch.setattr(memory.subprocess, "run", missing)
    monkeypatch.setattr(memory, "_PROC", Path("/nowhere"))
    assert memory.session_memory(7) is None
    assert memory.memory_now() is None
    assert not memory.forget_peak()


def listed(stdout: str) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], 0, stdout, "")
