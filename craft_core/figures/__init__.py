"""Results in, plotly figures out. Pages and files draw with these; nothing else in the core knows of plotly."""

from __future__ import annotations

from craft_core.figures.anchors import anchor_figure
from craft_core.figures.colouring import Colouring, by_allocation, by_cluster, by_column, by_value
from craft_core.figures.lengths import length_bins, length_histogram
from craft_core.figures.maps import SVG_LIMIT, MapLayer, hover_texts, map_figure, pca_axes
from craft_core.figures.pipeline import STAGES, pipeline_figure
from craft_core.figures.shares import count_figure, share_figure
from craft_core.figures.theme import BACKGROUNDS, apply_theme, categorical, safe_label

__all__ = [
    "BACKGROUNDS",
    "STAGES",
    "SVG_LIMIT",
    "Colouring",
    "MapLayer",
    "anchor_figure",
    "apply_theme",
    "by_allocation",
    "by_cluster",
    "by_column",
    "by_value",
    "categorical",
    "count_figure",
    "hover_texts",
    "length_bins",
    "length_histogram",
    "map_figure",
    "pca_axes",
    "pipeline_figure",
    "safe_label",
    "share_figure",
]
