"""What a session holds, as a plain record on disk, and back: data, settings, runs, and what other pages keep."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from craft_core.config import from_record, to_record
from craft_core.corpus import InputFile, ParallelText, on_disk, server_file
from craft_core.errors import CraftError, DataError
from craft_core.experiment import Files, Input
from craft_core.store import Store
from craft_core.store.disk import SESSION
from pages.shared import history, notices, visitor, writing
from pages.shared.session import SAMPLE, Given, current_config, current_given, data_digest, file_key, generation, given_of, server_root

KEPT: tuple[str, ...] = ("regions", "cluster_names", "lipschitz", "price")
"""Places of the session state that are kept as they are; what lies there is plain values, arrays and dataclasses of craft_core."""

_MOST_DATA = 12  # data sets that can be opened again
_LIBRARY, _LAST, _SAVED, _CLEARED = "library", "last", "saved", "cleared"  # in the session state
_VERSION = 1
_FULL = "What is open could not be kept on disk: it is full, or cannot be written. A page loaded again will not find it."
_SHA256 = 64  # digits
_refused: set[str] = set()  # what the disk did not take when it was last written


@dataclass(frozen=True)
class Last:
    """What a visitor had open.

    Attributes
    ----------
    data : str
        Twelve digits of the digest of the data.
    config : Mapping
        The settings, as a record.
    when : float
        Seconds since 1970.
    generation : int
        The number in the keys of the widgets: a page left open while the server was started again sends what they hold under these.
    """

    data: str
    config: Mapping[str, Any]
    when: float
    generation: int = 0


def save() -> None:
    """Write what the session holds, if that has changed; milliseconds if it has not."""
    store, state = visitor.store(), _state()
    if store is None or state is None or _is_same(state, st.session_state.get(_SAVED)):
        return
    owner = visitor.owner(create=True)
    given = current_given()
    if given is not None:
        _shelve(given, store)
        st.session_state[_LAST] = Last(data_digest(given), to_record(current_config()), time.time(), generation())
    last: Last | None = st.session_state.get(_LAST)
    written = {
        "version": _VERSION,
        "last": None if last is None else vars(last),
        "library": dict(library()),
        "runs": [history.plain(one) for one in history.runs()],
    }
    kept = {name: st.session_state[name] for name in KEPT if name in st.session_state}
    # in an entry of its own: where code has changed, a class that is gone costs what pages kept, and not the session
    for name, value in ((f"{owner}", json.dumps(written)), (f"{owner}.kept", kept)):
        writing.later(_put, store, name, value)
    st.session_state[_SAVED] = state
    if _refused & {f"{owner}", f"{owner}.kept"}:
        notices.add(_FULL, kind="warning")


def load() -> Last | None:
    """Bring back runs, names and what pages kept, and return what was open; the data are opened by who asks for them."""
    store, owner = visitor.store(), visitor.owner()
    writing.settle()
    text = None if store is None or owner is None else store.get(SESSION, owner, any_code=True)
    found = json.loads(text) if isinstance(text, str) else {}
    if store is None or found.get("version") != _VERSION:
        return None
    kept = store.get(SESSION, f"{owner}.kept", any_code=True) or {}
    st.session_state[_LIBRARY] = dict(found["library"])
    history.set_runs(history.from_plain(one) for one in found["runs"])
    for name in KEPT:
        if name in kept:
            st.session_state[name] = kept[name]
    if found["last"] is None:
        return None
    last = st.session_state[_LAST] = Last(**found["last"])
    return last


def hold() -> None:
    """Read uploads that lie on disk into memory, so that they stay open when the disk is cleared."""
    given = current_given()
    writing.settle()
    if given is not None:
        st.session_state["given"] = replace(given, files=_in_memory(given.files))


def forget() -> None:
    """Forget the runs and all that was kept; what is open now is not kept again."""
    given = current_given()
    st.session_state[_CLEARED] = None if given is None else given.key
    history.set_runs(())
    for name in (_SAVED, _LIBRARY, _LAST):
        st.session_state.pop(name, None)


def library() -> Mapping[str, Any]:
    """Return the data sets this visitor has opened, as records by their digits; the latest last."""
    found: Mapping[str, Any] = st.session_state.get(_LIBRARY, {})
    return found


def reopen(data: str) -> Given:
    """Open data this visitor had open before. Raises DataError naming the files that are gone or changed."""
    if data not in library():
        given = current_given()
        if given is not None and data_digest(given) == data:
            return given
        raise DataError(f"The data {data} are not known here any more. Load them again on the Data page.")
    return opened(library()[data], visitor.store())


def opened(record: Mapping[str, Any], store: Store | None) -> Given:
    """Return the data a record names. Raises DataError naming the files that are gone or changed."""
    problems: list[str] = []

    def file(role: str, one: Mapping[str, Any]) -> Input | None:
        try:
            return _opened(one, store)
        except CraftError as error:
            problems.append(f"{role}: {error}")
            return None

    pool = tuple(file("Pool", one) for one in record["pool"])
    validation, test = file("Validation", record["validation"]), file("Test", record["test"]) if record["test"] else None
    if problems:
        raise DataError(f"{record['label']} cannot be opened as they were. {' '.join(problems)} Load them again on the Data page.")
    return given_of(record["label"], Files(pool, validation, test))  # type: ignore[arg-type] -- none is missing


def recorded(given: Given, store: Store) -> dict[str, Any]:
    """Return a record that the data can be opened from; uploads are kept in the store."""
    files = given.files
    return {
        "label": given.label,
        "pool": [_recorded(one, store) for one in files.pool],
        "validation": _recorded(files.validation, store),
        "test": None if files.test is None else _recorded(files.test, store),
    }


def config_of(last: Last) -> Any:
    """Return settings from a record, those of today where the record is not understood any more."""
    try:
        return from_record(last.config)
    except CraftError:
        return current_config()


def _put(store: Store, name: str, value: object) -> None:
    (_refused.discard if store.put(SESSION, name, value, replace=True) else _refused.add)(name)


def _state() -> tuple[Any, ...] | None:
    """Return what is kept, None where there is nothing worth keeping."""
    given = current_given()
    if given is None and not history.runs():
        return None
    if given is not None and given.key == st.session_state.get(_CLEARED):
        return None
    kept = tuple(st.session_state.get(name) for name in KEPT)
    return (None if given is None else given.key, repr(current_config()), history.runs(), kept, repr(kept))


def _is_same(state: tuple[Any, ...], saved: tuple[Any, ...] | None) -> bool:
    if saved is None or state[0] != saved[0] or state[1] != saved[1] or state[4] != saved[4]:
        return False
    # arrays inside are not compared: pages replace what they keep
    return state[2] == saved[2] and all(one is other for one, other in zip(state[3], saved[3], strict=True))


def _shelve(given: Given, store: Store) -> None:
    name = data_digest(given)
    known = dict(library())
    one = known.pop(name, None) or recorded(given, store)
    st.session_state[_LIBRARY] = dict(list((known | {name: one}).items())[-_MOST_DATA:])


def _recorded(file: Input, store: Store) -> dict[str, Any]:
    if isinstance(file, ParallelText):
        return {"source": _recorded(file.source, store), "target": _recorded(file.target, store)}
    key = file_key(file)
    made = {"label": file.label, "suffix": file.suffix, "gzipped": file.gzipped, "key": key}
    if file.path is None:
        writing.later(store.keep_file, file.data or b"")
    return made | (place_of(file) or {"upload": key[-_SHA256:]})


def place_of(file: InputFile) -> dict[str, str]:
    """Return where a file lies: {"sample": path} or {"server": path}, from the folder of either; empty for an upload."""
    path = file.path
    for name, root in (("sample", SAMPLE), ("server", server_root())):
        if path is not None and root is not None and path.resolve().is_relative_to(root.resolve()):
            return {name: path.resolve().relative_to(root.resolve()).as_posix()}
    return {}


def _opened(one: Mapping[str, Any], store: Store | None) -> Input:
    if "source" in one:
        return ParallelText(*(_plain_file(one[side], store) for side in ("source", "target")))
    return _plain_file(one, store)


def _plain_file(one: Mapping[str, Any], store: Store | None) -> InputFile:
    label = one["label"]
    if "upload" in one:
        path = None if store is None else store.file(one["upload"])
        if path is None:
            raise DataError(f"The upload {label} is no longer kept.")
        found = InputFile(label, one["suffix"], one["gzipped"], path=path)
    elif "sample" in one:
        found = on_disk(SAMPLE / one["sample"])
    elif (root := server_root()) is not None:
        found = on_disk(server_file(root, one["server"]))
    else:
        raise DataError(f"The server no longer offers the folder {label} lay in.")
    if file_key(found) != one["key"]:
        raise DataError(f"{label} has changed since.")
    return found


def _in_memory(files: Files) -> Files:
    def held(file: Input) -> Input:
        if isinstance(file, ParallelText):
            return ParallelText(held(file.source), held(file.target))  # type: ignore[arg-type]
        if file.path is None or place_of(file) or not file.path.is_file():
            return file
        return replace(file, path=None, data=file.path.read_bytes())

    return Files(tuple(map(held, files.pool)), held(files.validation), None if files.test is None else held(files.test))
