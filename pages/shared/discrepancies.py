"""What the KL bound page shows beside the bound: measured discrepancies, and the transport companion."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pandas as pd
import streamlit as st

from craft_core.figures import anchor_figure, divergence_figure, transport_figure
from craft_core.yardsticks import Readings, Yardsticks
from pages.shared import bound_stages, stages, views
from pages.shared.bounds import WORDS
from pages.shared.verdicts import readings


def measured(direction: str) -> None:
    """Draw the measured discrepancies with their anchors."""
    yardsticks, values = bound_stages.yardsticks(), readings(direction)
    found = None if yardsticks is None else stages.diagnostics()
    if yardsticks is None or values is None or found is None or found.energy is None or found.anchors is None:
        if not bound_stages.is_measuring_stopped():
            st.info("Too few pairs to measure: at least 16 held-out and 16 chosen pairs are needed.", icon=":material/info:")
        return
    held = WORDS[direction].replace("validation", "held-out")
    st.markdown(f"Measured on {yardsticks.held_out}. Smaller is nearer; every number stands beside what chance and the whole pool give.")
    left, right = st.columns(2)
    with left:
        st.markdown(f"**Divergence {held}**, sources, in nats: what the bound is about")
        views.plot(
            divergence_figure(values.named(), dark=views.is_dark()),
            f"Gaussian and nearest-neighbour estimates of {held} for the selection, a random selection, the whole pool and two halves of "
            "the held-out pairs.",
            "divergences",
        )
    with right:
        st.markdown("**Energy distance** of source, target and joint vectors: no density needed")
        views.plot(
            anchor_figure({"selection": found.energy}, found.anchors, dark=views.is_dark()),
            "Energy distance of source, target and joint vectors: the selection, a random selection, the whole pool and the noise floor.",
            "bound_anchors",
        )
    energies = (found.energy, found.anchors.random, found.anchors.pool, found.anchors.half_against_half)
    table = [
        {
            "what": name,
            "Gaussian KL": one.gaussian,
            "k-NN KL": one.knn,
            "dispersion ratio": one.dispersion,
            "in the k-NN's space": one.knn_dispersion,
        }
        | dict(zip(("energy, source", "energy, target", "energy, joint"), astuple(energy), strict=True))
        for (name, one), energy in zip(values.named().items(), energies, strict=True)
    ]
    frame = pd.DataFrame(table)
    formats = {name: st.column_config.NumberColumn(name, format="%.4f") for name in frame.columns if name != "what"}
    st.dataframe(frame, hide_index=True, column_config=formats)
    _how_to_read(values, yardsticks)


def _how_to_read(values: Readings, found: Yardsticks) -> None:
    negative = [name for name, one in values.named().items() if one.knn < 0]
    if negative:
        st.info(
            f"The k-NN estimate is negative for: {', '.join(negative)}. A divergence never is; an estimate can be. It compares distances "
            "to neighbours in the own and in the other set: where the two sets are nearly the same, or the selection crowds where the "
            "held-out pairs are, it falls below zero. It is shown as it is: read it with the Gaussian estimate and the dispersion ratio.",
            icon=":material/exposure_neg_1:",
        )
    gaussian = (
        f"Gaussian KL: closed form between Gaussians fitted to {found.dimensions} principal components; 16 would keep "
        f"{found.explained:.0%} of the variance. It reads too much where tails are heavy, and about {found.noise:.2g} nats for a selection "
        "of this size that differs in nothing; the two halves are smaller sets, so they read more. "
        if found.dimensions
        else "There are too few pairs for a Gaussian estimate: at least 10 in each set that is compared. "
    )
    st.caption(
        f"{gaussian}k-NN KL: Wang, Kulkarni and Verdú (2009), 5 neighbours, 6 components; it reads "
        "too little. Dispersion ratio: total variance of the set over that of the held-out pairs; below 1 the set is narrower. With unit "
        "vectors of many dimensions it stays near 1, so it is given for the components of the k-NN estimate too; there the selection's is "
        f"{values.selection.knn_dispersion:.2f}."
    )


def transport() -> None:
    """Draw the transport bound with its terms, and the true distance where it was computed."""
    (found, exact), words = bound_stages.transport(), stages.labels()
    st.markdown(
        "A companion that assumes nothing: how far, on average, the mass of one set has to be moved to become the other (the transport "
        "distance W1). Mass that can stay in its cluster moves within it; the rest moves at most as far as any two pairs are apart. "
        "The bound holds **without any assumption, for these finite sets of sources** (our derivation)."
    )
    within = float(found.within.sum())
    items = [
        ("Bound on W1", f"{found.total:.3f}", "In units of the vectors, which have length 1: the sum of the two terms."),
        ("Within clusters", f"{within:.3f}", "Sum of min(p, q) times the width of the cluster."),
        (
            "Between clusters",
            f"{found.between:.3f}",
            f"Total variation {found.total_variation:.1%} times the largest distance {found.diameter:.3f}.",
        ),
        ("True W1", "–" if exact is None else f"{exact:.3f}", "Computed where each set has at most 2,000 pairs."),
    ]
    with st.container(horizontal=True):
        for label, value, meaning in items:
            st.metric(label, value, help=meaning, width=158)
    if exact is not None:
        st.markdown(f"True W1 is **{exact:.2f}**, the bound **{found.total:.2f}** ({found.total / max(exact, 1e-12):.1f} times).")
    views.plot(
        transport_figure(found, exact, words[0], dark=views.is_dark()),
        f"The transport bound of {found.total:.3f} as a stacked bar: {within:.3f} within clusters and {found.between:.3f} between them"
        + ("." if exact is None else f"; the true distance is {exact:.3f}."),
        "transport",
    )
    order = np.argsort(-found.within, kind="stable")
    names = bound_stages.names()
    table = {
        "cluster": [names[c] for c in order],
        "share that can stay": found.shared[order],
        "largest cross distance": found.cross[order],
        "mean distances to the middle": found.means[order],
        "term of the bound": found.within[order],
    }
    with st.expander("The same numbers as a table"):
        st.dataframe(pd.DataFrame(table), hide_index=True)
