"""Fine-tune on a selection and measure on the test pairs; a finished result is kept in a folder and not made again."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

from craft_core.corpus.pairs import Corpus
from craft_core.corpus.sample import content_keys, sample_positions
from craft_core.errors import ParameterError
from craft_core.finetune.checkpoint import key_of, write_json
from craft_core.finetune.model import on_device
from craft_core.finetune.pretraining import Pretrained
from craft_core.finetune.results import Downstream, read_result
from craft_core.finetune.settings import FineTuning, compute_device, early
from craft_core.finetune.tokenizer import encode_pairs, open_tokenizer, read_tokens
from craft_core.finetune.train import threads, train
from craft_core.finetune.translate import mean_nll, translate
from craft_core.progress import Progress, part, silent

__all__ = ["finetune_and_score"]


def finetune_and_score(
    pretrained: Pretrained,
    settings: FineTuning,
    pairs: Corpus,
    test: Corpus,
    seed: int,
    folder: Path | None = None,
    progress: Progress = silent,
    n_threads: int = 1,
) -> Downstream:
    """Fine-tune a copy of the pre-trained model on the chosen pairs and measure it on the test pairs.

    The order of the chosen pairs makes no difference, nor do the selection's weights. No pair at all measures the model as pre-trained.

    Parameters
    ----------
    pairs, test : Corpus
        The chosen pairs, and those to measure on.
    seed : int
        Makes the order in which the pairs are seen.
    folder, n_threads
        As for `pretrain`.

    Raises
    ------
    ParameterError
        If the model was pre-trained with other parameters, or a package or the device is missing.
    """
    if early(settings) != pretrained.settings:
        raise ParameterError("The model was pre-trained with other parameters. Pre-train it again with these.")
    device, start = compute_device(settings), time.perf_counter()
    pairs = pairs.take(sample_positions(content_keys(pairs, seed), len(pairs)))
    late = repr((settings.epochs, settings.finetune_learning_rate))
    key = key_of(["finetune", pretrained.key, device.type, late, str(seed)], [pairs, test])
    path = None if folder is None else folder / f"result-{key[:32]}.json"
    kept = read_result(path) if path else None
    if kept is not None:
        return kept
    tokenizer = open_tokenizer(pretrained.tokenizer)
    weights = on_device({name: one.clone() for name, one in pretrained.weights.items()}, device)
    told, held = (encode_pairs(tokenizer, one, settings.max_tokens) for one in (pairs, test))
    with threads(n_threads):
        train(weights, settings, told, settings.epochs, settings.finetune_learning_rate, seed, part(progress, 0.0, 0.8), "Fine-tuning")
        nll = mean_nll(weights, settings, held, part(progress, 0.8, 0.83))
        written = translate(weights, settings, held, part(progress, 0.83, 1.0))
    chrf = _chrf(read_tokens(tokenizer, written), test.targets.to_pylist())
    result = Downstream(nll, chrf, time.perf_counter() - start, len(pairs))
    if path:
        write_json(path, asdict(result))
    return result


def _chrf(written: list[str], wanted: list[str]) -> float:
    from sacrebleu.metrics import CHRF

    return float(CHRF().corpus_score(written, [wanted]).score) if wanted else float("nan")
