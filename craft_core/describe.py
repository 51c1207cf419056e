"""What a cluster is about, in words, and all that is known of each cluster in one table."""

from __future__ import annotations

import numbers
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse

from craft_core.allocate import Allocation
from craft_core.arrays import FloatVector, LabelVector
from craft_core.cluster import Clustering
from craft_core.corpus import Corpus
from craft_core.corpus.sample import content_keys, sample_positions
from craft_core.errors import DataError, ParameterError
from craft_core.progress import Progress, part, silent

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "NAME_LIMIT",
    "PAIRS_LIMIT",
    "WORDS_LIMIT",
    "ClusterNames",
    "Labelled",
    "Words",
    "cluster_name",
    "cluster_table",
    "cluster_words",
    "count_words",
    "labels_of",
    "words_of",
    "words_of_parts",
    "words_read",
]

Words = tuple[tuple[str, ...], ...]
"""The words of every cluster on one side, the most telling first."""

Labelled = tuple[pa.LargeStringArray, pa.LargeStringArray, LabelVector]
"""Sources, targets and clusters of some pairs."""

WORDS_LIMIT = 50_000
"""Texts that words are counted in at most."""

PAIRS_LIMIT = WORDS_LIMIT // 2
"""Pairs of the pool, and of validation, that the words of clusters are counted in at most."""

NAME_LIMIT = 80
"""Characters of a cluster's name at most."""

_N_WORDS = 5
_GAPS = r"[^\p{L}\p{M}\p{N}_]+"  # marks belong to words: without them Hindi falls apart at its vowel signs
_LONGEST_TEXT = 2_000  # characters of a text that are read: a label needs no more, and one huge text cannot take the memory
_BLOCK_TEXTS = 8_192  # texts read between two reports of progress: 0.3 s where all of them have the greatest length
_UNSEEN = {"Cc", "Zl", "Zp", "Cs"}  # categories of characters that break a line, or that no file can hold
_TURNS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they would reverse what stands beside a name


@dataclass(frozen=True)
class ClusterNames:
    """Hold the names that people gave to clusters; they decide nothing of a selection.

    Attributes
    ----------
    names : tuple of (int, str)
        A cluster and its name, by rising cluster. Line breaks, tabs, control characters and marks that turn the direction of writing become
        spaces; a name that shows nothing is dropped. Numbers beyond the last cluster are kept: how many there are is only known later.

    Raises
    ------
    ParameterError
        For a cluster that is no whole number from 0 to 999,999,999 or that has two names, and for a name that is no text or longer than 80
        characters.
    """

    names: tuple[tuple[int, str], ...] = ()

    def __post_init__(self) -> None:
        read = [(_checked_cluster(cluster), _checked_name(cluster, name)) for cluster, name in self.names]
        kept = sorted(one for one in read if one[1])
        for (cluster, _), (other, _) in pairwise(kept):
            if cluster == other:
                raise ParameterError(f"Cluster {cluster} has two names. Give it one.")
        object.__setattr__(self, "names", tuple(kept))

    @classmethod
    def of(cls, names: Mapping[int, str]) -> ClusterNames:
        """Make names of a mapping from cluster to name. Raises ParameterError as the class does."""
        return cls(tuple(names.items()))

    def __len__(self) -> int:
        """Return how many clusters have a name."""
        return len(self.names)

    def get(self, cluster: int) -> str | None:
        """Return the name of a cluster, None where nobody gave one."""
        return self.as_dict().get(cluster)

    def renamed(self, cluster: int, name: str) -> ClusterNames:
        """Return the names with another one for a cluster; a blank one takes its name away."""
        return self.of(self.as_dict() | {cluster: name})

    def as_dict(self) -> dict[int, str]:
        """Return the name by cluster, by rising cluster."""
        return dict(self.names)


def words_of(pool: Corpus, validation: Corpus, clustering: Clustering, seed: int = 0, progress: Progress = silent) -> tuple[Words, Words]:
    """Return the words of every cluster, of the source side and of the target side: the same wherever clusters are shown or exported.

    Parameters
    ----------
    pool, validation : Corpus
        After cleaning; words are counted in both together, in at most `PAIRS_LIMIT` pairs of each.
    clustering : Clustering
        Of these.
    seed : int
        The run's.
    progress : Progress
        Called between blocks of texts.
    """
    sides = ((pool, clustering.pool_labels), (validation, clustering.validation_labels))
    return words_of_parts([words_read(corpus, labels, seed) for corpus, labels in sides], clustering.n_clusters, progress)


