"""What the second pass needs: fitted encoders, centers, and what scores pairs; written once, mapped into memory by every worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse

from craft_core.arrays import FloatMatrix, IntVector, LabelVector
from craft_core.errors import DataError
from craft_core.measure import Lots
from craft_core.progress import silent
from craft_core.score import Scorer, scorer_of
from craft_core.stream.place import Result, Writer, read_result, writing
from craft_core.stream.plan import load_plan, piece_folder
from craft_core.vectorize import Precomputed, SentenceTransformers, Vectorizer
from craft_core.vectorize.blocks import text_blocks
from craft_core.vectorize.counts import Buckets, Counter, Vocabulary
from craft_core.vectorize.projection import Projection
from craft_core.vectorize.tokens import Analyzer

__all__ = [
    "Encode",
    "Model",
    "Wanted",
    "encoder_of",
    "load_counters",
    "load_model",
    "load_projections",
    "save_counters",
    "save_model",
    "save_projection",
]

Encode = Callable[[pa.LargeStringArray, pa.LargeStringArray, IntVector], tuple[FloatMatrix, FloatMatrix]]
"""Turns sources and targets, and their rows of the pool as given, into vectors of both sides."""


@dataclass(frozen=True, eq=False)
class Wanted:
    """Hold what pairs are scored against: validation pairs, all of them or those of a fold.

    Attributes
    ----------
    targets : FloatMatrix
        Shape (M, dimensions).
    labels : LabelVector
        Shape (M,): their clusters; -1 is left out.
    """

    targets: FloatMatrix
    labels: LabelVector


@dataclass(frozen=True, eq=False)
class Model:
    """Hold what is fitted.

    Attributes
    ----------
    encode : Encode
        Makes vectors.
    keeps_vectors : bool
        Whether vectors must be kept with the pairs, as they cannot be made again to the last bit, or not quickly.
    centers : FloatMatrix
        Of the clusters.
    wanted : tuple of Wanted
        The first is the run's own; the others are those of the folds it is measured with, if it is measured with other selections.
    lots : Lots
        See `measure.anchor_lots`.
    types : pyarrow.Schema
        The further columns, as the whole pool has them.
    distance, shrinkage
        How pairs are scored.
    """

    encode: Encode
    keeps_vectors: bool
    centers: FloatMatrix
    wanted: tuple[Wanted, ...]
    lots: Lots
    types: pa.Schema
    distance: str
    shrinkage: float

    @cached_property
    def scorers(self) -> tuple[Scorer, ...]:
        """What scores pairs, one for each of `wanted`."""
        return tuple(scorer_of(one.targets, one.labels, len(self.centers), self.distance, self.shrinkage) for one in self.wanted)


def save_model(
    folder: Path,
    centers: FloatMatrix,
    wanted: tuple[Wanted, ...],
    lots: Lots,
    types: pa.Schema,
    facts: Mapping[str, Any],
) -> None:
    """Write what is fitted where `load_model` finds it."""
    with writing(folder / "model") as writer:
        writer.array("centers", centers)
        writer.array("lots", lots)
        writer.table("types", types.empty_table())
        for number, one in enumerate(wanted):
            writer.array(f"wanted.{number}.targets", one.targets)
            writer.array(f"wanted.{number}.labels", one.labels)
        writer.facts({**facts, "n_wanted": len(wanted)})


@lru_cache(maxsize=1)
def load_model(folder: str) -> Model:
    """Read what is fitted, once a process; tables are mapped, so that processes share them. Raises DataError if it is not there."""
    found, vectorizer = _found(Path(folder) / "model"), load_plan(folder).config.vectorizer
    wanted = tuple(
        Wanted(np.asarray(found.array(f"wanted.{number}.targets")), np.asarray(found.array(f"wanted.{number}.labels")))
        for number in range(found.facts["n_wanted"])
    )
    projections = load_projections(Path(folder))
    return Model(
        encoder_of(vectorizer, projections),
        not projections,
        np.asarray(found.array("centers")),
        wanted,
        np.asarray(found.array("lots")),
        found.table("types").schema,
        found.facts["distance"],
        found.facts["shrinkage"],
    )


def encoder_of(vectorizer: Vectorizer, projections: tuple[Projection, ...]) -> Encode:
    """Return what makes vectors of pool pairs: fitted projections, a neural model, or a file of vectors.

    Vectors that are made of counted terms hold until the next call; copy what is to be kept.
    """
    if projections:
        source, target = (_Reused(one) for one in projections)
        return lambda sources, targets, _: (source(sources), target(targets))
    if isinstance(vectorizer, SentenceTransformers):
        # a worker is one of several, so it takes one thread and starts no processes of its own
        encoder = replace(vectorizer.encoder(), processes=1, threads=1)
        return lambda sources, targets, _: (encoder.encode(sources, silent, "Encoding"), encoder.encode(targets, silent, "Encoding"))
    if isinstance(vectorizer, Precomputed):
        return lambda _, __, rows: (vectorizer.rows("pool", "source", rows), vectorizer.rows("pool", "target", rows))
    raise AssertionError(vectorizer)


class _Reused:
    """Project block after block into the same memory, as fresh memory costs as much as the work; rows hold until the next call."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self._rows = np.zeros((0, projection.table.shape[1]), np.float32)

    def __call__(self, texts: pa.LargeStringArray) -> FloatMatrix:
        if len(texts) > len(self._rows):
            self._rows = np.zeros((len(texts), self._rows.shape[1]), np.float32)
        rows = self._rows[: len(texts)]
        for start, stop in text_blocks(texts):
            self._projection.write(texts.slice(start, stop - start), rows[start:stop])
        return rows


