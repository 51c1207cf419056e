"""A small pre-norm encoder-decoder transformer (Vaswani et al. 2017), as functions of a dictionary of weights.

No biases, no dropout (a few epochs on thousands of pairs do not need it), sine positions, and one embedding for both sides and the output.
So nothing here draws random numbers but `initial_weights`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from craft_core.finetune.settings import FineTuning
from craft_core.finetune.tokenizer import PAD

__all__ = ["Looked", "Tensor", "Weights", "decode", "encode_sources", "initial_weights", "logits", "look_across", "n_weights", "on_device"]

Tensor = Any
"""A torch.Tensor; torch is imported only where it is used."""

Looked = tuple[Tensor, Tensor]
"""Keys and values, each of shape (n, heads, length, dimensions / heads)."""

Weights = dict[str, Tensor]
"""The weights by name. Names tell the side, the layer and the block: ``decoder.0.cross.query``."""


def initial_weights(settings: FineTuning, size: int, seed: int) -> Weights:
    """Return the weights before training, float32 on the CPU; `size` is the number of tokens.

    Normal numbers of variance 1 / (width of the input); what a block adds to its input is scaled down with the depth, as GPT-2 does.
    """
    import torch

    rng = np.random.default_rng(seed)
    wide, depth = settings.dimensions, 1 / math.sqrt(2 * settings.layers)

    def normal(rows: int, columns: int, scale: float = 1.0) -> Tensor:
        return torch.from_numpy((rng.standard_normal((rows, columns)) * (scale / math.sqrt(columns))).astype(np.float32))

    weights = {"embedding": normal(size, wide), "output.bias": torch.zeros(size)}
    for side in ("encoder", "decoder"):
        for layer in range(settings.layers):
            at = f"{side}.{layer}"
            blocks = ("self",) if side == "encoder" else ("self", "cross")
            for block in blocks:
                weights[f"{at}.{block}.query"] = normal(wide, wide)
                weights[f"{at}.{block}.key_value"] = normal(2 * wide, wide)
                weights[f"{at}.{block}.out"] = normal(wide, wide, depth)
            weights[f"{at}.wide"] = normal(4 * wide, wide)
            weights[f"{at}.narrow"] = normal(wide, 4 * wide, depth)
            for block in (*blocks, "feed"):
                weights[f"{at}.{block}.norm"] = torch.ones(wide)
        weights[f"{side}.norm"] = torch.ones(wide)
    return weights


def n_weights(weights: Weights) -> int:
    """Return how many numbers the model has."""
    return sum(one.numel() for one in weights.values())


def on_device(weights: Weights, device: Any) -> Weights:
    """Return the weights on a device; those that are there already are the same tensors."""
    return {name: one.to(device) for name, one in weights.items()}


def _embed(weights: Weights, ids: Tensor, start: int = 0) -> Tensor:
    """Return the input of the first layer, shape (n, length, dimensions), for texts whose first token stands at position `start`."""
    import torch
    import torch.nn.functional as F

    wide = weights["embedding"].shape[1]
    position = torch.arange(start, start + ids.shape[1], device=ids.device, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, wide, 2, device=ids.device) * (-math.log(10_000) / wide))
    places = torch.cat([torch.sin(position * rate), torch.cos(position * rate)], 1)
    # the embedding has length 1, a place has length sqrt(wide / 2)
    return F.embedding(ids, weights["embedding"]) * math.sqrt(wide) + places


def encode_sources(weights: Weights, settings: FineTuning, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the encoder makes of padded sources, shape (n, length, dimensions), and where it may be looked at, (n, 1, 1, length)."""
    hidden, seen = _embed(weights, ids), (ids != PAD)[:, None, None, :]
    for layer in range(settings.layers):
        at = f"encoder.{layer}"
        rows = _norm(hidden, weights[f"{at}.self.norm"])
        looked = _keys_values(weights, f"{at}.self", settings.heads, rows)
        hidden = hidden + _attend(weights, f"{at}.self", settings.heads, rows, looked, seen)
        hidden = hidden + _feed(weights, at, hidden)
    return _norm(hidden, weights["encoder.norm"]), seen


def look_across(weights: Weights, settings: FineTuning, memory: Tensor) -> list[Looked]:
    """Return the keys and values of the encoder's rows for each decoder layer; they stay the same from token to token."""
    return [_keys_values(weights, f"decoder.{layer}.cross", settings.heads, memory) for layer in range(settings.layers)]


def decode(
    weights: Weights, settings: FineTuning, ids: Tensor, across: list[Looked], seen: Tensor, past: dict[int, Looked] | None = None
) -> Tensor:
    """Return what the decoder makes of padded targets that begin with the start mark; a position looks at itself and those before it.

    Parameters
    ----------
    ids : Tensor
        Shape (n, length); with a filled `past`, the one token that comes next, shape (n, 1).
    past : dict or None
        Keys and values of the tokens before, by layer; they are added to it.
    """
    hidden = _embed(weights, ids, past[0][0].shape[2] if past else 0)
    for layer in range(settings.layers):
        at = f"decoder.{layer}"
        rows = _norm(hidden, weights[f"{at}.self.norm"])
        looked = _keys_values(weights, f"{at}.self", settings.heads, rows)
        if past is not None:
            looked = past[layer] = _joined(past.get(layer), looked)
        hidden = hidden + _attend(weights, f"{at}.self", settings.heads, rows, looked, None)
        rows = _norm(hidden, weights[f"{at}.cross.norm"])
        hidden = hidden + _attend(weights, f"{at}.cross", settings.heads, rows, across[layer], seen)
        hidden = hidden + _feed(weights, at, hidden)
    return _norm(hidden, weights["decoder.norm"])


def logits(weights: Weights, hidden: Tensor) -> Tensor:
    """Return unnormalised log probabilities of the next token, shape (..., tokens)."""
    import torch.nn.functional as F

    return F.linear(hidden, weights["embedding"], weights["output.bias"])


def _keys_values(weights: Weights, at: str, heads: int, rows: Tensor) -> Looked:
    import torch.nn.functional as F

    keys, values = F.linear(rows, weights[f"{at}.key_value"]).chunk(2, -1)
    return _split(keys, heads), _split(values, heads)


def _attend(weights: Weights, at: str, heads: int, rows: Tensor, looked: Looked, seen: Tensor | None) -> Tensor:
    import torch.nn.functional as F

    queries = _split(F.linear(rows, weights[f"{at}.query"]), heads)
    is_causal = seen is None and queries.shape[2] > 1  # a single token comes last and looks at all before it
    found = F.scaled_dot_product_attention(queries, *looked, attn_mask=seen, is_causal=is_causal)
    return F.linear(found.transpose(1, 2).flatten(2), weights[f"{at}.out"])


def _joined(before: Looked | None, now: Looked) -> Looked:
    import torch

    return now if before is None else (torch.cat([before[0], now[0]], 2), torch.cat([before[1], now[1]], 2))


def _split(rows: Tensor, heads: int) -> Tensor:
    return rows.unflatten(-1, (heads, -1)).transpose(1, 2)


def _norm(rows: Tensor, scale: Tensor) -> Tensor:
    import torch.nn.functional as F

    return F.layer_norm(rows, scale.shape, scale)


def _feed(weights: Weights, at: str, hidden: Tensor) -> Tensor:
    import torch.nn.functional as F

    wide = F.relu(F.linear(_norm(hidden, weights[f"{at}.feed.norm"]), weights[f"{at}.wide"]))
    return F.linear(wide, weights[f"{at}.narrow"])
