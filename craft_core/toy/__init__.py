"""A toy whose truth is known: two laws on a square, pairs drawn from them, and the app's own method run on the pairs."""

from craft_core.toy.doubts import EXAMPLES, Doubt, doubt
from craft_core.toy.laws import SIDE, Bump, Law, block_masses, grid, lipschitz
from craft_core.toy.lessons import (
    CLUSTER_GRID,
    WAYS,
    Narrowing,
    Shortage,
    TradeOff,
    WayInside,
    first_shortage,
    marked_cells,
    narrowing,
    residual_curves,
    trade_off,
)
from craft_core.toy.truth import Truth, cell_truth
from craft_core.toy.world import Cut, Setting, World, cut, make_world

__all__ = [
    "CLUSTER_GRID",
    "EXAMPLES",
    "SIDE",
    "WAYS",
    "Bump",
    "Cut",
    "Doubt",
    "Law",
    "Narrowing",
    "Setting",
    "Shortage",
    "TradeOff",
    "Truth",
    "WayInside",
    "World",
    "block_masses",
    "cell_truth",
    "cut",
    "doubt",
    "first_shortage",
    "grid",
    "lipschitz",
    "make_world",
    "marked_cells",
    "narrowing",
    "residual_curves",
    "trade_off",
]
