"""What a fine-tuned model scored on the test pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from craft_core.finetune.checkpoint import read_json

__all__ = ["Downstream", "MeanDownstream", "mean_downstream", "read_result"]


@dataclass(frozen=True)
class Downstream:
    """Hold what one fine-tuned model scores on the test pairs. Good for ranking selections, not for judging translations.

    Attributes
    ----------
    nll : float
        Mean negative natural log-likelihood of a test target token, end marks included; lower is better. nan without test pairs.
    chrf : float
        chrF (sacrebleu, 0 to 100) of the model's translations of the test sources; higher is better. nan without test pairs.
    seconds : float
        How long fine-tuning and measuring took when they were done.
    n_pairs : int
        Pairs fine-tuned on.
    """

    nll: float
    chrf: float
    seconds: float
    n_pairs: int


@dataclass(frozen=True)
class MeanDownstream:
    """Hold the mean of several fine-tunings and their spread: the sample standard deviation, 0 for one."""

    nll: float
    nll_spread: float
    chrf: float
    chrf_spread: float
    seconds: float
    n_seeds: int


def mean_downstream(results: Sequence[Downstream]) -> MeanDownstream:
    """Return the mean over fine-tunings of one selection. The pre-trained model is the same in all, so the spread is that of the order."""
    nll, chrf = np.array([one.nll for one in results]), np.array([one.chrf for one in results])
    spread = [float(one.std(ddof=1)) if len(one) > 1 else 0.0 for one in (nll, chrf)]
    seconds = float(np.mean([one.seconds for one in results]))
    return MeanDownstream(float(nll.mean()), spread[0], float(chrf.mean()), spread[1], seconds, len(results))


def read_result(path: Path) -> Downstream | None:
    """Return the result a file holds; None where it is missing or not whole."""
    found = read_json(path) or {}
    is_whole = found.keys() == {one.name for one in fields(Downstream)} and all(type(one) in (int, float) for one in found.values())
    return Downstream(**found) if is_whole else None
