"""The words that tell two selections apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from craft_core.arrays import FloatVector, frozen
from craft_core.describe import WORDS_LIMIT, count_words

__all__ = ["TellingWords", "telling_words"]

_PRIOR_WORDS = 1_000.0  # how many words the prior weighs as: words both sides use alike drop out


@dataclass(frozen=True, eq=False)
class TellingWords:
    """Hold words, the most typical of the first selection first.

    Attributes
    ----------
    words : tuple of str
        In lower case.
    z : FloatVector
        Shape (n,), falling: log-odds of the word in the first selection over the second, in standard errors; of many words some pass 2
        by chance.
    first, second : FloatVector
        Shape (n,): occurrences.
    """

    words: tuple[str, ...]
    z: FloatVector
    first: FloatVector
    second: FloatVector

    def __post_init__(self) -> None:
        for array in (self.z, self.first, self.second):
            frozen(array)


def telling_words(one: pa.LargeStringArray, other: pa.LargeStringArray) -> TellingWords:
    """Return the words of two sets of texts by how much they are typical of the first.

    The log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, "Fightin' Words"): counts get pseudo-counts in
    proportion to the words of both sets together, 1,000 in all, and the difference of the log-odds is divided by its standard error.

    Parameters
    ----------
    one, other : pyarrow.LargeStringArray
        Texts of one side; of each the first 50,000 are read.
    """
    read = [texts.slice(0, WORDS_LIMIT) for texts in (one, other)]
    labels = np.repeat([0, 1], [len(texts) for texts in read]).astype(np.int32)
    words, counts = count_words(pa.concat_arrays(read), labels, 2)
    first, second = np.asarray(counts.todense()).astype(np.float64)
    both = first + second
    prior = _PRIOR_WORDS * both / max(both.sum(), 1.0)
    odds = _log_odds(first, prior) - _log_odds(second, prior)
    z = odds / np.sqrt(1 / (first + prior) + 1 / (second + prior))
    order = np.lexsort((np.array(words.to_pylist(), dtype=object), -z))
    return TellingWords(tuple(words.take(pa.array(order)).to_pylist()), z[order], first[order], second[order])


def _log_odds(counts: FloatVector, prior: FloatVector) -> FloatVector:
    # the prior's sum is not taken: rounding would make it, and with it the order of ties, depend on the order of the texts
    here = counts + prior
    odds: FloatVector = np.log(here) - np.log(np.maximum(counts.sum() + _PRIOR_WORDS - here, 1e-12))
    return odds
