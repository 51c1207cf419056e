"""Where pairs are drawn on a map: two coordinates a pair, by PCA at once or by UMAP when it is ready.

A layout is fitted on a bounded sample and then places any further rows, so that a selection or a whole pool can be put on the same map.
Coordinates are for looking only: nothing is computed from them, and those of UMAP may differ between machines.
"""

from __future__ import annotations

from craft_core.project.alignment import Aligned, Alignment, align, aligned
from craft_core.project.density import Density, density
from craft_core.project.layouts import Layout, Pca, fit_pca, umap_layout, warm_up
from craft_core.project.projections import DRAW_LIMIT, LAYOUTS, Projection, place_all, project, sample_rows
from craft_core.umap_layout import Umap

__all__ = [
    "DRAW_LIMIT",
    "LAYOUTS",
    "Aligned",
    "Alignment",
    "Density",
    "Layout",
    "Pca",
    "Projection",
    "Umap",
    "align",
    "aligned",
    "density",
    "fit_pca",
    "place_all",
    "project",
    "sample_rows",
    "umap_layout",
    "warm_up",
]
