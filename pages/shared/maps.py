"""The map of the Clusters page: its controls, its layers and its colours."""

from __future__ import annotations

from threading import Thread
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from craft_core.allocate import Allocation
from craft_core.corpus import Corpus, file_digest
from craft_core.experiment import LoadedData
from craft_core.figures import Colouring, MapLayer, by_allocation, by_cluster, by_column, by_value, hover_texts, map_figure, pca_axes
from craft_core.problem import Problem, Selection
from craft_core.project import Projection, sample_rows, warm_up
from pages.shared import stages, views
from pages.shared.session import current_config
from pages.shared.work import compute, key_of

_LAYERS = ("pool", "validation", "selected")
_LIMIT = 5_000  # points drawn of validation and of the selection, each
_CLUSTER, _ALLOCATION, _SCORE = "cluster", "over- and under-allocation", "score"
_CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d"], "scrollZoom": True}


def draw(data: LoadedData, task: Problem, chosen: Selection, allocation: Allocation) -> None:
    """Draw the map with its controls."""
    _compile_umap()
    method, colour, names, webgl = _controls(data)
    if not names:
        st.info("Choose at least one layer.", icon=":material/info:")
        return
    projection = stages.projection(method)
    layers, colouring = _layers(data, task, chosen, allocation, projection, colour, names)
    axes = pca_axes(projection.layout.explained) if hasattr(projection.layout, "explained") else ("", "")
    figure = map_figure(layers, colouring, axes, webgl=webgl, dark=views.is_dark(), seed=current_config().seed)
    figure.update_layout(dragmode="pan")
    views.plot(figure, f"Map of the {', '.join(names)} pairs by {method.upper()}, coloured by {colour}.", "map", config=_CONFIG)
    _caption(task, projection, layers, webgl)


@st.cache_resource(show_spinner=False)
def _compile_umap() -> None:
    """Compile UMAP while the user reads, once a process."""
    Thread(target=warm_up, daemon=True).start()


def _controls(data: LoadedData) -> tuple[str, str, list[str], bool]:
    taken = (_CLUSTER, _ALLOCATION, _SCORE)
    columns = [one.name for one in data.pool.columns.schema if one.name not in taken and not pa.types.is_nested(one.type)]
    left, middle, right = st.columns([1, 2, 2])
    with left:
        shown = st.segmented_control(
            "Map",
            ["PCA", "UMAP"],
            default="PCA",
            key="map_method",
            help="PCA is drawn at once. UMAP shows neighbours better and takes longer.",
        )
    with middle:
        colour = st.selectbox("Colour by", [_CLUSTER, _ALLOCATION, _SCORE, *columns], key="map_colour")
    with right:
        names = st.pills("Layers", _LAYERS, selection_mode="multi", default=_LAYERS, key="map_layers")
    webgl = not st.toggle("Draw without WebGL (at most 3,000 points)", key="map_svg", help="For browsers that show an empty map.")
    return (shown or "PCA").lower(), colour, [name for name in _LAYERS if name in (names or [])], webgl


def _layers(
    data: LoadedData,
    task: Problem,
    chosen: Selection,
    allocation: Allocation,
    projection: Projection,
    colour: str,
    names: list[str],
) -> tuple[list[MapLayer], Colouring]:
    seed = current_config().seed
    selected = np.sort(chosen.indices)
    drawn = {
        "pool": projection.pool_positions,
        "validation": sample_rows(task.clustering.validation_labels, _LIMIT, seed),
        "selected": selected[sample_rows(np.zeros(len(selected), dtype=np.int32), _LIMIT, seed)],
    }
    totals = {"pool": len(task.available), "validation": int((task.clustering.validation_labels >= 0).sum()), "selected": len(selected)}
    places = {"pool": lambda: projection.pool_xy, "validation": lambda: projection.validation_xy[drawn["validation"]]}
    places["selected"] = lambda: projection.locate(task.pool.sources, drawn["selected"])
    layers, corpora, labels, scores = [], [], [], []
    ranking = stages.ranking()
    for name in names:
        corpus = data.validation if name == "validation" else data.pool
        own = task.clustering.validation_labels if name == "validation" else task.clustering.pool_labels
        positions = drawn[name]
        layers.append(MapLayer(name, places[name](), positions, _hover(name, corpus, positions, own), totals[name]))
        corpora.append((corpus, positions))
        labels.append(own[positions])
        no_score = name == "validation" or ranking is None
        scores.append(np.full(len(positions), np.nan, np.float32) if no_score else ranking.scores[positions])  # type: ignore[union-attr]
    if colour == _CLUSTER:
        return layers, by_cluster(labels, allocation.validation_share, stages.words()[0])
    if colour == _ALLOCATION:
        return layers, by_allocation(labels, allocation)
    if colour == _SCORE:
        return layers, by_value(scores, "Score (minus mean distance)")
    return layers, by_column([_column(corpus, colour, positions) for corpus, positions in corpora], colour, _order(data, colour))


def _order(data: LoadedData, name: str) -> list[str]:
    """Return the values of a column, those of validation first, the most frequent first: the same whichever layers are drawn."""
    found: dict[str, None] = {}
    for corpus in (data.validation, data.pool):
        if name in corpus.columns.column_names:
            counted = pc.value_counts(corpus.columns.column(name)).to_pylist()
            counted.sort(key=lambda one: (-one["counts"], str(one["values"])))
            found |= dict.fromkeys(str(one["values"]) for one in counted if one["values"] not in (None, ""))
    return list(found)


def _hover(name: str, corpus: Corpus, positions: npt.NDArray[np.int64], labels: npt.NDArray[np.int32]) -> Any:
    def work(_: object) -> Any:
        part = corpus.take(positions)
        return hover_texts(part.sources.to_pylist(), part.targets.to_pylist(), [f"cluster {label}" for label in labels[positions]])

    return compute(f"Texts of the map ({name})", key_of(stages.problem_key(), file_digest(positions.tobytes())), work)


def _column(corpus: Corpus, name: str, positions: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    if name not in corpus.columns.column_names:
        return np.full(len(positions), None, dtype=object)
    values = corpus.columns.column(name).take(positions).to_pylist()
    if any(isinstance(value, str | bool) or value is None for value in values):
        return np.array(values, dtype=object)
    return np.array(values)


def _caption(task: Problem, projection: Projection, layers: list[MapLayer], webgl: bool) -> None:
    parts = [f"{layer.name}: {len(layer.xy):,} of {layer.total:,}" for layer in layers]
    shown = f"Showing {'; '.join(parts)} pairs; what is not all is a random sample. "
    st.caption(
        (shown if webgl else "Without WebGL at most 3,000 pairs are drawn, a random sample; the legend says how many of each. ")
        + (
            "The axes of UMAP mean nothing; distances between groups and their sizes mean little."
            if not hasattr(projection.layout, "explained")
            else "PCA shows the two directions of largest variance; pairs far apart in the others can lie together here."
        )
    )
