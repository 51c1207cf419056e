"""The map of the Clusters page: its controls, its layers, and what is drawn on top of them."""

from __future__ import annotations

from threading import Thread
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from craft_core.arrays import FloatMatrix, FloatVector, IntVector
from craft_core.corpus import Corpus, file_digest
from craft_core.figures import (
    Colouring,
    MapLayer,
    MapLinks,
    MapRegion,
    by_allocation,
    by_cluster,
    by_column,
    by_trust,
    by_value,
    hover_texts,
    map_figure,
    pca_axes,
)
from craft_core.project import Projection, sample_rows, warm_up
from pages.shared import explorer, map_stages, neighbours, searches, stages, views
from pages.shared.map_controls import ALLOCATION, CLUSTER, SCORE, TRUST, View
from pages.shared.session import current_config
from pages.shared.work import compute, key_of

# points drawn: with a lasso the browser sends all that are inside, texts and all
_MOST = {"pool": 8_000, "validation": 2_500, "selected": 2_500}
_CONFIG = {"displaylogo": False, "scrollZoom": True, "modeBarButtonsToRemove": ["lasso2d", "select2d", "pan2d"]}


def prepare(view: View) -> None:
    """Compute what a map needs, unless the user stopped that.

    To be called where the whole page runs: a part that runs alone is not interrupted, so a Stop in it would have to wait.
    """
    _compile_umap()
    if map_stages.is_map_stopped(view.method, view.layout, view.colour == TRUST):
        st.info("The map was stopped before it was finished. Choose another, or go on.", icon=":material/pause_circle:")
        st.button("Go on", type="primary", key="go_on_map", on_click=map_stages.map_again, args=(view.method, view.layout))
        return
    map_stages.projection(view.method, view.layout)
    if view.colour == TRUST:
        map_stages.trust(view.method, view.layout)


def show(view: View) -> None:
    """Draw the map if it is there; else have the whole page run, where it is computed."""
    with_trust = view.colour == TRUST
    if not view.layers:
        st.info("Choose at least one layer.", icon=":material/info:")
    elif map_stages.is_there(view.method, view.layout, with_trust):
        draw(view)
    elif not map_stages.is_map_stopped(view.method, view.layout, with_trust):
        st.rerun()


def draw(view: View) -> None:
    """Draw the map, having taken what was drawn or clicked on it: so that it is built and sent once."""
    explorer.handle(st.session_state.get("map", {}), view.method, view.layout)
    explorer.open_tab()
    projection = map_stages.projection(view.method, view.layout)
    placed = map_stages.are_placed(view.method, view.layout)
    layers, labels = _layers(view, projection)
    figure = map_figure(
        layers,
        _colouring(view, projection, layers, labels),
        pca_axes(projection.layout.explained) if hasattr(projection.layout, "explained") else ("", ""),
        density=map_stages.density(view.method, view.layout) if placed else None,
        regions=_regions(view),
        links=_links(projection),
        highlight=_found(projection),
        only=_only(layers),
        dragmode=view.drag,
        webgl=view.webgl,
        dark=views.is_dark(),
        seed=current_config().seed,
    )
    st.plotly_chart(
        figure,
        theme=None,
        key="map",
        on_select="rerun",
        selection_mode=("points", "box", "lasso"),
        config=_CONFIG,
        alt=f"Map of the {', '.join(view.layers)} pairs by {view.method.upper()}, coloured by {view.colour}.",
    )
    _caption(view, projection, layers, placed)


def finish(view: View) -> None:
    """Place every pair if that is still to do, where the whole page runs: the map is there to be looked at meanwhile."""
    is_there = map_stages.is_there(view.method, view.layout, view.colour == TRUST)
    if not is_there or map_stages.are_placed(view.method, view.layout):
        return
    if map_stages.is_placing_stopped(view.method, view.layout):
        st.info("Not every pair has a place on this map yet, so a region drawn on it cannot be counted.", icon=":material/info:")
        st.button("Place them", on_click=map_stages.place_again, args=(view.method, view.layout))
        return
    map_stages.places(view.method, view.layout)
    st.rerun()


