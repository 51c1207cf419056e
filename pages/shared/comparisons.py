"""What the Compare page asks and answers: the form, the verdict in a sentence, and the table."""

from __future__ import annotations

import math
import re

import pandas as pd
import streamlit as st

from craft_core.compare import Cell, Comparison, Measure, Plan, measured, standing
from craft_core.errors import ParameterError
from craft_core.problem import Selector
from craft_core.selectors import SELECTORS, about
from pages.shared import compare_stages, stages
from pages.shared.compare_stages import Asked
from pages.shared.session import current_config, generation

_USUAL = ("craft", "craft-weighted", "herding", "dsir", "nearest", "random")
_NO_LABEL = "none"
_BEST, _TIED = "★", "≈"
_KIND = {
    **dict.fromkeys(("craft",), "the paper's, as we read its abstract"),
    **dict.fromkeys(("craft-weighted", "herding", "ball"), "our extension"),
    **dict.fromkeys(("stage-one", "stage-two", "uniform-allocation"), "ablation"),
    **dict.fromkeys(("random", "nearest", "centroid"), "plain"),
}
_NEEDS = {(): "nothing but texts", ("vectors",): "vectors", ("vectors", "clusters"): "vectors and clusters"}


def form() -> None:
    """Draw what is compared, and the button."""
    config, before = current_config(), compare_stages.asked()
    # with keys of their own the fields outlast a new comparison, though what they begin with then changes
    key = f"compare.{generation()}"
    with st.form(key):
        names = st.multiselect(
            "Methods",
            list(SELECTORS),
            default=_begun(before),
            key=f"{key}.methods.{config.selector.name}",
            help="The method in use keeps its settings, the others have their defaults.",
        )
        left, middle, right, last = st.columns(4)
        text = left.text_input(
            "Budgets (pairs)",
            value=_budgets(before),
            key=f"{key}.budgets.{config.budget}",
            help="One or several, separated by spaces: 500 2000 8000.",
        )
        said = "Clusters and random choices are made with so many seeds; what differs between them is chance."
        n_seeds = middle.number_input("Seeds", 1, 10, 3 if before is None else len(before.plan.seeds), key=f"{key}.seeds", help=said)
        said = "So many pairs of the pool exchange their targets before anything is chosen; a good method leaves them alone."
        noise = 0 if before is None else round(100 * before.noise)
        noise = right.number_input("Mispair on purpose (%)", 0, 60, noise, step=10, key=f"{key}.noise", help=said)
        with last:
            label = _label(before, f"{key}.label")
        st.caption("tsds takes seconds to minutes on a large pool, nearly all of it for its estimate of density; with sigma 0 it is quick.")
        if st.form_submit_button("Compare", type="primary"):
            seeds = tuple(range(config.seed, config.seed + int(n_seeds)))
            compare_stages.ask(Plan(tuple(_method(name) for name in SELECTORS if name in names), _numbers(text), seeds, label), noise / 100)
            st.session_state.pop("stopped", None)


def _begun(before: Asked | None) -> list[str]:
    """Return the methods the form begins with: those compared before, and always the one in use."""
    known = _USUAL if before is None else tuple(one.name for one in before.plan.selectors)
    return list(dict.fromkeys([*known, current_config().selector.name]))


def _label(before: Asked | None, key: str) -> str | None:
    """Draw which label column choices are compared by, and return it."""
    labels = compare_stages.label_names()
    options = [*labels, _NO_LABEL]
    begun = options[0] if before is None else before.plan.label or _NO_LABEL
    said = "What people call the pairs. No method sees it; choices are compared by it."
    chosen = st.selectbox("Label column", options, index=options.index(begun) if begun in options else 0, key=key, help=said)
    return None if chosen == _NO_LABEL else chosen


def _budgets(before: Asked | None) -> str:
    return str(current_config().budget) if before is None else " ".join(map(str, before.plan.budgets))


def _numbers(text: str) -> tuple[int, ...]:
    """Read whole numbers. Raises ParameterError for anything else."""
    words = text.replace(";", " ").split()
    if not all(re.fullmatch(r"[0-9]+|[0-9]{1,3}(,[0-9]{3})+", word.rstrip(",")) for word in words):
        raise ParameterError(f"Budgets are whole numbers with spaces between them, as in 500 2000 8000. Got '{text}'.")
    return tuple(sorted({int(word.replace(",", "")) for word in words}))


def _method(name: str) -> Selector:
    own = current_config().selector
    return own if own.name == name else SELECTORS[name]()


def methods() -> None:
    """Say what every method does, whose it is and what it needs."""
    with st.expander("What the methods are"):
        table = {
            "method": list(SELECTORS),
            "kind": [_KIND.get(name, "by others, written anew") for name in SELECTORS],
            "needs": [_NEEDS[cls.needs] for cls in SELECTORS.values()],
            "what it does": [about(cls) for cls in SELECTORS.values()],
        }
        st.dataframe(
            pd.DataFrame(table),
            hide_index=True,
            height="content",
            column_config={"what it does": st.column_config.TextColumn(width="large")},
        )
        st.caption("tarot works on vectors here, where the original has gradients of a model; method names are those of the command line.")


