"""Two runs side by side: what they were, which pairs both chose, and which only one; and the pinned runs on the Compare page."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from craft_core.arrays import IntVector
from craft_core.discrepancy import label_columns, label_shares
from pages.shared import history, stages, views
from pages.shared.history import Run
from pages.shared.session import current_given, data_digest
from pages.shared.work import is_ready

_SHOWN = 500  # pairs of a table
_NOW = "now"  # stands for the run in use, whichever that is


def draw() -> None:
    """Draw the button that pins the run in use, and the comparison of two runs of these data."""
    st.caption(
        "Pin the run in use, change the settings at the side, and see which pairs that brings in and which it drops. "
        "All runs of this session are on Home."
    )
    stages.selection()
    history.note()
    now = history.find(history.current_id() or "")
    if now is None:
        return
    _pin_form(now)
    pinned = [one for one in history.runs() if one.pinned and one.data == now.data]
    if not pinned:
        st.info("No run is pinned yet.", icon=":material/info:")
        return
    listed = {one.id: one for one in pinned} | {_NOW: now}
    ids, titles = list(listed), {one.id: one.title for one in pinned}
    left, right = st.columns(2)
    a = left.selectbox("Run A", ids, index=0, format_func=lambda one: titles.get(one, "the run in use"), key="pin_one")
    b = right.selectbox("Run B", ids, index=len(ids) - 1, format_func=lambda one: titles.get(one, "the run in use"), key="pin_other")
    compare(listed.get(a, now), listed.get(b, now))
    gone = st.selectbox("Unpin a run", [None, *titles], format_func=lambda one: titles.get(one, "–"), key="unpin")
    if gone in titles and st.button(f"Unpin “{titles[gone]}”"):
        history.change(gone, pinned=False)
        st.rerun()


def compare(one: Run, other: Run) -> None:
    """Draw two runs side by side, A and B."""
    rows = history.rows_of(one), history.rows_of(other)
    if one.data != other.data:
        st.info("These runs are of different data, so their pairs cannot be compared; their numbers can.", icon=":material/info:")
    elif rows[0] is None or rows[1] is None:
        st.info("Which pairs they chose is no longer kept: go back to the runs to have them chosen again.", icon=":material/info:")
    else:
        _overlap(one, other, set(rows[0].tolist()), set(rows[1].tolist()))
    _facts(one, other)
    given = current_given()
    if one.data != other.data or rows[0] is None or rows[1] is None:
        return
    if given is None or data_digest(given) != one.data or not is_ready(stages.LOAD, stages.load_key()):
        st.caption("Go back to one of the two runs to read the pairs they do not share.")
        return
    _pairs(rows[0], rows[1])


def facts_of(run: Run) -> dict[str, str]:
    """Return what people want to know of a run, by name."""
    config, marks = run.config, run.marks
    own = [f"{name} {value}" for name, value in config["selector"].items() if name != "name"]
    facts = {
        "data": run.label,
        "method": config["selector"]["name"],
        "settings of the method": ", ".join(own) or "none",
        "vectorizer": config["vectorizer"]["name"],
        "clusters": f"{config['clustering']['n_clusters']:,}",
        "budget": f"{config['budget']:,}",
        "pairs chosen": f"{int(marks['chosen']):,}",
        "seed": str(config["seed"]),
        "KL(validation ‖ selected)": views.number(marks["kl"]),
        "shortfall": f"{int(marks['shortfall']):,}",
        "clusters that ran out": f"{int(marks['starved']):,}",
        "uncovered mass": f"{marks['uncovered']:.1%}",
    }
    return facts | ({"energy distance to held-out pairs": views.number(marks["energy"])} if "energy" in marks else {})


def _pin_form(now: Run) -> None:
    with st.form("pin", clear_on_submit=True):
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        name = left.text_input("Name", placeholder=now.title, max_chars=60)
        if right.form_submit_button("Pin the run in use", icon=":material/push_pin:", width="stretch"):
            history.change(now.id, pinned=True, name=name.strip() or now.name)
            st.rerun()


def _overlap(one: Run, other: Run, a: set[int], b: set[int]) -> None:
    views.metrics(
        [
            ("In both", f"{len(a & b):,}", "Pairs that both runs choose."),
            ("Only in A", f"{len(a - b):,}", f"Pairs that A ({one.title}) alone chooses."),
            ("Only in B", f"{len(b - a):,}", f"Pairs that B ({other.title}) alone chooses."),
            ("Overlap", f"{len(a & b) / max(len(a | b), 1):.1%}", "Jaccard index: pairs in both, out of those in either."),
        ]
    )


def _facts(one: Run, other: Run) -> None:
    a, b = facts_of(one), facts_of(other)
    names = list(dict.fromkeys([*a, *b]))
    rows = {"": names, "A": [a.get(name, "not measured") for name in names], "B": [b.get(name, "not measured") for name in names]}
    if one.name or other.name:
        rows = {"": ["name", *names], "A": [one.title, *rows["A"]], "B": [other.title, *rows["B"]]}
    st.dataframe(pd.DataFrame(rows), hide_index=True, height="content")


def _pairs(one: IntVector, other: IntVector) -> None:
    pool = stages.data().pool
    a, b = (_positions(pool.rows, rows) for rows in (one, other))
    for label in label_columns(pool):
        column = pool.columns.column(label)
        shares = [label_shares(column, positions) if len(positions) else {} for positions in (a, b)]
        values = sorted({*shares[0], *shares[1]}, key=lambda value: -max(share.get(value, 0.0) for share in shares))[:12]
        table = {label: [value or "(empty)" for value in values]}
        table |= {letter: [f"{share.get(value, 0.0):.1%}" for value in values] for letter, share in zip("AB", shares, strict=True)}
        st.dataframe(pd.DataFrame(table), hide_index=True, height="content")
    for letter, mine, theirs in (("A", a, b), ("B", b, a)):
        only = mine[~np.isin(mine, theirs)]
        st.markdown(f"**Only in {letter}**, best first" + (f", the first {_SHOWN:,} of {len(only):,}" if len(only) > _SHOWN else ""))
        if len(only):
            views.pairs(pool, only[:_SHOWN], height=260)
        else:
            st.caption("None.")


def _positions(pool_rows: IntVector, rows: IntVector) -> IntVector:
    """Return where chosen rows of the pool as given stand in the pool as cleaned, without those that are not in it."""
    order = np.argsort(pool_rows, kind="stable")
    places = np.searchsorted(pool_rows, rows, sorter=order)
    found = order[np.minimum(places, len(order) - 1)]
    return found[pool_rows[found] == rows]
