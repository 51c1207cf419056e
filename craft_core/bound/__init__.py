"""The bound on KL(validation || selected): shares of clusters plus what is left inside them. Our derivation, each assumption beside it."""

from craft_core.bound.divergence import covered_kl, kl_divergence, total_variation
from craft_core.bound.geometry import EXACT_POINTS, CellGeometry, cell_geometry, law_variance
from craft_core.bound.lipschitz import Lipschitz, estimate_lipschitz
from craft_core.bound.noise import ShareNoise, share_noise
from craft_core.bound.residual import KLBound, bennett_residual, hoeffding_residual, kl_bound, linear_residual
from craft_core.bound.transport import Transport, exact_w1, transport_bound

__all__ = [
    "EXACT_POINTS",
    "CellGeometry",
    "KLBound",
    "Lipschitz",
    "ShareNoise",
    "Transport",
    "bennett_residual",
    "cell_geometry",
    "covered_kl",
    "estimate_lipschitz",
    "exact_w1",
    "hoeffding_residual",
    "kl_bound",
    "kl_divergence",
    "law_variance",
    "linear_residual",
    "share_noise",
    "total_variation",
    "transport_bound",
]