def verdict(found: Comparison, budget: int) -> None:
    """Say in a few sentences who is nearest to the held-out pairs and who finds the right labels."""
    _changed_since(found)
    lines = []
    for name, words in (
        ("energy", "Nearest to the held-out pairs (joint energy distance)"),
        ("label_share", "Most of the right labels"),
        ("mispaired", "Fewest mispaired pairs"),
    ):
        measure = next((one for one in measured(found) if one.name == name), None)
        if measure is not None:
            lines.append(_winner(standing(found, measure, budget), measure, words))
    st.markdown("\n".join(f"- {line}" for line in lines))
    noise = f" The targets of {found.mispaired:.0%} of the pool were exchanged on purpose." if found.mispaired else ""
    st.caption(
        f"Measured on {found.held_out}: no method chose with them. {len(found.plan.seeds)} "
        f"seed{'s' if len(found.plan.seeds) > 1 else ''}, one clock for all methods.{noise}"
    )


def _changed_since(found: Comparison) -> None:
    """Say so where the method in use has other settings now than it had in this comparison."""
    own = current_config().selector
    if any(one.name == own.name and one != own for one in found.plan.selectors):
        st.info(f"The settings of {own.name} have changed since. Press *Compare* to use them.", icon=":material/sync:")


def _winner(cells: dict[str, Cell], measure: Measure, words: str) -> str:
    best = next((name for name, cell in cells.items() if cell.is_best), None)
    if best is None:
        return f"{words}: not measured."
    tied = [name for name, cell in cells.items() if cell.is_tied]
    said = f"{words}: **{best}**, {format(cells[best].mean, measure.form)}"
    if tied:
        said += f"; within noise of it: {', '.join(tied)}"
    own = cells.get("craft")
    if own is not None and best != "craft" and "craft" not in tied and math.isfinite(own.mean):
        sign = 1 if measure.better == "low" else -1
        nearer = sum(sign * one.mean < sign * own.mean for one in cells.values())
        said += f"; craft is number {nearer + 1} of {len(cells)} with {format(own.mean, measure.form)}"
    return said + "."


def table(found: Comparison, budget: int) -> None:
    """Draw one row a method, best and ties marked, and offer it as a file."""
    measures = measured(found)
    columns = {one.name: standing(found, one, budget) for one in measures}
    names = [one.name for one in found.plan.selectors]
    shown = {"method": names} | {one.label: [_text(one, columns[one.name][name]) for name in names] for one in measures}
    config = {one.label: st.column_config.TextColumn(help=f"{one.help} {_way(one)}") for one in measures}
    config["method"] = st.column_config.TextColumn(pinned=True)
    st.dataframe(pd.DataFrame(shown), hide_index=True, height="content", column_config=config)
    st.caption(
        f"Mean ± standard deviation over seeds. {_BEST} is best; {_TIED} is within noise of the best: nearer than twice the standard error "
        "of the difference over seeds. Another test set could change more than that. Point at a heading for what it means."
    )
    for name in names:
        for note in found.of(name, budget)[0].notes:
            st.caption(f"{name}: {note}")
    numbers = {"method": names, "budget": [budget] * len(names)}
    for one in measures:
        numbers[one.name] = [columns[one.name][name].mean for name in names]
        numbers[f"{one.name} spread"] = [columns[one.name][name].spread for name in names]
    csv = pd.DataFrame(numbers).to_csv(index=False).encode()
    st.download_button("Download the table (CSV)", csv, "comparison.csv", "text/csv", icon=":material/download:")


def _text(measure: Measure, cell: Cell) -> str:
    if not cell.n_seeds:
        return "–"
    spread = f" ± {format(cell.spread, measure.form)}" if cell.n_seeds > 1 else ""
    return f"{_BEST + ' ' if cell.is_best else _TIED + ' ' if cell.is_tied else ''}{format(cell.mean, measure.form)}{spread}"


def _way(measure: Measure) -> str:
    return {"low": "Lower is better.", "high": "Higher is better."}.get(measure.better, "Neither way is better.")


def budget_of(found: Comparison) -> int:
    """Return the budget whose numbers are shown, chosen where there are several."""
    budgets = list(found.plan.budgets)
    if len(budgets) == 1:
        return budgets[0]
    shown = st.segmented_control(
        "Budget shown", budgets, default=budgets[0], format_func=lambda one: f"{one:,} pairs", key="compare_budget"
    )
    return int(shown) if shown in budgets else budgets[0]


def waiting() -> None:
    """Say what to do before the first comparison."""
    st.info("Choose methods and press *Compare*. What was compared once is there at once when you come back.", icon=":material/info:")
    loaded = stages.data()
    if loaded.test is None:
        st.caption("Without a test set every method chooses with one half of validation and is measured on the other half.")
