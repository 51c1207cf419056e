"""Vectors from a neural sentence encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.arrays import FloatMatrix, frozen
from craft_core.corpus.pairs import Corpus
from craft_core.errors import DataError, ParameterError
from craft_core.params import check, param
from craft_core.progress import Progress, part, silent
from craft_core.vectorize.hub import open_model
from craft_core.vectorize.protocol import Vectors, unit_rows
from craft_core.vectorize.sides import filled, gather, texts_of

__all__ = ["SentenceEncoder", "SentenceTransformers"]

_BATCHES_PER_CHUNK = 16


@dataclass(frozen=True)
class SentenceTransformers:
    """Encode texts with any sentence-transformers model, by name or from a local folder.

    Both sides go through one model, so a multilingual one puts them into one space. Slow without a GPU: a small model does under a thousand
    sentences a second on two cores. Code that comes with a model is never run.
    """

    name: ClassVar[str] = "sentence-transformers"

    model: str = param(
        "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", help="A name on the Hugging Face hub, or a folder with a model."
    )
    batch_size: int = param(64, low=1, high=65_536, help="Sentences encoded at once; smaller takes less memory.")
    device: str = param("auto", help="Where to compute: auto, cpu, cuda, cuda:1, mps, ...")
    max_length: int | None = param(None, low=1, help="Cut texts after this many tokens; empty: the model's own limit.")

    def __post_init__(self) -> None:
        check(self)

    def vectorize(self, pool: Corpus, validation: Corpus, test: Corpus | None, seed: int, progress: Progress) -> Vectors:
        """Encode all corpora; nothing is fitted, and the seed is of no use.

        Raises
        ------
        ParameterError
            If the package, the model, the network or the device is missing; within seconds.
        DataError
            If the model cannot be opened or returns numbers that are not finite.
        """
        progress(0.0, f"Opening {self.model}")
        encoder = self.encoder()
        corpora = filled(pool, validation, test)
        total = 2 * sum(len(corpus) for corpus in corpora) or 1
        sides: list[list[FloatMatrix]] = []
        done = 0
        for side in ("source", "target"):
            sides.append([])
            for corpus in corpora:
                now = part(progress, done / total, (done + len(corpus)) / total)
                sides[-1].append(encoder.encode(texts_of(corpus, side), now, f"Encoding {side}s of the {corpus.name}"))
                done += len(corpus)
        return gather(corpora, sides[0], sides[1], (encoder, encoder))

    def encoder(self) -> SentenceEncoder:
        """Open the model and return its encoder, the same for both sides. Raises as `vectorize`."""
        model = open_model(self.model, self.device)
        limit = model.max_seq_length
        if self.max_length is not None and limit is not None and self.max_length > limit:
            raise ParameterError(
                f"The 'max_length' parameter of sentence-transformers must be at most {limit:,}, the limit of {self.model}. "
                f"Got {self.max_length:,}."
            )
        if self.max_length is not None:
            model.max_seq_length = self.max_length
        return SentenceEncoder(model, self.batch_size)


@dataclass(frozen=True, eq=False)
class SentenceEncoder:
    """Encode texts with an open model; an `Encoder`.

    Attributes
    ----------
    model : sentence_transformers.SentenceTransformer
        The model.
    batch_size : int
        Sentences encoded at once.
    """

    model: Any
    batch_size: int

    def __call__(self, texts: pa.LargeStringArray) -> FloatMatrix:
        """Return one row a text, shape (n, dimensions), of length 1, or zero where the text is blank; read-only."""
        return self.encode(texts, silent, "Encoding")

    def encode(self, texts: pa.LargeStringArray, progress: Progress, text: str) -> FloatMatrix:
        """Return the same with progress. Longest texts first, so that a batch wastes little on padding and memory runs out early or never.

        Raises
        ------
        ParameterError
            If a batch does not fit into the memory of the device.
        DataError
            If the model returns NaN or infinity.
        """
        vectors = np.zeros((len(texts), self._dimensions()), np.float32)
        known = pc.not_equal(pc.utf8_trim_whitespace(texts), "").to_numpy(zero_copy_only=False)
        lengths = pc.binary_length(texts).to_numpy()
        order = np.argsort(-lengths, kind="stable")
        order = order[known[order]]
        step = self.batch_size * _BATCHES_PER_CHUNK
        for start in range(0, len(order), step):
            chosen = order[start : start + step]
            vectors[chosen] = self._chunk(texts.take(pa.array(chosen)).to_pylist())
            progress(min(start + step, len(order)) / len(order), text)
        return frozen(unit_rows(vectors))

    def _dimensions(self) -> int:
        return int(self.model.encode(["a"], show_progress_bar=False).shape[1])

    def _chunk(self, texts: list[str]) -> FloatMatrix:
        import torch

        try:
            rows = self.model.encode(texts, batch_size=self.batch_size, show_progress_bar=False, convert_to_numpy=True)
        except torch.OutOfMemoryError as error:
            raise ParameterError(f"A batch of {self.batch_size} does not fit into the memory of the device. Lower batch_size.") from error
        if not np.isfinite(rows).all():
            raise DataError("The model returned numbers that are not finite. Try device cpu, or another model.")
        return np.asarray(rows, np.float32)
