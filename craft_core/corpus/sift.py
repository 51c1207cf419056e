"""Cleaning in parts: what is wrong with each pair of a block, as bits, and the report that counts of bits add up to.

For pools that come in parts and are never held at once. The rules are those of `clean_pool`, which see all pairs together; only whether a
pair stands earlier in the pool is decided elsewhere, and added as the bit `TWIN`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from craft_core.arrays import BoolVector, IntVector
from craft_core.corpus.clean import Cleaning, CleaningReport, Dropped, pool_rules
from craft_core.corpus.overlap import find_overlaps, known_texts
from craft_core.corpus.pairs import Corpus
from craft_core.errors import DataError

__all__ = ["EMPTY", "LONG", "N_MARKS", "PAIR", "SOURCE", "TWIN", "Marks", "Sift"]

EMPTY, LONG, TWIN, PAIR, SOURCE = (1 << place for place in range(5))
"""What may be wrong with a pair, in the order of the rules: a side is empty, too long; the pair stands earlier in the pool; the pair or
the source stands in validation or test."""

N_MARKS = 32
"""How many combinations of these there are."""

Marks = npt.NDArray[np.uint8]
"""What is wrong with each pair, shape (n,): bits."""


class Sift:
    """Say what is wrong with pool pairs.

    Parameters
    ----------
    validation, test : Corpus
        After cleaning; test may be None.
    cleaning : Cleaning
        Which rules are applied.
    """

    def __init__(self, validation: Corpus, test: Corpus | None, cleaning: Cleaning) -> None:
        references = [validation] if test is None else [validation, test]
        self._known = known_texts(references)
        self._texts, self._rules = pool_rules(cleaning, test is not None)
        self._applied = np.uint8(sum(1 << place for place, (_, _, applied) in enumerate(self._rules) if applied))

    def marks(self, sources: pa.LargeStringArray, targets: pa.LargeStringArray) -> Marks:
        """Return the bits of each pair of a block, all but `TWIN`."""
        frame = pl.DataFrame({"source": pl.Series(pl.from_arrow(sources)), "target": pl.Series(pl.from_arrow(targets))})
        found = frame.select(one.alias(str(bit)) for bit, one in zip((EMPTY, LONG), self._texts, strict=True))
        marks = np.zeros(len(frame), np.uint8)
        for bit in (EMPTY, LONG):
            marks[found[str(bit)].to_numpy()] |= bit
        overlaps = find_overlaps(frame.with_row_index("position"), self._known)
        for bit, hits in ((PAIR, overlaps.by_pair), (SOURCE, overlaps.by_source)):
            marks[hits["position"].to_numpy()] |= bit
        return marks

    def kept(self, marks: Marks) -> BoolVector:
        """Return whether pairs with these bits stay."""
        kept: BoolVector = (marks & self._applied) == 0
        return kept

    def report(self, name: str, counts: IntVector) -> CleaningReport:
        """Return what cleaning did, as `clean_pool` reports it, without examples.

        Parameters
        ----------
        name : str
            Of the corpus.
        counts : IntVector
            Shape (`N_MARKS`,): pairs with each combination of bits.

        Raises
        ------
        DataError
            If no pair is left.
        """
        combinations = np.arange(N_MARKS)
        left, found = counts.copy(), []
        for place, (_, _, applied) in enumerate(self._rules):  # a dropped pair counts for the first rule that drops it
            hit = combinations & (1 << place) != 0
            found.append(int(left[hit].sum()) if applied else 0)
            left[hit] = 0 if applied else left[hit]
        found = [
            number if applied else int(left[combinations & (1 << place) != 0].sum())
            for place, (number, (_, _, applied)) in enumerate(zip(found, self._rules, strict=True))
        ]
        dropped = tuple(Dropped(reason, switch, n, (), applied) for n, (reason, switch, applied) in zip(found, self._rules, strict=True))
        report = CleaningReport(name, int(counts.sum()), dropped)
        if not report.n_out:
            raise DataError(report.nothing_left)
        return report
