"""What the Export page draws: downloads, the lines that reproduce a run, and the way back from a manifest."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import Any

import streamlit as st

from craft_core.config import ExperimentConfig, Export
from craft_core.corpus import file_digest
from craft_core.describe import ClusterNames
from craft_core.errors import DataError
from craft_core.experiment import Report
from craft_core.export import (
    MANIFEST,
    Manifest,
    Verification,
    bundle,
    by_name,
    card,
    command_line,
    compare_inputs,
    input_records,
    label_table,
    python_snippet,
    read_manifest,
    subset_bytes,
    subset_names,
    verify_against,
)
from pages.shared import forms, session, stages, views
from pages.shared.work import compute, key_of

_LARGEST_MANIFEST = 64 * 2**20  # bytes; a manifest has a few thousand


def headline(report: Report) -> None:
    """Draw what would be exported."""
    views.metrics(
        [
            ("Chosen", f"{len(report.selection):,}", "Pairs in the subset."),
            ("Out of", f"{report.data.cleanings['pool'].n_in:,}", "Pool pairs as given, before cleaning."),
            ("KL(validation ‖ selected)", views.number(report.diagnostics.kl), "Divergence of the cluster shares, in nats."),
            (
                "Energy distance, joint",
                views.number(report.diagnostics.energy.joint if report.diagnostics.energy else None),
                f"To {report.diagnostics.held_out}.",
            ),
        ]
    )
    shares = label_table(report)
    if shares:
        with st.expander("Who is among the chosen (label columns)"):
            views.label_shares(shares)


def downloads(report: Report) -> None:
    """Draw the format and the download buttons."""
    left, right = st.columns([1, 2])
    with left:
        export = forms.fields(Export, report.config.export, f"export.{session.generation()}")
    if repr(export) != repr(report.config.export):
        session.change(export=export)
        st.rerun()
    with right:
        st.markdown("**Everything in one zip**: the subset, row numbers, scores, manifest, recipe and data card.")
        key = key_of(stages.stability_key(), report.config.data, report.config.cluster_names, export)
        data = compute("Writing the export", key, lambda progress: bundle(report, progress), None, stages.wait_for("export"))
        st.download_button(
            "Download the export", data, "craft-export.zip", "application/zip", type="primary", icon=":material/download:", key="zip"
        )
        st.caption(f"{len(data):,} bytes; apart from date and seconds in its manifest, the same run gives the same bytes.")
        name, subset = compute("Writing the subset", key, lambda progress: subset_bytes(report))
        st.download_button(f"Only the pairs ({name})", subset, name, icon=":material/table:", key="subset")
        st.caption(f"sha256 {file_digest(subset)}")
        st.caption(
            "Texts are exported byte for byte as they were read."
            if not export.safe_for_spreadsheets
            else "Cells that a spreadsheet would run as a formula begin with an apostrophe."
        )
    with st.expander("Data card"):
        st.code(card(report, by_name(report.config), subset_names(export.format)), language=None, wrap_lines=True)


def reproduce(report: Report) -> None:
    """Draw the command line and the Python program that repeat the run."""
    config = report.config
    st.markdown("From the project's folder; files that were uploaded must lie in it under the names they have here.")
    st.code(command_line(config, "out"), language="sh", wrap_lines=True)
    st.markdown("The same from Python:")
    st.code(python_snippet(config, "out"), language="python")


def prove() -> None:
    """Draw the upload of an earlier export, and what can be done with it."""
    st.markdown(f"Give the `{MANIFEST}` of an earlier export, or the whole zip.")
    given: Any = st.file_uploader("Manifest or export", type=["json", "zip"], key="manifest")
    if given is None:
        return
    manifest = read_manifest(_manifest_bytes(given.name, given.getvalue()))
    given = session.current_given()
    report = None if given is None else stages.report()
    loaded = () if report is None else input_records(report.config, report.data)
    differences = compare_inputs(manifest.inputs, loaded)
    if differences and session.is_sample(manifest):
        st.info("This export was made from the sample data.")
        st.button(
            "Open the sample data with these settings", type="primary", on_click=_restore_sample, args=(manifest,), key="restore_sample"
        )
        return
    for sentence in differences:
        st.warning(sentence, icon=":material/warning:")
    if differences:
        st.markdown("Load the files above on the Data page, then come back; the settings can be restored already.")
    left, right = st.columns(2)
    left.button("Restore the settings", on_click=_restore, args=(manifest.config,), key="restore", width="stretch")
    if given is not None and right.button("Verify: compare this run with the export", type="primary", key="verify", width="stretch"):
        _show(verify_against(stages.report(), manifest))


def _restore_sample(manifest: Manifest) -> None:
    session.open_sample()
    _restore(manifest.config)


def _restore(config: ExperimentConfig) -> None:
    """Take the settings of an export, and the names of its clusters for the clusters that follow from them."""
    session.restore(replace(config, cluster_names=ClusterNames()))
    stages.adopt_names(config.cluster_names)


def _show(found: Verification) -> None:
    if found.ok:
        st.success("Identical: the same inputs and settings gave the same files, byte for byte.", icon=":material/verified:")
        return
    st.error("Not identical.", icon=":material/error:")
    for sentence in (*found.differences, *found.notes):
        st.text(sentence)


def _manifest_bytes(name: str, data: bytes) -> bytes:
    if not name.lower().endswith(".zip"):
        return data
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if archive.getinfo(MANIFEST).file_size > _LARGEST_MANIFEST:
                raise DataError(f"The {MANIFEST} in this zip is too large to be one. Give the manifest of an export.")
            return archive.read(MANIFEST)
    except (KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"This zip holds no {MANIFEST}. Give the zip of an export, or the manifest itself.") from error
