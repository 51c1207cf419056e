"""Where results are kept, as the environment says."""

from __future__ import annotations

import math
import os
from functools import cache
from pathlib import Path

from craft_core.errors import ParameterError
from craft_core.store.disk import Store

__all__ = ["open_store", "why_off"]

_FOLDER, _SIZE = "CRAFT_STORE", "CRAFT_STORE_GB"
_OFF = "off"
_USUAL_GB = 10.0


def open_store() -> Store | None:
    """Return the store this process keeps results in, or None where it is off or its folder cannot be written (see `why_off`).

    The environment variable CRAFT_STORE names the folder; unset, it is the user's cache folder for "craft-dashboard"; "off" keeps nothing.
    CRAFT_STORE_GB is the most it may take, in gigabytes of 1e9 bytes; 10 if unset.

    Raises
    ------
    ParameterError
        If CRAFT_STORE_GB is not a positive number.
    """
    return _opened()[0]


def why_off() -> str | None:
    """Return one sentence on why nothing is kept, None where results are kept. Raises as `open_store`."""
    return _opened()[1]


def _opened() -> tuple[Store | None, str | None]:
    folder, limit = os.environ.get(_FOLDER, ""), _limit(os.environ.get(_SIZE, ""))
    if folder == _OFF:
        return None, f"Nothing is kept on disk: {_FOLDER} is off."
    try:
        return _store(folder, limit), None
    except OSError as error:
        place = error.filename or folder
        return None, f"Nothing is kept on disk: '{place}' cannot be written ({error.strerror or error}). Set {_FOLDER} to another folder."


@cache
def _store(folder: str, limit: int) -> Store:
    if folder:
        return Store(Path(folder).expanduser(), limit)
    from platformdirs import user_cache_path

    return Store(user_cache_path("craft-dashboard", appauthor=False), limit)


def _limit(text: str) -> int:
    try:
        size = float(text or _USUAL_GB)
    except ValueError:
        size = math.nan
    if not (math.isfinite(size) and size > 0):
        raise ParameterError(f"{_SIZE} must be a positive number of gigabytes, such as 10. Got {text!r}.")
    return int(size * 1e9)
