"""Two sets of pool pairs side by side: sizes, where they lie, what they are labelled, and the words that tell them apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.arrays import BoolVector, FloatVector, IntVector, frozen
from craft_core.cluster import Clustering
from craft_core.corpus.pairs import Corpus
from craft_core.describe import WORDS_LIMIT
from craft_core.discrepancy import label_columns, label_shares
from craft_core.errors import DataError
from craft_core.progress import Progress, part, silent
from craft_core.telling_words import TellingWords, telling_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["Contrast", "Side", "contrast", "label_table", "number_table", "share_table", "word_table"]

_LEAST_Z = 2.0  # standard errors from which a word is shown
_BLOCK_ROWS = 65_536


@dataclass(frozen=True)
class Side:
    """Hold the numbers of one set.

    Attributes
    ----------
    size : int
        Pairs.
    score, median_score : float or None
        Mean and median score of those that have a finite one; None where there is none.
    source_characters, target_characters : float
        Mean length of the texts.
    own : int
        Pairs that are not in the other set: their words are compared.
    read : int
        Of these, how many were read: at most 50,000, a random sample where there are more.
    """

    size: int
    score: float | None
    median_score: float | None
    source_characters: float
    target_characters: float
    own: int
    read: int


@dataclass(frozen=True, eq=False)
class Contrast:
    """Hold two sets of pool pairs side by side.

    Attributes
    ----------
    one, other : Side
        Their numbers.
    both : int
        Pairs that are in both.
    shares : tuple of FloatVector
        Two of shape (n_clusters,): the share of each cluster in each set, of the pairs that are in a cluster.
    labels : Mapping of str to (Mapping, Mapping)
        By label column: the share of each value in each set.
    sources, targets : tuple of TellingWords
        Of each side of the pairs: words typical of the first set, and words typical of the second.
    """

    one: Side
    other: Side
    both: int
    shares: tuple[FloatVector, FloatVector]
    labels: Mapping[str, tuple[Mapping[str, float], Mapping[str, float]]]
    sources: tuple[TellingWords, TellingWords]
    targets: tuple[TellingWords, TellingWords]

    def __post_init__(self) -> None:
        for array in self.shares:
            frozen(array)

    @property
    def is_sampled(self) -> bool:
        """Whether the words are those of random samples."""
        return self.one.read < self.one.own or self.other.read < self.other.own


def contrast(
    one: IntVector,
    other: IntVector,
    pool: Corpus,
    clustering: Clustering,
    scores: FloatVector | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Contrast:
    """Compare two sets of pool pairs.

    Parameters
    ----------
    one, other : IntVector
        Distinct positions in the pool; they may overlap.
    pool : Corpus
        The pairs.
    clustering : Clustering
        Of the same pairs.
    scores : FloatVector or None
        Shape (N,), None for a method without.
    seed : int
        Of the sample whose words are counted where a set has more than 50,000 pairs of its own.
    progress : Progress
        Called between steps; raising from it cancels.

    Raises
    ------
    DataError
        If one of the sets is empty.
    """
    if not len(one) or not len(other):
        raise DataError("There is nothing to compare: one of the two sets of pairs is empty. Draw a larger region, or choose another set.")
    marked = _marked(one, len(pool)), _marked(other, len(pool))
    own = np.flatnonzero(marked[0] & ~marked[1]), np.flatnonzero(marked[1] & ~marked[0])
    read = _sampled(own[0], seed), _sampled(own[1], seed)
    sources = _words(pool.sources, read, part(progress, 0.0, 0.4), "sources")
    targets = _words(pool.targets, read, part(progress, 0.4, 0.8), "targets")
    columns = {name: pool.columns.column(name) for name in label_columns(pool)}
    return Contrast(
        _side(one, pool, scores, len(own[0]), len(read[0]), part(progress, 0.8, 0.9)),
        _side(other, pool, scores, len(own[1]), len(read[1]), part(progress, 0.9, 1.0)),
        int((marked[0] & marked[1]).sum()),
        (_shares(one, clustering), _shares(other, clustering)),
        {name: (label_shares(column, one), label_shares(column, other)) for name, column in columns.items()},
        sources,
        targets,
    )


def number_table(found: Contrast, names: tuple[str, str]) -> pd.DataFrame:
    """Return one row a set: its name, pairs, pairs only there, mean and median score, mean lengths of both sides in characters.

    The columns of scores are left out where neither set has any.
    """
    import pandas as pd

    sides = (found.one, found.other)
    has_scores = any(side.score is not None for side in sides)
    columns: dict[str, Any] = {
        "pairs of": [*names],
        "pairs": [side.size for side in sides],
        "only there": [side.own for side in sides],
        **({"mean score": [side.score for side in sides], "median score": [side.median_score for side in sides]} if has_scores else {}),
        "characters, source": [side.source_characters for side in sides],
        "characters, target": [side.target_characters for side in sides],
    }
    return pd.DataFrame(columns)


def word_table(words: tuple[TellingWords, TellingWords], names: tuple[str, str], top: int = 15) -> pd.DataFrame:
    """Return the words most typical of each set beside each other: word, occurrences here and there; at most `top`, all above 2 errors."""
    import pandas as pd

    columns = []
    for found in words:
        n = min(top, int((found.z >= _LEAST_Z).sum()))
        columns.append([f"{found.words[i]} ({found.first[i]:,.0f} : {found.second[i]:,.0f})" for i in range(n)])
    longest = max(map(len, columns))
    padded = [[*listed, *[""] * (longest - len(listed))] for listed in columns]
    return pd.DataFrame(dict(zip(_apart(names), padded, strict=True)))


def share_table(found: Contrast, cluster_names: Sequence[str], names: tuple[str, str]) -> pd.DataFrame:
    """Return the share of each cluster in both sets, those that differ most first; clusters that are in neither are left out."""
    import pandas as pd

    first, second = found.shares
    order = np.argsort(-np.abs(first - second), kind="stable")
    shown = order[(first + second)[order] > 0]
    return pd.DataFrame(
        {"cluster": [cluster_names[c] for c in shown]}
        | {name: share[shown] for name, share in zip(_apart(names, "cluster"), found.shares, strict=True)}
    )


def label_table(shares: tuple[Mapping[str, float], Mapping[str, float]], label: str, names: tuple[str, str]) -> pd.DataFrame:
    """Return the share of each value of a label column in both sets, those that differ most first."""
    import pandas as pd

    first, second = shares
    values = sorted({*first, *second}, key=lambda one: (-abs(first.get(one, 0.0) - second.get(one, 0.0)), one))
    return pd.DataFrame(
        {label: [one or "(empty)" for one in values]}
        | {name: [share.get(one, 0.0) for one in values] for name, share in zip(_apart(names, label), shares, strict=True)}
    )


def _apart(names: tuple[str, str], *taken: str) -> list[str]:
    """Return names for two columns: a set that is called like another column or like the other set gets a mark."""
    found = [*taken]
    for name in names:
        found.append(f"{name} (pairs)" if name in found else name)
    return found[len(taken) :]


def _marked(positions: IntVector, n: int) -> BoolVector:
    # instead of np.setdiff1d and np.intersect1d, which sort or hash: seconds for a million
    marked = np.zeros(n, dtype=bool)
    marked[positions] = True
    return marked


def _sampled(positions: IntVector, seed: int) -> IntVector:
    if len(positions) <= WORDS_LIMIT:
        return positions
    return np.sort(np.random.default_rng(seed).choice(positions, WORDS_LIMIT, replace=False))


def _words(
    texts: pa.LargeStringArray, read: tuple[IntVector, IntVector], progress: Progress, name: str
) -> tuple[TellingWords, TellingWords]:
    progress(0.0, f"Comparing the words of the {name}")
    found = telling_words(texts.take(pa.array(read[0])), texts.take(pa.array(read[1])))
    return found, _turned(found)


def _turned(found: TellingWords) -> TellingWords:
    """Return the words of the second set against the first: the same counts and errors, the other sign."""
    order = np.lexsort((np.array(found.words, dtype=object), found.z))
    return TellingWords(tuple(found.words[i] for i in order), -found.z[order], found.second[order], found.first[order])


def _side(positions: IntVector, pool: Corpus, scores: FloatVector | None, own: int, read: int, progress: Progress) -> Side:
    known = np.zeros(0) if scores is None else scores[positions]
    known = known[np.isfinite(known)].astype(np.float64)
    mean, median = (float(known.mean()), float(np.median(known))) if len(known) else (None, None)
    lengths = (
        _mean_length(pool.sources, positions, part(progress, 0.0, 0.5)),
        _mean_length(pool.targets, positions, part(progress, 0.5, 1.0)),
    )
    return Side(len(positions), mean, median, *lengths, own, read)


def _mean_length(texts: pa.LargeStringArray, positions: IntVector, progress: Progress) -> float:
    total = 0
    for start in range(0, len(positions), _BLOCK_ROWS):
        progress(start / len(positions), "Measuring the texts")
        total += pc.sum(pc.utf8_length(texts.take(pa.array(positions[start : start + _BLOCK_ROWS])))).as_py()
    return total / len(positions)


def _shares(positions: IntVector, clustering: Clustering) -> FloatVector:
    labels = clustering.pool_labels[positions]
    counts = np.bincount(labels[labels >= 0], minlength=clustering.n_clusters)
    return counts / max(int(counts.sum()), 1)
