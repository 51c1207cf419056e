"""Measuring a model: the likelihood of the true targets, and its own translations."""

from __future__ import annotations

import numpy as np

from craft_core.arrays import IntVector
from craft_core.finetune.model import Looked, Weights, decode, encode_sources, logits, look_across
from craft_core.finetune.settings import FineTuning
from craft_core.finetune.tokenizer import END, START, TokenPairs
from craft_core.finetune.train import batches_by_length, losses
from craft_core.progress import Progress

__all__ = ["mean_nll", "translate"]

_MEASURED_AT_ONCE = 8_192  # tokens of both sides


def mean_nll(weights: Weights, settings: FineTuning, pairs: TokenPairs, progress: Progress) -> float:
    """Return the mean negative natural log-likelihood of a target token given the source and the true tokens before it.

    Over all tokens of all pairs alike, end marks included; nan where there is no pair.
    """
    import torch

    device, total, count = weights["embedding"].device, 0.0, 0
    with torch.inference_mode():
        for rows in batches_by_length(pairs, np.arange(len(pairs)), _MEASURED_AT_ONCE):
            progress(count / len(pairs.targets.ids), "Measuring the likelihood of the test targets")
            found = losses(weights, settings, pairs, rows, device).cpu().double()  # not every device knows float64
            total, count = total + float(found.sum()), count + len(found)
    return total / count if count else float("nan")


def translate(weights: Weights, settings: FineTuning, pairs: TokenPairs, progress: Progress) -> list[list[int]]:
    """Return the tokens of a translation of each source: at every step the most likely token, up to an end mark.

    A translation has at most 1.5 times as many tokens as its source, and 10.
    """
    import torch

    written: list[list[int]] = [[]] * len(pairs)
    done = 0
    with torch.inference_mode():
        for rows in batches_by_length(pairs, np.arange(len(pairs)), _MEASURED_AT_ONCE):
            progress(done / len(pairs), "Translating the test sources")
            for row, found in zip(rows, _greedy(weights, settings, pairs, rows), strict=True):
                written[row] = found
            done += len(rows)
    return written


def _greedy(weights: Weights, settings: FineTuning, pairs: TokenPairs, rows: IntVector) -> list[list[int]]:
    import torch

    device = weights["embedding"].device
    memory, seen = encode_sources(weights, settings, torch.from_numpy(pairs.sources.padded(rows)).to(device))
    across = look_across(weights, settings, memory)
    past: dict[int, Looked] = {}
    most = torch.from_numpy(pairs.sources.lengths[rows] * 3 // 2 + 10).to(device)
    last = torch.full((len(rows), 1), START, device=device)
    is_open = torch.ones(len(rows), dtype=torch.bool, device=device)
    columns = []
    while bool(is_open.any()):
        last = logits(weights, decode(weights, settings, last, across, seen, past)[:, -1]).argmax(-1, keepdim=True)
        last[~is_open] = END
        columns.append(last)
        is_open &= (last[:, 0] != END) & (len(columns) < most)
    found: list[list[int]] = torch.cat(columns, 1).tolist()
    return found
