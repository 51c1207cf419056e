"""Where torch computes, and with how many threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from craft_core.progress import Progress
from craft_core.vectorize.hub import hold_package, while_reporting

__all__ = ["devices", "torch_threads"]


def devices(device: str, processes: int | None, progress: Progress) -> tuple[list[str], int | None]:
    """Return on which device each of several processes is to compute, and how many threads torch may take in each.

    Parameters
    ----------
    device : str
        As `open_model` has it; "auto" and "cuda" are all the GPUs there are.
    processes : int or None
        How many; None for one a GPU, or one where there is none.
    progress : Progress
        Called while torch is imported.

    Returns
    -------
    tuple
        A device a process; and on a processor its share of the threads torch would take for itself, None for its own choice.

    Raises
    ------
    ParameterError
        If sentence-transformers is not installed.
    """
    hold_package()

    def look() -> tuple[int, int]:
        import torch

        return torch.cuda.device_count() if device in ("auto", "cuda") else 0, torch.get_num_threads()

    gpus, threads = while_reporting(look, progress, "Looking for GPUs")
    count = processes or gpus or 1
    if gpus:
        return [f"cuda:{number % gpus}" for number in range(count)], None
    return [device] * count, max(1, threads // count) if device in ("auto", "cpu") else None


@contextmanager
def torch_threads(most: int | None) -> Iterator[None]:
    """Let torch use so many threads while the context is open, None for those it uses anyway."""
    if most is None:
        yield
        return
    import torch

    held = torch.get_num_threads()
    torch.set_num_threads(most)
    try:
        yield
    finally:
        torch.set_num_threads(held)
