"""What follows the visitor from page to page: the address, the session on disk, the runs, and the button that shares."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.shared import address, arrival, history, links, notices, record, sharing
from pages.shared.arrival import CAME_WITH, LEARN
from pages.shared.links import Params
from pages.shared.session import AWAITED, current_config, current_given, data_digest


class Upkeep:
    """Keep address, disk and runs in step with one run of a page.

    Parameters
    ----------
    page : str
        The page's title.
    share, script : container
        Where the share button and the script of the address are put.
    """

    def __init__(self, page: str, share: Any, script: Any) -> None:
        self._page, self._share, self._script = page, share, script
        self._told: Any = st
        self._written: Params | None = None
        self._told_before = 0

    def tell(self, place: Any) -> None:
        """Draw the sentences there are for the visitor, in a place where more can follow."""
        self._told, self._told_before = place, notices.draw(place)

    def begin(self) -> None:
        """Keep what is chosen before the page computes anything: its work may be long, and the browser be closed meanwhile."""
        self._keep()

    def end(self, *, is_whole: bool) -> None:
        """Keep what has come of the page; `is_whole` says whether all of it was drawn."""
        if is_whole:
            arrival.check_view(self._page)
        history.note()
        if self._page != LEARN and address.let_go():
            self._written = None
        self._keep()
        notices.draw(self._told, self._told_before)

    def _keep(self) -> None:
        record.save()
        params = self._params()
        if params != self._written:
            self._written = params
            address.write(params, self._script, beside_others=self._page == LEARN)
            if current_given() is not None and self._page != LEARN:
                with self._share.container():
                    sharing.share(params)

    def _params(self) -> Params:
        given = current_given()
        if given is None and AWAITED in st.session_state:
            return list(st.session_state.get(CAME_WITH, []))  # the data are still to come, and a page loaded again must know them
        if self._page == LEARN:
            return [] if given is None else [("data", data_digest(given))]
        return links.params_of(given, current_config(), self._page, st.session_state)


def keep_fragment(page: str) -> None:
    """Keep the session and the address in step with a part of a page that ran alone."""
    record.save()
    address.write(links.params_of(current_given(), current_config(), page, st.session_state), st.container())
