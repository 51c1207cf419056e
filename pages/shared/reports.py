"""What the Data page says about the corpora: counts, what was dropped, lengths, first pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import streamlit as st

from craft_core.corpus import Cleaning, Corpus
from craft_core.experiment import LoadedData
from craft_core.figures import length_histogram
from pages.shared import forms, stages, views
from pages.shared.session import change, current_config, generation
from pages.shared.work import compute, key_of

_SHOWN = 200


def corpora(data: LoadedData) -> dict[str, Corpus]:
    """Return the corpora by role, in the order they are shown."""
    found = {"pool": data.pool, "validation": data.validation, "test": data.test}
    return {role: corpus for role, corpus in found.items() if corpus is not None}


def counts_table(data: LoadedData) -> pd.DataFrame:
    """Return, for each corpus, the files, the rows read and the pairs kept."""
    rows = []
    for role, corpus in corpora(data).items():
        report = data.cleanings[role]
        files = data.reads[role].files
        rows.append(
            {
                "corpus": role,
                "files": ", ".join(one.label for one in files),
                "rows read": f"{report.n_in:,}",
                "dropped": f"{report.n_in - report.n_out:,}",
                "pairs kept": f"{len(corpus):,}",
                "further columns": ", ".join(corpus.columns.column_names) or "none",
            }
        )
    return pd.DataFrame(rows)


def notes(data: LoadedData) -> list[str]:
    """Return what the readers decided that a person should know."""
    return [f"{role.capitalize()}: {note}" for role, read in data.reads.items() for note in read.notes]


def cleaning_form() -> None:
    """Draw the cleaning switches; changed ones act when applied."""
    config = current_config()
    with st.expander("Change what is dropped"), st.form(f"cleaning_form.{generation()}", border=False):
        cleaning = forms.fields(Cleaning, config.cleaning, f"clean.{generation()}")
        if st.form_submit_button("Apply", type="primary"):
            change(cleaning=cleaning)
            st.rerun()


def dropped(data: LoadedData) -> None:
    """Draw what each rule found, with examples."""
    for role in corpora(data):
        found = [one for one in data.cleanings[role].found if one.count]
        if not found:
            st.text(f"{role.capitalize()}: nothing to drop.")
            continue
        table = {
            "why": [one.reason for one in found],
            "pairs": [f"{one.count:,}" for one in found],
            "what happened": ["dropped" if one.applied else "kept" for one in found],
        }
        st.markdown(f"**{role.capitalize()}**")
        st.dataframe(pd.DataFrame(table), hide_index=True)
        with st.expander(f"Examples ({role})"):
            for one in found:
                st.markdown(f"**{one.reason}**")
                st.dataframe(pd.DataFrame([asdict(example) for example in one.examples]), hide_index=True)


def lengths(data: LoadedData, side: str, dark: bool) -> tuple[Any, pd.DataFrame]:
    """Return a figure of the lengths of one side's texts, and their quantiles as a table; half a second for a million pairs, once."""

    def work(_: object) -> tuple[Any, pd.DataFrame]:
        texts = {role: corpus.sources if side == "source" else corpus.targets for role, corpus in corpora(data).items()}
        counted = {role: pc.utf8_length(column).to_numpy(zero_copy_only=False) for role, column in texts.items()}
        figure = length_histogram(counted["pool"], counted["validation"], counted.get("test"), "characters", dark=dark)
        return figure, _length_table(counted)

    return compute(f"Lengths ({side})", key_of(stages.data_key(), dark), work)


def _length_table(lengths: Mapping[str, np.ndarray]) -> pd.DataFrame:
    shares = (0.05, 0.25, 0.5, 0.75, 0.95)
    rows = [{"corpus": role} | {f"{share:.0%}": float(np.quantile(values, share)) for share in shares} for role, values in lengths.items()]
    return pd.DataFrame(rows)


def browse(data: LoadedData) -> None:
    """Draw the first pairs of a corpus, after cleaning."""
    found = corpora(data)
    role = st.segmented_control("Corpus", list(found), default="pool", key="browse") or "pool"
    corpus = found[role]
    st.caption(f"Showing the first {min(_SHOWN, len(corpus)):,} of {len(corpus):,} pairs; row numbers count from 0 in the data as given.")
    views.pairs(corpus, np.arange(min(_SHOWN, len(corpus))), height=320)
