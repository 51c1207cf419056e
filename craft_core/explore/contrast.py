"""Two sets of pool pairs side by side: sizes, where they lie, what they are labelled, and the words that tell them apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.arrays import FloatVector, IntVector, frozen
from craft_core.cluster import Clustering
from craft_core.corpus.pairs import Corpus
from craft_core.describe import WORDS_LIMIT
from craft_core.discrepancy import label_columns, label_shares
from craft_core.errors import DataError
from craft_core.progress import Progress, silent
from craft_core.telling_words import TellingWords, telling_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["Contrast", "Side", "contrast", "label_table", "share_table", "word_table"]

_LEAST_Z = 2.0  # standard errors from which a word is shown


@dataclass(frozen=True)
class Side:
    """Hold the numbers of one set.

    Attributes
    ----------
    size : int
        Pairs.
    score : float or None
        Mean score of those that have one; None where there is none.
    source_characters, target_characters : float
        Mean length of the texts.
    read : int
        Pairs whose words were counted: those of the other set are left out, and of many a random sample is read.
    """

    size: int
    score: float | None
    source_characters: float
    target_characters: float
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
        Two of shape (n_clusters,): the share of each cluster in each set.
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
    own = [_sampled(np.setdiff1d(a, b), seed) for a, b in ((one, other), (other, one))]
    words = {}
    for number, side in enumerate(("sources", "targets")):
        progress(number / 2, f"Comparing words of the {side}")
        texts = [getattr(pool, side).take(pa.array(positions)) for positions in own]
        words[side] = telling_words(texts[0], texts[1]), telling_words(texts[1], texts[0])
    sizes = [_side(positions, pool, scores, len(read)) for positions, read in zip((one, other), own, strict=True)]
    shares = tuple(_shares(positions, clustering) for positions in (one, other))
    labels = {name: tuple(label_shares(pool.columns.column(name), positions) for positions in (one, other)) for name in label_columns(pool)}
    both = len(np.intersect1d(one, other))
    return Contrast(sizes[0], sizes[1], both, shares, labels, words["sources"], words["targets"])  # type: ignore[arg-type]


def word_table(words: tuple[TellingWords, TellingWords], names: tuple[str, str], top: int = 15) -> pd.DataFrame:
    """Return the words most typical of each set beside each other: word, occurrences here and there; at most `top`, all above 2 errors."""
    import pandas as pd

    columns = {}
    for name, found in zip(names, words, strict=True):
        n = min(top, int((found.z >= _LEAST_Z).sum()))
        columns[name] = [f"{found.words[i]} ({found.first[i]:,.0f} : {found.second[i]:,.0f})" for i in range(n)]
    longest = max(map(len, columns.values()))
    return pd.DataFrame({name: [*listed, *[""] * (longest - len(listed))] for name, listed in columns.items()})


def share_table(found: Contrast, cluster_names: Sequence[str], names: tuple[str, str]) -> pd.DataFrame:
    """Return the share of each cluster in both sets, those that differ most first; clusters that are in neither are left out."""
    import pandas as pd

    first, second = found.shares
    order = np.argsort(-np.abs(first - second), kind="stable")
    shown = order[(first + second)[order] > 0]
    return pd.DataFrame(
        {"cluster": [cluster_names[c] for c in shown]} | {name: share[shown] for name, share in zip(names, found.shares, strict=True)}
    )


def label_table(shares: tuple[Mapping[str, float], Mapping[str, float]], label: str, names: tuple[str, str]) -> pd.DataFrame:
    """Return the share of each value of a label column in both sets, those that differ most first."""
    import pandas as pd

    first, second = shares
    values = sorted({*first, *second}, key=lambda one: (-abs(first.get(one, 0.0) - second.get(one, 0.0)), one))
    return pd.DataFrame(
        {label: [one or "(empty)" for one in values]}
        | {name: [share.get(one, 0.0) for one in values] for name, share in zip(names, shares, strict=True)}
    )


def _sampled(positions: IntVector, seed: int) -> IntVector:
    if len(positions) <= WORDS_LIMIT:
        return positions
    return np.sort(np.random.default_rng(seed).choice(positions, WORDS_LIMIT, replace=False))


def _side(positions: IntVector, pool: Corpus, scores: FloatVector | None, read: int) -> Side:
    known = np.zeros(0) if scores is None else scores[positions]
    known = known[np.isfinite(known)]
    source, target = (float(pc.mean(pc.utf8_length(texts.take(pa.array(positions)))).as_py()) for texts in (pool.sources, pool.targets))
    return Side(len(positions), float(known.mean()) if len(known) else None, source, target, read)


def _shares(positions: IntVector, clustering: Clustering) -> FloatVector:
    labels = clustering.pool_labels[positions]
    counts = np.bincount(labels[labels >= 0], minlength=clustering.n_clusters)
    return counts / max(int(counts.sum()), 1)
