"""The toys of the scenes, each computed once a session."""

from __future__ import annotations

from threading import Thread

import pandas as pd
import streamlit as st

from craft_core import project
from craft_core.allocate import Allocation
from craft_core.describe import cluster_table
from craft_core.toy import Cut, Doubt, Setting, TradeOff, World, block_masses, cut, doubt, make_world, trade_off
from pages.shared.work import compute, key_of


def world(setting: Setting) -> World:
    """Return the pairs of a toy."""
    return compute("Toy: pairs", key_of(setting), lambda _: make_world(setting))


def cells(setting: Setting, n_clusters: int) -> Cut:
    """Return a toy cut into cells."""
    pairs = world(setting)
    return compute("Toy: cells", key_of(setting, n_clusters), lambda _: cut(pairs, n_clusters))


def sweep(setting: Setting, budget: int) -> TradeOff:
    """Return what more clusters buy and cost."""
    pairs = world(setting)
    return compute("Toy: n_clusters", key_of(setting, budget), lambda progress: trade_off(pairs, budget, progress=progress))


def maps(example: str, seed: int) -> Doubt:
    """Return a data set of known truth and its maps; the first UMAP of a process takes some ten seconds."""
    return compute("Toy: maps", key_of(example, seed), lambda progress: doubt(example, seed, progress))


def blocks(world: World) -> pd.DataFrame:
    """Return the mass of both laws in each of 16 blocks of the square: the twin of the picture of the laws."""
    across = ("left", "half left", "half right", "right")
    up = ("bottom", "half below", "half above", "top")
    wanted, offered = (100 * block_masses(law, len(across)) for law in (world.wanted, world.offered))
    rows = [
        {"across": across[x], "up": up[y], "validation law (%)": wanted[y, x].round(1), "pool law (%)": offered[y, x].round(1)}
        for y in range(len(up))
        for x in range(len(across))
    ]
    return pd.DataFrame(rows)


@st.cache_resource(show_spinner=False)
def compile_umap() -> None:
    """Compile UMAP while the scene before the maps is read, once a process."""
    Thread(target=project.warm_up, daemon=True).start()


def table(allocation: Allocation) -> pd.DataFrame:
    """Return one row a cell: the table of clusters without words, as the pairs of a toy have none."""
    nothing = ((),) * len(allocation.counts)
    return cluster_table(allocation, nothing, nothing).drop(columns=["source words", "target words"]).rename(columns={"cluster": "cell"})
