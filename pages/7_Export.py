"""Export: take the subset away, prove an earlier export, go back to where it was made."""

import streamlit as st

from pages.shared import exports, room, session, stages, views

SUBTITLE = "Take the chosen pairs away with everything that proves how they were chosen; or come back from an earlier export."

with room.frame("Export", SUBTITLE, needs_data=False):
    take, reproduce, prove = st.tabs(["Download", "Reproduce", "Verify or restore"], key="export_tab", on_change="rerun")
    if prove.open:
        with prove:
            exports.prove()
    elif session.current_given() is None:
        room.doors()
    elif reproduce.open:
        with reproduce:
            exports.reproduce(stages.report())
    else:
        with take:
            report = stages.report()
            views.warnings(report.warnings)
            exports.headline(report)
            exports.downloads(report)
