"""The runs of a session: each is noted when its selection is there, and can be found, named, pinned and gone back to."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
import streamlit as st

from craft_core.arrays import IntVector, frozen
from craft_core.bound import kl_divergence
from craft_core.config import to_record
from craft_core.corpus import file_digest
from craft_core.errors import CraftError
from craft_core.store.disk import SESSION
from pages.shared import stages, visitor, writing
from pages.shared.session import current_config, current_given, data_digest
from pages.shared.work import is_ready, seconds_of

MOST = 300
"""Runs that are kept; of those not pinned, the oldest goes first."""

_RUNS, _ROWS = "history", "run_rows"  # in the session state
_IN_MEMORY = 8  # runs whose rows are held
_MARKS = ("chosen", "kl", "shortfall", "starved", "uncovered", "energy")


@dataclass(frozen=True)
class Run:
    """Describe one run.

    Attributes
    ----------
    id : str
        Changes with whatever the selection depends on.
    when : float
        Seconds since 1970, of the last visit.
    data : str
        Twelve digits of the digest of the data.
    label : str
        What the user calls the data.
    config : Mapping
        The settings, as a plain record.
    rows : str
        The sha256 of the chosen rows.
    marks : Mapping
        Numbers by name: "chosen" pairs, "kl", "shortfall", "starved" clusters, "uncovered" mass and, once measured, "energy".
    seconds : Mapping
        Wall seconds of each stage.
    name : str
        What the user calls the run; empty where it has no name.
    pinned : bool
        Whether it stays however many runs follow.
    """

    id: str
    when: float
    data: str
    label: str
    config: Mapping[str, Any]
    rows: str
    marks: Mapping[str, float]
    seconds: Mapping[str, float] = field(default_factory=dict)
    name: str = ""
    pinned: bool = False

    @property
    def title(self) -> str:
        """The run's name or, where it has none, its method, clusters and budget."""
        return (
            self.name
            or f"{self.config['selector']['name']}, {self.config['clustering']['n_clusters']:,} clusters, {self.config['budget']:,} pairs"
        )


def runs() -> tuple[Run, ...]:
    """Return the runs of this session, the latest first."""
    found: tuple[Run, ...] = st.session_state.get(_RUNS, ())
    return found


def set_runs(found: Iterable[Run]) -> None:
    """Make these the runs of the session."""
    st.session_state[_RUNS] = tuple(found)


def find(wanted: str) -> Run | None:
    """Return a run by its id."""
    return next((one for one in runs() if one.id == wanted), None)


def change(wanted: str, **values: Any) -> None:
    """Name a run, pin it, or let it go."""
    set_runs(replace(one, **values) if one.id == wanted else one for one in runs())


def current_id() -> str | None:
    """Return the id of the run in use, None before there are data."""
    return None if current_given() is None else file_digest(stages.selection_key().encode())[:16]


def is_here() -> bool:
    """Return whether the selection of the run in use is there: asking for it then computes nothing."""
    config = current_config()
    needed = [(stages.LOAD, stages.load_key()), (stages.VECTORIZE, stages.vector_key()), (stages.CLUSTER, stages.problem_key())]
    is_ranked = hasattr(config.selector, "rank")
    needed.append((stages.RANK, stages.ranking_key()) if is_ranked else (stages.SELECT, stages.selection_key()))
    return all(is_ready(stage, key) for stage, key in needed)


def note() -> None:
    """Note the run in use if its selection is there; one that was noted before moves to the front, with what is known of it now."""
    if current_given() is None or not is_here():
        return
    wanted, latest = current_id(), next(iter(runs()), None)
    measured = stages.diagnostics_if_ready()
    energy = None if measured is None or measured.energy is None else measured.energy.joint
    if latest is not None and latest.id == wanted and latest.marks.get("energy") == energy:
        return
    with suppress(CraftError):  # nothing was chosen: the page says so
        set_runs(_kept(with_run(runs(), _now(wanted or "", energy))))


def with_run(before: Iterable[Run], run: Run) -> tuple[Run, ...]:
    """Return the runs with one at the front; name and pin of the same run, noted before, stay."""
    listed = list(before)
    known = next((one for one in listed if one.id == run.id), None)
    if known is not None:
        run = replace(
            run, name=known.name, pinned=known.pinned, marks={**known.marks, **run.marks}, seconds={**known.seconds, **run.seconds}
        )
    return run, *(one for one in listed if one.id != run.id)


