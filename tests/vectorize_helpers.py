"""A sentence-transformers model of a few kilobytes, made on the spot, and a folder of precomputed vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from craft_core.corpus.pairs import Corpus


def tiny_model(folder: Path, words: list[str]) -> Path:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]), encoding="utf-8")
    bert = folder / "bert"
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=5 + len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(bert)
    BertTokenizerFast(vocab_file=str(vocabulary), model_max_length=64).save_pretrained(bert)
    transformer = Transformer(str(bert), max_seq_length=32)
    pooling = Pooling(16)
    model = SentenceTransformer(modules=[transformer, pooling], device="cpu")
    model.save(str(folder / "model"))
    return folder / "model"


def save_vectors(folder: Path, *corpora: Corpus, dimensions: int = 4) -> Path:
    """Save random vectors for rows as given, zero for blank texts."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, corpus in enumerate(corpora):
        for side, texts in (("source", corpus.sources), ("target", corpus.targets)):
            vectors = np.zeros((int(corpus.rows.max(initial=-1)) + 1, dimensions), np.float32)
            vectors[corpus.rows] = np.random.default_rng(number).standard_normal((len(corpus), dimensions))
            vectors[corpus.rows[[not text for text in texts.to_pylist()]]] = 0
            np.save(folder / f"{corpus.name}.{side}.npy", vectors)
    return folder
