"""Both sides of all corpora: which corpora there are, and their vectors put together again."""

from __future__ import annotations

import pyarrow as pa

from craft_core.arrays import FloatMatrix
from craft_core.corpus.pairs import Corpus
from craft_core.vectorize.protocol import EncodedPairs, Encoder, Vectors

__all__ = ["filled", "gather", "texts_of"]


def filled(pool: Corpus, validation: Corpus, test: Corpus | None) -> list[Corpus]:
    """Return the corpora there are: the pool, the validation set, and the test set unless it is missing or empty."""
    return [pool, validation] if test is None or len(test) == 0 else [pool, validation, test]


def texts_of(corpus: Corpus, side: str) -> pa.LargeStringArray:
    """Return the texts of one side, "source" or "target"."""
    return corpus.sources if side == "source" else corpus.targets


def gather(
    corpora: list[Corpus], sources: list[FloatMatrix], targets: list[FloatMatrix], encoders: tuple[Encoder | None, Encoder | None]
) -> Vectors:
    """Put the sides together: matrices of pool, validation and, where there is one, test, in the order of the corpora."""
    pool, validation, *rest = [EncodedPairs(one, two, texts) for one, two, texts in zip(sources, targets, corpora, strict=True)]
    return Vectors(pool, validation, rest[0] if rest else None, *encoders)
