"""Results of a command-line run, from its folder: what was chosen and how good it is, without computing anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from craft_core.corpus import InputFile, ParallelText
from craft_core.describe import cluster_table, labels_of
from craft_core.errors import CraftError, DataError
from craft_core.estimate import estimate_run, sentence, sizes_of_files
from craft_core.experiment import Files, Input, open_files
from craft_core.export import beside
from craft_core.export.manifest import MANIFEST
from craft_core.export.opened import SHOWN_PAIRS, Opened, open_folder
from craft_core.figures import anchor_figure, share_figure
from craft_core.machine import available_memory
from pages.shared import allocations, history, notices, session, stages, views

_FOLDER = "results_folder"  # in the session state
_DEEP, _MOST = 3, 200  # folders looked into, and results listed
_MOST_MEMORY = 0.8
_UNCHOSEN = "Choose a folder"


def asked() -> Path | None:
    """Return the folder that the one who started the app named behind `--`, None where there was none."""
    return Path(sys.argv[1]).resolve() if len(sys.argv) == 2 and Path(sys.argv[1]).is_dir() else None


def offer() -> None:
    """Offer the results that can be opened; nothing where there are none."""
    found = _offered()
    if not found:
        return
    with st.container(border=True, key="open_results"):
        st.markdown("**Open results of a command-line run**")
        st.markdown("What `python -m craft_core select … --out DIR` wrote, also of pools that are too large to be opened here.")
        st.selectbox("Folder", [_UNCHOSEN, *found], key="results_choice", on_change=_choose)


def is_open() -> bool:
    """Return whether results are shown."""
    return _current() is not None


def draw() -> None:
    """Draw the results that are open."""
    folder = _current()
    if folder is None:
        return
    try:
        opened = _opened(str(folder), (folder / MANIFEST).stat().st_mtime_ns if (folder / MANIFEST).is_file() else 0)
    except CraftError as error:
        st.error(str(error), icon=":material/error:")
        st.button("Close", key="close_results", on_click=_close)
        return
    _headline(opened)
    views.warnings([*opened.changed, *map(str, opened.manifest.record.get("warnings", ()))])
    words = (labels_of(opened.words[0], opened.names), labels_of(opened.words[1], opened.names))
    tabs = st.tabs(["Chosen pairs", "Shares", "Distance", "Clusters", "How it was made"])
    with tabs[0]:
        _pairs(opened)
    with tabs[1]:
        _shares(opened, words)
    with tabs[2]:
        _distance(opened)
    with tabs[3]:
        table = cluster_table(opened.allocation, *opened.words, names=opened.names)
        st.dataframe(table, hide_index=True, column_config=views.columns_of(table), alt="The clusters as a table.")
    with tabs[4]:
        _making(opened)


def explore(folder: Path) -> None:
    """Open the data of a run with its settings, and choose again."""
    try:
        opened = open_folder(folder)
        files = _files(opened)
    except CraftError as error:
        notices.add(f"The data of this run are not opened. {error}", kind="warning")
        return
    given = session.given_of(f"Data of {folder.name}", files)
    st.session_state["given"] = given
    session.begin_anew(replace(opened.manifest.config, data=session.names_of(files)))
    st.session_state[session.RUN_AT_ONCE] = True
    st.session_state[_FOLDER] = None
    st.session_state["results_compared"] = str(folder)


def compare() -> None:
    """Say whether the run in use chose what the folder it was opened from has; nothing where it was opened otherwise."""
    name = st.session_state.get("results_compared")
    if name is None or not history.is_here():
        return
    try:
        wanted = open_folder(Path(name)).rows
    except CraftError:
        return
    found = stages.report().rows
    if np.array_equal(wanted, found):
        st.success("The same pairs were chosen as in the folder these data were opened from.", icon=":material/check:")
    else:
        common = len(np.intersect1d(wanted, found))
        st.info(
            f"Of the {len(wanted):,} pairs in the folder these data were opened from, {common:,} are chosen now.", icon=":material/info:"
        )


def _headline(opened: Opened) -> None:
    counts, record, config = opened.counts, opened.manifest.record, opened.manifest.config
    pool = counts.get("pool", {})
    st.header("Results of a command-line run", anchor=False)
    how = f"{config.selector.name}, {config.vectorizer.name}, {config.clustering.n_clusters:,} clusters, seed {config.seed}"
    st.text(f"{opened.folder.name}: {how}, made {str(record.get('created', '?'))[:10]}")
    energy, held_out = opened.energy, opened.metrics.get("held_out", "held-out pairs")
    views.metrics(
        [
            ("Chosen", f"{opened.allocation.size:,}", f"For a budget of {opened.allocation.budget:,} pairs."),
            ("Out of", f"{int(pool.get('used', 0)):,}", f"Pool pairs after cleaning; {int(pool.get('read', 0)):,} were read."),
            (
                "Distance vs random",
                f"{energy[0].joint / energy[1].random.joint:.0%}" if energy and energy[1].random.joint > 0 else "–",
                f"Joint energy distance to {held_out}, as a share of a random selection's (100 %); smaller is better.",
            ),
            ("Clusters that ran out", f"{int(opened.allocation.starved.sum()):,}", "Clusters whose supply is below their quota."),
        ]
    )
    with st.container(horizontal=True):
        st.button("Explore with its data", key="explore_results", icon=":material/travel_explore:", on_click=explore, args=(opened.folder,))
        st.button("Close", key="close_results", on_click=_close)


def _pairs(opened: Opened) -> None:
    table = opened.pairs
    shown, size = table.num_rows, opened.allocation.size
    st.caption(f"Showing {shown:,} of {size:,} chosen pairs, best first." if shown < size else f"All {size:,} chosen pairs, best first.")
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    first = {name: columns.pop(name) for name in ("rank", "source", "target") if name in columns}
    views.rows({**first, **columns}, height=420)
    if shown == SHOWN_PAIRS < size:
        st.caption("The whole list is the subset in the folder.")


def _shares(opened: Opened, words: allocations.Words) -> None:
    st.markdown("Where *selected* meets *validation*, the choice made the pool look like validation.")
    table = cluster_table(opened.allocation, *opened.words, names=opened.names)
    views.plot(
        share_figure(opened.allocation, words[0], dark=views.is_dark()),
        "Validation share, supply share and selected share of each cluster, the largest validation shares first.",
        "results_shares",
    )
    views.share_table(table)


def _distance(opened: Opened) -> None:
    if opened.energy is None:
        st.text("There were too few held-out pairs to measure a distance.")
        return
    energy, anchors = opened.energy
    st.markdown(
        "How far the chosen pairs are from text they were not chosen with; smaller is nearer, and noise alone gives the first anchor."
    )
    st.caption(f"Measured on {opened.metrics.get('held_out', 'held-out pairs')}.")
    named = {"chosen": energy, "half against half": anchors.half_against_half, "random": anchors.random, "pool": anchors.pool}
    table = pd.DataFrame([{"of": name, **vars(one)} for name, one in named.items()])
    figure = anchor_figure({"chosen": energy}, anchors, dark=views.is_dark())
    views.plot(figure, "Energy distance of the chosen pairs between its anchors.", "results_anchors", table)


def _making(opened: Opened) -> None:
    record = opened.manifest.record
    seconds = {stage: f"{float(taken):,.2f}" for stage, taken in record.get("seconds", {}).items()}
    total = sum(map(float, record.get("seconds", {}).values()))
    st.markdown(f"**Seconds of each stage**, together {total:,.1f}.")
    views.rows({"stage": list(seconds), "seconds": list(seconds.values())})
    shares = opened.metrics.get("label_shares")
    if isinstance(shares, dict) and shares:
        st.markdown("**Who is among the chosen**, beside the pool and the validation set.")
        views.label_shares(shares)
    for note in record.get("notes", ()):
        st.text(str(note))
    st.code(str(record.get("command", "")), language="sh", wrap_lines=True)
    versions = opened.manifest.versions
    st.caption("Made with " + ", ".join(f"{name} {value}" for name, value in versions.items()) + ".")


def _offered() -> list[str]:
    root = session.server_root()
    return [] if root is None else [path.relative_to(root).as_posix() for path in _folders(root)]


def _folders(root: Path) -> Iterator[Path]:
    """Yield the folders of exports under the server's folder, not too deep and not too many."""
    found, level = 0, [root]
    for _ in range(_DEEP):
        below = []
        for folder in level:
            inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink() and not path.name.startswith("."))
            below += inside
            for path in inside:
                if (path / MANIFEST).is_file() and found < _MOST:
                    found += 1
                    yield path
        level = below[: 10 * _MOST]


