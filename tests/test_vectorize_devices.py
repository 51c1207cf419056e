"""Where to compute: GPUs where there are any, and the processor shared fairly."""

import pytest
import torch

from craft_core.progress import silent
from craft_core.vectorize.devices import devices, torch_threads

GPUS = ["cuda:0", "cuda:1", "cuda:2"]


@pytest.mark.parametrize(
    ("device", "processes", "expected"),
    [
        ("auto", None, GPUS),
        ("cuda", None, GPUS),
        ("auto", 4, [*GPUS, "cuda:0"]),
        ("auto", 2, GPUS[:2]),
        ("cuda:1", None, ["cuda:1"]),
        ("cuda:1", 2, ["cuda:1", "cuda:1"]),
        ("cpu", None, ["cpu"]),
    ],
)
def test_processes_go_to_the_gpus_by_turns(
    device: str, processes: int | None, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert devices(device, processes, silent)[0] == expected


def test_without_a_gpu_processes_share_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 5)
    assert devices("auto", None, silent) == (["auto"], 5)
    assert devices("cpu", 2, silent) == (["cpu", "cpu"], 2)
    assert devices("auto", 8, silent) == (["auto"] * 8, 1)
    assert devices("cuda:0", 2, silent)[1] is None


def test_threads_are_held_and_given_back() -> None:
    before = torch.get_num_threads()
    with torch_threads(before + 2):
        assert torch.get_num_threads() == before + 2
    assert torch.get_num_threads() == before
    with torch_threads(None):
        assert torch.get_num_threads() == before
