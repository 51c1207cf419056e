"""Fitting one side of the vectors: a worker a side, as each takes seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from craft_core.arrays import IntVector
from craft_core.errors import DataError
from craft_core.progress import silent
from craft_core.stream.place import read_result, writing
from craft_core.stream.plan import Plan
from craft_core.vectorize import Hashing, Tfidf
from craft_core.vectorize.counts import document_frequencies
from craft_core.vectorize.fitting import SideSample
from craft_core.vectorize.projection import Projection

__all__ = ["fitted_side", "save_samples"]

_FOLDER = "fitting"


def save_samples(
    folder: Path, samples: tuple[SideSample, SideSample], frequencies: tuple[IntVector, IntVector] | None, n_texts: int
) -> None:
    """Write what both sides are fitted on; the frequencies are those of the whole pool of `n_texts`, None where the sample's are wanted."""
    with writing(folder / _FOLDER) as writer:
        for number, sample in enumerate(samples):
            writer.table(f"pool.{number}", pa.table({"text": sample.pool}))
            writer.table(f"validation.{number}", pa.table({"text": sample.validation}))
        for number, counts in enumerate(frequencies or ()):
            writer.array(f"frequencies.{number}", counts)
        writer.facts({"names": [one.name for one in samples], "n_texts": n_texts, "counted": frequencies is not None})


def fitted_side(plan: Plan, number: int) -> Projection:
    """Fit a side. Raises DataError if it has no term to work with."""
    vectorizer, found = plan.config.vectorizer, read_result(plan.folder / _FOLDER)
    if found is None or not isinstance(vectorizer, Tfidf | Hashing):
        raise DataError("The work folder has no sample to fit on. All workers must see the same folders, under the same names.")
    pool, validation = (_texts(found.table(f"{role}.{number}")) for role in ("pool", "validation"))
    sample = SideSample(pool, validation, found.facts["names"][number])
    counter = vectorizer.counter(sample)
    if found.facts["counted"]:
        frequencies: IntVector = np.asarray(found.array(f"frequencies.{number}"))
        n_texts = int(found.facts["n_texts"])
    else:
        frequencies, n_texts = document_frequencies(counter, pool, silent), len(pool)
    return vectorizer.fit_side(sample, counter, frequencies, n_texts, plan.config.seed, silent)


def _texts(table: pa.Table) -> pa.LargeStringArray:
    column = table.column("text")
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.large_string())
