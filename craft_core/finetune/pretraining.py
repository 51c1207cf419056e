"""The one model that every fine-tuning starts from."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.arrays import IntVector
from craft_core.corpus.pairs import Corpus
from craft_core.corpus.sample import content_keys, sample_positions
from craft_core.errors import DataError
from craft_core.finetune.checkpoint import key_of, read_weights, write_weights
from craft_core.finetune.model import Weights, initial_weights, n_weights, on_device
from craft_core.finetune.settings import FineTuning, compute_device, early
from craft_core.finetune.tokenizer import encode_pairs, open_tokenizer, size_of, train_tokenizer
from craft_core.finetune.train import threads, train
from craft_core.progress import Progress, part, silent

__all__ = ["Pretrained", "pretrain", "pretrain_positions"]


@dataclass(frozen=True, eq=False)
class Pretrained:
    """Hold the model every fine-tuning starts from.

    Attributes
    ----------
    weights : dict of torch.Tensor
        The weights by name, float32, on the CPU. Not to be changed.
    tokenizer : str
        The tokenizer, as JSON text.
    settings : dict
        The parameters it was made with, as `early` gives them.
    key : str
        The sha256 of everything it depends on.
    seconds : float
        How long pre-training took; a model read from its file keeps the time of its making.
    """

    weights: Weights
    tokenizer: str
    settings: dict[str, Any]
    key: str
    seconds: float

    @property
    def n_weights(self) -> int:
        """How many numbers the model has."""
        return n_weights(self.weights)


def pretrain_positions(
    settings: FineTuning, pool: Corpus, seed: int, label_column: str | None = None, exclude_labels: Collection[str] = ()
) -> IntVector:
    """Return the positions of the random pool pairs to pre-train on; they depend on what the pairs say, not on their order.

    Parameters
    ----------
    label_column, exclude_labels : str, collection of str
        Leave out the pool pairs with these labels, so that the domain to be learnt is not known already.

    Raises
    ------
    DataError
        If the pool has no such column, or no pair is left.
    """
    keys = content_keys(pool, seed)
    allowed = np.arange(len(pool))
    if label_column is not None:
        if label_column not in pool.columns.column_names:
            raise DataError(f"The pool has no column '{label_column}'. It has: {', '.join(pool.columns.column_names) or 'none'}.")
        labels = pc.cast(pool.columns.column(label_column), pa.large_string())
        left_out = pc.fill_null(pc.is_in(labels, pa.array(sorted(exclude_labels), pa.large_string())), False)
        allowed = np.flatnonzero(~np.asarray(left_out))
    if not len(allowed):
        raise DataError("No pool pair is left to pre-train on. Exclude fewer labels.")
    return allowed[sample_positions(keys[allowed], settings.pretrain_pairs)]


def pretrain(
    settings: FineTuning,
    pool: Corpus,
    positions: IntVector,
    seed: int,
    folder: Path | None = None,
    progress: Progress = silent,
    n_threads: int = 1,
) -> Pretrained:
    """Learn a vocabulary and train the model from nothing on the pool pairs at these positions.

    Parameters
    ----------
    folder : Path or None
        Where the model is kept; if it is there already, it is read and nothing is trained.
    n_threads : int
        Threads torch may use on the CPU meanwhile. The result depends on it in the last digits.

    Raises
    ------
    ParameterError
        If torch or tokenizers is missing, or the device.
    """
    device, start = compute_device(settings), time.perf_counter()
    pairs = pool.take(positions)
    key = key_of(["pretrain", _torch_version(), device.type, repr(early(settings)), str(seed)], [pairs])
    path = None if folder is None else folder / f"pretrained-{key[:32]}.pt"
    kept = read_weights(path) if path else None
    if kept is not None:
        return Pretrained(kept["weights"], kept["tokenizer"], early(settings), key, kept["seconds"])
    progress(0.0, "Learning the vocabulary")
    tokenizer = train_tokenizer(pairs.sources.to_pylist() + pairs.targets.to_pylist(), settings.vocabulary)
    opened = open_tokenizer(tokenizer)
    weights = on_device(initial_weights(settings, size_of(opened), seed), device)
    tokens = encode_pairs(opened, pairs, settings.max_tokens)
    with threads(n_threads):
        train(weights, settings, tokens, settings.pretrain_epochs, settings.learning_rate, seed, part(progress, 0.01, 1.0), "Pre-training")
    made = Pretrained(on_device(weights, "cpu"), tokenizer, early(settings), key, time.perf_counter() - start)
    if path:
        write_weights(path, {"weights": made.weights, "tokenizer": tokenizer, "seconds": made.seconds})
    return made


def _torch_version() -> str:
    import torch

    return str(torch.__version__)
