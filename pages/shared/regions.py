"""What is said about a region of the map: how many pairs, of which clusters, which ones, and how it differs from others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from craft_core.config import FORMATS, Export
from craft_core.describe import cluster_name
from craft_core.explore.region import Region, RegionCounts, count, counts_table, difference, intersection, union
from craft_core.export import pairs_bytes
from pages.shared import contrasts, explorer, stages, views
from pages.shared.work import key_of

_SHOWN = 200


def draw() -> None:
    """Draw the region in use, or say how to make one."""
    region = explorer.current()
    if region is None:
        st.info(
            "Choose Lasso or Box above the map and drag around some points: every pair in the region is counted, drawn or not.",
            icon=":material/gesture:",
        )
        _of_clusters()
        _kept(None)
        return
    counts = _counts(region)
    _headline(region, counts)
    _actions(region)
    by_cluster, pairs, other = st.tabs(["By cluster", "Pairs", "Compare"], key="region_tab", on_change="rerun")
    if by_cluster.open:
        with by_cluster:
            names = stages.labels()[0]
            table = counts_table(counts, [cluster_name(c, names) for c in range(len(names))])
            st.dataframe(table, hide_index=True, height="content" if len(table) < 11 else 400, alt="Pairs of the region by cluster")
    elif pairs.open:
        with pairs:
            _pairs(region)
    else:
        with other:
            contrasts.draw(region)
    _of_clusters()
    _kept(region)


def _counts(region: Region) -> RegionCounts:
    return count(region, stages.problem().clustering, stages.selection()[0].indices)


def _headline(region: Region, counts: RegionCounts) -> None:
    st.text(region.name)
    views.metrics(
        [
            (name.capitalize(), f"{inside:,} of {total:,}", _MEANING[name])
            for name, (inside, total) in (("pool", counts.pool), ("validation", counts.validation), ("chosen", counts.selected))
        ]
    )


def _actions(region: Region) -> None:
    with st.form("keep_region", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name of this region", value=region.name, max_chars=60)
        if st.form_submit_button("Keep it", icon=":material/push_pin:"):
            named = replace(region, name=" ".join(name.split()) or region.name)
            explorer.keep(named)
            explorer.show(named)
            explorer.again()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.toggle("Show only this region", key=explorer.limit_key(), help="Dims the other points, and limits searches to the region.")
        _combine(region)
        _download(region)
        st.button("Clear", on_click=explorer.show, args=(None,), icon=":material/close:", help="Forget the region in use; kept ones stay.")


def _combine(region: Region) -> None:
    others = [name for name in explorer.kept() if name != region.name]
    if not others:
        return
    with st.popover("Combine", icon=":material/join:"):
        other = st.selectbox("With the region", others, key="combine_with")
        how = st.segmented_control("Pairs that are", list(_COMBINED), default="in both", required=True, key="combine_how")
        both = (region, explorer.kept()[str(other)])
        st.button("Make the region", key="combine", on_click=lambda: explorer.show(_COMBINED[str(how)](*both)))


def _download(region: Region) -> None:
    with st.popover("Export", icon=":material/download:"):
        layer = st.segmented_control("Pairs of", ["pool", "validation"], default="pool", required=True, key="region_layer")
        form = st.selectbox("Format", FORMATS, key="region_format")
        if st.toggle("Prepare the file", key=f"region_ready.{key_of(region.name, len(region.pool))}"):
            corpus = stages.data().validation if layer == "validation" else stages.data().pool
            positions = region.validation if layer == "validation" else region.pool
            if not len(positions):
                st.caption(f"The region holds no {layer} pair.")
                return
            name, data = pairs_bytes(corpus.take(positions), Export(format=str(form)))
            st.download_button(
                f"Download {len(positions):,} pairs", data, f"region-{name}", icon=":material/download:", key="region_download"
            )


def _pairs(region: Region) -> None:
    chosen, task = stages.selection()[0].indices, stages.problem()
    is_chosen = np.isin(region.pool, chosen)
    ranking = stages.ranking()
    scores = np.zeros(len(region.pool), np.float32) if ranking is None else ranking.scores[region.pool]
    order = np.lexsort((region.pool, -scores, ~is_chosen))[:_SHOWN]
    shown = region.pool[order]
    extra = {"chosen": is_chosen[order], "cluster": task.clustering.pool_labels[shown]}
    if ranking is not None:
        extra = {"score": scores[order], **extra}
    row = views.pick_pairs(stages.data().pool, shown, extra, key=f"region_pairs.{key_of(region.name, len(region.pool))}")
    st.caption(f"Showing {len(shown):,} of {len(region.pool):,} pool pairs, the chosen first, then by score. Choose a row to see its card.")
    if row is not None:
        explorer.pick("pool", int(shown[row]))
        explorer.again()
    st.markdown("**Validation pairs in the region**")
    if len(region.validation):
        views.pairs(stages.data().validation, region.validation[:_SHOWN], height="content" if len(region.validation) < 11 else 300)
    else:
        st.caption("None.")


def _of_clusters() -> None:
    """Draw the way to a region that needs no mouse: some clusters."""
    names = stages.labels()[0]
    with st.expander("Make a region of clusters"), st.form("region_of_clusters", border=False):
        clusters = st.multiselect("Clusters", range(len(names)), format_func=lambda c: cluster_name(c, names), key="region_clusters")
        if st.form_submit_button("Make the region") and clusters:
            clustering = stages.problem().clustering
            inside = [np.flatnonzero(np.isin(one, clusters)) for one in (clustering.pool_labels, clustering.validation_labels)]
            name = f"Clusters {', '.join(map(str, sorted(clusters)))}" if len(clusters) > 1 else f"Cluster {clusters[0]}"
            explorer.show(Region(name[:60], "cluster", inside[0], inside[1], None, None))
            explorer.again()


def _kept(now: Region | None) -> None:
    kept = explorer.kept()
    if not kept:
        return
    st.markdown("**Kept regions**")
    for number, (name, region) in enumerate(kept.items()):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"{name} · {len(region.pool):,} pool and {len(region.validation):,} validation pairs")
            st.button(
                "Open", key=f"open_region_{number}", on_click=explorer.show, args=(region,), disabled=now is region, help=f"Open {name}"
            )
            st.button("Forget", key=f"forget_region_{number}", on_click=explorer.forget, args=(name,), help=f"Forget {name}")


_COMBINED = {"in both": intersection, "in either": union, "in this one only": difference}
_MEANING = {
    "pool": "Pool pairs in the region, of all that are in a cluster; all are counted, not only those drawn.",
    "validation": "Validation pairs in the region.",
    "chosen": "Chosen pairs in the region, of all that are chosen.",
}
