"""Laws of points on the unit square that are known exactly: Gaussian bumps on a flat floor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from craft_core.arrays import FloatMatrix, FloatVector, frozen
from craft_core.errors import ParameterError

__all__ = ["SIDE", "Bump", "Law", "Points", "block_masses", "grid", "lipschitz", "steepness"]

SIDE = 256
"""Points along a side of the grid that integrals are summed over."""

Points = npt.NDArray[np.float64]
"""Points of the square, shape (n, 2)."""


Masses = npt.NDArray[np.floating[Any]]
"""Mass of blocks of the square, shape (side, side)."""


@dataclass(frozen=True)
class Bump:
    """Describe one round Gaussian.

    Attributes
    ----------
    x, y : float
        Where it is highest.
    spread : float
        Standard deviation along each axis; the square has sides of length 1.
    weight : float
        Its mass on the whole plane, before the law is cut to the square.
    """

    x: float
    y: float
    spread: float
    weight: float


@dataclass(frozen=True)
class Law:
    """Hold a law on the unit square: bumps and a flat floor, cut to the square and scaled to mass 1.

    Attributes
    ----------
    bumps : tuple of Bump
        At least one, or a floor.
    floor : float
        Mass of the flat part, before scaling; above 0 no point is impossible.
    """

    bumps: tuple[Bump, ...]
    floor: float = 0.0

    def __post_init__(self) -> None:
        if not all(one.spread > 0 and one.weight > 0 for one in self.bumps) or self.floor < 0 or not (self.bumps or self.floor):
            raise ParameterError("A law needs bumps of positive spread and weight and a floor of at least 0, and not nothing at all.")

    @cached_property
    def total(self) -> float:
        """The mass on the square before scaling, in closed form."""
        from scipy.special import ndtr

        inside = 0.0
        for one in self.bumps:
            across, up = (ndtr((1 - at) / one.spread) - ndtr(-at / one.spread) for at in (one.x, one.y))
            inside += one.weight * float(across * up)
        return self.floor + inside

    @cached_property
    def masses(self) -> FloatVector:
        """Mass of each point of `grid()`, shape (SIDE ** 2,); sums to 1."""
        density = self.density(grid())
        return frozen(density / density.sum())

    def density(self, points: Points) -> FloatVector:
        """Return the density at points of the square, shape (n,)."""
        return (self.floor + sum(_heights(points, one) for one in self.bumps)) / self.total + np.zeros(len(points))

    def slope(self, points: Points) -> Points:
        """Return the gradient of the log density, shape (n, 2), in nats per unit of distance."""
        rise = np.zeros((len(points), 2))
        for one in self.bumps:
            rise += _heights(points, one)[:, None] * (np.array([one.x, one.y]) - points) / one.spread**2
        return rise / (self.density(points) * self.total)[:, None]

    def sample(self, n: int, rng: np.random.Generator) -> FloatMatrix:
        """Draw n points, shape (n, 2), float32: draws of the whole plane that fall outside the square are drawn again."""
        weights = np.array([*(one.weight for one in self.bumps), self.floor])
        centers = np.array([*((one.x, one.y) for one in self.bumps), (0.0, 0.0)])
        spreads = np.array([*(one.spread for one in self.bumps), 0.0])
        kept: list[Points] = []
        missing = n
        while missing > 0:
            which = rng.choice(len(weights), size=2 * missing + 16, p=weights / weights.sum())
            flat = which == len(self.bumps)
            drawn = centers[which] + spreads[which, None] * rng.standard_normal((len(which), 2))
            drawn[flat] = rng.random((int(flat.sum()), 2))
            kept.append(drawn[((drawn > 0) & (drawn < 1)).all(axis=1)][:missing])
            missing -= len(kept[-1])
        return np.concatenate(kept).astype(np.float32) if kept else np.zeros((0, 2), np.float32)


@cache
def grid() -> Points:
    """Return the middles of SIDE x SIDE equal squares, row by row from below, shape (SIDE ** 2, 2)."""
    middles = (np.arange(SIDE) + 0.5) / SIDE
    return frozen(np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2))


@lru_cache(maxsize=8)
def steepness(wanted: Law, offered: Law) -> FloatVector:
    """Return the slope of log(wanted / offered) at each point of the grid, shape (SIDE ** 2,), in nats per unit of distance."""
    slopes = wanted.slope(grid()) - offered.slope(grid())
    return frozen(np.sqrt(np.einsum("ij,ij->i", slopes, slopes)))


def lipschitz(wanted: Law, offered: Law) -> float:
    """Return the largest slope of log(wanted / offered) on the grid: the true L of the bound, up to the grid's step."""
    return float(steepness(wanted, offered).max())


def block_masses(law: Law, side: int) -> Masses:
    """Return the mass of a law in side x side equal blocks of the square, the lowest row first, shape (side, side); side divides SIDE."""
    step = SIDE // side
    masses: Masses = law.masses.reshape(side, step, side, step).sum(axis=(1, 3))
    return masses


def _heights(points: Points, bump: Bump) -> FloatVector:
    apart = points - np.array([bump.x, bump.y])
    variance = bump.spread**2
    heights: FloatVector = bump.weight * np.exp(-np.einsum("ij,ij->i", apart, apart) / (2 * variance)) / (2 * np.pi * variance)
    return heights
