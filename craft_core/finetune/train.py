"""Batches of pairs of like length, and the steps of Adam over them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from craft_core.arrays import IntVector
from craft_core.finetune.model import Tensor, Weights, decode, encode_sources, logits, look_across
from craft_core.finetune.settings import FineTuning
from craft_core.finetune.tokenizer import PAD, START, TokenPairs
from craft_core.progress import Progress

__all__ = ["batches", "batches_by_length", "losses", "threads", "train"]

_WINDOW = 4_096  # pairs sorted by length together; longer windows pad less, shorter ones mix better
_WARM = 0.1  # share of the steps in which the step size rises
_MAX_NORM = 1.0


def train(
    weights: Weights, settings: FineTuning, pairs: TokenPairs, epochs: int, rate: float, seed: int, progress: Progress, text: str
) -> None:
    """Train the weights in place: Adam, step size rising to `rate` over a tenth of the steps and then falling to 0 in a straight line.

    Parameters
    ----------
    pairs : TokenPairs
        None at all leaves the weights as they are.
    seed : int
        Makes the order of the pairs, the only thing that is random.
    progress : Progress
        Called before every step.
    """
    import torch

    rng = np.random.default_rng(seed)
    plan = [rows for _ in range(epochs) for rows in batches(pairs, settings.batch_tokens, rng)]
    given = list(weights.values())
    device = given[0].device
    optimizer = torch.optim.AdamW(given, lr=rate, betas=(0.9, 0.98), weight_decay=0.01, fused=device.type in ("cpu", "cuda"))
    for one in given:
        one.requires_grad_(True)
    for step, rows in enumerate(plan):
        progress(step / len(plan), text)
        optimizer.param_groups[0]["lr"] = rate * _height((step + 1) / len(plan))
        optimizer.zero_grad()
        losses(weights, settings, pairs, rows, device).mean().backward()
        torch.nn.utils.clip_grad_norm_(given, _MAX_NORM)
        optimizer.step()
    for one in given:
        one.requires_grad_(False)
        one.grad = None
    progress(1.0, text)


def losses(weights: Weights, settings: FineTuning, pairs: TokenPairs, rows: IntVector, device: Any) -> Tensor:
    """Return the negative natural log-likelihood of each target token of these pairs, end marks included, padding left out."""
    import torch
    import torch.nn.functional as F

    sources, targets = (torch.from_numpy(side.padded(rows)).to(device) for side in (pairs.sources, pairs.targets))
    given = F.pad(targets[:, :-1], (1, 0), value=START)
    memory, seen = encode_sources(weights, settings, sources)
    hidden = decode(weights, settings, given, look_across(weights, settings, memory), seen)
    told = targets != PAD
    return F.cross_entropy(logits(weights, hidden[told]), targets[told], reduction="none")


def batches(pairs: TokenPairs, batch_tokens: int, rng: np.random.Generator) -> Iterator[IntVector]:
    """Yield the positions of each batch of one pass, in random order; pairs of like length come together."""
    order = rng.permutation(len(pairs))
    for start in range(0, len(order), _WINDOW):
        cut = list(batches_by_length(pairs, order[start : start + _WINDOW], batch_tokens))
        for one in rng.permutation(len(cut)):
            yield cut[one]


def batches_by_length(pairs: TokenPairs, rows: IntVector, batch_tokens: int) -> Iterator[IntVector]:
    """Yield these positions sorted by length, cut so that a batch, padding included, has at most `batch_tokens` tokens (or one pair)."""
    sources, targets = pairs.sources.lengths[rows], pairs.targets.lengths[rows]
    by_length = np.lexsort((sources, targets))
    rows = rows[by_length]
    sources, targets = sources[by_length], targets[by_length]
    start = 0
    while start < len(rows):
        most = slice(start, start + batch_tokens)
        width = np.maximum.accumulate(sources[most]) + targets[most]
        stop = start + max(int(np.searchsorted(width * np.arange(1, len(width) + 1), batch_tokens, side="right")), 1)
        yield rows[start:stop]
        start = stop


def _height(share: float) -> float:
    return min(share / _WARM, (1 - share) / (1 - _WARM) + 1e-3)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use so many threads on the CPU while the context is open. The number belongs to the whole process."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
