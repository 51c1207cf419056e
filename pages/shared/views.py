"""How numbers, tables, charts and warnings look, everywhere the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from craft_core.corpus import Corpus

_TEXT_PIXELS = 340  # wide enough for a sentence, and both sides still fit
_METRIC_PIXELS = 163  # two in a row of a telephone

PLOT_CONFIG = {"displaylogo": False, "displayModeBar": False}
"""For charts one only reads."""


def is_dark() -> bool:
    """Return whether the browser shows the dark theme."""
    return st.context.theme.type == "dark"


def plot(figure: Any, alt: str, key: str, table: pd.DataFrame | None = None, config: Mapping[str, Any] = PLOT_CONFIG) -> None:
    """Draw a figure with a text for those who cannot see it, and the same numbers as a table."""
    st.plotly_chart(figure, theme=None, key=key, alt=alt, config=dict(config))
    if table is not None:
        with st.expander("The same numbers as a table"):
            st.dataframe(table, hide_index=True, alt=f"As a table: {alt}")


def metrics(items: Iterable[tuple[str, str, str]]) -> None:
    """Draw numbers in a row, on a telephone two beside each other: label, value, and what it means."""
    with st.container(horizontal=True):
        for label, value, meaning in items:
            st.metric(label, value, help=meaning, width=_METRIC_PIXELS)


def warnings(sentences: Iterable[str]) -> None:
    """Draw what the user should know before trusting a number."""
    for sentence in sentences:
        st.warning(sentence, icon=":material/warning:")


def pairs(corpus: Corpus, positions: np.ndarray, extra: Mapping[str, Any] | None = None, height: int | str = "auto") -> None:
    """Draw pairs as a table: both sides, what else is known, the row in the data as given, further columns; texts as they are."""
    rows(_columns_of_pairs(corpus, positions, extra), height)


def pick_pairs(corpus: Corpus, positions: np.ndarray, extra: Mapping[str, Any], key: str, height: int | str = "auto") -> int | None:
    """Draw pairs as a table one of which can be chosen; return its place in the table the first time it is chosen."""
    table = pd.DataFrame(_columns_of_pairs(corpus, positions, extra))
    event = st.dataframe(
        table,
        hide_index=True,
        height=height,
        column_config=columns_of(table),
        on_select="rerun",
        selection_mode="single-row",
        key=key,
    )
    row = next(iter(event["selection"]["rows"]), None)
    if row is None or st.session_state.get(f"{key}.taken") == row:
        return None
    st.session_state[f"{key}.taken"] = row  # the choice stays; what it asked for is done once
    return int(row)


def _columns_of_pairs(corpus: Corpus, positions: np.ndarray, extra: Mapping[str, Any] | None) -> dict[str, Any]:
    part = corpus.take(np.asarray(positions, dtype=np.int64))
    extra = dict(extra or {})
    first = {name: extra.pop(name) for name in ("score", "similarity") if name in extra}
    columns = {**first, "source": part.sources.to_pylist(), "target": part.targets.to_pylist(), **extra}
    further = {name: part.columns.column(name).to_pylist() for name in part.columns.column_names}
    columns |= {name if name not in columns else f"{name} (column)": values for name, values in further.items()}
    return columns | {"row" if "row" not in columns else "row of the file": part.rows}


def rows(columns: Mapping[str, Any], height: int | str = "auto") -> None:
    """Draw named columns as a table; whole numbers with separators, others with few digits."""
    table = pd.DataFrame(columns)
    alt = f"Table of {len(table):,} rows: {', '.join(map(str, table.columns))}."
    st.dataframe(table, hide_index=True, height=height, column_config=columns_of(table), alt=alt)


def number(value: float | None, digits: int = 4) -> str:
    """Return a number as people read it; infinity by its sign, and a dash where there is none."""
    if value is None:
        return "–"
    if not np.isfinite(value):
        return "∞" if value > 0 else "−∞"
    if 0 < abs(value) < 0.5 * 10.0**-digits:
        return f"{value:.1e}"
    return f"{value:,.{digits}f}"


def label_shares(table: Mapping[str, Mapping[str, Mapping[str, float]]], top: int = 12) -> None:
    """Draw, for each label column, the share of its most frequent values among chosen, pool and validation pairs."""
    for name, values in table.items():
        rows = [
            {name: value or "(empty)"} | {who: f"{share:.1%}" for who, share in shares.items()}
            for value, shares in list(values.items())[:top]
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, height="content", alt=f"Shares of the values of {name}.")


def share_table(table: pd.DataFrame) -> None:
    """Draw a table of clusters behind a fold."""
    with st.expander("The same numbers as a table"):
        st.dataframe(table, hide_index=True, column_config=columns_of(table), alt="The clusters as a table.")


def columns_of(table: pd.DataFrame) -> dict[str, Any]:
    """Return how the columns of a cluster table are drawn: shares as bars, counts with separators, sizes with three digits."""
    shares = [name for name in ("supply share", "validation share", "selected share") if name in table and table[name].dtype.kind == "f"]
    top = float(table[shares].to_numpy().max(initial=0.0)) or 1.0
    config: dict[str, Any] = {
        name: st.column_config.ProgressColumn(name, format="percent", min_value=0.0, max_value=top) for name in shares
    }
    for name in table.columns:
        if name in ("supply", "count", "row"):
            config[name] = st.column_config.NumberColumn(name, format="localized")
        elif name in ("quota", "missing", "more"):
            config[name] = st.column_config.NumberColumn(name, format="%.1f")
        elif name.startswith(("diameter", "variance", "score", "similarity")):
            config[name] = st.column_config.NumberColumn(name, format="%.3f")
        elif name in ("source", "target", "nearest pool source"):
            config[name] = st.column_config.TextColumn(name, width=_TEXT_PIXELS)
        elif name == "starved":
            config[name] = st.column_config.CheckboxColumn("ran out")
    return config


def counted(n: int, noun: str) -> str:
    """Return a number with its noun, which gets an s unless it is one."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
