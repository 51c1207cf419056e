"""What the energy distance of any budget is to be compared with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from craft_core.discrepancy import energy_distance, half_against_half, sample_pairs
from craft_core.holdout import HoldOut
from craft_core.progress import Progress, silent
from craft_core.threads import one_thread

__all__ = ["energy_anchors"]

_ROWS = 2_048  # of a sample, as for the energy curve


def energy_anchors(held_out: HoldOut, rng: np.random.Generator, progress: Progress = silent) -> Mapping[str, float]:
    """Return the energy distance of joint vectors to held-out pairs for pairs drawn at random, and its noise floor.

    The unbiased estimate for random pairs has the same mean at every budget, so one level serves the whole curve. The noise floor is the
    mean absolute distance between random halves of the held-out pairs. Both are means over the folds; empty where too little is held out.
    """
    if not held_out.is_enough or any(len(fold.problem.available) < 2 for fold in held_out.folds):
        return {}
    random, noise = [], []
    with one_thread():
        for number, fold in enumerate(held_out.folds):
            progress(number / len(held_out.folds), "Measuring the anchors")
            held = sample_pairs(fold.held, np.arange(len(fold.held)), rng, _ROWS)
            drawn = sample_pairs(fold.problem.pool, fold.problem.available, rng, _ROWS)
            random.append(energy_distance(drawn, held).joint)
            noise.append(half_against_half(held, rng).joint)
    return {"random pairs": float(np.mean(random)), "half against half (noise)": float(np.mean(noise))}