def save_counters(folder: Path, counters: tuple[Counter, Counter]) -> None:
    """Write what counts the terms of both sides where `load_counters` finds it."""
    for number, counter in enumerate(counters):
        with writing(piece_folder(folder, "terms", number)) as writer:
            writer.facts(_write_counter(writer, counter))


@lru_cache(maxsize=1)
def load_counters(folder: str) -> tuple[Counter, Counter]:
    """Read what counts the terms of both sides, once a process. Raises DataError if it is not there."""
    source, target = (_read_counter(_found(piece_folder(Path(folder), "terms", number))) for number in range(2))
    return source, target


def save_projection(writer: Writer, projection: Projection) -> dict[str, Any]:
    """Write what is fitted to one side; return the facts."""
    table = projection.table
    parts = {"": table} if isinstance(table, np.ndarray) else {f".{part}": getattr(table, part) for part in ("data", "indices", "indptr")}
    for name, array in parts.items():
        writer.array(f"table{name}", array)
    return {**_write_counter(writer, projection.counter), "shape": [int(one) for one in table.shape]}


def load_projections(folder: Path) -> tuple[Projection, ...]:
    """Read what is fitted to both sides, tables mapped; nothing where vectors are not made of counted terms."""
    found = [read_result(piece_folder(folder, "sides", number)) for number in range(2)]
    return tuple(Projection(_read_counter(one), _read_table(one)) for one in found if one is not None)


def _found(folder: Path) -> Result:
    found = read_result(folder)
    if found is None:
        raise DataError(f"The work folder has no '{folder.name}'. All workers must see the same folders, under the same names.")
    return found


def _write_counter(writer: Writer, counter: Counter) -> dict[str, Any]:
    one, index = counter.analyzer, counter.index
    if isinstance(index, Vocabulary):
        writer.array("keys", index.keys)
    bits = index.bits if isinstance(index, Buckets) else None
    return {"kind": one.kind, "shortest": one.shortest, "longest": one.longest, "bits": bits, "sublinear": counter.sublinear}


def _read_counter(found: Result) -> Counter:
    facts = found.facts
    index = Vocabulary(np.asarray(found.array("keys"))) if facts["bits"] is None else Buckets(facts["bits"])
    return Counter(Analyzer(facts["kind"], facts["shortest"], facts["longest"]), index, facts["sublinear"])


def _read_table(found: Result) -> Any:
    if (found.folder / "table.npy").exists():
        return np.asarray(found.array("table"))
    parts = tuple(np.asarray(found.array(f"table.{part}")) for part in ("data", "indices", "indptr"))
    return scipy.sparse.csr_matrix(parts, shape=tuple(found.facts["shape"]), copy=False)