@st.cache_resource(show_spinner=False)
def _compile_umap() -> None:
    """Compile UMAP while the user reads, once a process."""
    Thread(target=warm_up, daemon=True).start()


def _layers(view: View, projection: Projection) -> tuple[list[MapLayer], list[npt.NDArray[np.int32]]]:
    """Return what is drawn of each layer, and the clusters of its points."""
    data, task, seed = stages.data(), stages.problem(), current_config().seed
    selected = np.sort(stages.selection()[0].indices)
    clustering = task.clustering
    there = {"pool": projection.pool_positions, "validation": task.wanted, "selected": selected}
    drawn = {name: own[sample_rows(np.zeros(len(own), np.int32), _MOST[name], seed)] for name, own in there.items()}
    totals = {"pool": len(task.available), "validation": len(task.wanted), "selected": len(selected)}
    layers, labels = [], []
    for name in view.layers:
        is_validation = name == "validation"
        corpus, own = (data.validation, clustering.validation_labels) if is_validation else (data.pool, clustering.pool_labels)
        positions = drawn[name]
        layers.append(MapLayer(name, places_of(projection, name, positions), positions, _hover(name, corpus, positions, own), totals[name]))
        labels.append(own[positions])
    return layers, labels


def places_of(projection: Projection, layer: str, positions: IntVector) -> FloatMatrix:
    """Return where pairs of a layer are on the map."""
    if layer == "validation":
        return projection.validation_xy[positions]
    return projection.locate(stages.problem().pool.sources, positions)


def _colouring(view: View, projection: Projection, layers: list[MapLayer], labels: list[npt.NDArray[np.int32]]) -> Colouring:
    allocation = stages.selection()[1]
    if view.colour == CLUSTER:
        return by_cluster(labels, allocation.validation_share, stages.labels()[0])
    if view.colour == ALLOCATION:
        return by_allocation(labels, allocation)
    if view.colour == SCORE:
        return by_value([_scores(layer) for layer in layers], "Score (minus mean distance)")
    if view.colour == TRUST:
        return by_trust([_trust(view, projection, layer) for layer in layers])
    data = stages.data()
    columns = [_column(data.validation if one.name == "validation" else data.pool, view.colour, one.positions) for one in layers]
    return by_column(columns, view.colour, _order(view.colour))


def _scores(layer: MapLayer) -> FloatVector:
    ranking = stages.ranking()
    if layer.name == "validation" or ranking is None:
        return np.full(len(layer.positions), np.nan, np.float32)
    return ranking.scores[layer.positions]


def _trust(view: View, projection: Projection, layer: MapLayer) -> FloatVector:
    pool, validation = map_stages.trust(view.method, view.layout)
    if layer.name == "validation":
        return validation[layer.positions]
    at = np.minimum(np.searchsorted(projection.pool_positions, layer.positions), len(pool) - 1)
    return np.where(projection.pool_positions[at] == layer.positions, pool[at], np.nan).astype(np.float32)  # known for drawn pool pairs


def _regions(view: View) -> list[MapRegion]:
    """Return the regions drawn on this map: the one in use, and those that were kept."""
    now, key = explorer.current(), map_stages.map_key(view.method, view.layout)
    kept = [one for one in explorer.kept().values() if one.polygon is not None and one.map == key and (now is None or one.name != now.name)]
    found = [MapRegion(one.name, one.polygon, current=False) for one in kept if one.polygon is not None]
    if now is not None and now.polygon is not None and now.map == key:
        found.append(MapRegion(now.name, now.polygon))
    return found


def _links(projection: Projection) -> MapLinks | None:
    """Return the picked pair and its true neighbours, where they are on the map."""
    picked = explorer.picked()
    if picked is None or st.session_state.get(explorer.TAB) != explorer.PAIR:
        return None
    pool, validation = neighbours.found()
    ends = tuple(_small(projection, layer, positions) for layer, positions in (("pool", pool), ("validation", validation)))
    return MapLinks(_small(projection, picked[0], np.array([picked[1]])), tuple(one for one in ends if len(one.positions)))