def _choose() -> None:
    root, name = session.server_root(), st.session_state.get("results_choice")
    st.session_state[_FOLDER] = None if root is None or name in (None, _UNCHOSEN) else str(root / name)


def _close() -> None:
    st.session_state[_FOLDER] = None
    st.session_state["results_choice"] = _UNCHOSEN


def _current() -> Path | None:
    if _FOLDER not in st.session_state:
        named = asked()
        st.session_state[_FOLDER] = None if named is None or session.current_given() is not None else str(named)
    name = st.session_state[_FOLDER]
    if name is None:
        return None
    root, folder = session.server_root(), Path(name)
    if folder != asked() and (root is None or not folder.resolve().is_relative_to(root)):
        return None
    return folder


@st.cache_resource(max_entries=4, show_spinner="Opening the results")
def _opened(folder: str, stamp: int) -> Opened:
    """Open a folder once, until its manifest is another."""
    return open_folder(Path(folder))


def _files(opened: Opened) -> Files:
    """Return the inputs of a run if they may be opened here and fit into memory."""
    config = beside(opened.manifest.config, opened.folder, Path())
    files = open_files(config.data)
    root = session.server_root()
    if opened.folder != asked():
        paths = [one.path for given in (*files.pool, files.validation, files.test) for one in _singles(given)]
        if root is None or not all(path is not None and path.resolve().is_relative_to(root) for path in paths):
            raise DataError("Its files lie outside the folder that data may be read from.")
    session.check_server_paths(config)
    n_bytes = sum(one.size for given in files.pool for one in _singles(given))
    packed = any(one.gzipped or one.suffix == ".parquet" for given in files.pool for one in _singles(given))
    estimate, memory = estimate_run(config, sizes_of_files(n_bytes, packed)), available_memory()
    if memory is not None and estimate.bytes > _MOST_MEMORY * memory:
        raise DataError(f"To choose again here takes {sentence(estimate)}, more than is free. The command line works out of core.")
    return files


def _singles(given: Input | None) -> tuple[InputFile, ...]:
    if given is None:
        return ()
    return (given.source, given.target) if isinstance(given, ParallelText) else (given,)
