"""How long a heavy step will take and how much memory it needs, from sizes alone, before it is begun.

The rates are those of one machine; `Pace` learns how another one compares.
"""

from __future__ import annotations

from craft_core.estimate.machine import HEAVY_SECONDS, Pace, is_heavy, pace_name
from craft_core.estimate.sizes import Estimate, Sizes, scaled, sentence, sizes_of, sizes_of_files
from craft_core.estimate.steps import STEPS, estimate_comparison, estimate_of, estimate_run, estimate_sweep
from craft_core.machine import available_memory

__all__ = [
    "HEAVY_SECONDS",
    "STEPS",
    "Estimate",
    "Pace",
    "Sizes",
    "available_memory",
    "estimate_comparison",
    "estimate_of",
    "estimate_run",
    "estimate_sweep",
    "is_heavy",
    "pace_name",
    "scaled",
    "sentence",
    "sizes_of",
    "sizes_of_files",
]