def shortened(found: Iterable[Run], most: int = MOST) -> tuple[Run, ...]:
    """Return at most so many runs: pinned ones and, of the others, the latest."""
    listed = list(found)
    free = most - sum(one.pinned for one in listed)
    kept = []
    for one in listed:
        free -= not one.pinned
        if one.pinned or free >= 0:
            kept.append(one)
    return tuple(kept)


def rows_of(run: Run) -> IntVector | None:
    """Return the chosen rows of the pool as given, the best first; None if they are no longer kept."""
    held: dict[str, IntVector] = st.session_state.setdefault(_ROWS, {})
    if run.id not in held:
        writing.settle()
        store, owner = visitor.store(), visitor.owner()
        found = None if store is None or owner is None else store.get(SESSION, _rows_key(owner, run.id), any_code=True)
        if found is None:
            return None
        _hold(run.id, np.asarray(found["rows"], dtype=np.int64))
    return held[run.id]


def plain(run: Run) -> dict[str, Any]:
    """Return a run as plain values; numbers JSON has no word for are written as text."""
    values = asdict(run)
    values["marks"] = {name: value if math.isfinite(value) else str(value) for name, value in run.marks.items()}
    return values


def from_plain(values: Mapping[str, Any]) -> Run:
    """Return a run from plain values. Raises KeyError, TypeError or ValueError for values that are none."""
    known = {one.name for one in fields(Run)}
    read = {name: value for name, value in values.items() if name in known}
    return Run(**read | {"marks": {name: float(value) for name, value in values["marks"].items()}})


def _now(wanted: str, energy: float | None) -> Run:
    given, (chosen, allocation) = current_given(), stages.selection()
    assert given is not None  # noqa: S101 -- `note` has looked
    rows = frozen(stages.data().pool.rows[chosen.indices].astype(np.int64))
    p, q = allocation.validation_share, allocation.selected_share
    marks = dict(
        zip(
            _MARKS,
            (allocation.size, kl_divergence(p, q), allocation.shortfall, int(allocation.starved.sum()), allocation.uncovered),
            strict=False,
        )
    )
    run = Run(
        wanted,
        time.time(),
        data_digest(given),
        given.label,
        to_record(current_config()),
        file_digest(rows.tobytes()),
        marks if energy is None else marks | {"energy": energy},
        {name: seconds_of(*place) for name, place in _places().items() if is_ready(*place)},
    )
    if find(wanted) is None:
        _keep_rows(run, rows)
    return run


def _places() -> dict[str, tuple[str, str]]:
    ranked = hasattr(current_config().selector, "rank")
    return {
        "reading": (stages.LOAD, stages.load_key()),
        "vectors": (stages.VECTORIZE, stages.vector_key()),
        "clusters": (stages.CLUSTER, stages.problem_key()),
        "choosing": (stages.RANK, stages.ranking_key()) if ranked else (stages.SELECT, stages.selection_key()),
        "measuring": (stages.MEASURE, stages.selection_key()),
    }


def _keep_rows(run: Run, rows: IntVector) -> None:
    _hold(run.id, rows)
    store = visitor.store()
    owner = None if store is None else visitor.owner(create=True)
    if store is not None and owner is not None:
        writing.later(store.put, SESSION, _rows_key(owner, run.id), {"rows": rows}, replace=True)


def _hold(run: str, rows: IntVector) -> None:
    held: dict[str, IntVector] = st.session_state.setdefault(_ROWS, {})
    held[run] = rows
    # without a disk every run's rows are held: there is no other place to find them again
    while visitor.store() is not None and len(held) > _IN_MEMORY:
        held.pop(next(iter(held)))


def _kept(found: tuple[Run, ...]) -> tuple[Run, ...]:
    kept = shortened(found)
    store, owner = visitor.store(), visitor.owner()
    for gone in {one.id for one in found} - {one.id for one in kept}:
        st.session_state.get(_ROWS, {}).pop(gone, None)
        if store is not None and owner is not None:
            writing.later(store.delete, SESSION, _rows_key(owner, gone))
    return kept


def _rows_key(owner: str, run: str) -> str:
    return f"{owner}.rows.{run}"
