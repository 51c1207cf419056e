"""Who is back: a random word in a cookie names what this browser's visitor had open, for as long as the app keeps it."""

from __future__ import annotations

import hashlib
import json
import re
import secrets

import streamlit as st

from craft_core.store import Store, open_store

COOKIE = "craft_visitor"
_TOKEN = "visitor"  # noqa: S105 -- the name of a place in the session state, not a secret
_SHAPE = re.compile(r"[A-Za-z0-9_-]{20,100}")
_YEAR = 365 * 24 * 3600  # seconds


def store() -> Store | None:
    """Return what is kept on disk, None where that is switched off."""
    return open_store()


def owner(*, create: bool = False) -> str | None:
    """Return the name under which this visitor's session is kept, None for one who has none.

    It is a digest of the word in the cookie: who reads the disk does not learn the word, and so cannot come as that visitor.

    Parameters
    ----------
    create : bool
        Whether a visitor without a cookie gets one.
    """
    token = st.session_state.get(_TOKEN) or _from_browser()
    if token is None and create:
        token = secrets.token_urlsafe(32)
    if token is None:
        return None
    st.session_state[_TOKEN] = token  # a cookie set now is seen by the next connection only
    return hashlib.sha256(token.encode()).hexdigest()


def cookie_script() -> str | None:
    """Return the script that sets the cookie, None where there is nothing to set."""
    token = st.session_state.get(_TOKEN)
    if token is None or token == _from_browser():
        return None
    cookie = json.dumps(f"{COOKIE}={token}; path=/; max-age={_YEAR}; SameSite=Strict")
    return f'document.cookie = {cookie} + (location.protocol === "https:" ? "; Secure" : "");'


def _from_browser() -> str | None:
    token = st.context.cookies.get(COOKIE)
    return token if isinstance(token, str) and _SHAPE.fullmatch(token) else None
