"""Export: take the subset away, prove an earlier export, go back to where it was made."""

import streamlit as st

from pages.shared import exports, session, stages, views

with session.frame(
    "Export", "Take the chosen pairs away with everything that proves how they were chosen; or come back from an earlier export."
):
    take, reproduce, prove = st.tabs(["Download", "Reproduce", "Verify or restore"])
    with take:
        report = stages.report()
        views.warnings(report.warnings)
        exports.headline(report)
        exports.downloads(report)
    with reproduce:
        exports.reproduce(stages.report())
    with prove:
        exports.prove()
