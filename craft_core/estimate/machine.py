"""What the machine has: memory, and the pace at which it works."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from craft_core.config import ExperimentConfig
from craft_core.estimate.sizes import Estimate
from craft_core.machine import available_memory
from craft_core.vectorize import SentenceTransformers

__all__ = ["HEAVY_SECONDS", "Pace", "is_heavy", "pace_name"]

HEAVY_SECONDS = 60.0
"""Seconds above which a step is heavy."""

_HEAVY_MEMORY = 0.8  # of the memory that is available
_TELLING_SECONDS, _MOST_RATIO = 0.3, 100.0
_OF_A_MODEL = "vectors of"


@dataclass(frozen=True)
class Pace:
    """Hold how this machine compares with the one the rates were measured on; `seen` returns another, so that it can be shared.

    Attributes
    ----------
    ratios : Mapping of str to float
        By step: actual over estimated seconds, the mean of logarithms in which the latest counts for half.
    """

    ratios: Mapping[str, float] = field(default_factory=dict)

    def factor(self, step: str) -> float:
        """Return what to multiply the seconds of a step with: of one not seen before, the median of the others; 1 before any."""
        if step in self.ratios:
            return self.ratios[step]
        others = sorted(ratio for name, ratio in self.ratios.items() if not name.startswith(_OF_A_MODEL))
        middle = len(others) // 2
        is_own = step.startswith(_OF_A_MODEL) or not others
        return 1.0 if is_own else others[middle] if len(others) % 2 else math.sqrt(others[middle - 1] * others[middle])

    def seen(self, step: str, estimated: float, actual: float) -> Pace:
        """Return the pace after a step; one that is estimated and was done within 0.3 seconds says nothing of larger ones."""
        if max(estimated, actual) < _TELLING_SECONDS or min(estimated, actual) <= 0:
            return self
        ratio = min(max(actual / estimated, 1 / _MOST_RATIO), _MOST_RATIO)
        known = self.ratios.get(step)
        return Pace({**self.ratios, step: ratio if known is None else math.sqrt(known * ratio)})


def pace_name(step: str, config: ExperimentConfig) -> str:
    """Return the name under which `Pace` should know a step: vectors of a neural model are as slow as the model is."""
    model = config.vectorizer
    return f"{_OF_A_MODEL} {model.model}" if step == "vectors" and isinstance(model, SentenceTransformers) else step


def is_heavy(estimate: Estimate, memory: int | None = None) -> bool:
    """Return whether a step takes more than a minute, or more than 80 % of the memory (bytes; None asks `available_memory`)."""
    known = available_memory() if memory is None else memory
    return estimate.seconds > HEAVY_SECONDS or (known is not None and estimate.bytes > _HEAVY_MEMORY * known)
