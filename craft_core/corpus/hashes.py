"""A hash of every text, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from craft_core.arrays import IntVector
from craft_core.corpus.compiled import compiled, utf8

__all__ = ["text_hashes"]

_KEY = np.uint64(int.from_bytes(b"0" * 8, "little"))  # both halves of the key
# "somepseudorandomlygeneratedbytes", as the authors have it
_V0 = np.uint64(0x736F6D6570736575)
_V1 = np.uint64(0x646F72616E646F6D)
_V2 = np.uint64(0x6C7967656E657261)
_V3 = np.uint64(0x7465646279746573)
_ALL = np.uint64(0xFF)
_0, _8, _32, _56 = (np.uint64(n) for n in (0, 8, 32, 56))
_13, _16, _17, _21, _43, _47, _48, _51 = (np.uint64(n) for n in (13, 16, 17, 21, 43, 47, 48, 51))
_27, _30, _31 = (np.uint64(n) for n in (27, 30, 31))
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def text_hashes(texts: pa.LargeStringArray) -> npt.NDArray[np.uint64]:
    """Return a hash of the UTF-8 bytes of each text, shape (n,); threads may run side by side.

    SipHash-2-4 under the key "0000000000000000" (Aumasson and Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012), then mixed as
    in SplitMix64 (Steele, Lea and Flood, 2014): what pandas computes with `hash_array(..., hash_key="0" * 16, categorize=False)`.
    """
    hashes = np.empty(len(texts), np.uint64)
    _compiled()(*utf8(texts), hashes)
    return hashes


@cache
def _compiled() -> Callable[..., Any]:
    return compiled(_siphash, "in uint8", "in int64", "out uint64")


def _siphash(data: npt.NDArray[np.uint8], offsets: IntVector, hashes: npt.NDArray[np.uint64]) -> None:  # pragma: no cover - compiled
    """Write the hash of each text: two rounds for every eight bytes, four more and the mixing at the end."""
    for text in range(len(hashes)):
        at, stop = np.uint64(offsets[text]), np.uint64(offsets[text + 1])
        v0, v1, v2, v3 = _KEY ^ _V0, _KEY ^ _V1, _KEY ^ _V2, _KEY ^ _V3
        length, n_words = stop - at, np.int64(stop - at) // 8
        for step in range(n_words + 3):
            word = _0
            if step < n_words:
                for byte in range(8):
                    word |= np.uint64(data[at + np.uint64(byte)]) << np.uint64(8 * byte)
                at += _8
            elif step == n_words:
                word = length << _56
                for byte in range(np.int64(stop - at)):
                    word |= np.uint64(data[at + np.uint64(byte)]) << np.uint64(8 * byte)
            elif step == n_words + 1:
                v2 ^= _ALL
            v3 ^= word
            for _ in range(2):
                v0 += v1
                v1 = (v1 << _13 | v1 >> _51) ^ v0
                v0 = v0 << _32 | v0 >> _32
                v2 += v3
                v3 = (v3 << _16 | v3 >> _48) ^ v2
                v0 += v3
                v3 = (v3 << _21 | v3 >> _43) ^ v0
                v2 += v1
                v1 = (v1 << _17 | v1 >> _47) ^ v2
                v2 = v2 << _32 | v2 >> _32
            v0 ^= word
        mixed = v0 ^ v1 ^ v2 ^ v3
        mixed = (mixed ^ mixed >> _30) * _MIX_1
        mixed = (mixed ^ mixed >> _27) * _MIX_2
        hashes[text] = mixed ^ mixed >> _31
