"""What a budget buys over another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from craft_core.allocate import Allocation
from craft_core.budgets import CURVES, BudgetCurve, BudgetNumbers
from craft_core.selectors import Craft
from pages.shared import bound_stages, views
from pages.shared.budget_stages import Bounds
from pages.shared.session import change, current_config, generation

_METRIC = 160  # pixels: four in a row, and two on a phone


def needs_ranking() -> None:
    """Say why there is no slider for a method that does not rank, and offer one that does."""
    st.info(
        f"The method **{current_config().selector.name}** does not put the pool in an order that holds for every budget, so each budget "
        "needs a selection of its own. With **craft** every budget is there at once.",
        icon=":material/info:",
    )
    st.button("Use craft", type="primary", on_click=_use_craft)


def _use_craft() -> None:
    change(selector=Craft())
    st.session_state["generation"] = generation() + 1


def lipschitz_now() -> float:
    """Return L as the KL bound page set it, else the estimate."""
    chosen = st.session_state.get("lipschitz")
    return bound_stages.first_l() if chosen is None else float(chosen)


def answer(now: BudgetNumbers, then: BudgetNumbers, curve: BudgetCurve | None, anchors: Mapping[str, float]) -> None:
    """Say what the budget buys over the other one: what gets better, what gets worse, and where the chance in it is measured."""
    n_now, n_then = now.allocation.size, then.allocation.size
    if n_now == n_then:
        st.markdown(f"**{views.counted(n_now, 'pair')}.** Move the slider to see what another budget would buy.")
        return
    found = _changes(now, then, curve, anchors)
    lines = [f"**{views.counted(n_now, 'pair')} instead of {n_then:,}**: {now.tokens / max(then.tokens, 1):,.3g} times the words."]
    for title, is_better in (("Gains", True), ("Loses", False)):
        kept = [words for words, better in found if better is is_better]
        lines.append(f"- **{title}:** {'; '.join(kept) if kept else 'nothing that is known yet'}.")
    lines.append("- **How sure:** all of it depends on how the clusters fell out; *Stability* makes the choice again with other seeds.")
    st.markdown("\n".join(lines))


def _changes(now: BudgetNumbers, then: BudgetNumbers, curve: BudgetCurve | None, anchors: Mapping[str, float]) -> list[tuple[str, bool]]:
    """Return what changes, in words, and whether it gets better."""
    found = []
    if now.coverage is not None and then.coverage is not None:
        for side in ("source", "target"):
            a, b = (getattr(one.coverage, f"{side}_tokens") for one in (now, then))
            found.append((f"{a:.1%} of the test set's {side} words occur in the chosen pairs (before: {b:.1%})", a - b))
    found.append(
        (
            f"{views.counted(now.starved, 'cluster')} of {len(now.allocation.counts):,} run out (before: {then.starved:,})",
            float(then.starved - now.starved),
        )
    )
    a, b = _left_out(now.allocation), _left_out(then.allocation)
    found.append((f"{a:.1%} of validation lies in clusters that give no pair (before: {b:.1%})", b - a))
    if curve is not None:
        found += _measured_changes(curve, now.allocation.size, then.allocation.size, anchors)
    return [(words, gain > 0) for words, gain in found if np.isfinite(gain) and gain != 0]


def _measured_changes(curve: BudgetCurve, now: int, then: int, anchors: Mapping[str, float]) -> list[tuple[str, float]]:
    (a, b), (c, d) = ([curve.interpolate(name, n) for n in (now, then)] for name in ("energy", "ridge_rank"))
    beside = "".join(f"; {name} {value:.4f}" for name, value in anchors.items())
    return [
        (f"the distance to held-out pairs is about {a:.4f} (before: {b:.4f}{beside}; smaller is nearer)", b - a),
        (f"the ridge translator ranks the true target at {c:.3f} (before: {d:.3f}; 1 is first)", c - d),
    ]


@dataclass(frozen=True)
class _Number:
    label: str
    value: float
    before: float
    form: str  # a format specification
    better: str
    help: str


def exact(now: BudgetNumbers, then: BudgetNumbers, bounds: Sequence[Bounds]) -> dict[int, float]:
    """Return the bounds that are known exactly, by budget; infinite ones are left out."""
    known = {one.allocation.size: bound.high.total for one, bound in zip((now, then), bounds, strict=True) if bound.is_exact}
    return {size: total for size, total in known.items() if np.isfinite(total)}


def numbers(now: BudgetNumbers, then: BudgetNumbers, bounds: Sequence[Bounds], lipschitz: float, curve: BudgetCurve | None) -> None:
    """Draw what the budget gives, each with its difference to the other one."""
    listed = [*_looked_up(now, then, bounds, lipschitz), *_interpolated(curve, now.allocation.size, then.allocation.size)]
    with st.container(horizontal=True, gap="small"):
        for one in listed:
            _metric(one)
    chosen = "as set on the page KL bound" if st.session_state.get("lipschitz") is not None else _ORIGIN[bound_stages.is_told()]
    st.caption(
        f"The bound (ours) is about sources only, and holds if the log-ratio of the two densities changes by at most L = {lipschitz:,.3g} "
        f"({chosen}) per unit of distance inside each cluster."
    )
    if curve is not None:
        st.caption(f"≈ measured on {curve.held_out} at {len(curve.budgets)} budgets, and interpolated between them.")
    elif now.coverage is None:
        st.caption(
            "Without a test set, how many held-out words are covered has to be measured: see *Curves*. To count it on the validation pairs "
            "one selects with would flatter."
        )


_ORIGIN = {
    True: "an estimate, no certificate",
    False: "a placeholder: these pairs do not tell L, so the bound is only an example",
}


def _looked_up(now: BudgetNumbers, then: BudgetNumbers, bounds: Sequence[Bounds], lipschitz: float) -> list[_Number]:
    a, b = now.allocation, then.allocation
    is_exact = all(one.is_exact for one in bounds)
    is_whole = np.isfinite(now.kl) and np.isfinite(then.kl)
    better = "lower" if is_whole else ""  # two parts of validation cannot be compared
    of = (f", L = {lipschitz:,.3g}", "") if is_whole else (", covered part", ", covered part")
    missed = (
        "" if is_whole else " Infinite for the whole: some clusters with validation pairs give none. Shown is the part that is reached."
    )
    kls = (now.kl, then.kl) if is_whole else (now.covered_kl, then.covered_kl)
    totals = [[one.total if is_whole else one.covered_total for one in (bound.low, bound.high)] for bound in bounds]
    if is_exact:
        ends = [_Number(f"Bound{of[0]}", totals[0][1], totals[1][1], ".2f", better, _BOUND + _EXACT + missed)]
    else:
        ends = [
            _Number(f"Bound{end}{of[1]}", totals[0][at], totals[1][at], ".2f", better, _BOUND + _BETWEEN + missed)
            for at, end in enumerate((" at least", " at most"))
        ]
    listed = [
        _Number("Pairs chosen", a.size, b.size, ",.0f", "", f"Out of {int(a.supply.sum()):,} pool pairs that are in a cluster."),
        _Number("Words", now.tokens, then.tokens, ",.0f", "", "Words of both sides of the chosen pairs."),
    ]
    if now.coverage is not None and then.coverage is not None:
        for label, field in _COVERED:
            about = CURVES[f"{field}_covered"].help + " Held out is the test set."
            both = getattr(now.coverage, field), getattr(then.coverage, field)
            listed.append(_Number(label, *both, ".1%", "higher", about))
    return [
        *listed,
        _Number("Clusters run out", now.starved, then.starved, ",.0f", "lower", CURVES["starved"].help),
        _Number(
            "Clusters left out",
            _left_out(a),
            _left_out(b),
            ".1%",
            "lower",
            "Validation share of the clusters that give no pair at this budget: too small for a place, or without any pool pair.",
        ),
        *([_Number("Shortfall", a.shortfall, b.shortfall, ",.0f", "lower", _SHORTFALL)] if a.shortfall or b.shortfall else []),
        _Number(
            "KL of shares" if is_whole else "KL, covered part",
            *kls,
            ".4f",
            better,
            "KL(validation ‖ selected) of the cluster shares, in nats; 0 is equal." + missed,
        ),
        *ends,
    ]


_SHORTFALL = "Pairs of the budget that no cluster with validation pairs can give."
_BOUND = (
    "Upper bound on KL(validation ‖ selected) of the source vectors, in nats: KL of the shares and what the clusters can hide (our "
    "derivation). "
)
_EXACT = "The diameters in it are exact for these pairs, as on the page KL bound."
_BETWEEN = "With so many pairs the diameters in it are known between two bounds; the page KL bound narrows it for one budget."

_COVERED = (
    ("Source coverage", "source_tokens"),
    ("Target coverage", "target_tokens"),
    ("Source word pairs", "source_bigrams"),
    ("Target word pairs", "target_bigrams"),
)


def _left_out(allocation: Allocation) -> float:
    return float(allocation.validation_share[allocation.counts == 0].sum())


def _interpolated(curve: BudgetCurve | None, now: int, then: int) -> list[_Number]:
    if curve is None:
        return []
    return [
        _Number(
            f"≈ {_SHORT.get(name, CURVES[name].label)}",
            curve.interpolate(name, now),
            curve.interpolate(name, then),
            {"%": ".1%", "chrF": ".1f"}.get(CURVES[name].unit, ".4f"),
            CURVES[name].better,
            CURVES[name].help,
        )
        for name in curve.values
    ]


_SHORT = {
    "nearest_chrf": "Nearest, chrF",
    "ridge_rank": "Ridge, MRR",
    "source_tokens_covered": "Source coverage",
    "target_tokens_covered": "Target coverage",
    "source_bigrams_covered": "Source word pairs",
    "target_bigrams_covered": "Target word pairs",
}


def _metric(one: _Number) -> None:
    difference = one.value - one.before
    delta = _difference(difference, one.form) if np.isfinite(difference) else None
    colour = {"lower": "inverse", "higher": "normal"}.get(one.better, "off")
    with st.container(width=_METRIC):
        st.metric(one.label, _shown(one.value, one.form), delta, delta_color=colour, help=one.help)  # type: ignore[arg-type]


def _difference(value: float, form: str) -> str | None:
    """Return a difference as people read it, or None where it rounds to nothing; that of two percentages is in points."""
    text = f"{100 * value:+.1f} points" if form.endswith("%") else format(value, f"+{form}")
    return text if any(digit in text for digit in "123456789") else None


def _shown(value: float, form: str) -> str:
    if np.isnan(value):
        return "–"
    return format(value, form) if np.isfinite(value) else "∞"
