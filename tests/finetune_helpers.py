"""A model so small that it trains in a blink, and texts it can learn."""

import numpy as np

from craft_core.corpus.pairs import Corpus, corpus_from_texts
from craft_core.finetune.settings import FineTuning
from craft_core.finetune.tokenizer import TokenPairs, encode_pairs, open_tokenizer, train_tokenizer

SMALL = FineTuning(
    pretrain_pairs=60,
    pretrain_epochs=2,
    epochs=2,
    batch_tokens=128,
    finetune_learning_rate=0.002,
    dimensions=32,
    layers=1,
    heads=2,
    vocabulary=300,
    max_tokens=32,
    device="cpu",
)


def copies(n: int, seed: int, name: str = "pool") -> Corpus:
    """Pairs whose target is the source, one to six letters."""
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list("abcde"), rng.integers(1, 7))) for _ in range(n)]
    return corpus_from_texts(texts, texts, name)


def tokens_of(corpus: Corpus) -> TokenPairs:
    opened = open_tokenizer(train_tokenizer([], SMALL.vocabulary))  # bytes alone
    return encode_pairs(opened, corpus, SMALL.max_tokens)
