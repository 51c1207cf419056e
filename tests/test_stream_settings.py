import os

import pytest

from craft_core.errors import ParameterError
from craft_core.stream import Streaming, memory_bytes
from craft_core.stream.settings import free_memory, worker_count


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [
        ("4GB", 4 * 10**9),
        ("4 GB", 4 * 10**9),
        ("  500mb ", 500 * 10**6),
        ("2GiB", 2 * 2**30),
        ("2gib", 2 * 2**30),
        ("1.5G", 1_500_000_000),
        ("1.5Ki", 1536),
        ("3T", 3 * 10**12),
        ("3TiB", 3 * 2**40),
        ("7k", 7_000),
        ("64MiB", 64 * 2**20),
        ("123", 123),
        ("123B", 123),
        ("0", 0),
    ],
)
def test_sizes_are_read(text: str, n_bytes: int) -> None:
    assert memory_bytes(text) == n_bytes


@pytest.mark.parametrize(
    "text", ["", "GB", "4 gigabytes", "-4GB", "4,5GB", "4GB!", "1e9", "4iB", "4 i", "nan", "inf", "4.GB", ".5GB", "4PB", "9" * 400 + "GB"]
)
def test_what_is_no_size_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ParameterError, match="such as 4GB or 500MB. Got "):
        memory_bytes(text)


def test_free_memory_is_taken_but_for_a_fifth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("craft_core.stream.settings.available_memory", lambda: 1_000)
    assert free_memory() == 800
    monkeypatch.setattr("craft_core.stream.settings.available_memory", lambda: None)
    with pytest.raises(ParameterError, match="--memory 4GB"):
        free_memory()


def test_workers_are_those_asked_for_or_one_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    assert worker_count(7) == 7
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    assert worker_count(None) == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert worker_count(None) == 1


@pytest.mark.parametrize("workers", [0, -1, 1_025])
def test_a_bad_number_of_workers_is_refused(workers: int) -> None:
    with pytest.raises(ParameterError, match=rf"must lie in \[1, 1,024\]. Got {workers}."):
        Streaming(10**9, workers=workers)


@pytest.mark.parametrize("engine", ["", "spark", "processes:8", "Dask", "daskk"])
def test_an_unknown_engine_is_refused_with_those_there_are(engine: str) -> None:
    with pytest.raises(ParameterError, match=f"no engine '{engine}'. There are: processes, dask, dask:ADDRESS"):
        Streaming(10**9, engine=engine)


@pytest.mark.parametrize("engine", ["processes", "dask", "dask:tcp://10.0.0.1:8786"])
def test_engines_there_are(engine: str) -> None:
    assert Streaming(10**9, engine=engine).engine == engine
