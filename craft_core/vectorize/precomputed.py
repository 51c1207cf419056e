"""Vectors that were made elsewhere: out of .npy or .npz files, or out of a column of the data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.arrays import FloatMatrix, IntVector
from craft_core.corpus.pairs import Corpus
from craft_core.errors import DataError
from craft_core.params import check, param
from craft_core.progress import Progress
from craft_core.vectorize.npy import read_npy, read_npz, scaled
from craft_core.vectorize.protocol import Vectors
from craft_core.vectorize.sides import filled, gather

__all__ = ["Precomputed"]

_BLOCK_ROWS = 16_384


@dataclass(frozen=True)
class Precomputed:
    """Read vectors from a folder or from columns of the data, and scale them to length 1.

    A folder holds, for each set (pool, validation and, if there is one, test), `pool.source.npy` and `pool.target.npy`, or `pool.npz` with
    arrays `source` and `target`. Row i belongs to row i of the data as given, before any cleaning. Without a folder, two columns of the
    data (Parquet, JSON Lines) hold a list of numbers in each row. Nothing is ever unpickled. Vectors of zeros count as unknown texts.
    """

    name: ClassVar[str] = "precomputed"

    folder: str | None = param(None, help="Folder with pool.source.npy, pool.target.npy (or pool.npz), and so on; empty: use columns.")
    source_column: str = param("source_vector", help="Column with the vector of the source, where no folder is given.")
    target_column: str = param("target_vector", help="Column with the vector of the target, where no folder is given.")

    def __post_init__(self) -> None:
        check(self)

    def vectorize(self, pool: Corpus, validation: Corpus, test: Corpus | None, seed: int, progress: Progress) -> Vectors:
        """Read the vectors of all corpora; there are no encoders, and the seed is of no use.

        Raises
        ------
        DataError
            For a missing file or column, or one that does not hold one vector of finite numbers for each pair, of one length a side.
        """
        corpora = filled(pool, validation, test)
        sides: dict[str, list[FloatMatrix]] = {"source": [], "target": []}
        for number, corpus in enumerate(corpora):
            for side, found in sides.items():
                progress((number + (side == "target") / 2) / len(corpora), f"Reading {side} vectors of the {corpus.name}")
                found.append(self._read(corpus, side))
                _hold_dimensions(found, corpora, side)
        progress(1.0, "Vectors read")
        return gather(corpora, sides["source"], sides["target"], (None, None))

    def _read(self, corpus: Corpus, side: str) -> FloatMatrix:
        if not self.folder:
            return _read_column(corpus, self.source_column if side == "source" else self.target_column)
        folder = Path(self.folder).expanduser()
        single, archive = folder / f"{corpus.name}.{side}.npy", folder / f"{corpus.name}.npz"
        if single.is_file():
            return read_npy(single, corpus.rows, corpus.name)
        if archive.is_file():
            return read_npz(archive, side, corpus.rows, corpus.name)
        raise DataError(
            f"The folder {folder} has neither {single.name} nor {archive.name}. Save the {side} vectors of the {corpus.name} there."
        )


def _read_column(corpus: Corpus, name: str) -> FloatMatrix:
    what = f"Column '{name}' of the {corpus.name}"
    if name not in corpus.columns.column_names:
        there = ", ".join(corpus.columns.column_names) or "none"
        raise DataError(f"The {corpus.name} has no column '{name}' of vectors. Further columns: {there}.")
    column = corpus.columns.column(name)
    is_list = pa.types.is_list(column.type) or pa.types.is_large_list(column.type) or pa.types.is_fixed_size_list(column.type)
    if not is_list or not pa.types.is_floating(column.type.value_type):
        raise DataError(f"{what} is of type {column.type}. It must hold a list of floating-point numbers in each row.")
    lengths = pc.list_value_length(column)
    shortest, longest = (pc.min_max(lengths)[key].as_py() or 0 for key in ("min", "max"))
    if column.null_count or shortest != longest or (longest == 0 and len(corpus)):
        raise DataError(
            f"{what} has {column.null_count:,} empty rows and vectors of {shortest} to {longest} numbers. All must have one length."
        )
    vectors = np.empty((len(corpus), longest), np.float32)
    for start in range(0, len(corpus), _BLOCK_ROWS):
        vectors[start : start + _BLOCK_ROWS] = _column_block(column.slice(start, _BLOCK_ROWS), longest, corpus.rows[start:], what)
    return vectors


def _column_block(block: pa.ChunkedArray, dimensions: int, rows: IntVector, what: str) -> FloatMatrix:
    numbers = pc.list_flatten(block)
    if numbers.null_count:
        raise DataError(f"{what} has vectors with {numbers.null_count:,} missing numbers near row {int(rows[0]):,}. Fill or drop them.")
    return scaled(numbers.to_numpy().reshape(-1, dimensions), rows, what)


def _hold_dimensions(found: list[FloatMatrix], corpora: list[Corpus], side: str) -> None:
    if found[-1].shape[1] != found[0].shape[1] and len(found[-1]):
        raise DataError(
            f"The {side} vectors of the {corpora[len(found) - 1].name} have {found[-1].shape[1]} dimensions, those of the pool "
            f"{found[0].shape[1]}. Make all of one side with one model."
        )
