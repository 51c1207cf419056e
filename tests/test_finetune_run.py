"""The downstream check as a whole: repeatable, resumable, and clear about what it needs."""

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from finetune_helpers import SMALL, copies

from craft_core.corpus.pairs import Corpus, corpus_from_texts
from craft_core.errors import CraftError, DataError, ParameterError
from craft_core.finetune import (
    Downstream,
    FineTuning,
    Pretrained,
    finetune_and_score,
    mean_downstream,
    pretrain,
    pretrain_positions,
    pretraining,
    run,
)

POOL, TEST = copies(80, 0), copies(12, 1, "test")
CHOSEN = POOL.take(np.arange(30))
ALL = np.arange(60)


@pytest.fixture(scope="module")
def model() -> Pretrained:
    return pretrain(SMALL, POOL, ALL, 0)


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(run, "train", refuse)


def labelled(labels: list[str | None]) -> Corpus:
    pool = corpus_from_texts([f"text {i}" for i in range(len(labels))], ["x"] * len(labels), "pool")
    return replace(pool, columns=pa.table({"domain": pa.array(labels, pa.string())}))


def refused(**values: object) -> str:
    with pytest.raises(ParameterError) as caught:
        pretrain(replace(SMALL, **values), POOL, ALL, 0)
    return str(caught.value)


def test_the_same_seed_gives_the_same_score_to_the_last_bit(model: Pretrained) -> None:
    again = pretrain(SMALL, POOL, ALL, 0)
    assert again.key == model.key
    assert all(torch.equal(again.weights[name], one) for name, one in model.weights.items())
    one, other = finetune_and_score(model, SMALL, CHOSEN, TEST, 0), finetune_and_score(again, SMALL, CHOSEN, TEST, 0)
    assert (one.nll, one.chrf, one.n_pairs) == (other.nll, other.chrf, 30)
    assert finetune_and_score(model, SMALL, CHOSEN, TEST, 1).nll != one.nll


def test_another_seed_pretrains_another_model(model: Pretrained) -> None:
    assert pretrain(SMALL, POOL, ALL, 1).key != model.key


def test_the_order_of_the_chosen_pairs_makes_no_difference(model: Pretrained) -> None:
    one = finetune_and_score(model, SMALL, CHOSEN, TEST, 0)
    assert finetune_and_score(model, SMALL, CHOSEN.take(np.arange(30)[::-1]), TEST, 0).nll == one.nll


def test_pairs_like_the_test_help(model: Pretrained) -> None:
    longer = replace(SMALL, epochs=20)
    nothing = finetune_and_score(model, longer, POOL.take(np.arange(0)), TEST, 0)
    alike = finetune_and_score(model, longer, CHOSEN, TEST, 0)
    wrong = finetune_and_score(model, longer, corpus_from_texts(["xyz zyx"] * 30, ["pqr stu vwx"] * 30, "pool"), TEST, 0)
    assert nothing.n_pairs == 0
    assert alike.nll < nothing.nll - 0.1 < wrong.nll
    assert 0 <= alike.chrf <= 100


def test_the_pretrained_model_is_not_changed(model: Pretrained) -> None:
    before = {name: one.clone() for name, one in model.weights.items()}
    finetune_and_score(model, SMALL, CHOSEN, TEST, 0)
    assert all(torch.equal(before[name], one) for name, one in model.weights.items())


def test_finished_work_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = pretrain(SMALL, POOL, ALL, 0, tmp_path)
    result = finetune_and_score(made, SMALL, CHOSEN, TEST, 0, tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".pt"]
    calls: list[object] = []
    for module in (pretraining, run):
        monkeypatch.setattr(module, "train", lambda *given: calls.append(given))
    read = pretrain(SMALL, POOL, ALL, 0, tmp_path)
    assert read.key == made.key
    assert read.tokenizer == made.tokenizer
    assert read.seconds == made.seconds
    assert all(torch.equal(read.weights[name], one) for name, one in made.weights.items())
    assert finetune_and_score(read, SMALL, CHOSEN, TEST, 0, tmp_path) == result
    assert not calls
    finetune_and_score(read, SMALL, CHOSEN, TEST, 1, tmp_path)
    finetune_and_score(read, SMALL, CHOSEN, POOL, 0, tmp_path)
    finetune_and_score(read, SMALL, POOL, TEST, 0, tmp_path)
    finetune_and_score(read, replace(SMALL, epochs=3), CHOSEN, TEST, 0, tmp_path)
    assert len(calls) == 4


@pytest.mark.usefixtures("no_training")
def test_without_a_folder_nothing_is_remembered(model: Pretrained) -> None:
    with pytest.raises(AssertionError, match="trained again"):
        finetune_and_score(model, SMALL, CHOSEN, TEST, 0)


