"""What one entry of a store is on disk: a folder with a description, a tree, and the files of its arrays."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from craft_core.store.codec import read_value
from craft_core.store.files import check_files
from craft_core.store.fingerprint import code_fingerprint

__all__ = [
    "FORMAT",
    "META",
    "PARTS",
    "TREE",
    "Entry",
    "claim",
    "folder_name",
    "is_readable",
    "read_entry",
    "read_meta",
    "size_of",
    "touch",
    "used_at",
]

FORMAT = 1
"""Another number says that entries are to be read in another way."""
META, TREE = "meta.json", "tree.json"
PARTS = ".parts"
"""The folder of what is being written or removed."""

_MARK = "README.txt"


@dataclass(frozen=True)
class Entry:
    """Describe one entry.

    Attributes
    ----------
    kind : str
        What it is a result of.
    bytes : int
        What it takes on disk.
    created, used : float
        When it was written and last read, in seconds since 1970.
    """

    kind: str
    bytes: int
    created: float
    used: float


def claim(root: Path) -> None:
    """Make the folder, or see that it is one of ours; then mark it."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    mark = root / _MARK
    if not mark.exists():
        if any(root.iterdir()):
            raise OSError(errno.ENOTEMPTY, "it holds other files", str(root))
        mark.write_text("This folder belongs to the CRAFT dashboard, which may remove anything in it.\n", encoding="ascii")
    root.chmod(0o700)  # texts of users lie here
    (root / PARTS).mkdir(exist_ok=True, mode=0o700)


def folder_name(kind: str) -> str:
    """Return the folder of a kind: readable, and made of harmless letters whatever the kind is called."""
    readable = re.sub("[^a-z0-9]+", "-", kind.lower()).strip("-")[:40]
    return readable if readable == kind else f"{readable}-{hashlib.sha256(kind.encode()).hexdigest()[:8]}"


def read_entry(folder: Path, meta: dict[str, Any]) -> tuple[Any, bool]:
    """Return the value of an entry, and whether its files are as they were written."""
    try:
        check_files(folder, meta["files"])
        return read_value(json.loads((folder / TREE).read_bytes()), folder), True
    except Exception:  # whatever a damaged file leads to
        return None, False


def read_meta(folder: Path) -> dict[str, Any] | None:
    """Return the description of an entry, None if there is none or it is damaged."""
    try:
        meta = json.loads((folder / META).read_bytes())
        wanted = {"format", "code", "id", "kind", "key", "created", "files"}
        return meta if isinstance(meta, dict) and wanted <= meta.keys() and isinstance(meta["files"], dict) else None
    except (OSError, ValueError):
        return None


def is_readable(meta: dict[str, Any], any_code: bool) -> bool:
    """Return whether an entry is of this format and, unless any will do, of this code."""
    return meta["format"] == FORMAT and (any_code or meta["code"] == code_fingerprint())


def touch(folder: Path) -> None:
    """Note that an entry was used just now."""
    try:
        os.utime(folder / META)
    except OSError:
        return


def used_at(folder: Path, name: str = META) -> float:
    """Return when an entry was last used, in seconds since 1970."""
    try:
        return (folder / name).stat().st_mtime
    except OSError:
        return 0.0


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder and those inside it; of those that are gone meanwhile, none."""
    size = 0
    try:
        with os.scandir(folder) as there:
            for one in there:
                size += size_of(Path(one.path)) if one.is_dir(follow_symlinks=False) else one.stat(follow_symlinks=False).st_size
    except OSError:
        return size
    return size
