"""Vectors that were made elsewhere: out of .npy or .npz files, or out of a column of the data."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.arrays import FloatMatrix, IntVector
from craft_core.corpus.pairs import Corpus
from craft_core.errors import DataError, ParameterError
from craft_core.params import check, param
from craft_core.progress import Progress, part, silent
from craft_core.vectorize.npy import NpyFile, block_rows, read_npz, scaled
from craft_core.vectorize.protocol import Vectors
from craft_core.vectorize.sides import filled, gather

__all__ = ["Precomputed"]


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
        self._hold_files(corpora)
        sides: dict[str, list[FloatMatrix]] = {"source": [], "target": []}
        for number, corpus in enumerate(corpora):
            for side, found in sides.items():
                start = (number + (side == "target") / 2) / len(corpora)
                progress(start, f"Reading {side} vectors of the {corpus.name}")
                found.append(self.read(corpus, side, part(progress, start, start + 0.5 / len(corpora))))
                _hold_dimensions(found, corpora, side)
        progress(1.0, "Vectors read")
        return gather(corpora, sides["source"], sides["target"], (None, None))

    def read(self, corpus: Corpus, side: str, progress: Progress = silent) -> FloatMatrix:
        """Return the vectors of one side, "source" or "target", of a corpus or any part of one; raises as `vectorize`."""
        if not self.folder:
            return _read_column(corpus, self.source_column if side == "source" else self.target_column, progress)
        single, archive = self._files(corpus.name, side)
        if single.is_file():
            return NpyFile.open(single).read(corpus.rows, corpus.name, progress)
        if archive.is_file():
            return read_npz(archive, side, corpus.rows, corpus.name, progress)
        raise _missing(single, archive, side, corpus.name)

    def check(self, role: str, n_rows: int) -> tuple[int, int]:
        """Hold the two files of a set against its size without reading a vector, before long work begins.

        Parameters
        ----------
        role : str
            "pool", "validation" or "test".
        n_rows : int
            How many rows the data have as given; 0 if that is not known yet.

        Returns
        -------
        tuple of int
            Dimensions of the source and of the target vectors.

        Raises
        ------
        DataError
            If a file is missing, is no matrix of floating-point numbers, has too few rows, or can only be read as a whole (.npz).
        ParameterError
            If there is no folder: columns are checked as they are read.
        """
        source, target = (self._mapped(role, side) for side in ("source", "target"))
        for one in (source, target):
            one.hold_rows(n_rows, role)
        return source.dimensions, target.dimensions

    def rows(self, role: str, side: str, positions: IntVector) -> FloatMatrix:
        """Return some vectors out of a folder; only those are read, and they are what `vectorize` gives to the last bit.

        Parameters
        ----------
        role : str
            "pool", "validation" or "test".
        side : str
            "source" or "target".
        positions : IntVector
            Rows of the data as given, in the order wanted; fastest where they follow on each other.

        Raises
        ------
        DataError, ParameterError
            As `check`, and for NaN or infinity.
        """
        return self._mapped(role, side).read(positions, role)

    def _hold_files(self, corpora: list[Corpus]) -> None:
        """Raise for the last file that is missing or too short before the first is read."""
        for corpus, side in product(corpora, ("source", "target")) if self.folder else ():
            single, archive = self._files(corpus.name, side)
            if single.is_file():
                NpyFile.open(single).hold_rows(int(corpus.rows.max(initial=-1)) + 1, corpus.name)
            elif not archive.is_file():
                raise _missing(single, archive, side, corpus.name)

    def _mapped(self, role: str, side: str) -> NpyFile:
        if not self.folder:
            raise ParameterError("Vectors in columns of the data come with the data. Give the 'folder' parameter of precomputed.")
        single, archive = self._files(role, side)
        if single.is_file():
            return NpyFile.open(single)
        if archive.is_file():
            raise DataError(
                f"{archive} can only be read as a whole, and these data are read piece by piece. Save its arrays with numpy.save, "
                f"as {role}.source.npy and {role}.target.npy."
            )
        raise _missing(single, archive, side, role)

    def _files(self, role: str, side: str) -> tuple[Path, Path]:
        folder = Path(self.folder or "").expanduser()
        return folder / f"{role}.{side}.npy", folder / f"{role}.npz"


def _missing(single: Path, archive: Path, side: str, role: str) -> DataError:
    return DataError(
        f"The folder {single.parent} has neither {single.name} nor {archive.name}. Save the {side} vectors of the {role} there."
    )


def _read_column(corpus: Corpus, name: str, progress: Progress) -> FloatMatrix:
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
    step = block_rows(longest)
    for start in range(0, len(corpus), step):
        vectors[start : start + step] = _column_block(column.slice(start, step), longest, corpus.rows[start:], what)
        progress(min(1.0, (start + step) / len(corpus)), f"Reading {what[0].lower()}{what[1:]}")
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
