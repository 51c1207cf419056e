"""A folder of results, each under a kind and a key; full, it gives up what was used longest ago.

An entry is a folder root/<kind>/<sha256 of the key>/ with meta.json, tree.json and the files of its arrays. It is written beside its place
and renamed, so an entry is there as a whole or not at all, however many processes write.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from craft_core.store.codec import Unstorable, write_value
from craft_core.store.entry import (
    FORMAT,
    META,
    PARTS,
    TREE,
    Entry,
    claim,
    folder_name,
    is_readable,
    read_entry,
    read_meta,
    size_of,
    touch,
    used_at,
)
from craft_core.store.files import TooLarge, files_in, write_bytes
from craft_core.store.fingerprint import code_fingerprint

__all__ = ["SESSION", "Store"]

SESSION = "session"
"""The kind that is given up last: it is small, and cannot be computed again."""

_FILES, _DATA = "files", "data"
_FORGOTTEN_SECONDS = 3600.0
_SPARE_BYTES = 1 << 28  # left free on the disk, so that others can go on
_ROUNDS = 20  # of reading an entry that is replaced again and again
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES)
_SHA256 = re.compile("[0-9a-f]{64}")
_moving = threading.Lock()  # held while one entry takes the place of another, so that readers in this process never find neither


class Store:
    """Keep results in a folder.

    Parameters
    ----------
    root : Path
        The folder, readable by its owner alone; it is made if it is missing. One that already holds anything else is refused, because
        `clear` would remove it.
    limit : int
        Most bytes it may take.

    Raises
    ------
    OSError
        If the folder cannot be written, or holds anything else.
    """

    def __init__(self, root: Path, limit: int) -> None:
        self.root, self.limit = root.absolute(), limit
        with self._part():
            pass
        self._forget_parts()

    def get(self, kind: str, key: str, any_code: bool = False) -> Any:
        """Return what was put there, None if nothing was; arrays are read-only, and stay readable when the entry is removed.

        Parameters
        ----------
        kind, key : str
            As in `put`.
        any_code : bool
            Whether a value written by other code will do.
        """
        folder = self._place(kind, key)
        for _ in range(_ROUNDS):
            meta = self._meta(folder, key, any_code)
            if meta is None:
                return None
            value, is_whole = read_entry(folder, meta)
            if not self._is_still(folder, meta):  # another took its place, and files of both may have been read
                continue
            if is_whole:
                touch(folder)
                return value
            self._discard(folder, (None, meta["id"]))
        return None

    def put(self, kind: str, key: str, value: object, replace: bool = False) -> bool:
        """Write a value and return whether it is there now; it is not if it cannot be stored, is too large, or the disk refuses.

        Parameters
        ----------
        kind : str
            What it is a result of.
        key : str
            What it was made of.
        value : object
            Anything `craft_core.store.codec` can write.
        replace : bool
            Whether it takes the place of one that is there.
        """
        if not replace and self.has(kind, key):
            return True

        def fill(folder: Path) -> None:
            tree = write_value(value, folder, self.limit)
            write_bytes(folder / TREE, json.dumps(tree).encode("ascii"))

        return self._write(kind, key, fill)

    def has(self, kind: str, key: str, any_code: bool = False) -> bool:
        """Return whether `get` would find an entry, which it may yet find damaged."""
        return self._meta(self._place(kind, key), key, any_code) is not None

    def keys(self, kind: str, any_code: bool = False) -> list[str]:
        """Return the keys of a kind, oldest entry first."""
        metas = [meta for folder in self._folders(self.root / folder_name(kind)) if (meta := read_meta(folder))]
        metas.sort(key=lambda meta: float(meta["created"]))
        return [meta["key"] for meta in metas if meta["kind"] == kind and is_readable(meta, any_code)]

    def delete(self, kind: str, key: str) -> None:
        """Remove an entry, if it is there."""
        self._discard(self._place(kind, key))

    def clear(self) -> None:
        """Remove everything."""
        for kind in self._kinds():
            self._discard(kind)
        self._forget_parts()

    def trim(self, kind: str, size: int, idle_seconds: float) -> bool:
        """Return whether a kind takes at most a number of bytes, having removed entries of it not used for so long if it takes more."""
        own = [one for one in self._by_age() if one[2].kind == kind]
        taken = sum(entry.bytes for _, _, entry in own)
        for folder, name, entry in own:
            if taken <= size or time.time() - entry.used < idle_seconds:
                break
            self._discard(folder, (name,))
            taken -= entry.bytes
        return taken <= size

    def size(self) -> int:
        """Return the bytes all entries take."""
        return sum(size_of(kind) for kind in self._kinds())

    def entries(self) -> list[Entry]:
        """Return all entries, the one used longest ago first."""
        return [entry for _, _, entry in self._by_age()]

    def keep_file(self, data: bytes) -> str:
        """Keep the bytes of a file and return their sha256, by which `file` finds them unless the store was too full to take them."""
        name = hashlib.sha256(data).hexdigest()
        if len(data) <= self.limit and self.file(name) is None:
            self._write(_FILES, name, lambda folder: write_bytes(folder / _DATA, data))
        return name

    def file(self, sha256: str) -> Path | None:
        """Return where the bytes of this sha256 lie, None if they are not kept; open it soon, for it may be removed."""
        if not _SHA256.fullmatch(sha256):
            return None
        folder = self._place(_FILES, sha256)
        meta = self._meta(folder, sha256, any_code=True)
        try:
            if meta is None or (folder / _DATA).stat().st_size != meta["files"][_DATA][0]:
                return None
        except (OSError, KeyError):
            return None
        touch(folder)
        return folder / _DATA

    def _place(self, kind: str, key: str) -> Path:
        return self.root / folder_name(kind) / hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()

    def _meta(self, folder: Path, key: str, any_code: bool) -> dict[str, Any] | None:
        with _moving:
            meta = read_meta(folder)
        return meta if meta is not None and meta["key"] == key and is_readable(meta, any_code) else None

    def _is_still(self, folder: Path, meta: dict[str, Any]) -> bool:
        with _moving:
            return _id(read_meta(folder)) == str(meta["id"])

    def _write(self, kind: str, key: str, fill: Callable[[Path], None]) -> bool:
        try:
            with self._part() as part:
                fill(part)
                files = files_in(part)
                size = sum(int(one[0] or 0) for one in files.values())
                if size > self.limit:
                    return False
                own = {"format": FORMAT, "code": code_fingerprint(), "id": part.name}
                meta = own | {"kind": kind, "key": key, "created": time.time(), "bytes": size, "files": files}
                write_bytes(part / META, json.dumps(meta).encode("ascii"))
                self._hold_space()
                self._move(part, self._place(kind, key))
            self._make_room()
        except (OSError, Unstorable, TooLarge, ValueError):
            return False
        return True

    @contextmanager
    def _part(self) -> Iterator[Path]:
        claim(self.root)  # each time: somebody may have removed the folder
        part = self.root / PARTS / uuid.uuid4().hex
        part.mkdir(mode=0o700)
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _move(self, part: Path, place: Path) -> None:
        place.parent.mkdir(exist_ok=True, mode=0o700)
        for left in (2, 1, 0):  # another process may put its own there between the two steps
            with _moving:
                aside = self._set_aside(place)
                try:
                    part.rename(place)
                except OSError as error:
                    if error.errno not in _TAKEN or not left:
                        raise
            if aside is not None:
                shutil.rmtree(aside, ignore_errors=True)
            if not part.exists():
                return

    def _set_aside(self, place: Path) -> Path | None:
        aside = self.root / PARTS / uuid.uuid4().hex
        try:
            place.rename(aside)
        except FileNotFoundError:
            return None
        return aside

    def _discard(self, folder: Path, only: tuple[str | None, ...] = ()) -> None:
        """Remove a folder in one step; with ids, only an entry of one of them, None for one that has none that can be read."""
        try:
            with _moving:
                aside = self._set_aside(folder)
                if aside is None:
                    return
                if only and _id(read_meta(aside)) not in only:  # another took its place meanwhile
                    aside.rename(folder)
                    return
            shutil.rmtree(aside, ignore_errors=True)
        except OSError:
            return

    def _make_room(self) -> None:
        entries = self._by_age()
        size = sum(entry.bytes for _, _, entry in entries)
        for folder, name, entry in sorted(entries, key=lambda one: one[2].kind == SESSION):
            if size <= self.limit:
                return
            self._discard(folder, (name,))
            size -= entry.bytes

    def _hold_space(self) -> None:
        if shutil.disk_usage(self.root).free < _SPARE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _by_age(self) -> list[tuple[Path, str, Entry]]:
        """Return the folder, the id and a description of all entries, the one used longest ago first."""
        found = []
        for kind in self._kinds():
            for folder in self._folders(kind):
                meta = read_meta(folder)
                if meta is None:
                    self._discard(folder, (None,))
                else:
                    found.append((folder, meta["id"], Entry(meta["kind"], size_of(folder), meta["created"], used_at(folder))))
        return sorted(found, key=lambda one: one[2].used)

    def _kinds(self) -> list[Path]:
        return [folder for folder in self._folders(self.root) if folder.name != PARTS]

    def _folders(self, folder: Path) -> list[Path]:
        try:
            with os.scandir(folder) as there:
                return sorted(Path(one.path) for one in there if one.is_dir(follow_symlinks=False))
        except OSError:
            return []

    def _forget_parts(self) -> None:
        """Remove what killed processes left behind."""
        now = time.time()
        for part in self._folders(self.root / PARTS):
            if now - used_at(part, ".") > _FORGOTTEN_SECONDS:
                shutil.rmtree(part, ignore_errors=True)


def _id(meta: dict[str, Any] | None) -> str | None:
    return None if meta is None else str(meta["id"])
