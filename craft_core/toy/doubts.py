"""What a UMAP map does not show: three data sets whose truth is known, and the app's own maps of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from craft_core.arrays import FloatMatrix, FloatVector, LabelVector, frozen
from craft_core.bound import cell_geometry
from craft_core.errors import ParameterError
from craft_core.progress import Progress, part, silent
from craft_core.project import project, umap_layout
from craft_core.score import cluster_means

__all__ = ["EXAMPLES", "Doubt", "doubt"]

EXAMPLES = ("width", "distance", "noise")
"""What a map can mislead about."""

_DIMENSIONS = 12
_NEIGHBOURS_OF_NOISE = 5
_EACH = 180


@dataclass(frozen=True, eq=False)
class Doubt:
    """Hold a data set and two maps of it.

    Attributes
    ----------
    example : str
        One of `EXAMPLES`.
    rows : FloatMatrix
        Shape (n, dimensions): the data.
    groups : LabelVector
        Shape (n,): the group each row was drawn from.
    pca, umap : FloatMatrix
        Shape (n, 2): places on the two maps.
    """

    example: str
    rows: FloatMatrix
    groups: LabelVector
    pca: FloatMatrix
    umap: FloatMatrix

    def __post_init__(self) -> None:
        for array in (self.rows, self.groups, self.pca, self.umap):
            frozen(array)

    @property
    def n_groups(self) -> int:
        """How many groups the data were drawn from."""
        return int(self.groups.max()) + 1

    def widths(self, places: FloatMatrix) -> FloatVector:
        """Return the root mean squared distance of each group to its own mean, on `rows`, `pca` or `umap`."""
        sizes = cell_geometry(places, self.groups, places, self.groups, self.n_groups)
        return np.sqrt(sizes.variance)

    def gaps(self, places: FloatMatrix) -> FloatMatrix:
        """Return the distances between the means of the groups, shape (n_groups, n_groups)."""
        means = cluster_means(places, self.groups, self.n_groups)[0]
        gaps: FloatMatrix = np.sqrt(((means[:, None] - means[None]) ** 2).sum(axis=-1))
        return gaps


def doubt(example: str, seed: int, progress: Progress = silent) -> Doubt:
    """Draw a data set of some hundred rows and lay it out by PCA and by UMAP.

    Parameters
    ----------
    example : {"width", "distance", "noise"}
        Two groups of unlike width; three groups, two near and one far; one group only, round, laid out with few neighbours.
    seed : int
        Of the data, of which group is the odd one, and of UMAP.
    progress : Progress
        The first UMAP of a process compiles for some ten seconds.

    Raises
    ------
    ParameterError
        For an unknown example.
    """
    if example not in _DRAWS:
        raise ParameterError(f"There is no example {example!r}. There are: {', '.join(EXAMPLES)}.")
    rng = np.random.default_rng([seed, EXAMPLES.index(example)])
    rows, groups = _DRAWS[example](rng)
    everything, nothing = np.arange(len(rows)), np.zeros((0, rows.shape[1]), np.float32)
    flat = project("pca", rows, nothing, everything, seed).pool_xy
    if example == "noise":
        layout = umap_layout(rows, seed, n_neighbors=_NEIGHBOURS_OF_NOISE, min_dist=0.0, progress=part(progress, 0.0, 1.0))
        return Doubt(example, rows, groups, flat.copy(), layout.xy.copy())  # type: ignore[attr-defined]
    return Doubt(example, rows, groups, flat.copy(), project("umap", rows, nothing, everything, seed, progress).pool_xy.copy())


def _width(rng: np.random.Generator) -> tuple[FloatMatrix, LabelVector]:
    """Draw two groups; one, chosen at random, is ten times as wide."""
    spreads = rng.permutation([0.1, 1.0])
    centers = np.zeros((2, _DIMENSIONS))
    centers[1, 0] = 9.0
    return _groups(centers, spreads, rng)


def _distance(rng: np.random.Generator) -> tuple[FloatMatrix, LabelVector]:
    """Draw three groups of one width; one, chosen at random, is ten times as far away."""
    places = np.array([0.0, 5.0, 50.0])
    centers = np.zeros((3, _DIMENSIONS))
    centers[rng.permutation(3), 0] = places
    return _groups(centers, np.full(3, 0.5), rng)


def _noise(rng: np.random.Generator) -> tuple[FloatMatrix, LabelVector]:
    """Draw one round group."""
    return _groups(np.zeros((1, _DIMENSIONS)), np.ones(1), rng, 2 * _EACH)


def _groups(centers: FloatVector, spreads: FloatVector, rng: np.random.Generator, each: int = _EACH) -> tuple[FloatMatrix, LabelVector]:
    groups = np.repeat(np.arange(len(centers)), each).astype(np.int32)
    rows = centers[groups] + spreads[groups, None] * rng.standard_normal((len(groups), centers.shape[1]))
    return rows.astype(np.float32), groups


_DRAWS = {"width": _width, "distance": _distance, "noise": _noise}
