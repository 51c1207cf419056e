"""The runs of a session as Home shows them: a table to choose from, and what can be done with one run or two."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd
import streamlit as st

from craft_core.config import from_record
from craft_core.errors import CraftError
from pages.shared import history, notices, pins, record
from pages.shared.history import Run
from pages.shared.session import RUN_AT_ONCE, begin_anew, current_config, current_given, data_digest, names_of
from pages.shared.views import number

_TABLE = "runs_table"


def draw() -> None:
    """Draw the runs of this session, the latest first."""
    found = history.runs()
    st.header("Runs of this session", anchor=False)
    if not found:
        st.caption("Every run is listed here once its pairs are chosen: go back to it, name it, or compare it with another.")
        return
    st.caption(
        "Choose one run to go back to it, pin or name it; choose two to compare them. Pinned runs stay, of the others the latest 300."
    )
    # the key changes with the order of the rows: a choice of rows must not slip to other runs
    event: Any = st.dataframe(
        table(found),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=f"{_TABLE}.{hash(tuple(one.id for one in found))}",
        column_config=_columns(),
        height="content" if len(found) < 8 else 320,
    )
    chosen = [found[row] for row in event["selection"]["rows"] if row < len(found)]
    if len(chosen) == 1:
        _one(chosen[0])
    elif len(chosen) == 2:
        pins.compare(*chosen)
    elif chosen:
        st.caption("Choose one run or two.")


def table(found: tuple[Run, ...]) -> pd.DataFrame:
    """Return the runs as a table."""
    return pd.DataFrame(
        {
            "pinned": [one.pinned for one in found],
            "name": [one.name for one in found],
            "when": [when(one.when) for one in found],
            "data": [one.label for one in found],
            "method": [one.config["selector"]["name"] for one in found],
            "clusters": [one.config["clustering"]["n_clusters"] for one in found],
            "budget": [one.config["budget"] for one in found],
            "chosen": [int(one.marks["chosen"]) for one in found],
            "KL": [number(one.marks["kl"]) for one in found],
            "energy": [number(one.marks["energy"]) if "energy" in one.marks else "not measured" for one in found],
            "seconds": [f"{sum(one.seconds.values()):,.1f}" for one in found],
        }
    )


def when(moment: float, now: float | None = None) -> str:
    """Return a moment as people say it, on the clock of the browser: today and yesterday by name."""
    then, today = (datetime.fromtimestamp(one, _zone()) for one in (moment, time.time() if now is None else now))
    if then.date() == today.date():
        return f"today {then:%H:%M}"
    if then.date() == today.date() - timedelta(days=1):
        return f"yesterday {then:%H:%M}"
    return f"{then:%Y-%m-%d %H:%M}"


def _zone() -> tzinfo:
    try:
        return ZoneInfo(str(st.context.timezone or "UTC"))
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return UTC


def _one(run: Run) -> None:
    with st.container(border=True, key="one_run"):
        st.text(f"{run.title} ({run.label}, {when(run.when)})")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            is_now = run.id == history.current_id()
            st.button("Go back to this run", key="go_back", type="primary", disabled=is_now, on_click=go_back, args=(run,))
            st.button("Unpin" if run.pinned else "Pin", key="pin_run", icon=":material/push_pin:", on_click=_pin, args=(run,))
            key = f"name_run.{run.id}"
            st.text_input("Name it", value=run.name, max_chars=60, key=key, on_change=_name, args=(run.id, key))
        if is_now:
            st.caption("This is the run in use.")


def go_back(run: Run) -> None:
    """Take the settings of a run and, if the data in use are others, open its own."""
    given = current_given()
    try:
        config = from_record(run.config)
        if given is None or data_digest(given) != run.data:
            given = record.reopen(run.data)
    except CraftError as error:
        notices.add(f"This run cannot be gone back to as it was. {error}", kind="warning")
        return
    st.session_state["given"] = given
    begin_anew(_with_export(config, names_of(given.files)))
    st.session_state[RUN_AT_ONCE] = True
    st.toast(f"Back at: {run.title}", icon=":material/history:")


def _with_export(config: Any, names: Any) -> Any:
    return replace(config, data=names, export=current_config().export)


def _pin(run: Run) -> None:
    history.change(run.id, pinned=not run.pinned)


def _name(run: str, key: str) -> None:
    history.change(run, name=str(st.session_state[key]).strip())


def _columns() -> dict[str, Any]:
    whole = {name: st.column_config.NumberColumn(format="localized") for name in ("clusters", "budget", "chosen")}
    return whole | {
        "pinned": st.column_config.CheckboxColumn("pinned"),
        "KL": st.column_config.TextColumn("KL", help="Of the cluster shares, validation from selected, in nats."),
    }
