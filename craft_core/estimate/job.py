"""What every step is estimated from: choices and sizes together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from craft_core.config import ExperimentConfig
from craft_core.estimate.sizes import Estimate, Sizes
from craft_core.project import DRAW_LIMIT

__all__ = ["BLOCKS", "MULTIPLY", "NOTHING", "Job"]

# Measured in November 2026 on a machine with two cores (x86-64 with AVX-512) and one BLAS thread, on 104,000 English-Hindi pairs and on
# made-up ones (`craft_core.benchmark`), 10,000 to 1,000,000, with 256 dimensions. So were all rates of `methods` and `steps`: seconds for
# one pair, byte, number or couple.
MULTIPLY = 1.4e-11
"""Seconds for a multiplication and an addition of float32 in a product of matrices."""

BLOCKS = 100_000_000
"""Bytes that any step may hold beside its results."""

NOTHING = Estimate(0.0, 0)
"""What there is not to do."""

_MODEL_DIMENSIONS = 384


@dataclass(frozen=True)
class Job:
    """Hold what every step is estimated from."""

    config: ExperimentConfig
    sizes: Sizes

    @property
    def dimensions(self) -> int:
        """Numbers in the vector of one side."""
        return int(getattr(self.config.vectorizer, "dimensions", _MODEL_DIMENSIONS))

    @property
    def n_folds(self) -> int:
        """Selections that are measured: one on a test set, two on halves of validation."""
        return 1 if self.sizes.test else 2

    @property
    def fold(self) -> Job:
        """The job of one fold."""
        return replace(self, sizes=replace(self.sizes, validation=-(-self.sizes.validation // self.n_folds)))

    @property
    def vector_bytes(self) -> int:
        """Bytes of the vectors of both sides of all sets."""
        return 8 * self.sizes.pairs * self.dimensions

    @property
    def n_clusters(self) -> int:
        """Clusters asked for."""
        return self.config.clustering.n_clusters

    @property
    def budget(self) -> int:
        """Pairs that can be chosen."""
        return min(self.config.budget, self.sizes.pool)

    @property
    def texts(self) -> int:
        """Bytes of all texts of both sides."""
        return round(2 * self.sizes.pairs * self.sizes.text_bytes)

    @property
    def couples(self) -> float:
        """Couples of a validation and a pool pair."""
        return float(self.sizes.validation) * self.sizes.pool

    @property
    def n_runs(self) -> int:
        """Runs that stability compares."""
        return 1 + self.config.stability.n_seeds + 2 * self.config.stability.vary_clusters

    @property
    def drawn(self) -> int:
        """Pairs a map is fitted on."""
        return min(self.sizes.pool + self.sizes.validation, DRAW_LIMIT)

    def with_budget(self, budget: int) -> Job:
        """Return the same job with another budget."""
        return replace(self, config=replace(self.config, budget=max(budget, 1)))

    def with_clusters(self, n_clusters: int) -> Job:
        """Return the same job with another number of clusters."""
        return replace(self, config=replace(self.config, clustering=replace(self.config.clustering, n_clusters=n_clusters)))
