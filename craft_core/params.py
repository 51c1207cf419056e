"""Parameters declared once: for checks, command line, forms and records.

A parameter is a field of a frozen dataclass, made with `param`. The same declaration gives the default, the limits, the choices and the
help text wherever the parameter is shown, and `check` holds every construction to it.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar

from craft_core.errors import ParameterError

__all__ = ["Param", "build", "check", "param", "parameters", "record"]

T = TypeVar("T")


@dataclass(frozen=True)
class Param:
    """Describe one parameter: what a form, a command line and a check need to know.

    Attributes
    ----------
    name : str
        The field's name.
    kind : type
        int, float, bool or str.
    optional : bool
        Whether None is allowed (and then means "off" or "automatic", as the help says).
    default : Any
        The value when none is given.
    low, high : float or None
        Inclusive limits of a number; None for no limit.
    choices : tuple of str
        The allowed values of a string; empty for free text.
    help : str
        One sentence for the user.
    """

    name: str
    kind: type
    optional: bool
    default: Any
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    help: str


def param(default: Any, *, help: str, low: float | None = None, high: float | None = None, choices: tuple[str, ...] = ()) -> Any:
    """Declare a dataclass field that is a parameter: its default, inclusive limits or choices, and one sentence of help."""
    return field(default=default, metadata={"help": help, "low": low, "high": high, "choices": choices})


def parameters(cls: type) -> tuple[Param, ...]:
    """Return the parameters of a dataclass in the order they are declared; fields without `param` are left out."""
    hints = typing.get_type_hints(cls)
    described = []
    for item in fields(cls):
        if "help" not in item.metadata:
            continue
        kind, optional = _kind(hints[item.name])
        default = None if item.default is MISSING else item.default
        described.append(Param(item.name, kind, optional, default, **item.metadata))
    return tuple(described)


def check(owner: Any) -> None:
    """Hold every parameter of a dataclass object to its declaration.

    Raises
    ------
    ParameterError
        For a value of the wrong type, outside its limits, or not among its choices.
    """
    name = getattr(owner, "name", type(owner).__name__)
    for one in parameters(type(owner)):
        value = getattr(owner, one.name)
        problem = _problem(one, value)
        if problem:
            raise ParameterError(f"The '{one.name}' parameter of {name} {problem}. Got {value!r}.")


def build(cls: type[T], values: Mapping[str, Any], owner: str) -> T:
    """Make a parameter object from a mapping, as read from a file or a form.

    Parameters
    ----------
    cls : type
        A dataclass whose fields are parameters.
    values : Mapping
        Values by name; missing ones take their defaults. Whole numbers are taken for float parameters.
    owner : str
        What the values belong to, for the message.

    Raises
    ------
    ParameterError
        For a name that is no parameter, with the list of those that are; or a value that `check` refuses.
    """
    known = {one.name: one for one in parameters(cls)}
    for name in values:
        if name not in known:
            raise ParameterError(f"{owner} has no parameter '{name}'. It has: {', '.join(known) or 'none'}.")
    return cls(**{name: _widened(known[name], value) for name, value in values.items()})


def record(owner: Any) -> dict[str, Any]:
    """Return the parameters of an object by name, the opposite of `build`; parameters that are None are left out."""
    values = {one.name: getattr(owner, one.name) for one in parameters(type(owner))}
    return {name: value for name, value in values.items() if value is not None}


def _widened(one: Param, value: Any) -> Any:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if one.kind is float and is_whole else value


def _kind(hint: Any) -> tuple[type, bool]:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        inner = [one for one in typing.get_args(hint) if one is not type(None)]
        return inner[0], True
    return hint, False


def _problem(one: Param, value: Any) -> str | None:
    if value is None:
        return None if one.optional else "must be given"
    if one.kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, one.kind) or (one.kind is not bool and isinstance(value, bool)):
        return f"must be {_KINDS[one.kind]}"
    if one.choices and value not in one.choices:
        return f"must be one of {', '.join(one.choices)}"
    if one.kind in (int, float):
        return _outside(one, value)
    return None


def _outside(one: Param, value: Any) -> str | None:
    if math.isfinite(value) and (one.low is None or value >= one.low) and (one.high is None or value <= one.high):
        return None
    if one.low is not None and one.high is not None:
        return f"must lie in [{one.low:,}, {one.high:,}]"
    if one.low is not None:
        return f"must be at least {one.low:,}"
    return "must be a finite number" if one.high is None else f"must be at most {one.high:,}"


_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