@pytest.mark.parametrize("broken", ["", '{"nll": 3.', "[1]", '{"nll": 3.5}', '{"nll": "3", "chrf": 1, "seconds": 1, "n_pairs": 1}'])
def test_a_broken_result_is_made_again(tmp_path: Path, model: Pretrained, broken: str) -> None:
    result = finetune_and_score(model, SMALL, CHOSEN, TEST, 0, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_text(broken)
    assert finetune_and_score(model, SMALL, CHOSEN, TEST, 0, tmp_path).nll == result.nll
    assert json.loads(path.read_text())["nll"] == result.nll


def test_a_broken_checkpoint_is_made_again(tmp_path: Path, model: Pretrained) -> None:
    pretrain(SMALL, POOL, ALL, 0, tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for broken in (b"", whole[: len(whole) // 2], b"\xff" * 100):
        path.write_bytes(broken)
        again = pretrain(SMALL, POOL, ALL, 0, tmp_path)
        assert torch.equal(again.weights["embedding"], model.weights["embedding"])
    assert [one.suffix for one in tmp_path.iterdir()] == [".pt"]


def test_stopped_work_leaves_no_file(tmp_path: Path, model: Pretrained) -> None:
    def stop(share: float, _: str) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finetune_and_score(model, SMALL, CHOSEN, TEST, 0, tmp_path, stop)
    with pytest.raises(KeyboardInterrupt):
        pretrain(SMALL, POOL, ALL, 0, tmp_path, stop)
    assert not list(tmp_path.iterdir())


def test_progress_rises_to_the_end(model: Pretrained) -> None:
    seen: list[float] = []
    finetune_and_score(model, SMALL, CHOSEN, TEST, 0, None, lambda share, _: seen.append(share))
    assert seen == sorted(seen)
    assert seen[0] >= 0
    assert 0.8 < seen[-1] <= 1


def test_threads_are_given_back(model: Pretrained) -> None:
    before, used = torch.get_num_threads(), []
    finetune_and_score(model, SMALL, CHOSEN, TEST, 0, None, lambda *_: used.append(torch.get_num_threads()), n_threads=2)
    assert set(used) == {2}
    assert torch.get_num_threads() == before


def test_a_model_made_otherwise_is_refused(model: Pretrained) -> None:
    with pytest.raises(ParameterError, match="pre-trained with other parameters"):
        finetune_and_score(model, replace(SMALL, layers=2), CHOSEN, TEST, 0)


def test_later_choices_do_not_ask_for_another_model(model: Pretrained) -> None:
    assert pretrain(replace(SMALL, epochs=9, finetune_learning_rate=0.1, n_seeds=3), POOL, ALL, 0).key == model.key


@pytest.mark.parametrize("missing", ["torch", "tokenizers"])
def test_without_a_package_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == missing else find(name, *rest))
    assert refused() == f"Fine-tuning needs {missing}, which is not installed. Run: pip install torch tokenizers."


def test_importing_imports_nothing_heavy() -> None:
    code = "import craft_core.finetune, sys; print([n for n in ('torch', 'tokenizers', 'sacrebleu', 'pandas') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_device_that_is_not_there_is_refused() -> None:
    assert "The 'device' parameter of finetune cannot be used here" in refused(device="banana")
    assert refused(device="cuda:77").endswith("Got 'cuda:77'.")


def test_parameters_are_checked() -> None:
    for values in ({"dimensions": 36, "heads": 4}, {"epochs": 0}, {"vocabulary": 259}, {"learning_rate": 0.0}):
        with pytest.raises(ParameterError):
            FineTuning(**values)


def test_pretraining_leaves_out_the_labels_named() -> None:
    pool = labelled(["news", "law", None, "news", "law"])
    settings = replace(SMALL, pretrain_pairs=10)
    assert set(pretrain_positions(settings, pool, 0, "domain", ["news"]).tolist()) == {1, 2, 4}
    assert set(pretrain_positions(settings, pool, 0).tolist()) == set(range(5))
    assert len(pretrain_positions(replace(SMALL, pretrain_pairs=2), pool, 0, "domain", ["news"])) == 2


def test_the_sample_follows_the_texts_not_their_places() -> None:
    shuffled = np.random.default_rng(0).permutation(80)
    one, other = pretrain_positions(SMALL, POOL, 3), pretrain_positions(SMALL, POOL.take(shuffled), 3)
    assert POOL.take(one).sources.equals(POOL.take(shuffled).take(other).sources)
    assert one.tolist() != pretrain_positions(SMALL, POOL, 4).tolist()


def test_a_pool_without_the_labels_or_without_other_pairs_is_refused() -> None:
    pool = labelled(["news", "news"])
    with pytest.raises(DataError, match="no column 'topic'. It has: domain"):
        pretrain_positions(SMALL, pool, 0, "topic", ["news"])
    with pytest.raises(CraftError, match="No pool pair is left"):
        pretrain_positions(SMALL, pool, 0, "domain", ["news"])


def test_the_mean_and_the_sample_deviation() -> None:
    one, other = Downstream(5.0, 20.0, 10.0, 7), Downstream(5.2, 24.0, 14.0, 7)
    mean = mean_downstream([one, other])
    assert (mean.nll, mean.chrf, mean.seconds, mean.n_seeds) == (pytest.approx(5.1), 22.0, 12.0, 2)
    assert (mean.nll_spread, mean.chrf_spread) == (pytest.approx(0.02**0.5), pytest.approx(8**0.5))
    alone = mean_downstream([one])
    assert (alone.nll_spread, alone.chrf_spread) == (0.0, 0.0)
