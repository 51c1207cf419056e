"""The true neighbours of the pair that was picked: nearest among the vectors, whatever the map shows."""

from __future__ import annotations

import streamlit as st

from craft_core.arrays import IntVector
from craft_core.explore.neighbours import Neighbours, neighbours_of
from pages.shared import explorer, stages, views
from pages.shared.work import compute, key_of

_SHOWN = 10
_SIDE = "neighbour_side"
_SIDES = {"source": "Source", "target": "Target", "both": "Both sides"}


def found() -> tuple[IntVector, IntVector]:
    """Return the positions of the nearest pool and validation pairs of the picked pair."""
    pool, validation = _nearest()
    return pool.positions, validation.positions


def draw() -> None:
    """Draw the nearest pairs of the pool and of validation, the nearest first."""
    st.markdown(
        "**Its nearest pairs among the vectors**, drawn on the map with lines: where a line is long, the map has torn neighbours apart."
    )
    st.segmented_control(
        "Near in", list(_SIDES), default="source", required=True, key=_SIDE, format_func=lambda one: _SIDES[one], help=_HELP
    )
    pool, validation = _nearest()
    data, task = stages.data(), stages.problem()
    chosen = set(stages.selection()[0].indices.tolist())
    st.caption(f"The {len(pool.positions):,} nearest pool pairs")
    more = {"cluster": task.clustering.pool_labels[pool.positions], "chosen": [int(one) in chosen for one in pool.positions]}
    views.pairs(data.pool, pool.positions, {"similarity": pool.similarities, **more}, height="content")
    st.caption(f"The {len(validation.positions):,} nearest validation pairs")
    own = {"similarity": validation.similarities, "cluster": task.clustering.validation_labels[validation.positions]}
    views.pairs(data.validation, validation.positions, own, height="content")


def _nearest() -> tuple[Neighbours, Neighbours]:
    picked, task = explorer.picked(), stages.problem()
    assert picked is not None  # noqa: S101 -- only asked for where a pair is picked
    layer, position = picked
    side = st.session_state.get(_SIDE) or "source"
    key = key_of(stages.problem_key(), layer, position, side)
    return compute("Nearest pairs", key, lambda _: neighbours_of(task, position, layer, _SHOWN, side))


_HELP = "Which vectors are compared, by their cosine: those of the source, those of the target, or both."
