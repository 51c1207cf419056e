"""The methods, one a file, by name."""

from __future__ import annotations

from collections.abc import Mapping

from craft_core.errors import ParameterError
from craft_core.problem import Selector
from craft_core.selectors.craft import Craft
from craft_core.selectors.herding import Herding
from craft_core.selectors.uniform import Random

__all__ = ["SELECTORS", "Craft", "Herding", "Random", "find_selector"]

SELECTORS: Mapping[str, type[Selector]] = {cls.name: cls for cls in (Craft, Herding, Random)}


def find_selector(name: str) -> type[Selector]:
    """Return the selector of this name. Raises ParameterError with the list of names if there is none."""
    if name not in SELECTORS:
        raise ParameterError(f"There is no selector '{name}'. There are: {', '.join(SELECTORS)}.")
    return SELECTORS[name]
