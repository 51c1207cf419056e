"""A sample of a corpus that depends on what the pairs say, not on the order they stand in.

Every pair has a key made of its content and the seed; the sample is the pairs with the smallest keys, in the order of their keys. So a
permuted pool gives the same sample in the same order, and everything fitted on it comes out the same to the last bit.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from craft_core.arrays import IntVector, frozen
from craft_core.corpus.pairs import Corpus
from craft_core.progress import Progress, part, silent

__all__ = ["content_keys", "sample_positions"]

_BLOCK = 65_536
_KEPT_SEEDS = 2
# The vectorizer and k-means of a run ask for the same keys, 0.6 s a million pairs; they are kept for as long as the corpus is.
_KEYS: WeakKeyDictionary[Corpus, dict[int, npt.NDArray[np.uint64]]] = WeakKeyDictionary()
# Sources and targets enter differently, so that a pair and its mirror image have different keys. Any odd number would do.
_MIX = np.uint64(0x9E3779B97F4A7C15)


def content_keys(corpus: Corpus, seed: int, progress: Progress = silent) -> npt.NDArray[np.uint64]:
    """Return a pseudo-random number for each pair, made of its two texts and the seed alone.

    Parameters
    ----------
    corpus : Corpus
        n pairs.
    seed : int
        Other seeds give other numbers.
    progress : Progress
        Called between blocks, unless the keys are known; raising from it cancels.

    Returns
    -------
    numpy.ndarray
        Shape (n,), uint64, read-only: SipHash of the texts under a key made of the seed. Equal pairs have equal keys.
    """
    known = _KEYS.setdefault(corpus, {})
    if seed not in known:
        while len(known) >= _KEPT_SEEDS:  # stability asks for many seeds, once each; the first of all is the run's own
            known.pop(list(known)[-1])
        sources, targets = _hashes(corpus.sources, seed, part(progress, 0.0, 0.5)), _hashes(corpus.targets, seed, part(progress, 0.5, 1.0))
        known[seed] = frozen(sources * _MIX + targets)
    return known[seed]


def sample_positions(keys: npt.NDArray[np.uint64], size: int) -> IntVector:
    """Return the positions of the `size` smallest keys, smallest first; all positions where there are fewer.

    Pairs with equal keys say the same, so which of them comes first makes no difference to what is computed from the sample.
    """
    if size >= len(keys):
        return np.argsort(keys, kind="stable").astype(np.int64)
    smallest = np.argpartition(keys, size)[:size]
    smallest.sort()
    return smallest[np.argsort(keys[smallest], kind="stable")].astype(np.int64)


def _hashes(texts: pa.LargeStringArray, seed: int, progress: Progress) -> npt.NDArray[np.uint64]:
    from pandas.util import hash_array

    key = f"{seed & 0xFFFF_FFFF_FFFF_FFFF:016x}"  # pandas wants 16 bytes
    hashes = np.empty(len(texts), np.uint64)
    for start in range(0, len(texts), _BLOCK):
        progress(start / len(texts), "Numbering the pairs")
        block = texts.slice(start, _BLOCK).to_numpy(zero_copy_only=False).astype(object)
        hashes[start : start + _BLOCK] = hash_array(block, hash_key=key, categorize=False)
    return hashes
