"""All methods side by side: the same problem, budget and clock, and what they chose measured on pairs they did not see."""

from craft_core.compare.measures import MEASURES, Measure, Ruler, find_measure, make_ruler, marks
from craft_core.compare.noise import exchanged_targets, mispair
from craft_core.compare.run import Comparison, Plan, Trial, compare
from craft_core.compare.standing import Cell, measured, overlaps, standing

__all__ = [
    "MEASURES",
    "Cell",
    "Comparison",
    "Measure",
    "Plan",
    "Ruler",
    "Trial",
    "compare",
    "exchanged_targets",
    "find_measure",
    "make_ruler",
    "marks",
    "measured",
    "mispair",
    "overlaps",
    "standing",
]
