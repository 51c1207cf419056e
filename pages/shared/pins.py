"""Pinned runs on the Compare page: keep the run in use under a name, and compare two of them pair by pair."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from craft_core.discrepancy import label_columns, label_shares
from pages.shared import compare_stages, stages, views
from pages.shared.compare_stages import Pin
from pages.shared.session import current_config

_NOW = "the run in use"
_SHOWN = 500  # pairs of a table


def draw() -> None:
    """Draw the button that pins, the pins there are, and the comparison of two."""
    st.caption(
        "Pin the run in use, change the settings at the side, and see which pairs that brings in and which it drops. "
        "Pins last as long as this session."
    )
    now = _current()
    with st.form("pin", clear_on_submit=True):
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        name = left.text_input("Name", placeholder=f"{now.facts['method']}, {len(now.rows):,} pairs")
        if right.form_submit_button("Pin the run in use", icon=":material/push_pin:", width="stretch"):
            plain = f"{now.facts['method']}, {len(now.rows):,} pairs"
            given = name.strip()
            compare_stages.pin(plain if given in ("", _NOW) else given, stages.selection()[0].indices, now.facts)
    pinned = compare_stages.pins()
    if not pinned:
        st.info("No run is pinned yet.", icon=":material/info:")
        return
    runs = {one.name: one for one in pinned} | {_NOW: now}
    left, right = st.columns(2)
    names = list(runs)
    one = runs[left.selectbox("Run A", names, index=0, key="pin_one") or names[0]]
    other = runs[right.selectbox("Run B", names, index=len(names) - 1, key="pin_other") or names[-1]]
    _facts(one, other)
    _pairs(one, other)
    gone = st.selectbox("Forget a pin", [None, *(pin.name for pin in pinned)], format_func=lambda name: name or "–", key="unpin")
    if gone and st.button(f"Forget “{gone}”"):
        compare_stages.unpin(gone)
        st.rerun()


def _current() -> Pin:
    config, (chosen, allocation) = current_config(), stages.selection()
    facts = {
        "method": config.selector.name,
        "settings of the method": ", ".join(f"{name} {value}" for name, value in vars(config.selector).items()) or "none",
        "vectorizer": config.vectorizer.name,
        "clusters": f"{config.clustering.n_clusters:,}",
        "budget": f"{config.budget:,}",
        "pairs chosen": f"{allocation.size:,}",
        "seed": str(config.seed),
    }
    found = stages.diagnostics_if_ready()
    if found is not None and found.energy is not None:
        facts["energy distance to held-out pairs"] = f"{found.energy.joint:.4f}"
    return Pin(_NOW, stages.data_key(), tuple(int(row) for row in stages.data().pool.rows[chosen.indices]), facts)


def _facts(one: Pin, other: Pin) -> None:
    a, b = set(one.rows), set(other.rows)
    views.metrics(
        [
            ("In both", f"{len(a & b):,}", "Pairs that both runs choose."),
            ("Only in A", f"{len(a - b):,}", f"Pairs that {one.name} alone chooses."),
            ("Only in B", f"{len(b - a):,}", f"Pairs that {other.name} alone chooses."),
            ("Overlap", f"{len(a & b) / max(len(a | b), 1):.1%}", "Jaccard index: pairs in both, out of those in either."),
        ]
    )
    names = list(dict.fromkeys([*one.facts, *other.facts]))
    rows = {
        "": names,
        "A": [one.facts.get(name, "not measured") for name in names],
        "B": [other.facts.get(name, "not measured") for name in names],
    }
    st.dataframe(pd.DataFrame(rows), hide_index=True, height="content")


def _pairs(one: Pin, other: Pin) -> None:
    pool = stages.data().pool
    place = {int(row): position for position, row in enumerate(pool.rows)}
    a, b = ([place[row] for row in run.rows] for run in (one, other))
    only = [
        np.array([position for position in mine if position not in others], dtype=np.int64) for mine, others in ((a, set(b)), (b, set(a)))
    ]
    for label in label_columns(pool):
        column = pool.columns.column(label)
        shares = [label_shares(column, positions) if len(positions) else {} for positions in (np.array(a), np.array(b))]
        values = sorted({*shares[0], *shares[1]}, key=lambda value: -max(share.get(value, 0.0) for share in shares))[:12]
        table = {label: [value or "(empty)" for value in values], "A": [f"{shares[0].get(value, 0.0):.1%}" for value in values]}
        st.dataframe(
            pd.DataFrame(table | {"B": [f"{shares[1].get(value, 0.0):.1%}" for value in values]}), hide_index=True, height="content"
        )
    for letter, positions in zip("AB", only, strict=True):
        st.markdown(
            f"**Only in {letter}**, best first" + (f", the first {_SHOWN:,} of {len(positions):,}" if len(positions) > _SHOWN else "")
        )
        if len(positions):
            views.pairs(pool, positions[:_SHOWN], height=260)
        else:
            st.caption("None.")
