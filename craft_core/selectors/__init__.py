"""The methods, one a file, by name."""

from __future__ import annotations

from collections.abc import Mapping

from craft_core.errors import ParameterError
from craft_core.problem import Selector
from craft_core.selectors.ball import Ball
from craft_core.selectors.centroid import Centroid
from craft_core.selectors.covering import Covering
from craft_core.selectors.craft import Craft
from craft_core.selectors.dsir import Dsir
from craft_core.selectors.herding import Herding
from craft_core.selectors.nearest import Nearest
from craft_core.selectors.sensitivity import Sensitivity
from craft_core.selectors.stage_one import StageOne
from craft_core.selectors.stage_two import StageTwo
from craft_core.selectors.tarot import Tarot
from craft_core.selectors.tsds import Tsds
from craft_core.selectors.uniform import Random
from craft_core.selectors.uniform_allocation import UniformAllocation
from craft_core.selectors.weighted import CraftWeighted

__all__ = [
    "SELECTORS",
    "Ball",
    "Centroid",
    "Covering",
    "Craft",
    "CraftWeighted",
    "Dsir",
    "Herding",
    "Nearest",
    "Random",
    "Sensitivity",
    "StageOne",
    "StageTwo",
    "Tarot",
    "Tsds",
    "UniformAllocation",
    "about",
    "find_selector",
]

SELECTORS: Mapping[str, type[Selector]] = {
    cls.name: cls
    for cls in (
        Craft,
        CraftWeighted,
        Herding,
        Ball,
        StageOne,
        StageTwo,
        UniformAllocation,
        Random,
        Nearest,
        Centroid,
        Dsir,
        Tsds,
        Tarot,
        Sensitivity,
        Covering,
    )
}
"""Ours and the paper's first, then what each part of CRAFT is worth alone, then the others."""


def about(cls: type[Selector]) -> str:
    """Return in a sentence or two what a method does: the first paragraph it says of itself."""
    return " ".join((cls.__doc__ or "").strip().split("\n\n")[0].split())


def find_selector(name: str) -> type[Selector]:
    """Return the selector of this name. Raises ParameterError with the list of names if there is none."""
    if name not in SELECTORS:
        raise ParameterError(f"There is no selector '{name}'. There are: {', '.join(SELECTORS)}.")
    return SELECTORS[name]
