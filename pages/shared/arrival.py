"""What happens where a page begins and ends: what was open is found again, a link is opened, and both are kept in step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from craft_core.corpus import ParallelText, on_disk, server_file
from craft_core.errors import CraftError, DataError
from craft_core.experiment import Files, Input
from pages.shared import history, links, notices, record
from pages.shared.address import CAME_WITH_ANY
from pages.shared.links import Link
from pages.shared.record import Last
from pages.shared.session import (
    AWAITED,
    RUN_AT_ONCE,
    Given,
    begin_anew,
    current_config,
    current_given,
    data_digest,
    given_of,
    names_of,
    open_sample,
    sample_given,
    server_root,
)

LEARN = "Learn"
"""The page whose address belongs to its controls: of ours, only the data are written there."""

_ARRIVED, _ASKED = "arrived", "asked"  # in the session state
CAME_WITH = "came_with"
"""In the session state: the parameters of a link whose data are not here."""
OFFER = "offer"
"""In the session state: what the visitor had open, where the address does not say whether to open it."""


def arrive(page: str) -> None:
    """Find again, once a session, what the visitor had open, and open what the address asks for."""
    asked: tuple[str, Any] | None = st.session_state.get(_ASKED)
    if asked is not None and asked[0] != page:
        del st.session_state[_ASKED]
    if _ARRIVED in st.session_state:
        return
    st.session_state[_ARRIVED] = True
    last = record.load()
    if current_given() is not None:
        return
    params = {name: st.query_params.get_all(name) for name in st.query_params}
    st.session_state[CAME_WITH_ANY] = bool(params)
    link = links.read({name: params[name] for name in params if page != LEARN or name == "data"}, page)
    _expect(page, params, link)
    if link is not None and link.is_sample and link.data is None and link.config is None:
        open_sample()  # typed by hand: the sample as its button opens it
    elif link is None or (link.data is None and link.config is None):
        st.session_state[OFFER] = last
    else:
        _open(link, last)
    if link is not None:
        notices.add(*link.problems, kind="warning")
        st.session_state.update(link.view)
        if page != LEARN:
            st.session_state[CAME_WITH] = [(name, value) for name, values in params.items() for value in values]


def go_on(last: Last) -> None:
    """Open what the visitor had open, with its settings."""
    st.session_state.pop(OFFER, None)
    config = record.config_of(last)
    try:
        _use(record.reopen(last.data), config)
    except CraftError as error:
        _await(last.data, config)
        notices.add(str(error), "The settings are those you had; the history is kept.", kind="warning")


def check_view(page: str) -> None:
    """Say what the address asked for that the page, now drawn, does not offer."""
    asked: tuple[str, dict[str, tuple[str, Any]]] | None = st.session_state.pop(_ASKED, None)
    if asked is None or asked[0] != page:
        return
    for name, (key, wanted) in asked[1].items():
        shown = st.session_state.get(key)
        if key in st.session_state and not _is_same(shown, wanted):
            text = ",".join(map(str, shown)) if isinstance(shown, list) else shown
            notices.add(
                f"The address asks for {name}={_shown(wanted)}, which this page does not offer; shown is {name}={text}.", kind="warning"
            )


def _expect(page: str, params: dict[str, list[str]], link: Link | None) -> None:
    if page == LEARN:
        wanted = {name: (name, values[-1]) for name, values in params.items() if name != "data"}
    else:
        known = links.VIEWS.get(page, {})
        view = {} if link is None else link.view
        wanted = {name: (one.key, view[one.key]) for name, one in known.items() if one.key in view}
    if wanted:
        st.session_state[_ASKED] = (page, wanted)


def _is_same(shown: Any, wanted: Any) -> bool:
    if isinstance(shown, list | tuple) or isinstance(wanted, list | tuple):
        return isinstance(shown, list | tuple) and isinstance(wanted, list | tuple) and list(shown) == list(wanted)
    try:
        return float(shown) == float(wanted)
    except (TypeError, ValueError):
        return str(shown) == str(wanted)


def _shown(wanted: Any) -> str:
    return ",".join(map(str, wanted)) if isinstance(wanted, list) else str(wanted)


def _open(link: Link, last: Last | None) -> None:
    is_mine = last is not None and last.data == link.data
    config = link.config or (record.config_of(last) if last is not None and is_mine else current_config())
    try:
        given = _at_hand(link)
    except CraftError as error:
        _await(link.data, config)
        notices.add(str(error), kind="warning")
        return
    if given is None:
        _await(link.data, config)
        notices.add(*_missing(link), kind="info")
        return
    if link.data not in (None, data_digest(given)):
        notices.add(
            f"This link was made with other data than {given.label.lower()} is now: digest {link.data}, here {data_digest(given)}. "
            "Its settings are taken; numbers will differ.",
            kind="warning",
        )
    _use(given, config, at_once=link.is_sample)
    if last is not None and is_mine:
        st.session_state["generation"] = last.generation


def _at_hand(link: Link) -> Given | None:
    """Return the data a link names if this visitor may open them here, else None."""
    if link.data in record.library():
        return record.reopen(str(link.data))
    if link.is_sample:
        return sample_given()
    root = server_root()
    if root is None or link.is_uploaded or not {"pool", "validation"} <= set(link.files):
        return None

    def file(name: str) -> Input:
        parts = [on_disk(server_file(root, part)) for part in _paths(root, name)]
        return parts[0] if len(parts) == 1 else ParallelText(parts[0], parts[1])

    pool, validation, test = (tuple(map(file, link.files.get(role, ()))) for role in ("pool", "validation", "test"))
    given = given_of("Files of the server", Files(pool, validation[-1], test[-1] if test else None))
    if data_digest(given) != link.data:
        raise DataError(
            f"The files this link names have changed since it was made: their digest was {link.data} and is {data_digest(given)}. "
            "They are not opened; its settings are taken. Load data on the Data page."
        )
    return given


def _paths(root: Any, name: str) -> Sequence[str]:
    from craft_core.files import parts_of

    return parts_of(name, root)


def _use(given: Given, config: Any, *, at_once: bool = False) -> None:
    st.session_state["given"] = given
    begin_anew(replace(config, data=names_of(given.files)))
    if at_once or history.find(history.current_id() or "") is not None:
        st.session_state[RUN_AT_ONCE] = True
    st.toast(f"Opened: {given.label}, {config.clustering.n_clusters:,} clusters, budget {config.budget:,}.", icon=":material/history:")


def _await(data: str | None, config: Any) -> None:
    begin_anew(replace(config, data=current_config().data))
    st.session_state[AWAITED] = data


def _missing(link: Link) -> list[str]:
    if link.data is None:
        return ["This link names settings and no data. The settings are taken; load data to see them at work."]
    names = "; ".join(f"{role}: {', '.join(files)}" for role, files in link.files.items())
    what = f"files that were uploaded ({names})" if link.is_uploaded else f"files of a server ({names})" if names else "data"
    told = f"This link was made with {what} that are not here; their digest is {link.data}."
    return [
        f"{told} Load the same files on the Data page; you will be told whether they are the same. The link's settings are taken already."
    ]
