"""Where the data come from: the sample, files from the browser, or a folder the server offers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from craft_core.corpus import Cleaning, Columns, Limits, ParallelText, guess_columns, on_disk, preview, server_file
from craft_core.errors import CraftError, DataError
from craft_core.experiment import Files
from pages.shared import forms, stages, storage
from pages.shared.session import (
    AWAITED,
    Input,
    choose,
    compare_with_link,
    current_config,
    current_given,
    generation,
    given_of,
    open_sample,
    propose,
    server_root,
    upload,
)

TABLES = ["csv", "tsv", "jsonl", "ndjson", "parquet", "gz"]
_SAMPLE, _UPLOAD, _SERVER = "Sample data", "Upload", "Server folder"
_ROLES = {
    "pool": "Pool: the pairs to choose from",
    "validation": "Validation: the pairs to resemble",
    "test": "Test (optional): held-out pairs, for reporting only",
}


def choose_data() -> None:
    """Draw the choice of data; they are loaded when the user says so."""
    root = server_root()
    ways = [_SAMPLE, _UPLOAD, *([_SERVER] if root else [])]
    way = st.segmented_control("Where are the data?", ways, default=_SAMPLE if current_given() is None else None, key="way")
    if way == _SAMPLE:
        st.markdown("6,000 English–Hindi pool pairs, 400 validation and 400 test pairs in twelve everyday domains, written for this app.")
        st.button("Load the sample data", type="primary", on_click=open_sample, key="load_sample")
    elif way == _UPLOAD:
        storage.upload_note()
        _load(_uploads(), "Your files")
    elif way == _SERVER and root is not None:
        _load(_from_server(root), "Files of the server")


def _load(files: dict[str, list[Input]], label: str) -> None:
    if not files["pool"] or not files["validation"]:
        st.caption("Give at least a pool and a validation set.")
        return
    config = current_config()
    columns = _columns(files["pool"][0], config.columns)
    if columns is None:
        return
    with st.expander("What to drop"):
        cleaning = forms.fields(Cleaning, config.cleaning, f"cleaning.{generation()}")
    with st.expander("Limits"):
        limits = forms.fields(Limits, config.limits, f"limits.{generation()}")
    if st.button("Load these data", type="primary", key="load_own"):
        test = files["test"][0] if files["test"] else None
        given = given_of(label, Files(tuple(files["pool"]), files["validation"][0], test))
        before = {name: st.session_state.get(name) for name in ("given", "config")}
        choose(given, columns=columns, cleaning=cleaning, limits=limits)
        try:
            data = stages.data()
        except CraftError:
            st.session_state.update(before)  # what was open stays open
            raise
        if not compare_with_link():
            propose(len(data.pool), len(data.validation))
        st.rerun()


def _uploads() -> dict[str, list[Input]]:
    kind = st.radio("Kind of files", ["Tables (CSV, TSV, JSONL, Parquet)", "Two line-aligned text files each"], horizontal=True, key="kind")
    is_parallel = kind.startswith("Two")
    columns = st.columns(3)
    found: dict[str, list[Input]] = {}
    for column, (role, label) in zip(columns, _ROLES.items(), strict=True):
        with column:
            found[role] = _parallel_upload(role, label) if is_parallel else _table_upload(role, label)
    return found


def _table_upload(role: str, label: str) -> list[Input]:
    got: Any = st.file_uploader(label, type=TABLES, accept_multiple_files=role == "pool", key=f"upload_{role}")
    if got is None:
        return []
    return [upload(one.name, one.getvalue()) for one in (got if isinstance(got, list) else [got])]


def _parallel_upload(role: str, label: str) -> list[Input]:
    st.markdown(f"**{label}**")
    sides = [st.file_uploader(f"{role.capitalize()} {side}s", key=f"upload_{role}_{side}") for side in ("source", "target")]
    if sides[0] is None or sides[1] is None:
        return []
    source, target = (upload(side.name, side.getvalue()) for side in sides if side is not None)
    return [ParallelText(source, target)]


def _from_server(root: Path) -> dict[str, list[Input]]:
    suffixes = tuple(f".{suffix}" for suffix in TABLES)
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() and path.name.endswith(suffixes))
    if not names:
        raise DataError(f"The server's folder holds no file of a format that is read ({', '.join(suffixes)}).")
    pool = st.multiselect(_ROLES["pool"], names, key="server_pool")
    validation = st.selectbox(_ROLES["validation"], names, index=None, key="server_validation")
    test = st.selectbox(_ROLES["test"], names, index=None, key="server_test")
    wanted = {"pool": pool, "validation": [validation], "test": [test]}
    return {role: [on_disk(server_file(root, name)) for name in chosen if name] for role, chosen in wanted.items()}


def _columns(file: Input, current: Columns) -> Columns | None:
    """Draw the column mapping beside the first rows; None until both sides are mapped."""
    st.markdown("**Which column is which?**")
    if isinstance(file, ParallelText):
        found = preview(file, replace(current, id=None))
        st.dataframe(found.rows.to_pandas(), hide_index=True, height=180)
        return replace(current, id=None)
    reading = _text_reading() if file.suffix != ".parquet" else Columns()
    try:
        found = preview(file, reading)
        guess = guess_columns(found.names)
    except CraftError as error:
        st.text(str(error))
        return None
    if any(len(name) > 40 or name.count(" ") > 2 for name in found.names):
        st.warning("The first line looks like a row, not like column names. If it is one, switch off “First line holds column names”.")
    left, middle, right = st.columns(3)
    with left:
        source = st.selectbox("Source column", found.names, index=_begun(found.names, current.source, guess[0]), key="source_column")
    with middle:
        target = st.selectbox("Target column", found.names, index=_begun(found.names, current.target, guess[1]), key="target_column")
    with right:
        identity = st.selectbox("Id column", found.names, index=None, placeholder="automatic", key="id_column")
    st.dataframe(found.rows.to_pandas(), hide_index=True, height=180)
    return replace(reading, source=source, target=target, id=identity)


def _begun(names: tuple[str, ...], linked: str, guessed: str) -> int:
    """Return where the choice of a column begins: as a link that waits for its data has it, else at the guess."""
    return names.index(linked if AWAITED in st.session_state and linked in names else guessed)


def _text_reading() -> Columns:
    """Draw what is to be known of text files before their columns are."""
    header, encoding = st.columns(2)
    with header:
        has_header = st.toggle("First line holds column names", value=True, key="has_header", help="For CSV and TSV files.")
    with encoding:
        named = st.text_input(
            "Encoding", placeholder="UTF-8", key="encoding", help="Only if the files are not UTF-8 or UTF-16; such as cp1252."
        )
    return Columns(header=has_header, encoding=named or None)
