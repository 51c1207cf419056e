"""Files are whole or not there, and their names follow from the texts alone."""

from pathlib import Path

import numpy as np
import pytest
import torch

from craft_core.corpus.pairs import corpus_from_texts
from craft_core.finetune.checkpoint import key_of, read_json, read_weights, write_json, write_weights


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_json(tmp_path / "new" / "a.json", {"nll": 5.0})
    assert read_json(tmp_path / "new" / "a.json") == {"nll": 5.0}
    write_weights(tmp_path / "a.pt", {"weights": {"one": torch.ones(2)}, "tokenizer": "क"})
    found = read_weights(tmp_path / "a.pt")
    assert found is not None
    assert found["weights"]["one"].tolist() == [1, 1]
    assert found["tokenizer"] == "क"


def test_what_is_missing_is_none(tmp_path: Path) -> None:
    assert read_json(tmp_path / "a.json") is None
    assert read_weights(tmp_path / "a.pt") is None


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"nll": 5.0})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"nll": object()})
    assert read_json(tmp_path / "a.json") == {"nll": 5.0}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    torch.save({"weights": Path("x")}, tmp_path / "a.pt")
    assert read_weights(tmp_path / "a.pt") is None


def test_keys_follow_the_texts_and_their_order() -> None:
    one = corpus_from_texts(["a", "b"], ["c", "d"], "pool")
    same = corpus_from_texts(["x", "a", "b"], ["x", "c", "d"], "test").take(np.array([1, 2]))
    others = [
        corpus_from_texts(["b", "a"], ["d", "c"], "pool"),
        corpus_from_texts(["ab", ""], ["c", "d"], "pool"),
        corpus_from_texts(["a"], ["c"], "pool"),
    ]
    assert key_of(["p"], [one]) == key_of(["p"], [same])
    keys = {key_of(["p"], [one]), key_of(["q"], [one]), key_of(["p"], [one, one]), *(key_of(["p"], [other]) for other in others)}
    assert len(keys) == 6
