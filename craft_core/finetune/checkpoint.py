"""Files that are whole or not there, named after everything their content depends on."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from craft_core.corpus.pairs import Corpus, hash_texts

__all__ = ["key_of", "read_json", "read_weights", "write_json", "write_weights"]

_FORM = "craft finetune 1"  # raise it where the same input gives another model or another score


def key_of(parts: Iterable[str], corpora: Iterable[Corpus]) -> str:
    """Return the sha256 of texts and of the pairs of corpora, in their order; ids and further columns do not count."""
    digest = hashlib.sha256(_FORM.encode())
    for part in parts:
        digest.update(b"\0" + part.encode())
    for corpus in corpora:
        digest.update(f"\0{len(corpus)}".encode())
        hash_texts(digest, corpus.sources)
        hash_texts(digest, corpus.targets)
    return digest.hexdigest()


def read_json(path: Path) -> dict[str, Any] | None:
    """Return what a JSON file holds; None where it is missing or no whole JSON object."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a JSON file that appears only when it is whole."""
    _whole(path, lambda fresh: fresh.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8"))


def read_weights(path: Path) -> dict[str, Any] | None:
    """Return the texts, numbers and tensors of a checkpoint, on the CPU; None where it is missing or broken. Runs no code from the file."""
    import torch

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
        return None
    return found if isinstance(found, dict) else None


def write_weights(path: Path, values: dict[str, Any]) -> None:
    """Write a checkpoint that appears only when it is whole."""
    import torch

    _whole(path, lambda fresh: torch.save(values, fresh))


def _whole(path: Path, write: Callable[[Path], Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    os.close(handle)
    fresh = Path(name)
    try:
        write(fresh)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
