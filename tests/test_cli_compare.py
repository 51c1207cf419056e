import json
from pathlib import Path

import pytest
from toy_data import write_world

from craft_core import cli
from craft_core.selectors import SELECTORS

FILES = ["--pool", "data/pool.tsv", "--validation", "data/validation.tsv", "--test", "data/test.tsv"]
SMALL = ["--n-clusters", "4", "--tfidf-dimensions", "16", "--seeds", "2", "--budgets", "20"]


@pytest.fixture(autouse=True)
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_world(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compare(*more: str, out: str = "out") -> int:
    return cli.main(["compare", *FILES, "--out", out, *SMALL, *more])


def error(capsys: pytest.CaptureFixture[str]) -> str:
    text = capsys.readouterr().err
    assert "Traceback" not in text
    return text.strip().splitlines()[-1]


def record() -> dict[str, object]:
    found: dict[str, object] = json.loads(Path("out/comparison.json").read_text(encoding="utf-8"))
    return found


def test_all_methods_are_compared_unless_some_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare("--label-column", "topic") == 0
    shown = capsys.readouterr().out
    for name in SELECTORS:
        assert f"\n| {name} | " in shown
    assert "Written: out: chosen.parquet, comparison.json, comparison.md" in shown
    assert record()["seeds"] == [0, 1]


def test_parameters_of_methods_are_set_one_by_one() -> None:
    assert compare("--methods", "tsds", "craft", "--set", "tsds.sigma=0", "--set", "tsds.max-k=50", "--quiet") == 0
    tsds, craft = record()["methods"]  # type: ignore[misc]
    assert (tsds["sigma"], tsds["max_k"], craft["name"]) == (0.0, 50, "craft")


def test_quiet_is_quiet_and_the_first_seed_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare("--methods", "random", "--seed", "5", "--noise", "0.3", "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert (record()["seeds"], record()["noise"]) == ([5, 6], 0.3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "tsds"], "--set takes METHOD.PARAMETER=VALUE, as in tsds.sigma=0. Got 'tsds'."),
        (["--methods", "craft", "--set", "tsds.sigma=0"], "--set names 'tsds', which is not compared. Compared are: craft."),
        (["--set", "tsds.colour=1"], "tsds has no parameter 'colour'. It has: alpha"),
        (["--set", "tsds.sigma=wide"], "The 'sigma' parameter of tsds must be a number. Got 'wide'."),
        (["--set", "tsds.sigma=-1"], "The 'sigma' parameter of tsds must lie in"),
        (["--seeds", "0"], "needs --seeds of at least 1. Got 0."),
        (["--budgets", "5", "5"], "needs budgets, each named once. Got 5, 5."),
        (["--noise", "2"], "must be a share in [0, 1]"),
        (["--label-column", "genre"], "has no label column 'genre'. Further columns: topic."),
        (["--finetune-epochs", "2"], "--finetune-epochs does something only together with --finetune."),
    ],
)
def test_mistakes_get_a_sentence_and_write_nothing(options: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(*options) == 2
    assert words in error(capsys)
    assert not Path("out").exists()


def test_the_downstream_check_runs_and_goes_on_where_it_stopped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    small = ["--finetune-pretrain-pairs", "40", "--finetune-pretrain-epochs", "1", "--finetune-epochs", "1", "--finetune-dimensions", "16"]
    small += ["--finetune-layers", "1", "--finetune-heads", "2", "--finetune-vocabulary", "400", "--finetune-max-tokens", "24"]
    options = ["--methods", "craft", "random", "--label-column", "topic", "--finetune", *small]
    assert compare(*options) == 0
    first = Path("out/trials.parquet").read_bytes()
    assert "Test loss of a small model" in capsys.readouterr().out
    assert list(Path("out.finetune").glob("result-*.json"))

    def trained_again(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("craft_core.finetune.run.train", trained_again)
    assert compare(*options, "--overwrite", "--quiet") == 0
    assert len(Path("out/trials.parquet").read_bytes()) == len(first)
