"""What a cluster is about, in words, and all that is known of each cluster in one table."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse

from craft_core.allocate import Allocation
from craft_core.arrays import FloatVector, LabelVector
from craft_core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WORDS_LIMIT", "cluster_name", "cluster_table", "cluster_words", "count_words"]

WORDS_LIMIT = 50_000
"""Texts that words are counted in at most."""

_GAPS = r"[^\p{L}\p{M}\p{N}_]+"  # marks belong to words: without them Hindi falls apart at its vowel signs
_LONGEST_TEXT = 2_000  # characters of a text that are read: a label needs no more, and one huge text cannot take the memory


def cluster_words(
    texts: pa.LargeStringArray, labels: LabelVector, n_clusters: int, n_words: int = 5, seed: int = 0
) -> tuple[tuple[str, ...], ...]:
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
    words, counts = count_words(texts.take(pa.array(read)), labels[read], n_clusters)
    return _most_telling(words, counts, n_words)


def cluster_name(cluster: int, words: tuple[tuple[str, ...], ...], n_words: int = 3) -> str:
    """Return what a cluster is called wherever it is shown: its number and its first words."""
    return " · ".join([str(cluster), " ".join(words[cluster][:n_words])]) if words and words[cluster] else str(cluster)


def cluster_table(
    allocation: Allocation,
    source_words: tuple[tuple[str, ...], ...],
    target_words: tuple[tuple[str, ...], ...],
    diameters: FloatVector | None = None,
    variances: FloatVector | None = None,
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

    Returns
    -------
    pandas.DataFrame
        cluster, source words, target words, supply (pairs), supply share, validation share, quota (pairs), count (pairs), selected share,
        starved, and where given diameter, variance. Shares lie in [0, 1].
    """
    import pandas as pd

    columns: dict[str, Any] = {
        "cluster": np.arange(len(allocation.counts)),
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


def count_words(texts: pa.LargeStringArray, labels: LabelVector, n_clusters: int) -> tuple[pa.Array, Any]:
    """Return the distinct words, and how often each occurs in each cluster: CSR, shape (n_clusters, n words)."""
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
