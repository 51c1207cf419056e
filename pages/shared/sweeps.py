"""The sweep over n_clusters on the KL bound page."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from craft_core.figures import held_out_figure, size_figure, term_figure, trade_off_figure
from craft_core.sweep import SATURATED, SweepPoint, TradeOff, saturation, sweep_table, trade_off
from pages.shared import bound_stages, stages, views
from pages.shared.session import change, current_config, generation
from pages.shared.work import ask_again, was_stopped

_ASKED = "sweep_asked"  # the key of the sweep the user asked for

_ALL = 0.7  # share of the sweep, on a logarithmic scale, from which a range is no suggestion
_LEAST_POINTS = 3
_ROUGH = 2.0  # L times D from which the leading order of the residual is far from the residual


def sweep(lipschitz: float, direction: str) -> None:
    """Draw the button, and the charts of the points made so far."""
    grid, points = bound_stages.grid(), bound_stages.swept()
    st.markdown(
        "The same data cut into more and more clusters, everything else kept. More clusters leave less inside each one, but the shares of "
        "small clusters are noisy: the sweep shows where the two balance."
    )
    if len(grid) < _LEAST_POINTS:
        st.info("There are too few validation pairs for a sweep: at least 8 are needed.", icon=":material/info:")
        return
    missing = [one for one in grid if not any(point.n_clusters == one for point in points)]
    if missing:
        _button(missing, points)
        key = stages.sweep_key()
        if st.session_state.get(_ASKED) == key and not was_stopped(bound_stages.SWEEP, key):
            bound_stages.run_sweep()
            st.rerun()
    if len(points) >= 2:
        _suggestion(points, len(missing), lipschitz)
        _charts(points, lipschitz, direction)
        if not missing:
            _saturated(points)
    elif points:
        st.caption("One point is ready; two are needed to draw a line.")


def _button(missing: list[int], points: tuple[SweepPoint, ...]) -> None:
    if points:
        label, icon = f"Go on: {views.counted(len(missing), 'point')} to go", ":material/play_arrow:"
    else:
        label, icon = "Run the sweep", ":material/play_circle:"
    row = st.container(horizontal=True, vertical_alignment="center")
    row.button(label, type="primary", key="run_sweep", on_click=_ask, args=(stages.sweep_key(),), icon=icon)
    row.caption(f"n_clusters: {', '.join(f'{one:,}' for one in missing)}. You can stop at any time: what is computed stays.")


def _ask(key: str) -> None:
    st.session_state[_ASKED] = key
    ask_again(bound_stages.SWEEP, key)


def _charts(points: tuple[SweepPoint, ...], lipschitz: float, direction: str) -> None:
    present, dark = current_config().clustering.n_clusters, views.is_dark()
    found = trade_off(points, lipschitz)
    noise = stages.diagnostics_if_ready()
    anchors = None if noise is None or noise.anchors is None else noise.anchors.half_against_half
    left, right = st.columns(2)
    with left:
        st.markdown("**What to weigh** · noise of the shares against what clusters hide")
        alt = f"Noise, leading residual and their sum against n_clusters; the sum is least at {found.best:,}."
        views.plot(trade_off_figure(found, present, dark), alt, "trade_off")
        st.caption("Noise (n_clusters − 1) / (2M), leading residual (L² / 2) · inertia / M. Ours. Green: at most a tenth above the least.")
    with right:
        st.markdown("**The bound** · its two terms on top of each other")
        alt = "Divergence of shares and residual, stacked, against n_clusters, with the noise floor of the shares."
        views.plot(term_figure(points, lipschitz, direction, present, found, dark), alt, "terms")
        st.caption(
            f"At L = {lipschitz:.3g}. Open marks: some {'clusters with validation' if direction == 'forward' else 'chosen'} pairs are in "
            f"clusters {'that give none' if direction == 'forward' else 'without validation pairs'}, so the divergence is infinite and the "
            "bound is about the rest; such points do not compare with the others (*left out* in the table)."
            if any(point.left_out(direction) for point in points)
            else f"At L = {lipschitz:.3g}."
        )
    left, right = st.columns(2)
    with left:
        st.markdown("**Sizes of the clusters** · mean over validation")
        alt = "Mean diameter of the clusters and root of inertia over M against n_clusters."
        views.plot(size_figure(points, present, found, dark), alt, "sizes")
        st.caption("Unit vectors that share nothing are √2 apart; opposite ones 2.")
    with right:
        st.markdown("**What is measured** · energy distance to held-out pairs")
        alt = "Energy distance of the selection's source and joint vectors to held-out pairs against n_clusters; the lowest is ringed."
        views.plot(held_out_figure(points, present, found, anchors, dark), alt, "held_out_sweep")
        st.caption("Not part of the bound: it shows whether the suggestion lies where the selection really is nearest. Ringed: the lowest.")
    with st.expander("The same numbers as a table"):
        table = pd.DataFrame(sweep_table(points, lipschitz, direction))
        formats = {name: st.column_config.NumberColumn(name, format="%.4f") for name in table.columns if table[name].dtype.kind == "f"}
        st.dataframe(table, hide_index=True, column_config=formats)


def _suggestion(points: tuple[SweepPoint, ...], n_missing: int, lipschitz: float) -> None:
    found, present = trade_off(points, lipschitz), current_config().clustering.n_clusters
    against = _against(found, points, n_missing, lipschitz)
    with st.container(border=True):
        words, button = st.columns([4, 1], vertical_alignment="center")
        words.markdown(" ".join([*_sentences(found, against, lipschitz), _around(points, lipschitz), *_beside(found, points, present)]))
        if not against:
            button.button(
                f"Use {found.best:,} clusters",
                key="use_suggestion",
                on_click=_apply,
                args=(found.best, lipschitz),
                disabled=present == found.best,
                icon=":material/check:",
                width="stretch",
            )


def _sentences(found: TradeOff, against: list[str], lipschitz: float) -> list[str]:
    """Return the suggestion in words or, where something speaks against it, that there is none and why."""
    if not against:
        return [f"**Suggestion at L = {lipschitz:.3g}: {_span(found)} clusters**, least at {found.best:,}."]
    return [
        f"**At L = {lipschitz:.3g} the bound does not say how many clusters to use**: {'; '.join(against)}.",
        f"Its sum is least at {found.best:,}, and nearly so for {_span(found)}.",
    ]


def _against(found: TradeOff, points: tuple[SweepPoint, ...], n_missing: int, lipschitz: float) -> list[str]:
    """Return all that keeps the minimum of the curve from being a suggestion."""
    said = []
    if n_missing:
        said.append(f"only {len(points):,} of {len(points) + n_missing:,} points are there")
    if found.is_at_an_end:
        said.append(f"noise and residual do not balance within the sweep, their sum is least at its end ({found.best:,})")
    spread = lipschitz * points[-1].mean_diameter[1]
    if spread > _ROUGH:
        said.append(f"the curve rests on the residual's leading order, which holds for L · D well below 1, and here that is {spread:.2g}")
    return said


def _around(points: tuple[SweepPoint, ...], lipschitz: float) -> str:
    """Say what half and twice that L would give: an estimate of L is hardly better than that."""
    found = [trade_off(points, factor * lipschitz) for factor in (0.5, 1.0, 2.0)]
    low, high = min(one.low for one in found), max(one.high for one in found)
    hangs = np.log(high / low) > _ALL * np.log(points[-1].n_clusters / points[0].n_clusters)
    return f"At half that L it would be {_span(found[0])}, at twice {_span(found[2])}{', so it hangs on L' if hangs else ''}."


def _beside(found: TradeOff, points: tuple[SweepPoint, ...], present: int) -> list[str]:
    """Return what is in use, and what is measured; that is for reporting, as held-out pairs must not choose anything."""
    said = [f"The {present:,} in use lie within." if found.low <= present <= found.high else f"In use are {present:,}."]
    measured = [(point.energy.source, point.n_clusters) for point in points if point.energy is not None]
    if measured:
        said.append(f"Measured on held-out pairs, to report and not to choose by, the source distance is lowest at {min(measured)[1]:,}.")
    return said


def _span(found: TradeOff) -> str:
    low, high = _rounded(found.low), _rounded(found.high)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _apply(n_clusters: int, lipschitz: float) -> None:
    st.session_state["lipschitz"] = lipschitz  # estimated anew with other clusters, L would change, and the suggestion with it
    change(clustering=replace(current_config().clustering, n_clusters=n_clusters))
    st.session_state["generation"] = generation() + 1  # the widgets at the side begin anew, from the new choice


def _saturated(points: tuple[SweepPoint, ...]) -> None:
    """Say so where cutting finer does not make the clusters smaller."""
    ratio = saturation(points)
    if ratio <= SATURATED:
        return
    st.info(
        f"The diameters hardly shrink: with {points[-1].n_clusters:,} clusters they are still {ratio:.0%} of those with "
        f"{points[0].n_clusters:,}. Sentences without a common word are √2 apart, however finely the space is cut, and one far pair keeps "
        "a cluster wide. So the linear and Hoeffding residuals are nearly flat: a fact about such vectors, not a fault of the sweep.",
        icon=":material/horizontal_rule:",
    )


def _rounded(n_clusters: int) -> int:
    """Return a number with two digits, as a suggestion needs no more."""
    scale = 10 ** max(len(str(n_clusters)) - 2, 0)
    return round(n_clusters / scale) * scale
