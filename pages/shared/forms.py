"""Forms made from parameter metadata: a new parameter appears here by being declared."""

from __future__ import annotations

from typing import Any, TypeVar

import streamlit as st

from craft_core.params import Param, build, parameters

T = TypeVar("T")


def fields(cls: type[T], current: T | None, key: str, leave_out: tuple[str, ...] = ()) -> T:
    """Draw a widget for each parameter of a class and return the object they make.

    Parameters
    ----------
    cls : type
        A dataclass of parameters.
    current : object or None
        Where the widgets begin; the defaults if None.
    key : str
        Tells the widgets of one form from another's.
    leave_out : tuple of str
        Parameters that are drawn elsewhere; they keep their current value.

    Raises
    ------
    ParameterError
        For a value the declaration refuses: the browser's own limits can be bypassed.
    """
    values: dict[str, Any] = {}
    for one in parameters(cls):
        value = one.default if current is None else getattr(current, one.name)
        values[one.name] = value if one.name in leave_out else widget(one, value, f"{key}.{one.name}")
    return build(cls, values, key)


def widget(one: Param, value: Any, key: str) -> Any:
    """Draw the widget of one parameter and return its value."""
    label = label_of(one.name)
    if one.choices:
        return st.selectbox(label, one.choices, index=one.choices.index(value), help=one.help, key=key)
    if one.kind is bool:
        return st.toggle(label, value=value, help=one.help, key=key)
    if one.kind is str:
        text = st.text_input(label, value=value or "", help=one.help, key=key)
        return text or None if one.optional else text
    return _number(one, value, label, key)


def label_of(name: str) -> str:
    """Return how a parameter's name is shown."""
    return (
        name.replace("n_", "number of ", 1).replace("_", " ").capitalize() if name.startswith("n_") else name.replace("_", " ").capitalize()
    )


def _number(one: Param, value: Any, label: str, key: str) -> Any:
    kind = one.kind
    return st.number_input(
        label,
        min_value=None if one.low is None else kind(one.low),
        max_value=None if one.high is None else kind(one.high),
        value=None if value is None else kind(value),
        step=1 if kind is int else None,
        placeholder=("automatic" if one.default is None else "no limit") if one.optional else None,
        help=one.help,
        key=key,
    )
