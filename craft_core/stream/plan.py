"""The plan of a run: what every worker has to know before it reads a piece."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from craft_core.config import ExperimentConfig, from_record, to_record
from craft_core.corpus import Corpus
from craft_core.corpus.pieces import Piece
from craft_core.corpus.sift import Sift
from craft_core.errors import DataError
from craft_core.stream.place import Result, read_result, writing

__all__ = ["Plan", "load_plan", "piece_folder", "save_plan"]


@dataclass(frozen=True, eq=False)
class Plan:
    """Hold what is fixed before the first piece is read.

    Attributes
    ----------
    folder : Path
        The work folder.
    config : ExperimentConfig
        The run's; its paths are not used by workers.
    pieces : tuple of Piece
        Of the pool, in order.
    validation, test : Corpus
        After cleaning; test may be None.
    block_rows : int
        Rows that are vectorised at a time.
    """

    folder: Path
    config: ExperimentConfig
    pieces: tuple[Piece, ...]
    validation: Corpus
    test: Corpus | None
    block_rows: int

    @cached_property
    def sift(self) -> Sift:
        """What says what is wrong with pool pairs."""
        return Sift(self.validation, self.test, self.config.cleaning)


def save_plan(plan: Plan) -> None:
    """Write a plan where `load_plan` finds it."""
    with writing(plan.folder / "plan") as writer:
        for corpus in (plan.validation, plan.test):
            if corpus is not None:
                writer.table(corpus.name, _table(corpus))
        pieces = [asdict(one) for one in plan.pieces]
        writer.facts({"config": to_record(plan.config), "pieces": pieces, "block_rows": plan.block_rows})


@lru_cache(maxsize=1)
def load_plan(folder: str) -> Plan:
    """Read the plan of a work folder, once a process. Raises DataError if it is not there."""
    found = read_result(Path(folder) / "plan")
    if found is None:
        raise DataError(f"The work folder '{folder}' has no plan. All workers must see the same folders, under the same names.")
    pieces = tuple(Piece(**_with_tuples(one)) for one in found.facts["pieces"])
    test = _corpus(found, "test") if (found.folder / "test.arrow").exists() else None
    config = from_record(found.facts["config"])
    return Plan(Path(folder), config, pieces, _corpus(found, "validation"), test, found.facts["block_rows"])


def piece_folder(folder: Path, stage: str, number: int) -> Path:
    """Return where the result of a stage for a piece lies."""
    return folder / stage / f"{number:06d}"


def _table(corpus: Corpus) -> pa.Table:
    return pa.table({"source": corpus.sources, "target": corpus.targets, "id": corpus.ids, "row": corpus.rows})


def _corpus(found: Result, name: str) -> Corpus:
    table = found.table(name).combine_chunks()
    sources, targets, ids = (_whole(table.column(column)) for column in ("source", "target", "id"))
    return Corpus(sources, targets, ids, np.asarray(table.column("row"), np.int64).copy(), pa.table({}), name)


def _whole(column: pa.ChunkedArray) -> pa.LargeStringArray:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.large_string())


def _with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
