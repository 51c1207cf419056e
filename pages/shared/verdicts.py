"""What the bound is worth: in words, beside what is measured."""

from __future__ import annotations

import numpy as np
import streamlit as st

from craft_core.bound import KLBound
from craft_core.discrepancy import Divergences
from craft_core.sweep import SweepPoint, largest_l
from craft_core.yardsticks import Readings
from pages.shared import bound_stages, stages


def verdict(point: SweepPoint, found: KLBound, lipschitz: float, direction: str) -> None:
    """Say whether the bound says anything: whether a random selection would break it, and the selection itself does not."""
    measured = readings(direction)
    if measured is None:
        not_measured()
        return
    bound, (low, high) = found.covered_total, span(measured.random)
    names = ("k-NN", "Gaussian") if not measured.random.knn > measured.random.gaussian else ("Gaussian", "k-NN")
    both = f"**{nats(low)}** ({names[0]}) and **{nats(high)}** ({names[1]})"
    alone = f"**{nats(low)}** (k-NN; there are too few pairs for a Gaussian estimate)"
    compared = (
        f"The bound is **{nats(bound)}** at L = {lipschitz:.3g}; a random selection of the same size measures "
        f"{alone if np.isnan(measured.random.gaussian) else both}."
    )
    sure, at_best = (largest_l(point, one, direction) for one in (low, high))
    if above := _above(bound, measured):
        # whatever the estimates for a random selection say: a bound the selection itself breaks is none
        st.warning(
            f"{compared} But this selection itself measures {' and '.join(above)}, more than the bound and more than noise. **Do not trust "
            "the bound at this L**: either L is larger, or the estimate reads too much, as a Gaussian does where tails are heavy.",
            icon=":material/block:",
        )
    elif bound > high:
        words = "says nothing** here: even a random selection satisfies it. " + _way_out(at_best, sure)
        st.warning(f"{compared} So the bound **{words}", icon=":material/block:")
    elif bound > low:
        words = f"It is sure to say something below **L = {sure:.2g}**." if sure > 0 else "No L makes it say something by both."
        st.info(
            f"{compared} So by one of them the bound says something, by the other **it says nothing**. {words}", icon=":material/contrast:"
        )
    elif not bound_stages.is_told():
        st.info(
            f"{compared} So at this L a random selection would break the bound. But nothing in these pairs tells L: "
            "read it as **what if**, not as a result.",
            icon=":material/help:",
        )
    else:
        end = "" if np.isinf(sure) else f" Above **L = {sure:.2g}** that is no longer sure."
        st.success(
            f"{compared} So the bound **says something**, if L is right: a random selection breaks it.{end}", icon=":material/check:"
        )
    _measured_instead()


def _measured_instead() -> None:
    """Say what is measured without any L, if it is there."""
    found = stages.diagnostics_if_ready()
    if found is not None and found.energy is not None and found.anchors is not None:
        mine, random, noise = (one.source for one in (found.energy, found.anchors.random, found.anchors.half_against_half))
        st.caption(
            f"Measured without any L: the sources' energy distance to held-out pairs is **{mine:.4f}**, a random selection's {random:.4f}, "
            f"and {noise:.4f} is noise."
        )


def not_measured() -> None:
    """Say why nothing is measured: too few pairs, or because the user stopped it, and then offer to go on."""
    if not bound_stages.is_measuring_stopped():
        st.info("Too few pairs to measure a divergence: at least 16 held-out and 16 chosen pairs are needed.", icon=":material/info:")
        return
    st.info("Measuring was stopped, so there is nothing to hold the bound against.", icon=":material/pause_circle:")
    st.button("Measure the divergences", key="measure_divergences", on_click=bound_stages.measure_again)


def _way_out(at_best: float, sure: float) -> str:
    if at_best == 0:
        return "The shares alone are farther apart, so no L makes it say something."
    return f"It begins to say something below **L = {at_best:.2g}**" + (f", and surely below **L = {sure:.2g}**." if sure > 0 else ".")


def _above(bound: float, measured: Readings) -> list[str]:
    """Return the estimates by which the selection itself is farther away than the bound allows, and than noise explains."""
    mine, noise = measured.selection, measured.half_against_half
    return [
        f"{value:.2g} nats ({name}; two halves of the held-out pairs measure {floor:.2g})"
        for name, value, floor in (("Gaussian", mine.gaussian, noise.gaussian), ("k-NN", mine.knn, noise.knn))
        if value > max(bound, floor)
    ]


def readings(direction: str) -> Readings | None:
    """Return the measured divergences in this direction."""
    found = bound_stages.yardsticks()
    return None if found is None else (found.forward if direction == "forward" else found.reverse)


def span(one: Divergences) -> tuple[float, float]:
    """Return the lower and the upper of the two estimates."""
    known = [value for value in (one.gaussian, one.knn) if not np.isnan(value)]  # no Gaussian where there are too few pairs
    return min(known), max(known)


def few(value: float) -> str:
    """Return a divergence with two to three digits, huge ones as a power of ten."""
    if not np.isfinite(value):
        return "∞"
    return f"{value:.1e}" if abs(value) >= 1e5 or 0 < abs(value) < 1e-4 else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def nats(value: float) -> str:
    """Return a divergence with its unit."""
    return f"{few(value)} nats"


def in_sum(*values: float) -> list[str]:
    """Return a sum and its terms with the same decimals, so that they add up as they are shown."""
    largest = max((abs(value) for value in values if np.isfinite(value)), default=0.0)
    if largest < 0.01 or largest >= 1000:
        return [few(value) for value in values]
    decimals = 3 if largest < 10 else 2 if largest < 100 else 1
    # what would round to nothing is shown as the small number it is
    return [f"{value:,.{decimals}f}" if np.isfinite(value) and round(value, decimals) else few(value) for value in values]
