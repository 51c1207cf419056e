"""How far a selection is from the data it should resemble, measured on pairs it was not selected with."""

from craft_core.discrepancy.coverage import Coverage, Reference, coverage, reference_terms
from craft_core.discrepancy.density import (
    Divergences,
    Projector,
    divergences,
    fit_projector,
    gaussian_dimensions,
    gaussian_kl,
    gaussian_noise,
    knn_kl,
)
from craft_core.discrepancy.energy import (
    MAX_ROWS,
    Anchors,
    Energy,
    Means,
    energy_distance,
    energy_of,
    half_against_half,
    mean_between,
    mean_energy,
    mean_within,
    sample_pairs,
    sampled,
)
from craft_core.discrepancy.labels import MAX_LABELS, has_labels, label_columns, label_shares
from craft_core.discrepancy.proxies import Proxies, downstream_proxies, nearest_chrf, ridge_rank

__all__ = [
    "MAX_LABELS",
    "MAX_ROWS",
    "Anchors",
    "Coverage",
    "Divergences",
    "Energy",
    "Means",
    "Projector",
    "Proxies",
    "Reference",
    "coverage",
    "divergences",
    "downstream_proxies",
    "energy_distance",
    "energy_of",
    "fit_projector",
    "gaussian_dimensions",
    "gaussian_kl",
    "gaussian_noise",
    "half_against_half",
    "has_labels",
    "knn_kl",
    "label_columns",
    "label_shares",
    "mean_between",
    "mean_energy",
    "mean_within",
    "nearest_chrf",
    "reference_terms",
    "ridge_rank",
    "sample_pairs",
    "sampled",
]
