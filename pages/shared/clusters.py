"""What the Clusters page says about the clusters in numbers and words."""

from __future__ import annotations

import numpy as np
import streamlit as st

from craft_core.allocate import Allocation
from craft_core.corpus import file_digest
from craft_core.describe import NAME_LIMIT, cluster_table
from craft_core.experiment import LoadedData
from craft_core.problem import Problem
from pages.shared import stages, views

_EXAMPLES = 20


def headline(task: Problem, allocation: Allocation) -> None:
    """Draw the numbers of a clustering in a row."""
    wanted = task.clustering.validation_counts > 0
    views.metrics(
        [
            ("Clusters", f"{task.clustering.n_clusters:,}", "Clusters the source vectors are cut into."),
            ("With validation pairs", f"{int(wanted.sum()):,}", "Only these clusters give pairs."),
            (
                "Pool pairs in them",
                f"{int(task.clustering.supply[wanted].sum()):,}",
                "The covered supply: no budget above it can be met.",
            ),
            ("Uncovered mass", f"{allocation.uncovered:.1%}", "Validation share of the clusters without any pool pair."),
        ]
    )


def table() -> None:
    """Draw the table of clusters; a chosen row shows its pairs, and can be given a name."""
    allocation, cells = stages.selection()[1], stages.cells()
    numbers = cluster_table(allocation, *stages.words(), cells.diameter_high, cells.variance, names=stages.cluster_names())
    numbers.insert(len(numbers.columns) - 1, "diameter, at least", cells.diameter_low)
    numbers = numbers.rename(columns={"diameter": "diameter, at most"}).sort_values("validation share", ascending=False, kind="stable")
    st.caption(
        "Sorted by validation share. Words tell a cluster from the others (c-TF-IDF). Diameters are of the validation and selected source "
        "vectors, which have length 1, and variances of the validation ones; the diameter of a sample underestimates that of what it was "
        "drawn from. Choose a row to read its pairs and to give the cluster a name."
    )
    event = st.dataframe(
        numbers,
        hide_index=True,
        height=360,
        on_select="rerun",
        selection_mode="single-row",
        key=f"cluster_table.{file_digest(stages.problem_key().encode())}",  # other clusters: no row is chosen
        column_config=views.columns_of(numbers),
        alt="Clusters with their words, supply, shares and sizes",
    )
    rows = event["selection"]["rows"]
    if rows:
        cluster = int(numbers["cluster"].iloc[rows[0]])
        _name(cluster)
        pairs_of(stages.data(), stages.problem(), cluster)


def _name(cluster: int) -> None:
    with st.form(f"name_cluster.{cluster}", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        given = st.text_input(
            f"Name of cluster {cluster}",
            value=stages.cluster_names().get(cluster) or "",
            max_chars=NAME_LIMIT,
            placeholder=" ".join(stages.words()[0][cluster][:3]),
            help="Shown in every chart and kept in the export; empty it to go back to the words.",
        )
        if st.form_submit_button("Name it", icon=":material/edit:"):
            stages.name_cluster(cluster, given)
            st.rerun()


def pairs_of(data: LoadedData, task: Problem, cluster: int) -> None:
    """Draw the first validation pairs of a cluster and its best pool pairs."""
    ranking = stages.ranking()
    members = np.flatnonzero(task.clustering.pool_labels == cluster) if ranking is None else ranking.members(cluster)
    mine = np.flatnonzero(task.clustering.validation_labels == cluster)
    st.markdown(f"**Cluster {cluster}: validation**, the first {min(_EXAMPLES, len(mine)):,} of {len(mine):,}")
    views.pairs(data.validation, mine[:_EXAMPLES], height=240)
    st.markdown(f"**Cluster {cluster}: pool**, the best {min(_EXAMPLES, len(members)):,} of {len(members):,}")
    scores = {} if ranking is None else {"score": ranking.scores[members[:_EXAMPLES]]}
    views.pairs(data.pool, members[:_EXAMPLES], scores, height=240)