def words_of_parts(parts: Sequence[Labelled], n_clusters: int, progress: Progress = silent) -> tuple[Words, Words]:
    """Return the same for texts that are read in full."""
    sources, targets, labels = (list(one) for one in zip(*parts, strict=True))
    together = np.concatenate(labels)
    found = [
        _most_telling(*count_words(pa.concat_arrays(side), together, n_clusters, now), _N_WORDS)
        for side, now in ((sources, part(progress, 0.0, 0.5)), (targets, part(progress, 0.5, 1.0)))
    ]
    return found[0], found[1]


def words_read(corpus: Corpus, labels: LabelVector, seed: int) -> Labelled:
    """Return the pairs whose words are counted: those with the smallest content keys, so that the order of the pool makes no difference."""
    rows = np.flatnonzero(labels >= 0)
    if len(rows) > PAIRS_LIMIT:
        rows = np.sort(rows[sample_positions(content_keys(corpus, seed)[rows], PAIRS_LIMIT)])
    index = pa.array(rows)
    return corpus.sources.take(index), corpus.targets.take(index), labels[rows]


def cluster_words(
    texts: pa.LargeStringArray, labels: LabelVector, n_clusters: int, n_words: int = _N_WORDS, seed: int = 0, progress: Progress = silent
) -> Words:
    """Return the words that tell each cluster from the others, the most telling first.

    c-TF-IDF (Grootendorst 2022, arXiv 2203.05794), taken on what a cluster has *more* of a word than all texts together:
    (share of the word in the cluster - share in all) * log(1 + words in a mean cluster / occurrences of the word in all)
    * log(clusters / clusters with the word). The subtraction and the last factor are ours: words that are common everywhere drop out.

    Parameters
    ----------
    texts : pyarrow.LargeStringArray
        n texts of one side, of pool and validation together or of one of them. Of more than 50,000 a random sample is read.
    labels : LabelVector
        Shape (n,): the cluster of each text; those labelled -1 are not read.
    n_clusters : int
        How many clusters there are.
    n_words : int
        Words wanted; a cluster without texts gets none.
    seed : int
        Of the sample.
    progress : Progress
        Called between blocks of texts.

    Raises
    ------
    DataError
        If there is not one label for each text.
    """
    if len(texts) != len(labels):
        raise DataError(f"There are {len(texts):,} texts but {len(labels):,} cluster labels. Give one label for each text.")
    read = np.flatnonzero(labels >= 0)
    if len(read) > WORDS_LIMIT:
        read = np.sort(np.random.default_rng(seed).choice(read, WORDS_LIMIT, replace=False))
    words, counts = count_words(texts.take(pa.array(read)), labels[read], n_clusters, progress)
    return _most_telling(words, counts, n_words)


def cluster_name(cluster: int, words: Words, n_words: int = 3) -> str:
    """Return what a cluster is called wherever it is shown: its number and its first words, or its name (see `labels_of`)."""
    return " · ".join([str(cluster), " ".join(words[cluster][:n_words])]) if words and words[cluster] else str(cluster)


def labels_of(words: Words, names: ClusterNames) -> Words:
    """Return the words that `cluster_name` and the figures take, with its name in place of the words of a cluster that has one.

    Names of clusters that are not there are passed over.
    """
    given = names.as_dict()
    return tuple((given[cluster],) if cluster in given else own for cluster, own in enumerate(words))


def cluster_table(
    allocation: Allocation,
    source_words: Words,
    target_words: Words,
    diameters: FloatVector | None = None,
    variances: FloatVector | None = None,
    names: ClusterNames | None = None,
) -> pd.DataFrame:
    """Return one row a cluster: the twin of every chart of clusters.

    Parameters
    ----------
    allocation : Allocation
        Of the selection shown.
    source_words, target_words : tuple of tuple of str
        As `cluster_words` gives them.
    diameters, variances : FloatVector or None
        Shape (n_clusters,), in units of the vectors and their squares; the columns are left out where they are not known.
    names : ClusterNames or None
        What people called them; the column is left out where none of these clusters has a name.

    Returns
    -------
    pandas.DataFrame
        cluster, where given name, source words, target words, supply (pairs), supply share, validation share, quota (pairs),
        count (pairs), selected share, starved, and where given diameter, variance. Shares lie in [0, 1].
    """
    import pandas as pd

    given = {} if names is None else names.as_dict()
    called = [given.get(cluster, "") for cluster in range(len(allocation.counts))]
    columns: dict[str, Any] = {
        "cluster": np.arange(len(allocation.counts)),
        **({"name": called} if any(called) else {}),
        "source words": [" ".join(words) for words in source_words],
        "target words": [" ".join(words) for words in target_words],
        "supply": allocation.supply,
        "supply share": allocation.supply_share,
        "validation share": allocation.validation_share,
        "quota": allocation.quota,
        "count": allocation.counts,
        "selected share": allocation.selected_share,
        "starved": allocation.starved,
    }
    known = {"diameter": diameters, "variance": variances}
    return pd.DataFrame(columns | {name: values for name, values in known.items() if values is not None})


