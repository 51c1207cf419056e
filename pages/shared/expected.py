"""What a heavy step will take, said before it is begun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from craft_core.config import ExperimentConfig
from craft_core.estimate import Estimate, Pace, Sizes, estimate_of, is_heavy, pace_name, scaled, sentence

__all__ = ["Expected", "Wait", "expected", "learn"]


@dataclass(frozen=True)
class Expected:
    """Hold what a step will take by the table, and the name under which this machine's pace is learnt."""

    name: str
    table: Estimate

    @property
    def here(self) -> Estimate:
        """What it will take on this machine, as far as that is known."""
        return scaled(self.table, max(_pace.factor(self.name), _LEAST_FACTOR))

    @property
    def is_heavy(self) -> bool:
        """Whether the user should be asked before it is begun."""
        return is_heavy(self.here)

    def sentence(self) -> str:
        """Return it in words."""
        return sentence(self.here)


Wait = Callable[[], Expected]
"""Says what a step will take; only called where it has to be done."""

_TELLING_SECONDS = 2.0
_LEAST_FACTOR = 0.5  # rather too long than too short
_pace = Pace()


def expected(step: str, config: ExperimentConfig, sizes: Sizes) -> Expected:
    """Return what one of `craft_core.estimate.STEPS` will take."""
    return Expected(pace_name(step, config), estimate_of(step, config, sizes))


def learn(what: Expected, seconds: float) -> None:
    """Learn from a step that was done how fast this machine is; short ones say little about long ones."""
    if seconds < _TELLING_SECONDS:
        return
    global _pace  # one machine, one pace: it is learnt for all who use it
    _pace = _pace.seen(what.name, what.table.seconds, seconds)
