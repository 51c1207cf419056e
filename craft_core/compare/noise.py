"""Mispaired pairs made on purpose, to see which method takes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.arrays import BoolVector, IntVector
from craft_core.corpus.pairs import Corpus
from craft_core.corpus.sample import content_keys
from craft_core.draws import uniforms
from craft_core.errors import ParameterError
from craft_core.progress import Progress, silent
from craft_core.vectorize.protocol import EncodedPairs

__all__ = ["exchanged_targets", "mispair"]


def exchanged_targets(pool: Corpus, share: float, label: str | None, seed: int, progress: Progress = silent) -> IntVector:
    """Return which pair's target each pair gets, shape (N,): its own, or that of another pair of the same label.

    Parameters
    ----------
    pool : Corpus
        The pairs.
    share : float
        Each pair takes part with this chance; those of one label exchange their targets in a ring, in the order of a random number. One
        that is alone keeps its own.
    label : str or None
        A label column; None exchanges over the whole pool.
    seed : int
        Of the random numbers, which belong to the pairs, not to their places.
    progress : Progress
        Called between blocks of pairs; raising from it cancels.

    Raises
    ------
    ParameterError
        If the share is not in [0, 1], or there is no such column.
    """
    if not 0 <= share <= 1:
        raise ParameterError(f"The share of pairs to mispair must lie in [0, 1]. Got {share!r}.")
    rng, keys = np.random.default_rng([seed, 5]), content_keys(pool, 0, progress)
    taking_part = np.flatnonzero(uniforms(keys, rng) < share)
    groups = _groups(pool, label)[taking_part]
    order = np.lexsort((uniforms(keys, rng)[taking_part], groups))
    ring, group = taking_part[order], groups[order]
    starts = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]])) if len(group) else np.zeros(0, dtype=np.int64)
    following = np.roll(ring, -1)
    if len(ring):
        following[np.append(starts[1:], len(ring)) - 1] = ring[starts]  # the last of each label takes the target of its first
    found = np.arange(len(pool), dtype=np.int64)
    found[ring] = following
    return found


def mispair(pairs: EncodedPairs, targets: IntVector) -> tuple[EncodedPairs, BoolVector]:
    """Return the pairs with exchanged targets, vectors and texts alike, and which pairs have another's."""
    texts = pairs.texts
    if texts is not None:
        texts = replace(texts, targets=texts.targets.take(pa.array(targets)))
    return EncodedPairs(pairs.sources, pairs.targets[targets], texts), targets != np.arange(len(targets))


def _groups(pool: Corpus, label: str | None) -> IntVector:
    if label is None:
        return np.zeros(len(pool), dtype=np.int64)
    if label not in pool.columns.column_names:
        there = ", ".join(pool.columns.column_names) or "none"
        raise ParameterError(f"The pool has no column '{label}'. Further columns: {there}.")
    codes: pa.Array = pc.fill_null(pc.cast(pool.columns.column(label), pa.large_string()), "").combine_chunks().dictionary_encode().indices
    groups: IntVector = codes.to_numpy().astype(np.int64)
    return groups
