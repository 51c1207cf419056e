"""A region beside another set of pairs: how large both are, where they lie, and which words tell them apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from craft_core.arrays import IntVector
from craft_core.corpus import file_digest
from craft_core.describe import cluster_name
from craft_core.explore.contrast import Contrast, contrast, label_table, number_table, share_table, word_table
from craft_core.explore.region import Region
from pages.shared import explorer, stages, views
from pages.shared.session import current_config
from pages.shared.work import compute, key_of

_CHOSEN, _REST = "the chosen pairs", "the rest of the pool"


def draw(region: Region) -> None:
    """Draw a region beside the chosen pairs, the rest of the pool, or a region that was kept."""
    others = [_CHOSEN, _REST, *(name for name in explorer.kept() if name != region.name)]
    name = str(st.selectbox("Compare with", others, key="region_other") or _CHOSEN)
    other = _positions(name, region)
    if not len(region.pool) or not len(other):
        st.info("There is nothing to compare: one of the two holds no pool pair.", icon=":material/info:")
        return
    names = ("this region", name)
    found = _found(region, other)
    _sizes(found, names)
    left, right = st.columns(2)
    for column, title, words in ((left, "sources", found.sources), (right, "targets", found.targets)):
        column.markdown(f"**Words of the {title}** that tell them apart")
        table = word_table(words, names)
        if len(table):
            column.dataframe(table, hide_index=True, height="content", alt=f"Words of the {title} typical of either set")
        else:
            column.caption("No word tells them apart.")
    st.caption(
        "In brackets: occurrences here and there. Words by log-odds with a prior, two standard errors or more; pairs in both are left out"
        + (f", and of large sets a random sample of {max(found.one.read, found.other.read):,} pairs is read." if found.is_sampled else ".")
    )
    st.markdown("**Shares of the clusters**, those that differ most first")
    labels = stages.labels()[0]
    _share_table(share_table(found, [cluster_name(c, labels) for c in range(len(labels))], names))
    for label, shares in found.labels.items():
        st.markdown("**Shares by a column of the data**, which no method looks at")
        _share_table(label_table(shares, label, names))


def _positions(name: str, region: Region) -> IntVector:
    if name == _CHOSEN:
        return np.sort(stages.selection()[0].indices)
    if name == _REST:
        return np.setdiff1d(stages.problem().available, region.pool, assume_unique=True)
    return explorer.kept()[name].pool


def _found(region: Region, other: IntVector) -> Contrast:
    pool, clustering, ranking, seed = stages.data().pool, stages.problem().clustering, stages.ranking(), current_config().seed
    scores = None if ranking is None else ranking.scores
    key = key_of(stages.ranking_key(), file_digest(region.pool.tobytes()), file_digest(other.tobytes()))
    return compute("Comparing regions", key, lambda progress: contrast(region.pool, other, pool, clustering, scores, seed, progress))


def _sizes(found: Contrast, names: tuple[str, str]) -> None:
    table = number_table(found, names)
    config = {name: st.column_config.NumberColumn(name, format="%.3f" if "score" in name else "localized") for name in table.columns[1:]}
    st.dataframe(table, hide_index=True, height="content", column_config=config, alt="Numbers of both sets")
    st.caption(f"{views.counted(found.both, 'pair')} in both.")


def _share_table(table: pd.DataFrame) -> None:
    config = {name: st.column_config.NumberColumn(name, format="percent") for name in table.columns[1:]}
    st.dataframe(table, hide_index=True, height="content" if len(table) < 11 else 320, column_config=config, alt="Shares in both sets")
