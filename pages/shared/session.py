"""What the user gave, kept for the session; and the frame every page stands in.

``st.session_state`` holds the files and the choices, nothing derived.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import streamlit as st

from craft_core.config import Data, ExperimentConfig
from craft_core.corpus import Columns, InputFile, ParallelText, file_digest, on_disk, uploaded
from craft_core.errors import CraftError
from craft_core.experiment import Files, Input
from craft_core.export import Manifest

SAMPLE = Path(__file__).parents[2] / "sample_data"

PAGES = (
    ("app.py", "Home", ":material/home:"),
    ("pages/1_Data.py", "1 Data", ":material/table_rows:"),
    ("pages/2_Clusters.py", "2 Clusters", ":material/scatter_plot:"),
    ("pages/3_Allocation.py", "3 Allocation", ":material/stacked_bar_chart:"),
    ("pages/7_Export.py", "7 Export", ":material/download:"),
)
"""The rooms that are finished: file, name, icon. Numbers are left out for rooms to come."""

RUN_AT_ONCE = "run_at_once"
"""Set in the session state when the next page should compute everything without being asked."""

IDEA = """
1. You have a large **pool** of (source, target) pairs and a small **validation** set that looks like the text you care about.
2. Source texts become vectors, and k-means cuts them into **clusters** of similar sentences.
3. Each cluster gets its **validation share** of the **budget**; what a cluster lacks, the others give (that rule is ours).
4. Inside a cluster, the pairs whose *targets* are nearest in expectation to the validation targets are taken first.
5. The order inside a cluster does not depend on the budget, so asking for another budget costs milliseconds.
6. The selection is measured on pairs it was not selected with.

CRAFT is described in [arXiv 2604.22693](https://arxiv.org/abs/2604.22693). This app follows our reading of its abstract; what is our own
derivation is marked as ours.
"""


@dataclass(frozen=True, eq=False)
class Given:
    """Hold the data the user chose.

    Attributes
    ----------
    label : str
        What the user calls them.
    files : Files
        The inputs.
    key : str
        Changes when any byte of them does.
    """

    label: str
    files: Files
    key: str


def sample_given() -> Given:
    """Return the sample data that come with the app."""
    pool, validation, test = (on_disk(SAMPLE / f"{role}.tsv") for role in ("pool", "validation", "test"))
    return given_of("Sample data", Files((pool,), validation, test))


def given_of(label: str, files: Files) -> Given:
    """Return chosen files with the key of their content."""
    parts = [*files.pool, files.validation, *([files.test] if files.test else [])]
    return Given(label, files, f"{len(files.pool)}:" + "-".join(map(_digest, parts)))


def _digest(file: Input) -> str:
    if isinstance(file, ParallelText):
        return f"{_digest(file.source)}+{_digest(file.target)}"
    return f"{file.suffix}{file.gzipped}{file_digest(file.data if file.path is None else file.path)}"


def upload(name: str, data: bytes) -> InputFile:
    """Name an upload; the client's name serves as a label and for its suffix, never as a path."""
    made = uploaded(name, data)
    label = "".join(letter for letter in PurePosixPath(name.replace("\\", "/")).name if letter.isprintable())
    return replace(made, label=label[:100] or made.label)


def choose(given: Given, **choices: Any) -> None:
    """Make these the data of the session, with any choices that come with them."""
    st.session_state["given"] = given
    config = current_config()
    st.session_state["config"] = replace(config, data=names_of(given.files), **choices)
    st.session_state.pop("stopped", None)


def names_of(files: Files) -> Data:
    """Return the inputs as a recipe writes them: paths from the project's folder where they lie in it, else file names."""
    return Data(tuple(map(_label, files.pool)), _label(files.validation), _label(files.test) if files.test else None)


def _label(file: Input) -> str:
    if isinstance(file, ParallelText):
        return f"{_label(file.source)}+{_label(file.target)}"
    if file.path is not None and file.path.resolve().is_relative_to(SAMPLE.parent):
        return file.path.resolve().relative_to(SAMPLE.parent).as_posix()
    return file.label


def current_given() -> Given | None:
    """Return the data of the session, or None before any were chosen."""
    given: Given | None = st.session_state.get("given")
    return given


def current_config() -> ExperimentConfig:
    """Return the choices of the session."""
    if "config" not in st.session_state:
        st.session_state["config"] = ExperimentConfig(Data(("pool",), "validation"), budget=600)
    config: ExperimentConfig = st.session_state["config"]
    return config


def change(**choices: Any) -> None:
    """Change some of the choices of the session."""
    st.session_state["config"] = replace(current_config(), **choices)


def restore(config: ExperimentConfig) -> None:
    """Take all choices from a config, keeping the data; every widget begins anew."""
    st.session_state["config"] = replace(config, data=current_config().data)
    st.session_state["generation"] = generation() + 1


def generation() -> int:
    """Return a number for widget keys that changes when the choices are replaced from outside."""
    number: int = st.session_state.get("generation", 0)
    return number


@contextmanager
def frame(title: str, subtitle: str, *, needs_data: bool = True) -> Iterator[None]:
    """Draw what every page begins with, and turn a user's mistake inside it into a sentence.

    Parameters
    ----------
    title, subtitle : str
        The page's name, and one sentence on what can be done there.
    needs_data : bool
        Whether the page is empty without data; then it offers the two doors instead.
    """
    st.set_page_config(page_title=f"{title} · CRAFT", page_icon=":material/filter_alt:", layout="wide")
    from pages.shared import settings

    with st.sidebar:
        for page, label, icon in PAGES:
            st.page_link(page, label=label, icon=icon, width="stretch")
    try:
        st.title(title, anchor=False)
        st.markdown(subtitle)
        if needs_data and current_given() is None:
            doors()
            st.stop()
        settings.sidebar()
        yield
    except CraftError as error:
        # the message may quote the user's text, which must not be read as Markdown
        with st.container(border=True):
            st.markdown(":material/error: **That did not work.**")
            st.text(str(error))


def is_sample(manifest: Manifest) -> bool:
    """Return whether an export was made from the sample data as they are now."""
    wanted = [(one.role, one.sha256) for one in manifest.inputs]
    return wanted == [(role, file_digest(SAMPLE / f"{role}.tsv")) for role in ("pool", "validation", "test")]


def doors() -> None:
    """Offer the sample data in one click, or the page where own data are loaded."""
    st.info("No data are loaded yet.", icon=":material/info:")
    left, right = st.columns(2)
    with left, st.container(border=True, height="stretch"):
        st.markdown("**Explore the sample data**")
        st.markdown(
            "6,000 English–Hindi pairs from everyday life. The question: which of them should a health workers' assistant learn from?"
        )
        st.button("Explore the sample data", type="primary", on_click=open_sample, key="door_sample", width="stretch")
    with right, st.container(border=True, height="stretch"):
        st.markdown("**Load your own**")
        st.markdown("A pool to choose from and a validation set to resemble: CSV, TSV, JSONL, Parquet, or two line-aligned text files.")
        if st.button("Load your own", key="door_own", width="stretch"):
            st.switch_page("pages/1_Data.py")


def open_sample() -> None:
    """Make the sample data the data of the session, with a budget and a number of clusters that suit them."""
    config = current_config()
    st.session_state[RUN_AT_ONCE] = True
    choose(sample_given(), columns=Columns(), budget=600, clustering=replace(config.clustering, n_clusters=40))
