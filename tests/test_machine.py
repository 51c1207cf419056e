from pathlib import Path

import pytest

from craft_core import machine
from craft_core.machine import available_memory


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_free_memory", lambda: 1_000)
    monkeypatch.setattr(machine, "_GROUP", tmp_path)
    assert available_memory() == 1_000
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("300\n")
    assert available_memory() == 1_000
    (tmp_path / "memory.max").write_text("700\n")
    assert available_memory() == 400
    (tmp_path / "memory.max").write_text("200\n")
    assert available_memory() == 0


def test_this_machine_has_memory_or_does_not_say() -> None:
    found = available_memory()
    assert found is None or 0 <= found < 10**15