def count_words(texts: pa.LargeStringArray, labels: LabelVector, n_clusters: int, progress: Progress = silent) -> tuple[pa.Array, Any]:
    """Return the distinct words, and how often each occurs in each cluster: CSR, shape (n_clusters, n words)."""
    blocks = []
    for start in range(0, max(len(texts), 1), _BLOCK_TEXTS):
        progress(start / max(len(texts), 1), "Counting the words of the clusters")
        blocks.append(_block_words(texts.slice(start, _BLOCK_TEXTS), labels[start : start + _BLOCK_TEXTS], n_clusters))
    together = pa.concat_arrays([words for words, _ in blocks]).dictionary_encode()
    columns, n_words = together.indices.to_numpy(zero_copy_only=False), len(together.dictionary)
    # a word has one column in each block: number them alike
    apart = scipy.sparse.hstack([counts for _, counts in blocks], format="coo")
    counts = scipy.sparse.coo_matrix((apart.data, (apart.row, columns[apart.col])), shape=(n_clusters, n_words)).tocsr()
    return together.dictionary, counts


def _block_words(texts: pa.LargeStringArray, labels: LabelVector, n_clusters: int) -> tuple[pa.Array, Any]:
    lower = pc.utf8_lower(pc.utf8_slice_codeunits(texts, 0, _LONGEST_TEXT))
    pieces = pc.split_pattern_regex(lower, _GAPS)
    clusters = labels[pc.list_parent_indices(pieces).to_numpy()]
    encoded = pc.list_flatten(pieces).dictionary_encode()
    words, codes = encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False)
    shape = (n_clusters, len(words))
    counts = scipy.sparse.coo_matrix((np.ones(len(codes), dtype=np.int64), (clusters, codes)), shape=shape).tocsr()
    # gaps at either end leave empty pieces; a lone ASCII letter is the rest of "it's" or of "d)" (in UTF-8 only those have one byte)
    kept = pc.greater(pc.binary_length(words), 1).to_numpy(zero_copy_only=False)
    return words.filter(pa.array(kept)), counts[:, np.flatnonzero(kept)]


def _most_telling(words: pa.Array, counts: Any, n_words: int) -> tuple[tuple[str, ...], ...]:
    sizes = np.asarray(counts.sum(axis=1)).ravel()
    occurrences = np.asarray(counts.sum(axis=0)).ravel()
    total = max(int(sizes.sum()), 1)
    scores = counts.tocoo().astype(np.float64)
    rarity = np.log1p(total / max(len(sizes), 1) / np.maximum(occurrences, 1))
    spread = np.bincount(scores.col, minlength=len(occurrences))
    special = np.log(max(len(sizes), 2) / np.maximum(spread, 1)) + 0.01  # nearly nothing for a word that is in every cluster
    scores.data = (scores.data / sizes[scores.row] - occurrences[scores.col] / total) * rarity[scores.col] * special[scores.col]
    # by cluster, then by falling score; among equals the word that is more frequent, then the one that comes first in the alphabet
    alphabet = pc.array_sort_indices(words).to_numpy()
    place = np.empty(len(words), dtype=np.int64)
    place[alphabet] = np.arange(len(words))
    order = np.lexsort((place[scores.col], -occurrences[scores.col], -scores.data, scores.row))
    order = order[scores.data[order] > 0.0]
    starts = np.searchsorted(scores.row[order], np.arange(len(sizes) + 1))
    firsts = [scores.col[order[start : min(start + n_words, stop)]] for start, stop in pairwise(starts)]
    return tuple(tuple(words.take(pa.array(first)).to_pylist()) for first in firsts)


def _checked_cluster(cluster: Any) -> int:
    if not isinstance(cluster, numbers.Integral) or isinstance(cluster, bool) or not 0 <= int(cluster) < 10**9:
        raise ParameterError(f"A name must be given to a cluster by its number, a whole number from 0 to 999,999,999. Got {cluster!r}.")
    return int(cluster)


def _checked_name(cluster: int, name: Any) -> str:
    """Return a name on one line, empty if it shows nothing."""
    if not isinstance(name, str):
        raise ParameterError(f"The name of cluster {cluster} must be text. Got {name!r}.")
    flat = " ".join("".join(" " if _is_unseen(one) else one for one in name).split())
    if all(unicodedata.category(one) in ("Cf", "Zs") for one in flat):
        return ""
    if len(flat) > NAME_LIMIT:
        raise ParameterError(f"The name of cluster {cluster} has {len(flat):,} characters; give it one of at most {NAME_LIMIT}.")
    return flat


def _is_unseen(character: str) -> bool:
    return character in _TURNS or unicodedata.category(character) in _UNSEEN
