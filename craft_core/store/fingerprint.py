"""Which code makes results: a result of other code is never taken for one of this code."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["code_fingerprint"]

_PACKAGES = ("numpy", "scipy", "scikit-learn", "faiss-cpu", "pyarrow", "polars", "umap-learn", "numba")


@cache
def code_fingerprint() -> str:
    """Return the sha256 of all modules of this package and of the versions of those it computes with; read once a process."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        code = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(code)}\0".encode() + code)
    for name in _PACKAGES:
        digest.update(f"{name}\0{_version(name)}\0".encode())
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
