"""A sample of a corpus that depends on what the pairs say, not on the order they stand in.

Every pair has a key made of its content and the seed; the sample is the pairs with the smallest keys, in the order of their keys. So a
permuted pool gives the same sample in the same order, and everything fitted on it comes out the same to the last bit.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from craft_core.arrays import IntVector, frozen
from craft_core.corpus.hashes import text_hashes
from craft_core.corpus.pairs import Corpus
from craft_core.progress import Progress, part, silent

__all__ = ["content_keys", "keys_of", "pair_hashes", "sample_positions", "seeded"]

_BLOCK = 65_536
_THREADS = 2
# The vectorizer and k-means of a run ask for the same keys, half a second a million pairs; they are kept for as long as the corpus is.
_KEYS: WeakKeyDictionary[Corpus, npt.NDArray[np.uint64]] = WeakKeyDictionary()
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
        Shape (n,), uint64, read-only: made of SipHash of the texts, and mixed with the seed unless that is 0. Equal pairs have equal keys.
    """
    known = _KEYS.get(corpus)
    if known is None:
        known = _KEYS[corpus] = frozen(keys_of(*pair_hashes(corpus, progress)))
    return frozen(seeded(known, seed))


def pair_hashes(corpus: Corpus, progress: Progress = silent) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return a hash of each source and of each target, shapes (n,)."""
    return _hashes(corpus.sources, part(progress, 0.0, 0.5)), _hashes(corpus.targets, part(progress, 0.5, 1.0))


def keys_of(sources: npt.NDArray[np.uint64], targets: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return the content keys of seed 0 of pairs, given the hashes of their sides."""
    return sources * _MIX + targets


def seeded(keys: npt.NDArray[np.uint64], seed: int) -> npt.NDArray[np.uint64]:
    """Return the content keys of a seed, given those of seed 0."""
    return keys if seed == 0 else _finished(keys ^ _finished(np.array([seed % 2**64], np.uint64)))


def _finished(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Mix 64 bits so that each decides all others (the finaliser of SplitMix64; Steele, Lea and Flood, 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def sample_positions(keys: npt.NDArray[np.uint64], size: int) -> IntVector:
    """Return the positions of the `size` smallest keys, smallest first; all positions where there are fewer.

    Pairs with equal keys say the same, so which of them comes first makes no difference to what is computed from the sample.
    """
    if size >= len(keys):
        return np.argsort(keys, kind="stable").astype(np.int64)
    likely = np.flatnonzero(keys <= np.partition(keys, size - 1)[size - 1])  # at the cut, equal keys go by position
    return likely[np.argsort(keys[likely], kind="stable")[:size]].astype(np.int64)


def _hashes(texts: pa.LargeStringArray, progress: Progress) -> npt.NDArray[np.uint64]:
    hashes, starts = np.empty(len(texts), np.uint64), range(0, len(texts), _BLOCK)
    with ThreadPoolExecutor(_THREADS) as executor:
        found = executor.map(lambda start: text_hashes(texts.slice(start, _BLOCK)), starts)
        for start, block in zip(starts, found, strict=True):
            progress(start / len(texts), "Numbering the pairs")
            hashes[start : start + _BLOCK] = block
    return hashes
