"""Results in, plotly figures out. Pages and files draw with these; nothing else in the core knows of plotly."""

from __future__ import annotations

from craft_core.figures.anchors import anchor_figure
from craft_core.figures.bound import bound_figure, residual_scatter, ruler_figure
from craft_core.figures.budget import PANELS, between_figure, curve_figure, frequency_counts, frequency_figure, spread_figure
from craft_core.figures.colouring import Colouring, by_allocation, by_cluster, by_column, by_trust, by_value
from craft_core.figures.compare import MOST_COLOURED, marks_figure, overlap_figure, seconds_figure
from craft_core.figures.learn_charts import (
    RESIDUAL_NAMES,
    doubt_figure,
    residual_figure,
    sharing_figure,
    targets_figure,
    toy_sweep_figure,
)
from craft_core.figures.learn_plane import cell_figure, cells_figure, laws_figure
from craft_core.figures.lengths import length_bins, length_histogram
from craft_core.figures.maps import HIGHLIGHT_LIMIT, SVG_LIMIT, MapLayer, MapLinks, MapRegion, hover_texts, map_figure, pca_axes
from craft_core.figures.measured import divergence_figure, transport_figure
from craft_core.figures.pipeline import STAGES, pipeline_figure
from craft_core.figures.shares import count_figure, share_figure
from craft_core.figures.sweep import held_out_figure, size_figure, term_figure, trade_off_figure
from craft_core.figures.theme import BACKGROUNDS, apply_theme, categorical, safe_label

__all__ = [
    "BACKGROUNDS",
    "HIGHLIGHT_LIMIT",
    "MOST_COLOURED",
    "PANELS",
    "RESIDUAL_NAMES",
    "STAGES",
    "SVG_LIMIT",
    "Colouring",
    "MapLayer",
    "MapLinks",
    "MapRegion",
    "anchor_figure",
    "apply_theme",
    "between_figure",
    "bound_figure",
    "by_allocation",
    "by_cluster",
    "by_column",
    "by_trust",
    "by_value",
    "categorical",
    "cell_figure",
    "cells_figure",
    "count_figure",
    "curve_figure",
    "divergence_figure",
    "doubt_figure",
    "frequency_counts",
    "frequency_figure",
    "held_out_figure",
    "hover_texts",
    "laws_figure",
    "length_bins",
    "length_histogram",
    "map_figure",
    "marks_figure",
    "overlap_figure",
    "pca_axes",
    "pipeline_figure",
    "residual_figure",
    "residual_scatter",
    "ruler_figure",
    "safe_label",
    "seconds_figure",
    "share_figure",
    "sharing_figure",
    "size_figure",
    "spread_figure",
    "targets_figure",
    "term_figure",
    "toy_sweep_figure",
    "trade_off_figure",
    "transport_figure",
]