def _found(projection: Projection) -> MapLayer | None:
    """Return the pool pairs a search found, where they are on the map."""
    if st.session_state.get(explorer.TAB) != explorer.SEARCH:
        return None
    positions = searches.on_map()
    return None if positions is None or not len(positions) else _small(projection, "pool", positions[:2_000], "found", len(positions))


def _small(projection: Projection, layer: str, positions: IntVector, name: str | None = None, total: int | None = None) -> MapLayer:
    clustering = stages.problem().clustering
    data = stages.data()
    is_validation = layer == "validation"
    corpus, labels = (data.validation, clustering.validation_labels) if is_validation else (data.pool, clustering.pool_labels)
    hover = _texts(corpus.take(positions), labels[positions])
    return MapLayer(name or layer, places_of(projection, layer, positions), positions, hover, len(positions) if total is None else total)


def _only(layers: list[MapLayer]) -> list[npt.NDArray[np.bool_]] | None:
    region = explorer.only()
    if region is None:
        return None
    return [np.isin(one.positions, region.validation if one.name == "validation" else region.pool) for one in layers]


def _order(name: str) -> list[str]:
    """Return the values of a column, those of validation first, the most frequent first: the same whichever layers are drawn."""
    data = stages.data()
    found: dict[str, None] = {}
    for corpus in (data.validation, data.pool):
        if name in corpus.columns.column_names:
            counted = pc.value_counts(corpus.columns.column(name)).to_pylist()
            counted.sort(key=lambda one: (-one["counts"], str(one["values"])))
            found |= dict.fromkeys(str(one["values"]) for one in counted if one["values"] not in (None, ""))
    return list(found)


def _hover(name: str, corpus: Corpus, positions: IntVector, labels: npt.NDArray[np.int32]) -> Any:
    def work(_: object) -> Any:
        return _texts(corpus.take(positions), labels[positions])

    return compute(f"Texts of the map ({name})", key_of(stages.problem_key(), file_digest(positions.tobytes())), work)


def _texts(part: Corpus, labels: npt.NDArray[np.int32]) -> npt.NDArray[np.object_]:
    return hover_texts(part.sources.to_pylist(), part.targets.to_pylist(), [f"cluster {label}" for label in labels])


def _column(corpus: Corpus, name: str, positions: IntVector) -> npt.NDArray[Any]:
    if name not in corpus.columns.column_names:
        return np.full(len(positions), None, dtype=object)
    values = corpus.columns.column(name).take(pa.array(positions)).to_pylist()
    if any(isinstance(value, str | bool) or value is None for value in values):
        return np.array(values, dtype=object)
    return np.array(values)


def _caption(view: View, projection: Projection, layers: list[MapLayer], placed: bool) -> None:
    shown = "; ".join(f"{layer.name}: {len(layer.xy):,} of {layer.total:,}" for layer in layers)
    said = [
        f"Points: {shown} pairs; what is not all is a random sample."
        if view.webgl
        else "Without WebGL at most 3,000 pairs are drawn, a random sample; the legend says how many of each."
    ]
    if placed:
        said.append("The shade behind them, slightly blurred, counts every pool pair, on a logarithmic scale; so does a region.")
    if hasattr(projection.layout, "explained"):
        said.append("PCA shows the two directions of largest variance; pairs far apart in the others can lie together here.")
    else:
        said.append("The axes of UMAP mean nothing; distances between groups and their sizes mean little.")
    alignment = getattr(projection.layout, "alignment", None)
    if alignment is not None:
        said.append(
            f"Against layout 1, turned to match it, the median pair has moved {alignment.median_moved:.1%} of the map's longer side."
        )
    if view.colour == TRUST:
        said.append(
            "Trustworthiness of a pair: 1 where its nearest on the map are its nearest among the vectors; lower where strangers are."
        )
    st.caption(" ".join(said))
