"""Vectors from a neural sentence encoder."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
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
from craft_core.store.text_vectors import HalfMatrix, text_keys
from craft_core.vectorize.crew import Crew
from craft_core.vectorize.devices import devices, torch_threads
from craft_core.vectorize.hub import OpenModel, hold_package, model_identity, shared_model
from craft_core.vectorize.protocol import Vectors
from craft_core.vectorize.sides import filled, gather, texts_of
from craft_core.vectorize.todo import Rows, Todo, distinct, half, longest_first

__all__ = ["SentenceEncoder", "SentenceTransformers"]

_KEEP_SECONDS = 5.0  # what a crash may cost
_PACKAGES = ("sentence-transformers", "transformers", "tokenizers")  # decide the vectors, besides the model


@dataclass(frozen=True)
class SentenceTransformers:
    """Encode texts with any sentence-transformers model, by name or from a local folder.

    Both sides go through one model, so a multilingual one puts them into one space. Slow without a GPU: a small model does under a thousand
    sentences a second on two cores. Code that comes with a model is never run. Vectors are rounded to float16 and scaled to length 1
    again, which moves a cosine by less than 0.0001 and halves what is kept of them.
    """

    name: ClassVar[str] = "sentence-transformers"

    model: str = param(
        "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", help="A name on the Hugging Face hub, or a folder with a model."
    )
    batch_size: int = param(64, low=1, high=65_536, help="Sentences encoded at once; smaller takes less memory.")
    device: str = param("auto", help="Where to compute: auto, cpu, cuda, cuda:1, mps, ...")
    max_length: int | None = param(None, low=1, help="Cut texts after this many tokens; empty: the model's own limit.")
    processes: int | None = param(
        None,
        low=1,
        high=256,
        help="Processes that encode, each with a model of its own; empty: one for each GPU, or one where there is none.",
    )

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
        with encoder.crew() as crew:
            for side in ("source", "target"):
                sides.append([])
                for corpus in corpora:
                    now = part(progress, done / total, (done + len(corpus)) / total)
                    sides[-1].append(encoder.encode(texts_of(corpus, side), now, f"Encoding {side}s of the {corpus.name}", crew))
                    done += len(corpus)
        return gather(corpora, sides[0], sides[1], (encoder, encoder))

    def encoder(self) -> SentenceEncoder:
        """Return the encoder, the same for both sides; the model is opened when it is first needed."""
        return SentenceEncoder(self.model, self.device, self.batch_size, self.max_length, self.processes)


@dataclass(frozen=True)
class SentenceEncoder:
    """Encode texts with a sentence-transformers model; an `Encoder`. Made of plain values, so it can be sent to other processes.

    A vector is what the model returns, scaled to length 1, rounded to float16, and scaled to length 1 again in float32. The last bits of
    what a model returns depend on the other texts of the batch; where such a number lies on the edge of two float16, it falls to one or
    the other side. So the same texts are always cut into the same batches, in whichever order they come and however many processes share
    them; other batches move about one number in a thousand by one step of float16, and a cosine by about 1e-5 at most.

    Vectors are remembered by text (`craft_core.store.TextVectors`), so that none is computed twice, with other data or in another process;
    what is found again equals what was computed to the last bit.

    Attributes
    ----------
    model, device : str
        As `SentenceTransformers` has them. The model is opened at the first call and shared by all encoders of the process.
    batch_size : int
        Sentences encoded at once.
    max_length : int or None
        Texts are cut after this many tokens; None for the limit of the model.
    processes : int or None
        How many processes `encode` shares the batches among; None for one a GPU, or one where there is none. With one, it is this one.
    threads : int or None
        Most threads torch takes in this process; None for its own choice. One is right in each of many processes on one machine.
    """

    model: str
    device: str
    batch_size: int
    max_length: int | None
    processes: int | None = None
    threads: int | None = None

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
        return self._encode(texts, None, silent, "Encoding", None)

    def encode(
        self, texts: pa.LargeStringArray, progress: Progress, text: str, crew: Crew[list[str], HalfMatrix] | None = None
    ) -> FloatMatrix:
        """Return the same with progress, called after each batch; what is computed is remembered, also where the work is stopped.

        Parameters
        ----------
        texts : pyarrow.LargeStringArray
            What to encode.
        progress : Progress
            Raising from it ends the work, and the processes that share it.
        text : str
            What is being done, for `progress`.
        crew : Crew or None
            Who shares the work, of `crew`, where there are several lists of texts; None for one that is gone at the end.
        """
        if crew is not None:
            return self._encode(texts, self._memory(progress), progress, text, crew)
        with self.crew() as own:
            return self._encode(texts, self._memory(progress), progress, text, own)

    @contextmanager
    def crew(self) -> Iterator[Crew[list[str], HalfMatrix] | None]:
        """Give the processes to share work among, None where this one does it all; they start when there is something to do for them."""
        if self.processes == 1:
            yield None
            return
        with Crew[list[str], HalfMatrix]() as crew:
            yield crew

    def dimensions(self, progress: Progress = silent) -> int:
        """Return how long the vectors are. The model is opened, nothing is encoded; raises as a call does."""
        opened = self._open(progress)
        found = opened.model.get_embedding_dimension()
        if found is None:  # some models do not say
            found = opened.do(partial(self._batch, opened, ["a"]), partial(progress, 0.0, f"Opening {self.model}")).shape[1]
        return int(found)

    def _encode(
        self,
        texts: pa.LargeStringArray,
        memory: TextVectors | None,
        progress: Progress,
        text: str,
        crew: Crew[list[str], HalfMatrix] | None,
    ) -> FloatMatrix:
        spoken = np.flatnonzero(pc.not_equal(pc.utf8_trim_whitespace(texts), "").to_numpy(zero_copy_only=False))
        keys = text_keys(texts.take(pa.array(spoken)))
        rows = Rows(len(texts))
        for places, found in () if memory is None else memory.matches(keys):
            rows.put(spoken[places], found)
            progress(0.0, "Looking for earlier vectors")
        missing = np.flatnonzero(~rows.known[spoken])
        first, inverse = distinct(keys.take(missing))
        chosen = missing[first]
        order = longest_first(texts.take(pa.array(spoken[chosen])), keys.take(chosen))
        todo = Todo(spoken[chosen[order]], keys.take(chosen[order]), memory)
        if len(todo.positions):
            self._compute(texts, todo, rows, progress, text, crew)
        elif rows.matrix is None:
            rows.put(todo.positions, np.zeros((0, self.dimensions(progress)), np.float16))
        assert rows.matrix is not None  # noqa: S101 -- found, computed or empty
        rows.matrix[spoken[missing]] = rows.matrix[spoken[chosen][inverse]]
        progress(1.0, text)
        return frozen(rows.matrix)

    def _compute(
        self, texts: pa.LargeStringArray, todo: Todo, rows: Rows, progress: Progress, text: str, crew: Crew[list[str], HalfMatrix] | None
    ) -> None:
        """Encode texts batch by batch; what is ready is remembered every few seconds, and at the end however that comes."""
        parts = [todo.positions[start : start + self.batch_size] for start in range(0, len(todo.positions), self.batch_size)]
        ready, last = 0, time.monotonic()

        def report() -> None:
            progress(1 - (len(todo.positions) - ready) / len(texts), text)

        try:
            with closing(self._batches(texts, parts, progress, report, crew)) as results:
                for chosen, result in zip(parts, results, strict=True):
                    rows.put(chosen, result)
                    todo.done(result)
                    ready += len(chosen)
                    report()
                    if time.monotonic() - last > _KEEP_SECONDS:
                        todo.remember()
                        last = time.monotonic()
        finally:
            todo.remember()

    def _batches(
        self,
        texts: pa.LargeStringArray,
        parts: list[IntVector],
        progress: Progress,
        report: Callable[[], None],
        crew: Crew[list[str], HalfMatrix] | None,
    ) -> Generator[HalfMatrix]:
        """Yield the rows of each part: from the crew where there is one and more than one part, else from here."""
        batches = (texts.take(pa.array(chosen)).to_pylist() for chosen in parts)
        if crew is not None and not crew.has_started and len(parts) > 1:
            crew.start(self._children(progress))
        if crew is not None and crew.has_started:
            yield from crew.map(batches, report)
            return
        opened = self._open(progress)
        for batch in batches:
            yield opened.do(partial(self._batch, opened, batch), report)

    def _children(self, progress: Progress) -> list[Callable[[list[str]], HalfMatrix]]:
        """Return what each of several processes does with a batch; nothing where one process is enough."""
        places, threads = devices(self.device, self.processes, progress)
        if len(places) < 2:
            return []
        if model_identity(self.model) is None:
            self._open(progress)  # downloaded once, and refused once
        return [partial(_encode_alone, replace(self, device=place, processes=1, threads=self.threads or threads)) for place in places]

    def _open(self, progress: Progress) -> OpenModel:
        opened = shared_model(self.model, self.device, progress)
        if self.max_length is not None and opened.limit is not None and self.max_length > opened.limit:
            raise ParameterError(
                f"The 'max_length' parameter of sentence-transformers must be at most {opened.limit:,}, the limit of {self.model}. "
                f"Got {self.max_length:,}."
            )
        return opened

    def _batch(self, opened: OpenModel, texts: list[str]) -> HalfMatrix:
        """Return rounded rows, in one call: within a call the model would cut batches of its own, in an order of its own."""
        import torch

        opened.model.max_seq_length = opened.limit if self.max_length is None else self.max_length
        try:
            with torch_threads(self.threads):
                rows = opened.model.encode(texts, batch_size=self.batch_size, show_progress_bar=False, convert_to_numpy=True)
        except torch.OutOfMemoryError as error:
            raise ParameterError(f"A batch of {self.batch_size} does not fit into the memory of the device. Lower batch_size.") from error
        if not np.isfinite(rows).all():
            raise DataError("The model returned numbers that are not finite. Try device cpu, or another model.")
        return half(rows)

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
        space = [identity, self.max_length, "unit length in float16", *map(version, _PACKAGES)]
        return TextVectors(store, hashlib.sha256(repr(space).encode("utf-8", "surrogatepass")).hexdigest())


def _encode_alone(encoder: SentenceEncoder, texts: list[str]) -> HalfMatrix:
    """Return the rows of a batch, in a process of its own."""
    return encoder._batch(encoder._open(silent), texts)
