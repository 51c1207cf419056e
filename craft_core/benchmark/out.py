"""All numbers as a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from craft_core.errors import DataError

__all__ = ["check_place", "write_record"]

_KIND = {"kind": "craft-benchmark", "version": 1}


def check_place(place: Path) -> None:
    """Raise DataError if a file cannot be written there, or is something other than an earlier benchmark."""
    if not place.parent.is_dir():
        raise DataError(f"There is no folder '{place.parent}' for --out. Make it first.")
    if place.exists() and not _is_ours(place):
        raise DataError(f"'{place}' is not the file of an earlier benchmark and is left alone. Name another file with --out.")


def write_record(place: Path, record: Mapping[str, Any]) -> None:
    """Write a record as JSON; the file appears under its name only once it is complete. Raises DataError if it cannot be written."""
    part = place.with_name(f"{place.name}.part")
    try:
        part.write_text(json.dumps({**_KIND, **record}, indent=1) + "\n", encoding="utf-8")
        part.replace(place)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise DataError(f"'{place}' cannot be written: {error.strerror or error}.") from error


def _is_ours(place: Path) -> bool:
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("kind") == _KIND["kind"]
