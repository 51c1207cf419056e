"""What a budget buys over another one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from craft_core.allocate import Allocation
from craft_core.budgets import CURVES, BudgetCurve, BudgetNumbers, Prefixes
from craft_core.selectors import Craft
from pages.shared import bound_stages, budget_stages
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


def answer(now: BudgetNumbers, then: BudgetNumbers, curve: BudgetCurve | None) -> None:
    """Say in one sentence what the budget buys over the other one."""
    n_now, n_then = now.allocation.size, then.allocation.size
    if n_now == n_then:
        st.markdown(f"**{n_now:,} pairs.** Move the slider to see what another budget would buy.")
        return
    parts = [f"{now.tokens / max(then.tokens, 1):,.2f} times the words"]
    if now.coverage is not None and then.coverage is not None:
        a, b = now.coverage, then.coverage
        parts.append(
            f"{a.source_tokens:.1%} of the test set's running source words occur in them (before: {b.source_tokens:.1%}) and "
            f"{a.target_tokens:.1%} of its target words (before: {b.target_tokens:.1%})"
        )
    before = "as before" if now.starved == then.starved else f"before: {then.starved:,}"
    parts.append(f"{now.starved:,} of {len(now.allocation.counts):,} clusters run out ({before})")
    if curve is not None and np.isfinite(energies := [curve.interpolate("energy", n) for n in (n_now, n_then)]).all():
        parts.append(f"the energy distance to held-out pairs is about {energies[0]:.4f} (before: {energies[1]:.4f}; smaller is better)")
    st.markdown(f"**{n_now:,} pairs instead of {n_then:,}**: {'; '.join(parts)}.")


@dataclass(frozen=True)
class _Number:
    label: str
    value: float
    before: float
    form: str  # a format specification
    better: str
    help: str


def numbers(found: Prefixes, now: BudgetNumbers, then: BudgetNumbers, lipschitz: float, curve: BudgetCurve | None) -> None:
    """Draw what the budget gives, each with its difference to the other one."""
    listed = [*_looked_up(found, now, then, lipschitz), *_interpolated(curve, now.allocation.size, then.allocation.size)]
    with st.container(horizontal=True, gap="small"):
        for one in listed:
            _metric(one)
    chosen = "as set on the page KL bound" if st.session_state.get("lipschitz") is not None else "an estimate, no certificate"
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


def _looked_up(found: Prefixes, now: BudgetNumbers, then: BudgetNumbers, lipschitz: float) -> list[_Number]:
    a, b = now.allocation, then.allocation
    bounds, is_exact = budget_stages.bounds_at(found, (now, then), lipschitz)
    is_whole = np.isfinite(now.kl) and np.isfinite(then.kl)
    better = "lower" if is_whole else ""  # two parts of validation cannot be compared
    most = "Bound" if is_exact else "Bound at most"
    names = ("KL of shares", f"{most}, L = {lipschitz:,.3g}") if is_whole else ("KL, covered part", f"{most}, covered part")
    missed = (
        "" if is_whole else " Infinite for the whole: some clusters with validation pairs give none. Shown is the part that is reached."
    )
    kls = (now.kl, then.kl) if is_whole else (now.covered_kl, then.covered_kl)
    totals = [one.total if is_whole else one.covered_total for one in bounds]
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
        _Number(names[0], *kls, ".4f", better, "KL(validation ‖ selected) of the cluster shares, in nats; 0 is equal." + missed),
        _Number(names[1], *totals, ".2f", better, _BOUND + (_EXACT if is_exact else _AT_MOST) + missed),
    ]


_SHORTFALL = "Pairs of the budget that no cluster with validation pairs can give."
_BOUND = (
    "Upper bound on KL(validation ‖ selected) of the source vectors, in nats: KL of the shares and what the clusters can hide (our "
    "derivation). "
)
_EXACT = "The diameters in it are exact for these pairs, as on the page KL bound."
_AT_MOST = "With so many pairs the diameters in it are upper bounds; the page KL bound takes longer and knows them more exactly."

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
