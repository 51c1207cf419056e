"""What a manifest tells of its run, checked: it may come from anywhere, and people and charts need texts, whole numbers and finite ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from craft_core.discrepancy import Anchors, Energy
from craft_core.errors import DataError
from craft_core.export.inputs import ROLES
from craft_core.export.metrics import LabelTable, stability_words

__all__ = ["Counts", "Told", "told_of"]

_MOST_SENTENCES = 100
_LONGEST = 2_000  # characters of a sentence
_SIDES = ("source", "target", "joint")


@dataclass(frozen=True)
class Counts:
    """Hold what became of the pairs of one role.

    Attributes
    ----------
    read, used : int
        Pairs in the files, and after cleaning.
    dropped : Mapping of str to int
        Pairs dropped, by the rule that dropped them.
    """

    read: int
    used: int
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Told:
    """Hold what a manifest tells people.

    Attributes
    ----------
    created, command : str
        When the run was made, and the line that makes it again.
    warnings, notes : tuple of str
        What should be known before trusting it, and what else.
    counts : Mapping of str to Counts
        By role, as far as there are such files.
    budget, chosen : int
        Pairs asked for, and pairs chosen.
    seconds : Mapping of str to float
        Wall seconds of each stage.
    held_out : str
        What the distances were measured on.
    energy : Energy or None
        Distance of the selection to the held-out pairs; None where it was not measured.
    anchors : Anchors or None
        What to compare it with.
    label_shares : LabelTable
        Who is among the chosen.
    stability : str or None
        What stayed the same when the selection was made again; None where it was not.
    """

    created: str
    command: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    counts: Mapping[str, Counts]
    budget: int
    chosen: int
    seconds: Mapping[str, float]
    held_out: str
    energy: Energy | None
    anchors: Anchors | None
    label_shares: LabelTable
    stability: str | None


def told_of(record: Mapping[str, Any]) -> Told:
    """Read what a manifest tells.

    Parameters
    ----------
    record : Mapping
        As `read_manifest` gives it.

    Raises
    ------
    DataError
        If a part is missing or is not what a run writes; with its name.
    """
    found = {}
    for name, read in _READERS.items():
        try:
            found[name] = read(record)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError) as error:
            raise DataError(f"The manifest is damaged: what it says of '{name.replace('_', ' ')}' is not as a run writes it.") from error
    return Told(**found)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value[:_LONGEST]


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError("no list")
    return tuple(_text(value) for value in values[:_MOST_SENTENCES])


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise ValueError("no number of pairs")
    return value


def _finite(value: Any) -> float:
    if isinstance(value, bool | str) or not math.isfinite(value):
        raise ValueError("no finite number")
    return float(value)


def _counts(record: Mapping[str, Any]) -> dict[str, Counts]:
    given = record["counts"]
    found = {}
    for role in (one for one in ROLES if one in given or one != "test"):
        one = given[role]
        found[role] = Counts(_whole(one["read"]), _whole(one["used"]), {_text(k): _whole(v) for k, v in one["dropped"].items()})
    return found


def _energy(value: Any) -> Energy | None:
    return None if value is None else Energy(*(_finite(value[side]) for side in _SIDES))


def _anchors(value: Any) -> Anchors | None:
    if value is None:
        return None
    found = [_energy(value[name]) for name in ("half_against_half", "random", "pool")]
    if None in found:
        raise ValueError("an anchor is missing")
    return Anchors(*found)  # type: ignore[arg-type] -- none of them is None


def _label_shares(value: Any) -> LabelTable:
    return {
        _text(name): {_text(label): {_text(who): _finite(share) for who, share in shares.items()} for label, shares in values.items()}
        for name, values in value.items()
    }


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "created": lambda record: _text(record["created"]),
    "command": lambda record: _text(record["command"]),
    "warnings": lambda record: _texts(record["warnings"]),
    "notes": lambda record: _texts(record["notes"]),
    "counts": _counts,
    "budget": lambda record: _whole(record["counts"]["budget"]),
    "chosen": lambda record: _whole(record["counts"]["chosen"]),
    "seconds": lambda record: {_text(stage): _finite(taken) for stage, taken in record["seconds"].items()},
    "held_out": lambda record: _text(record["metrics"]["held_out"]),
    "energy": lambda record: _energy(record["metrics"]["energy_distance"]),
    "anchors": lambda record: _anchors(record["metrics"]["anchors"]),
    "label_shares": lambda record: _label_shares(record["metrics"].get("label_shares") or {}),
    "stability": lambda record: stability_words({"stability": None} | record["metrics"]),
}
