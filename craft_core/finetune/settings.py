"""What the fine-tuning check may be told, and what it needs installed."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any, ClassVar

from craft_core.errors import ParameterError
from craft_core.params import check, param, record

__all__ = ["FineTuning", "compute_device", "early", "need_packages"]

_LATE = ("epochs", "finetune_learning_rate", "n_seeds", "device")


@dataclass(frozen=True)
class FineTuning:
    """Fine-tune one small translation model on each selection and measure it on the test pairs.

    The model is an encoder-decoder of a few million weights, pre-trained once on a random part of the pool. It is far too small to
    translate well; what it is good for is to rank selections, at minutes each on one core. A selection's weights are not used: all its
    pairs count alike.
    """

    name: ClassVar[str] = "finetune"

    pretrain_pairs: int = param(25_000, low=1, high=10_000_000, help="Random pool pairs the model is pre-trained on.")
    pretrain_epochs: int = param(4, low=1, high=1_000, help="How often pre-training goes through its pairs.")
    epochs: int = param(6, low=1, high=1_000, help="How often fine-tuning goes through a selection.")
    batch_tokens: int = param(2_048, low=16, high=1_000_000, help="Tokens of both sides in one step, padding included.")
    learning_rate: float = param(0.002, low=1e-7, high=1.0, help="Largest step size of pre-training.")
    finetune_learning_rate: float = param(0.0003, low=1e-7, high=1.0, help="Largest step size of fine-tuning.")
    dimensions: int = param(128, low=8, high=4_096, help="Width of the model; the heads must divide it.")
    layers: int = param(3, low=1, high=24, help="Layers of the encoder, and as many of the decoder.")
    heads: int = param(4, low=1, high=64, help="Attention heads of a layer.")
    vocabulary: int = param(8_000, low=300, high=100_000, help="Most tokens of the vocabulary the two sides share.")
    max_tokens: int = param(128, low=4, high=4_096, help="Texts are cut after this many tokens, the end mark included.")
    n_seeds: int = param(1, low=1, high=100, help="Fine-tunings of a selection, each with another order of its pairs.")
    device: str = param("auto", help="Where to compute: auto (a GPU where there is one), cpu, cuda, cuda:1, mps, ...")

    def __post_init__(self) -> None:
        check(self)
        if self.dimensions % (2 * self.heads):
            raise ParameterError(
                f"The 'dimensions' parameter of finetune must be a multiple of twice its {self.heads} heads. Got {self.dimensions}."
            )


def early(settings: FineTuning) -> dict[str, Any]:
    """Return the parameters that pre-training depends on, by name: with these alike, one pre-trained model serves."""
    return {name: value for name, value in record(settings).items() if name not in _LATE}


def need_packages() -> None:
    """Raise ParameterError, saying what to install, where torch or tokenizers is missing."""
    for package in ("torch", "tokenizers"):
        if importlib.util.find_spec(package) is None:
            raise ParameterError(f"Fine-tuning needs {package}, which is not installed. Run: pip install torch tokenizers.")


def compute_device(settings: FineTuning) -> Any:
    """Return the torch device to compute on.

    Raises
    ------
    ParameterError
        If a package is missing, or torch does not know the device or this machine lacks it.
    """
    need_packages()
    import torch

    if settings.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.zeros(1, device=settings.device).device
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built for the device
        reason = str(error).split("\n")[0].rstrip(".")
        raise ParameterError(f"The 'device' parameter of finetune cannot be used here ({reason}). Got {settings.device!r}.") from error
