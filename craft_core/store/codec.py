"""Results as a tree for JSON and files for arrays, and back; nothing is ever pickled.

What can be written: None, bool, int, float, str, bytes, tuple, list, dict, numpy arrays and scalars, pyarrow arrays and tables, scipy CSR
matrices, and frozen dataclasses of this package. A class is found again by its name, below ``craft_core`` only, and made through its
constructor, which checks its fields. An object that occurs twice is written once and comes back as one object.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from craft_core.arrays import frozen
from craft_core.store.files import Damaged, FileReader, FileWriter

__all__ = ["Unstorable", "read_value", "write_value"]

_PACKAGE = "craft_core"
_SPARSE = ("csr_matrix", "csr_array")
_KINDS = frozenset("biufcSUMm")  # of numpy arrays that are plain bytes


class Unstorable(Exception):  # noqa: N818 -- nobody made a mistake
    """Say that an object is of a kind that is not written, and where in the result it is."""


def write_value(value: object, folder: Path, limit: int) -> Any:
    """Write the arrays of a value into a folder and return the rest, for JSON.

    Parameters
    ----------
    value : object
        What to write.
    folder : Path
        Where to; it exists and is empty.
    limit : int
        Most bytes of arrays.

    Raises
    ------
    Unstorable
        If something in the value is of no kind that is written.
    TooLarge
        If the arrays take more than the limit.
    OSError
        If the disk refuses.
    """
    files = FileWriter(folder, limit)
    tree = _Encoder(files).tree(value, "value")
    files.finish()
    return tree


def read_value(tree: Any, folder: Path) -> Any:
    """Return the value that `write_value` wrote; arrays are read-only. Raises Damaged if the tree is not one it wrote."""
    return _Decoder(FileReader(folder)).value(tree)


class _Encoder:
    def __init__(self, files: FileWriter) -> None:
        self._files = files
        self._numbers: dict[int, int] = {}
        self._held: list[object] = []  # so that no id is given twice

    def tree(self, value: Any, path: str) -> Any:
        kind = type(value)
        if value is None or kind in (bool, int, str) or (kind is float and math.isfinite(value)):
            return value
        if kind is list:
            return self._items(value, path)
        plain = _PLAIN.get(kind)
        if plain is not None:
            return plain(self, value, path)
        if isinstance(value, np.generic):
            return self._scalar(value, path)
        if id(value) in self._numbers:
            return {"is": "same", "number": self._numbers[id(value)]}
        node = self._shared(value, path)
        self._numbers[id(value)] = len(self._held)
        self._held.append(value)
        return node

    def _items(self, values: Any, path: str) -> list[Any]:
        return [self.tree(one, f"{path}[{number}]") for number, one in enumerate(values)]

    def _float(self, value: float, path: str) -> Any:
        return {"is": "float", "text": repr(value)}

    def _tuple(self, value: tuple[Any, ...], path: str) -> Any:
        return {"is": "tuple", "items": self._items(value, path)}

    def _dict(self, value: dict[Any, Any], path: str) -> Any:
        return {
            "is": "dict",
            "items": [[self.tree(key, f"key of {path}"), self.tree(one, f"{path}[{key!r}]")] for key, one in value.items()],
        }

    def _bytes(self, value: bytes, path: str) -> Any:
        return {"is": "bytes", "place": self._files.add_array(np.frombuffer(value, np.uint8))}

    def _scalar(self, value: np.generic, path: str) -> Any:
        if value.dtype.kind not in _KINDS:
            raise Unstorable(f"{path} is a numpy {value.dtype}.")
        return {"is": "scalar", "dtype": value.dtype.str, "hex": value.tobytes().hex()}

    def _shared(self, value: Any, path: str) -> Any:
        if type(value) in (np.ndarray, np.memmap):
            return self._array(value, path)
        if isinstance(value, pa.Array | pa.ChunkedArray | pa.Table):
            return self._arrow(value, path)
        if is_dataclass(value) and not isinstance(value, type):
            return self._dataclass(value, path)
        if type(value).__module__.startswith("scipy.sparse") and type(value).__name__ in _SPARSE:
            own = {name: self.tree(getattr(value, name), f"{path}.{name}") for name in ("data", "indices", "indptr")}
            return {"is": "sparse", "class": type(value).__name__, "shape": [int(one) for one in value.shape], **own}
        raise Unstorable(f"{path} is a {type(value).__module__}.{type(value).__qualname__}.")

    def _array(self, value: npt.NDArray[Any], path: str) -> Any:
        if value.dtype == object and all(one is None or type(one) is str for one in value.flat):
            return {"is": "objects", "shape": list(value.shape), "texts": self._texts(value, path)}
        if value.dtype.hasobject or not (value.dtype.kind in _KINDS or value.dtype.fields):
            raise Unstorable(f"{path} is an array of {value.dtype}.")
        return {"is": "array", "place": self._files.add_array(value)}

    def _texts(self, value: npt.NDArray[Any], path: str) -> Any:
        try:
            return self._arrow(pa.array(value.ravel(), pa.large_string()), path)
        except UnicodeEncodeError as error:
            raise Unstorable(f"{path} cannot be written as Arrow: {error}") from error

    def _arrow(self, value: Any, path: str) -> Any:
        form = "table" if isinstance(value, pa.Table) else "chunked" if isinstance(value, pa.ChunkedArray) else "array"
        try:
            table = value if form == "table" else pa.table([value], names=["column"])
            return {"is": "arrow", "form": form, "file": self._files.add_table(table)}
        except pa.ArrowException as error:
            raise Unstorable(f"{path} cannot be written as Arrow: {error}") from error

    def _dataclass(self, value: Any, path: str) -> Any:
        name = f"{type(value).__module__}:{type(value).__qualname__}"
        if _find(name) is not type(value):
            raise Unstorable(f"{path} is a {name}, which is no frozen dataclass of {_PACKAGE}.")
        own = {one.name: self.tree(getattr(value, one.name), f"{path}.{one.name}") for one in fields(value) if one.init}
        return {"is": "dataclass", "class": name, "fields": own}


_PLAIN: dict[type, Callable[[_Encoder, Any, str], Any]] = {
    float: _Encoder._float,
    tuple: _Encoder._tuple,
    dict: _Encoder._dict,
    bytes: _Encoder._bytes,
}


class _Decoder:
    def __init__(self, files: FileReader) -> None:
        self._files = files
        self._held: list[Any] = []

    def value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.value(one) for one in node]
        if not isinstance(node, dict):
            return node
        kind = node["is"]
        if kind == "same":
            return self._held[node["number"]]
        plain = _READ_PLAIN.get(kind)
        if plain is not None:
            return plain(self, node)
        self._held.append(found := _READ_SHARED[kind](self, node))
        return found

    def _dict(self, node: dict[str, Any]) -> dict[Any, Any]:
        return {self.value(key): self.value(one) for key, one in node["items"]}

    def _objects(self, node: dict[str, Any]) -> npt.NDArray[Any]:
        texts = self._arrow(node["texts"]).to_numpy(zero_copy_only=False)
        return frozen(texts.astype(object).reshape(node["shape"]))

    def _arrow(self, node: dict[str, Any]) -> Any:
        table = self._files.table(node["file"])
        if node["form"] == "table":
            return table
        column = table.column(0)
        if node["form"] == "chunked":
            return column
        return column.chunk(0) if column.num_chunks == 1 else pa.array([], column.type)

    def _sparse(self, node: dict[str, Any]) -> Any:
        import scipy.sparse

        data, indices, starts = (self.value(node[name]) for name in ("data", "indices", "indptr"))
        matrix = getattr(scipy.sparse, _SPARSE[_SPARSE.index(node["class"])])((data, indices, starts), shape=tuple(node["shape"]))
        matrix.data, matrix.indices, matrix.indptr = data, indices, starts  # the constructor may narrow the indices
        return matrix

    def _dataclass(self, node: dict[str, Any]) -> Any:
        cls = _find(node["class"])
        if cls is None:
            raise Damaged(node["class"])
        return cls(**{name: self.value(one) for name, one in node["fields"].items()})


_READ_PLAIN: dict[str, Callable[[_Decoder, dict[str, Any]], Any]] = {
    "float": lambda self, node: float(node["text"]),
    "tuple": lambda self, node: tuple(map(self.value, node["items"])),
    "dict": _Decoder._dict,
    "bytes": lambda self, node: self._files.array(node["place"]).tobytes(),
    "scalar": lambda self, node: np.frombuffer(bytes.fromhex(node["hex"]), np.dtype(node["dtype"]))[0],
}

_READ_SHARED: dict[str, Callable[[_Decoder, dict[str, Any]], Any]] = {
    "array": lambda self, node: self._files.array(node["place"]),
    "objects": _Decoder._objects,
    "arrow": _Decoder._arrow,
    "sparse": _Decoder._sparse,
    "dataclass": _Decoder._dataclass,
}


def _find(name: str) -> Any:
    """Return the frozen dataclass of this package by "module:qualified name", None if there is none."""
    module, _, path = name.partition(":")
    if module.split(".")[0] != _PACKAGE or "<" in path:
        return None
    try:
        found = reduce(getattr, path.split("."), importlib.import_module(module))
    except (ImportError, AttributeError):
        return None
    is_own = isinstance(found, type) and found.__module__ == module and is_dataclass(found)
    return found if is_own and found.__dataclass_params__.frozen else None
