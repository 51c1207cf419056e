"""Ways to turn texts into vectors, by name."""

from __future__ import annotations

from craft_core.errors import ParameterError
from craft_core.vectorize.hashing import Hashing
from craft_core.vectorize.precomputed import Precomputed
from craft_core.vectorize.protocol import EncodedPairs, Encoder, Vectorizer, Vectors
from craft_core.vectorize.sentence import SentenceTransformers
from craft_core.vectorize.tfidf import Tfidf

__all__ = [
    "VECTORIZERS",
    "EncodedPairs",
    "Encoder",
    "Hashing",
    "Precomputed",
    "SentenceTransformers",
    "Tfidf",
    "Vectorizer",
    "Vectors",
    "find_vectorizer",
]

VECTORIZERS: dict[str, type[Vectorizer]] = {cls.name: cls for cls in (Tfidf, Hashing, SentenceTransformers, Precomputed)}


def find_vectorizer(name: str) -> type[Vectorizer]:
    """Return the vectorizer of this name. Raises ParameterError with the list of names if there is none."""
    if name not in VECTORIZERS:
        raise ParameterError(f"There is no vectorizer '{name}'. There are: {', '.join(VECTORIZERS)}.")
    return VECTORIZERS[name]
