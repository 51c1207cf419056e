"""What the KL bound page draws at the present n_clusters and budget."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from craft_core.bound import EXACT_POINTS, KLBound, Lipschitz
from craft_core.figures import bound_figure, ruler_figure
from craft_core.figures.theme import REST, ROLES, TERMS
from craft_core.sweep import DIRECTIONS, SweepPoint
from pages.shared import bound_stages, stages, views
from pages.shared.verdicts import few, in_sum, nats, readings, span, verdict

_L, _SLIDER = "lipschitz", "lipschitz_slider"
_METRIC = 158  # pixels
_SEPARATED = 0.98  # accuracy from which the regression separates the two sets
WORDS = {"forward": "KL(validation ‖ selected)", "reverse": "KL(selected ‖ validation)"}


def controls() -> tuple[float, str]:
    """Draw the choice of L and of the direction, and return them; L begins at its estimate, and is kept over navigation."""
    estimate, at = bound_stages.lipschitz(), bound_stages.first_l()
    wanted: float | None = st.session_state.get(_L)
    here = at if wanted is None else wanted
    options = tuple(sorted({*bound_stages.L_GRID, at, here}))
    st.session_state[_SLIDER] = here
    left, right = st.columns([5, 4], vertical_alignment="bottom")
    lipschitz = left.select_slider(
        "**L** in nats per unit of distance, log scale",
        options,
        format_func=lambda one: f"{one:.3g} (estimate)" if estimate and estimate.is_told and one == at else f"{one:.3g}",
        key=_SLIDER,
        on_change=_take,
        args=(at,),
        help="How fast the log-ratio of the two densities can change: the bound assumes that log(dP/dQ) is L-Lipschitz inside each "
        "cluster. L is unknown; move it to see what follows.",
    )
    with right, st.container(horizontal=True, vertical_alignment="center"):
        direction = st.segmented_control(
            "Direction of the divergence",
            DIRECTIONS,
            default="forward",
            required=True,
            format_func=WORDS.get,
            key="bound_direction",
            label_visibility="collapsed",
            wrap=True,
            persist_state="session",
        )
        back = "Use the estimate" if bound_stages.is_told() else "Back to L = 1"
        st.button(back, key="use_estimate", on_click=_forget, disabled=wanted is None, icon=":material/target:")
    return float(lipschitz), str(direction)


def _take(estimate: float) -> None:
    chosen = st.session_state[_SLIDER]
    st.session_state[_L] = None if chosen == estimate else float(chosen)


def _estimate(estimate: Lipschitz | None, at: float) -> tuple[str, str]:
    """Return where L comes from, in short and in full."""
    if estimate is None:
        return "L cannot be estimated", "That needs at least 5 validation and 5 selected pairs. It begins at 1."
    if not estimate.is_told:
        return (
            "L cannot be told from these pairs",
            (
                "A logistic regression tells validation from selected sources no better than chance "
                f"(balanced accuracy {estimate.accuracy:.0%}), so its weights say nothing. L begins at 1; any other is as good."
            ),
        )
    same = "." if stages.ranking() is None else "; as many are chosen for it as validation has, so it is the same for every budget."
    near = " Near 100% no finite L fits: the estimate is only what the regression's penalty left." if estimate.accuracy > _SEPARATED else ""
    return (
        f"L = {at:.3g} is an estimate, not a certificate",
        (
            "The norm of a logistic regression's weights that tells validation from selected sources. It tells them apart with a balanced "
            f"accuracy of {estimate.accuracy:.0%} (chance: 50%), from at most {estimate.rows:,} rows a side{same}{near}"
        ),
    )


def _forget() -> None:
    st.session_state[_L] = None


def headline(lipschitz: float, direction: str) -> None:
    """Draw the bound with its two terms, what it assumes, and whether it says anything."""
    point = bound_stages.point()
    found = point.bound(lipschitz, direction)
    _equation(point, found, lipschitz, direction)
    _assumptions(point)
    verdict(point, found, lipschitz, direction)


def _equation(point: SweepPoint, found: KLBound, lipschitz: float, direction: str) -> None:
    covered, measured = 1 - point.left_out(direction), readings(direction)
    low = point.low_bound(lipschitz, direction).covered_total
    random = "–" if measured is None else " to ".join(f"{one:.2g}" for one in span(measured.random))
    whole, shares, residual = in_sum(found.covered_total, found.covered, found.residual_sum)
    negative = " The k-NN estimate can be negative, see *Measured*." if measured and span(measured.random)[0] < 0 else ""
    items = (
        (
            "The bound, in nats" if covered == 1 else f"The bound, for the covered {covered:.1%}",
            whole if point.is_exact else f"{few(low)} – {few(found.covered_total)}",
            f"On {WORDS[direction]}: the sum of two terms, at L = {lipschitz:.3g} and with {point.n_clusters:,} clusters.",
        ),
        ("= KL of the shares", shares, f"{WORDS[direction]} of the cluster shares."),
        (
            "+ residual inside",
            residual,
            "What the clusters can hide: in each the smallest of three bounds, weighted by share.",
        ),
        (
            "Random measures",
            random,
            "What a random selection of the same size measures: from one to the other of two estimates, in nats." + negative,
        ),
    )
    with st.container(horizontal=True):  # on a telephone two beside each other
        for label, number, meaning in items:
            st.metric(label, number, help=meaning, width=_METRIC)
    if covered < 1:
        st.warning(
            f"{1 - covered:.1%} of {'validation' if direction == 'forward' else 'the selection'} lies in clusters where the other set "
            f"has no pair, so {WORDS[direction]} is infinite and no bound can hold. The numbers are for the other {covered:.1%}.",
            icon=":material/all_inclusive:",
        )


def _assumptions(point: SweepPoint) -> None:
    """Draw what the number rests on: its four assumptions in a line beside it, and what each means behind a fold."""
    short, full = _estimate(bound_stages.lipschitz(), bound_stages.first_l())
    wide = int((point.cells.points > EXACT_POINTS).sum())
    exact = (
        "exact for these pairs"
        if point.is_exact
        else f"exact in clusters of at most {EXACT_POINTS:,} pairs; for {views.counted(wide, 'larger cluster')} only a lower and an upper "
        "bound are known, so the bound is an interval"
    )
    title = f"**Rests on:** sources only · {short} · diameters of samples · two of three residuals are ours"
    with st.expander(title):
        st.markdown(
            "- **Sources only.** Nothing is said about targets: stage two has no bound.\n"
            "- **L is unknown.** The log-ratio of the densities is *assumed* L-Lipschitz inside each cluster, where both laws must live on "
            f"the same part. {full}\n"
            f"- **Diameters are those of samples**, smaller than those of the laws they come from, and {exact}. Variances are estimated.\n"
            "- **Ours:** the Hoeffding and Bennett residuals. The linear one is the paper's kind."
        )


def parts(lipschitz: float, direction: str) -> None:
    """Draw every divergence on one scale, and the bound against L."""
    point, measured = bound_stages.point(), readings(direction)
    bounds = bound_stages.bounds(direction)
    random = None if measured is None else span(measured.random)
    estimates = {} if measured is None else {"selection": span(measured.selection), "random selection": span(measured.random)}
    left, right = st.columns([2, 3])
    with left:
        st.markdown("**Everything in nats, on one scale**")
        _ruler(point, lipschitz, direction, estimates)
    with right:
        st.markdown("**The bound against L**: its three residuals, and in the strip at the foot which of them is smallest")
        grid = [
            {"L": one.lipschitz} | {name: one.residual_of(name) for name in _RESIDUALS} | {"bound": one.covered_total} for one in bounds
        ]
        views.plot(
            bound_figure(bounds, lipschitz, random, dark=views.is_dark()),
            f"The bound and its linear, Hoeffding and Bennett residuals against L on logarithmic scales, with L = {lipschitz:.3g} marked; "
            "above the divergence of a random selection the bound says nothing.",
            "bound_over_l",
            pd.DataFrame(grid),
        )
    found = point.bound(lipschitz, direction)
    sums = {label: found.residual_of(name) for name, label in _RESIDUALS.items()}
    smallest = min(sums, key=lambda name: sums[name])
    st.markdown(
        "Residual at this L, each kind on its own: "
        + ", ".join(f"{name} **{nats(value)}**" for name, value in sums.items())
        + f"; smallest in sum is {smallest}. The bound takes the smallest of the three in every cluster. "
        "Linear: L · D, the paper's kind. Hoeffding: (L · D)² / 8, and Bennett: L² · V · φ(L · D), are ours; D is a cluster's diameter, "
        "V its variance, φ(b) = (eᵇ − 1 − b) / b²."
    )


_RESIDUALS = {"linear": "linear", "hoeffding": "Hoeffding", "bennett": "Bennett"}


def _ruler(point: SweepPoint, lipschitz: float, direction: str, estimates: dict[str, tuple[float, float]]) -> None:
    found, low = point.bound(lipschitz, direction), point.low_bound(lipschitz, direction)
    rows, dark = {"KL of the shares": (found.covered,) * 3}, views.is_dark()
    colours = {"KL of the shares": TERMS[dark]["discrete"]}
    if direction == "forward":
        noise = bound_stages.noise()
        rows = {"noise floor of shares": (noise.floor,) * 3, "KL of the shares": (min(noise.low, found.covered), found.covered, noise.high)}
        colours["noise floor of shares"] = REST
    rows |= {"the bound": (low.covered_total, found.covered_total, found.covered_total)}
    colours |= {"the bound": TERMS[dark]["residual"]}
    for name, (least, most) in estimates.items():
        label = f"{name}, measured"
        rows[label], colours[label] = (least, float("nan"), most), ROLES[dark]["selected"] if name == "selection" else REST
    table = pd.DataFrame([{"what": name, "from": low, "nats": value, "to": high} for name, (low, value, high) in rows.items()])
    alt = "Noise floor, divergence of shares with its bootstrap band, the bound, and measured divergences, in nats on one logarithmic axis."
    views.plot(ruler_figure(rows, colours, dark=dark), alt, "ruler", table)
    words = (
        f"Noise floor: (n_clusters − 1) / (2M), M = {int(point.allocation.validation_counts.sum()):,} validation pairs. "
        "Band of the shares: 90 % of bootstrap resamples of validation. "
        if direction == "forward"
        else ""
    )
    st.caption(words + "Measured: from one to the other of two estimates after PCA, k-NN and Gaussian; see the tab *Measured*.")
