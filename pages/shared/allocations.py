"""What the Allocation page draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from craft_core.allocate import Allocation
from craft_core.bound import covered_kl, kl_divergence, total_variation
from craft_core.describe import cluster_name, cluster_table
from craft_core.experiment import LoadedData
from craft_core.figures import anchor_figure, count_figure, share_figure
from craft_core.ledger import Ledger, starvation_ledger
from craft_core.measure import Diagnostics
from craft_core.problem import Problem
from craft_core.whatif import Ranking
from pages.shared import stages, views

Words = tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]

_EXAMPLES = 10


def headline(allocation: Allocation) -> None:
    """Draw the numbers of an allocation in a row."""
    p, q = allocation.validation_share, allocation.selected_share
    covered = views.number(covered_kl(p, q))
    views.metrics(
        [
            ("Chosen", f"{allocation.size:,}", f"Pairs chosen for a budget of {allocation.budget:,} pairs."),
            (
                "KL of shares",
                views.number(kl_divergence(p, q)),
                (
                    f"KL(validation ‖ selected) of the cluster shares in nats; 0 is equal, infinite where a wanted cluster got "
                    f"nothing (covered part: {covered})."
                ),
            ),
            (
                "Total variation",
                f"{total_variation(p, q):.1%}",
                "Share of the selection that would have to move to another cluster to match validation.",
            ),
            ("Clusters that ran out", f"{int(allocation.starved.sum()):,}", "Clusters whose supply is below their quota."),
            ("KL, reverse", views.number(kl_divergence(q, p)), "KL(selected ‖ validation) of the cluster shares, in nats."),
            ("Uncovered mass", f"{allocation.uncovered:.1%}", "Validation share of the clusters without any pool pair."),
            ("Shortfall", f"{allocation.shortfall:,}", "Pairs of the budget that no cluster with validation pairs could give."),
            ("Pool pairs", f"{int(allocation.supply.sum()):,}", "Pool pairs that are in a cluster."),
        ]
    )


def names_of(clusters: np.ndarray, labels: Words) -> list[str]:
    """Return a name for each cluster: its number and its source words."""
    return [cluster_name(int(c), labels[0]) for c in clusters]


def shares(allocation: Allocation, labels: Words) -> None:
    """Draw validation, supply and selected share of the clusters."""
    st.markdown(
        "Where the three marks of a cluster meet, the pool already looked like validation; "
        "where *selected* meets *validation*, the choice made it so."
    )
    views.plot(
        share_figure(allocation, labels[0], dark=views.is_dark()),
        "Validation share, supply share and selected share of each cluster, the largest validation shares first.",
        "shares",
    )
    views.share_table(
        cluster_table(allocation, *stages.words(), names=stages.cluster_names()).sort_values(
            "validation share", ascending=False, kind="stable"
        )
    )


def counts(allocation: Allocation, labels: Words) -> None:
    """Draw quota and count of the clusters."""
    st.markdown(
        "The quota is the budget times the validation share. A cluster that has fewer pairs gives all it has; "
        "the others take over the rest. This sharing under limited supply is ours: before rounding to whole pairs, it minimises "
        "KL(validation ‖ selected)."
    )
    views.plot(
        count_figure(allocation, labels[0], dark=views.is_dark()),
        "Quota and count of each cluster; clusters that ran out are hatched.",
        "counts",
    )
    views.share_table(
        cluster_table(allocation, *stages.words(), names=stages.cluster_names()).sort_values("quota", ascending=False, kind="stable")
    )


def starvation_ledger_view(data: LoadedData, task: Problem, allocation: Allocation, labels: Words, ranked: bool) -> None:
    """Draw both sides of the ledger and the validation pairs nobody in the pool resembles."""
    ledger = starvation_ledger(allocation)
    if not ranked:
        st.info("This method does not share its budget over clusters, so none of them ran out or took over.", icon=":material/info:")
    elif not len(ledger.starved):
        st.success("No cluster ran out: every cluster has at least its quota.", icon=":material/check_circle:")
    else:
        _both_sides(allocation, ledger, labels)
    st.markdown(
        "**Collect data like these.** The validation pairs whose source is least like any pool source, the loneliest first: "
        "pairs like them would help most."
    )
    found = stages.isolated()
    nearest = data.pool.take(found.nearest).sources.to_pylist()
    clusters = names_of(task.clustering.validation_labels[found.positions], labels)
    views.pairs(
        data.validation, found.positions, {"similarity": found.similarity, "nearest pool source": nearest, "cluster": clusters}, height=320
    )


def _both_sides(allocation: Allocation, ledger: Ledger, labels: Words) -> None:
    left, right = st.columns(2)
    with left:
        st.markdown(f"**Ran out: {views.counted(len(ledger.starved), 'cluster')}, {ledger.missing.sum():,.1f} pairs missing**")
        views.rows(
            {
                "cluster": names_of(ledger.starved, labels),
                "quota": allocation.quota[ledger.starved],
                "supply": allocation.supply[ledger.starved],
                "missing": ledger.missing,
            }
        )
    with right:
        st.markdown(
            f"**Took over: {views.counted(len(ledger.receiving), 'cluster')}, {ledger.surplus.sum():,.1f} pairs more than their quota**"
        )
        views.rows(
            {
                "cluster": names_of(ledger.receiving, labels),
                "quota": allocation.quota[ledger.receiving],
                "count": allocation.counts[ledger.receiving],
                "more": ledger.surplus,
            }
        )
    st.caption("Clusters that took over less than one pair are not listed; with the rounding to whole pairs that is the difference.")
    if ledger.shortfall:
        st.markdown(f"Nobody could take over **{ledger.shortfall:,}** pairs: the budget falls short by them.")


def examples(data: LoadedData, task: Problem, allocation: Allocation, ranking: Ranking | None, labels: Words) -> None:
    """Draw the last chosen and first left-out pairs of a cluster beside its validation pairs."""
    order = np.argsort(-allocation.validation_share, kind="stable")
    by_name = dict(zip(names_of(order, labels), order, strict=True))
    name = st.selectbox("Cluster", list(by_name), key="example_cluster", help="Sorted by validation share.")
    cluster = int(by_name[name])
    st.markdown("**What validation looks like here**")
    mine = np.flatnonzero(task.clustering.validation_labels == cluster)
    st.caption(f"Showing the first {min(_EXAMPLES, len(mine)):,} of {len(mine):,} validation pairs of this cluster.")
    views.pairs(data.validation, mine[:_EXAMPLES])
    if ranking is None:
        st.info(
            "This method does not rank inside clusters, so no pair just missed. Choose *craft* under *Method* in the sidebar to see them.",
            icon=":material/info:",
        )
        return
    members, count = ranking.members(cluster), int(allocation.counts[cluster])
    for title, part in (
        (f"**Chosen: the best {min(_EXAMPLES, count):,} of {count:,}**", members[: min(_EXAMPLES, count)]),
        (f"**Just chosen: the last {min(_EXAMPLES, count):,}**", members[max(count - _EXAMPLES, 0) : count]),
        (
            f"**Just missed: the next {min(_EXAMPLES, len(members) - count):,} of {len(members) - count:,}**",
            members[count : count + _EXAMPLES],
        ),
    ):
        if len(part):
            st.markdown(title)
            views.pairs(data.pool, part, {"score": ranking.scores[part]})
    if count == len(members):
        st.text("Nothing just missed: this cluster gave all it has.")


def quality(found: Diagnostics) -> None:
    """Draw the energy distances with their anchors."""
    if found.energy is None or found.anchors is None:
        st.info(
            "Too few pairs to measure a distance to held-out pairs: at least 4 held-out and 2 chosen pairs are needed. "
            "Raise the budget, or load more.",
            icon=":material/info:",
        )
        return
    st.markdown(
        f"Energy distance to {found.held_out}; smaller is better, 0 is equal. It is unbiased, so near 0 it can be negative. "
        "It compares vectors, not translations."
    )
    rows = {
        "selection": found.energy,
        "random selection": found.anchors.random,
        "whole pool": found.anchors.pool,
        "half against half (noise floor)": found.anchors.half_against_half,
    }
    numbers = pd.DataFrame([{"what": name, "source": one.source, "target": one.target, "joint": one.joint} for name, one in rows.items()])
    views.plot(
        anchor_figure({"selection": found.energy}, found.anchors, dark=views.is_dark()),
        "Energy distance of source, target and joint vectors: the selection beside a random selection, the whole pool and the noise floor.",
        "anchors",
        numbers,
    )
    st.caption(
        "Random selection: mean of three of the same size. Noise floor: mean absolute distance of random halves of the held-out pairs. "
        "Sets above 4,096 pairs are sampled."
    )
