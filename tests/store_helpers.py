"""Whether two results are the same, to the last bit and type."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pyarrow as pa


def differs(one: Any, other: Any, path: str = "value") -> str | None:
    """Return where two results differ, None if they do not."""
    if isinstance(one, np.ndarray):
        return None if _same_array(one, other) else path
    if type(one) is not type(other):
        return f"{path}: {type(one)} and {type(other)}"
    if isinstance(one, pa.Array | pa.ChunkedArray | pa.Table):
        return None if _same_arrow(one, other) else path
    if is_dataclass(one):
        parts = ((f".{field.name}", getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
        return _first(path, parts)
    if isinstance(one, dict):
        keys = differs(list(one), list(other), f"keys of {path}")
        return keys or _first(path, ((f"[{key!r}]", one[key], other[key]) for key in one))
    if isinstance(one, tuple | list):
        return _first(path, ((f"[{i}]", *both) for i, both in enumerate(zip(one, other, strict=True))))
    if type(one).__module__.startswith("scipy.sparse"):
        parts = ((f".{name}", getattr(one, name), getattr(other, name)) for name in ("data", "indices", "indptr", "shape"))
        return _first(path, parts)
    return None if repr(one) == repr(other) else path  # repr tells nan, -0.0 and every bit of a float


def _first(path: str, parts: Any) -> str | None:
    return next((found for name, one, other in parts if (found := differs(one, other, path + name))), None)


def _same_array(one: np.ndarray, other: Any) -> bool:
    alike = type(other) is np.ndarray and one.dtype == other.dtype and one.shape == other.shape
    if one.dtype == object:
        return alike and one.tolist() == other.tolist()
    return alike and one.tobytes() == other.tobytes()


def _same_arrow(one: Any, other: Any) -> bool:
    if isinstance(one, pa.Table):
        return one.schema.equals(other.schema, check_metadata=True) and one.num_rows == other.num_rows and one.equals(other)
    return one.type == other.type and one.equals(other)
