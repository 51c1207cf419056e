"""Vectors from a neural sentence encoder."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.arrays import FloatMatrix, IntVector, frozen
from craft_core.corpus.pairs import Corpus
from craft_core.errors import DataError, ParameterError
from craft_core.params import check, param
from craft_core.progress import Progress, part, silent
from craft_core.store import TextVectors, open_store
from craft_core.store.text_vectors import TextKeys, text_keys
from craft_core.vectorize.hub import OpenModel, hold_package, model_identity, shared_model
from craft_core.vectorize.protocol import Vectors, unit_rows
from craft_core.vectorize.sides import filled, gather, texts_of

__all__ = ["SentenceEncoder", "SentenceTransformers"]

_KEEP_SECONDS = 5.0  # what a crash may cost
_PACKAGES = ("sentence-transformers", "transformers", "tokenizers")  # decide the vectors, besides the model


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
        """Return the encoder, the same for both sides; the model is opened when it is first needed."""
        return SentenceEncoder(self.model, self.device, self.batch_size, self.max_length)


@dataclass(frozen=True)
class SentenceEncoder:
    """Encode texts with a sentence-transformers model; an `Encoder`.

    Vectors are remembered by text (`craft_core.store.TextVectors`), so that none is computed twice, with other data or in another process.
    The last bits of a neural vector depend on the texts it was computed with, so remembered vectors may differ from new ones by about
    1e-6; the same texts without any memory give the same bits, in any order, on the same machine.

    Attributes
    ----------
    model, device : str
        As `SentenceTransformers` has them. The model is opened at the first call and shared by all encoders of the process.
    batch_size : int
        Sentences encoded at once.
    max_length : int or None
        Texts are cut after this many tokens; None for the limit of the model.
    """

    model: str
    device: str
    batch_size: int
    max_length: int | None

    def __call__(self, texts: pa.LargeStringArray) -> FloatMatrix:
        """Return one row a text, shape (n, dimensions), of length 1, or zero where the text is blank; read-only. Nothing is remembered.

        Raises
        ------
        ParameterError
            If the package, the model, the network or the device is missing, `max_length` is beyond the model's limit, or a batch does not
            fit into the memory of the device.
        DataError
            If the model cannot be opened, or returns NaN or infinity.
        """
        return self._encode(texts, None, silent, "Encoding")

    def encode(self, texts: pa.LargeStringArray, progress: Progress, text: str) -> FloatMatrix:
        """Return the same with progress, called after each batch; what is computed is remembered, also where the work is stopped."""
        return self._encode(texts, self._memory(progress), progress, text)

    def _encode(self, texts: pa.LargeStringArray, memory: TextVectors | None, progress: Progress, text: str) -> FloatMatrix:
        spoken = np.flatnonzero(pc.not_equal(pc.utf8_trim_whitespace(texts), "").to_numpy(zero_copy_only=False))
        keys = text_keys(texts.take(pa.array(spoken)))
        rows = _Rows(len(texts))
        for places, found in () if memory is None else memory.matches(keys):
            rows.put(spoken[places], found)
            progress(0.0, "Looking for earlier vectors")
        missing = np.flatnonzero(~rows.known[spoken])
        first, inverse = _distinct(keys.take(missing))
        distinct = missing[first]
        order = _longest_first(texts.take(pa.array(spoken[distinct])), keys.take(distinct))
        todo = _Todo(spoken[distinct[order]], keys.take(distinct[order]), memory)
        if len(todo.positions) or rows.matrix is None:
            self._compute(texts, todo, rows, progress, text)
        assert rows.matrix is not None  # noqa: S101 -- found or computed
        rows.matrix[spoken[missing]] = rows.matrix[spoken[distinct][inverse]]
        progress(1.0, text)
        return frozen(rows.matrix)

    def _compute(self, texts: pa.LargeStringArray, todo: _Todo, rows: _Rows, progress: Progress, text: str) -> None:
        """Encode texts batch by batch; what is ready is remembered every few seconds, and at the end however that comes."""
        opened = shared_model(self.model, self.device, progress)
        self._hold_length(opened)
        if not len(todo.positions):
            rows.put(
                todo.positions, opened.do(lambda: self._batch(opened, ["a"]), lambda: progress(0.0, text))[:0]
            )  # only to learn how many dimensions there are

        def share(ready: int) -> float:
            return 1 - (len(todo.positions) - ready) / len(texts)

        ready, last = 0, time.monotonic()
        try:
            for start in range(0, len(todo.positions), self.batch_size):
                chosen = todo.positions[start : start + self.batch_size]
                batch = texts.take(pa.array(chosen)).to_pylist()
                rows.put(chosen, opened.do(partial(self._batch, opened, batch), partial(progress, share(start), text)))
                ready = start + len(chosen)
                progress(share(ready), text)
                if time.monotonic() - last > _KEEP_SECONDS:
                    todo.remember(rows, ready)
                    last = time.monotonic()
        finally:
            todo.remember(rows, ready)

    def _batch(self, opened: OpenModel, texts: list[str]) -> FloatMatrix:
        """Return unit rows. A batch is one call, because within a call the model would cut batches of its own, in an order of its own."""
        import torch

        opened.model.max_seq_length = opened.limit if self.max_length is None else self.max_length
        try:
            rows = opened.model.encode(texts, batch_size=self.batch_size, show_progress_bar=False, convert_to_numpy=True)
        except torch.OutOfMemoryError as error:
            raise ParameterError(f"A batch of {self.batch_size} does not fit into the memory of the device. Lower batch_size.") from error
        if not np.isfinite(rows).all():
            raise DataError("The model returned numbers that are not finite. Try device cpu, or another model.")
        return unit_rows(np.array(rows, np.float32))

    def _hold_length(self, opened: OpenModel) -> None:
        if self.max_length is not None and opened.limit is not None and self.max_length > opened.limit:
            raise ParameterError(
                f"The 'max_length' parameter of sentence-transformers must be at most {opened.limit:,}, the limit of {self.model}. "
                f"Got {self.max_length:,}."
            )

    def _memory(self, progress: Progress) -> TextVectors | None:
        """Return the memory for vectors of this model, None where nothing is kept or what the model is cannot be told."""
        store = open_store()
        if store is None:
            return None
        hold_package()
        identity = (
            model_identity(self.model) or shared_model(self.model, self.device, progress).identity
        )  # known once it is on this machine
        if identity is None:
            return None
        space = [identity, self.max_length, "unit length", *map(version, _PACKAGES)]
        return TextVectors(store, hashlib.sha256(repr(space).encode("utf-8", "surrogatepass")).hexdigest())


class _Rows:
    """Vectors on their way: zero where nothing was put yet."""

    def __init__(self, n: int) -> None:
        self.known = np.zeros(n, bool)
        self.matrix: FloatMatrix | None = None  # until the first rows say how many dimensions there are

    def put(self, positions: IntVector, rows: FloatMatrix) -> None:
        if self.matrix is None:
            self.matrix = np.zeros((len(self.known), rows.shape[1]), np.float32)
        self.matrix[positions] = rows
        self.known[positions] = True


class _Todo:
    """Texts to encode: their positions and keys in the order of the work, and who remembers what is ready."""

    def __init__(self, positions: IntVector, keys: TextKeys, memory: TextVectors | None) -> None:
        self.positions, self._keys, self._memory = positions, keys, memory
        self._remembered = 0

    def remember(self, rows: _Rows, ready: int) -> None:
        """Remember the first ones, up to those that are ready."""
        news = np.arange(self._remembered, ready)
        if self._memory is not None and rows.matrix is not None and len(news):
            self._memory.add(self._keys.take(news), rows.matrix[self.positions[news]])
        self._remembered = ready


def _distinct(keys: TextKeys) -> tuple[IntVector, IntVector]:
    """Return the position of one of each, and for every key which of those it equals."""
    order = np.lexsort((keys.low, keys.high))
    sorted_keys = keys.take(order)
    is_first = np.ones(len(keys), bool)
    is_first[1:] = (sorted_keys.high[1:] != sorted_keys.high[:-1]) | (sorted_keys.low[1:] != sorted_keys.low[:-1])
    inverse = np.empty(len(keys), np.int64)
    inverse[order] = np.cumsum(is_first) - 1
    return order[is_first], inverse


def _longest_first(texts: pa.LargeStringArray, keys: TextKeys) -> IntVector:
    """Return an order in which a batch wastes little on padding, and memory runs out early or never.

    Among equally long ones the key decides, so that the order of the texts makes no difference.
    """
    return np.lexsort((keys.low, keys.high, -pc.utf8_length(texts).to_numpy().astype(np.int64)))
