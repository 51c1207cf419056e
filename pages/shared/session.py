"""What the user gave, kept for the session.

``st.session_state`` holds the files and the choices, nothing derived.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import streamlit as st

from craft_core.config import Data, ExperimentConfig
from craft_core.corpus import Cleaning, Columns, InputFile, Limits, ParallelText, file_digest, on_disk, uploaded
from craft_core.errors import ParameterError
from craft_core.experiment import Files, Input
from craft_core.export import Manifest
from pages.shared import notices

SERVER_FOLDER = "CRAFT_DATA"
"""The environment variable that names a folder whose files may be opened without uploading them."""

SAMPLE = Path(__file__).parents[2] / "sample_data"

RUN_AT_ONCE = "run_at_once"
"""Set in the session state when the next page should compute everything without being asked."""

AWAITED = "awaited"
"""In the session state while the settings of a link are taken and its data are not here: the digits of the data, None if it names none."""


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


def data_digest(given: Given) -> str:
    """Return twelve digits that change when any byte of the data does."""
    return file_digest(given.key.encode())[:12]


def given_of(label: str, files: Files) -> Given:
    """Return chosen files with the key of their content."""
    parts = [*files.pool, files.validation, *([files.test] if files.test else [])]
    return Given(label, files, f"{len(files.pool)}:" + "-".join(map(file_key, parts)))


def file_key(file: Input) -> str:
    """Return a key that changes when a byte of a file does, or how it is read."""
    if isinstance(file, ParallelText):
        return f"{file_key(file.source)}+{file_key(file.target)}"
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
    for name in ("stopped", "lipschitz", "budget_compared"):  # they were about other data
        st.session_state.pop(name, None)


def propose(n_pool: int, n_validation: int) -> None:
    """Set clusters and budget to suit the sizes: five validation pairs a cluster, a tenth of the pool; at most 100 and 2,000."""
    config = current_config()
    n_clusters, budget = max(1, min(100, round(n_validation / 5))), max(1, min(2_000, n_pool // 10))
    begin_anew(replace(config, clustering=replace(config.clustering, n_clusters=n_clusters), budget=budget))
    st.toast(f"Set to begin with: {n_clusters:,} clusters, budget {budget:,}. Change them at the side.")


def names_of(files: Files) -> Data:
    """Return the inputs as a recipe writes them: paths from the project's folder where they lie in it, else file names."""
    return Data(tuple(map(_label, files.pool)), _label(files.validation), _label(files.test) if files.test else None)


def _label(file: Input) -> str:
    if isinstance(file, ParallelText):
        return f"{_label(file.source)}+{_label(file.target)}"
    for root in (SAMPLE.parent, server_root()):
        if file.path is not None and root is not None and file.path.resolve().is_relative_to(root):
            return file.path.resolve().relative_to(root).as_posix()
    return file.label


def server_root() -> Path | None:
    """Return the folder whose files may be opened without uploading them, or None if the server offers none."""
    folder = os.environ.get(SERVER_FOLDER)
    return Path(folder).resolve() if folder else None


def check_server_paths(config: ExperimentConfig) -> None:
    """Raise ParameterError if a vectorizer would read a folder of the server that is not offered."""
    root = server_root()
    for name in ("folder", "model"):
        value = getattr(config.vectorizer, name, None)
        if value is None or (name == "model" and not Path(value).exists()):
            continue  # a model that is no folder here is a name on a hub
        if root is None or not Path(value).resolve().is_relative_to(root):
            raise ParameterError(
                f"The '{name}' of {config.vectorizer.name} must lie in the folder the server offers, which the environment variable "
                f"{SERVER_FOLDER} names. Got {value!r}."
            )


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


def begin(key: str, value: Any) -> dict[str, Any]:
    """Return key and value of a widget that shows a choice which can also be changed elsewhere.

    A value given to a widget counts when the widget is new, in the browser too; one that is there already is moved through the state.
    """
    if st.session_state.get(key, value) == value:
        return {"key": key, "value": value}
    st.session_state[key] = value
    return {"key": key}


def restore(config: ExperimentConfig) -> None:
    """Take all choices from a config, keeping the data; every widget begins anew."""
    begin_anew(replace(config, data=current_config().data))
    st.toast(f"Settings restored: {config.vectorizer.name}, {config.clustering.n_clusters:,} clusters, budget {config.budget:,}.")


def begin_anew(config: ExperimentConfig) -> None:
    """Take these choices; every widget begins anew."""
    st.session_state["config"] = config
    st.session_state["generation"] = generation() + 1


def generation() -> int:
    """Return a number for widget keys that changes when the choices are replaced from outside."""
    number: int = st.session_state.get("generation", 0)
    return number


def is_sample(manifest: Manifest) -> bool:
    """Return whether an export was made from the sample data as they are now."""
    wanted = [(one.role, one.sha256) for one in manifest.inputs]
    return wanted == [(role, file_digest(SAMPLE / f"{role}.tsv")) for role in ("pool", "validation", "test")]


def open_sample() -> None:
    """Make the sample data the data of the session, with a budget and a number of clusters that suit them, or those of a link."""
    config, given = current_config(), sample_given()
    st.session_state[RUN_AT_ONCE] = True
    if AWAITED in st.session_state:
        choose(given, columns=Columns())
    else:
        fresh = {"columns": Columns(), "cleaning": Cleaning(), "limits": Limits()}
        choose(given, **fresh, budget=600, clustering=replace(config.clustering, n_clusters=40))
    compare_with_link()


def compare_with_link() -> bool:
    """Say whether the data are those a link was made with; return whether a link had brought the settings."""
    given = current_given()
    if AWAITED not in st.session_state or given is None:
        return False
    wanted, here = st.session_state.pop(AWAITED), data_digest(given)
    notices.close()
    if wanted == here:
        notices.add(f"These are the same data the link was made with (digest {here}).", kind="success")
    elif wanted is not None:
        notices.add(
            f"These are not the data the link was made with: their digest is {here}, the link's {wanted}. "
            "The link's settings are in use; the numbers will differ from what its maker saw.",
            kind="warning",
        )
    return True
