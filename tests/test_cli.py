import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from stream_worlds import MEMORY, InProcess, use
from toy_data import rows, write_world

import craft_core
from craft_core import cli
from craft_core.estimate import sizes_of_files
from craft_core.selectors import SELECTORS

ROOT = Path(__file__).parent.parent
SMALL = ["--n-clusters", "4", "--budget", "60", "--tfidf-dimensions", "16"]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_world(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def select(*more: str, selector: str = "craft", out: str = "out", options: list[str] = SMALL) -> int:
    data = ["--pool", "data/pool.tsv", "--validation", "data/validation.tsv", "--test", "data/test.tsv"]
    return cli.main(["select", selector, *data, "--out", out, *options, *more])


def hashes(folder: Path) -> dict[str, str]:
    return {one["name"]: one["sha256"] for one in json.loads((folder / "manifest.json").read_bytes())["outputs"]}


def error(capsys: pytest.CaptureFixture[str]) -> str:
    text = capsys.readouterr().err
    assert "Traceback" not in text
    return text.strip().splitlines()[-1]


def test_select_writes_an_export_and_tells_in_short(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert select() == 0
    shown = capsys.readouterr()
    for words in ("Pool:", "Chosen:      60 of a budget of 60", "stars", "half against half", "Written:     out: subset.parquet"):
        assert words in shown.out
    assert "%" in shown.err
    assert (world / "out" / "subset.parquet").is_file()


def test_quiet_is_quiet(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert select("--quiet") == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_verify_says_identical_then_names_a_changed_pool(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert select("--quiet") == 0
    assert cli.main(["verify", "out"]) == 0
    assert capsys.readouterr().out.startswith("Identical")
    path = world / "data" / "pool.tsv"
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(bytes(data))
    assert cli.main(["verify", "out", "--quiet"]) == 1
    assert "The pool file 'pool.tsv' differs" in capsys.readouterr().out


def test_verify_names_a_changed_subset(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert select("--quiet", "--format", "csv") == 0
    path = world / "out" / "subset.csv"
    path.write_bytes(path.read_bytes().replace(b"star", b"stir", 1))
    assert cli.main(["verify", "out", "--quiet"]) == 1
    assert capsys.readouterr().out.splitlines() == ["The output 'subset.csv' was changed: its sha256 is not the manifest's."]


def test_a_recipe_replays_to_the_same_hashes(world: Path) -> None:
    assert select("--quiet", "--max-characters", "none", "--no-drop-source-overlaps", "--format", "text") == 0
    assert cli.main(["select", "--recipe", "out/recipe.toml", "--out", "again", "--quiet"]) == 0
    assert hashes(world / "again") == hashes(world / "out")


def test_a_recipe_with_names_of_clusters_exports_them(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert select("--quiet") == 0
    recipe = (world / "out" / "recipe.toml").read_text(encoding="utf-8")
    assert recipe.endswith("[cluster_names]\n")
    (world / "data" / "named.toml").write_text(
        recipe.replace("../data/", "") + '0 = "Sky \\"at night\\""\n99 = "Beyond"\n', encoding="utf-8"
    )
    assert cli.main(["select", "--recipe", "data/named.toml", "--out", "named"]) == 0
    assert "shown nowhere: 99; there are 4, from 0." in capsys.readouterr().out
    assert (world / "named" / "clusters.tsv").read_text(encoding="utf-8").splitlines()[1].startswith('0\t"Sky ""at night"""\t')
    assert (world / "named" / "indices.npy").read_bytes() == (world / "out" / "indices.npy").read_bytes()
    assert cli.main(["verify", "named", "--quiet"]) == 0
    assert cli.main(["select", "--recipe", "named/recipe.toml", "--out", "again", "--quiet"]) == 0
    assert hashes(world / "again") == hashes(world / "named")


def test_a_selection_made_again_is_written_and_verified(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert select("--stability-seeds", "2", "--no-stability-vary-clusters") == 0
    assert "Stability:   Made again with 2 further seeds, " in capsys.readouterr().out
    assert pyarrow.parquet.read_schema("out/selection.parquet").names[-1] == "frequency"
    assert cli.main(["verify", "out", "--quiet"]) == 0
    assert cli.main(["select", "--recipe", "out/recipe.toml", "--out", "again", "--quiet"]) == 0
    assert hashes(world / "again") == hashes(world / "out")


def test_a_column_may_be_called_none(world: Path) -> None:
    path = world / "data" / "pool.tsv"
    for name in ("pool", "validation", "test"):
        path = world / "data" / f"{name}.tsv"
        path.write_bytes(path.read_bytes().replace(b"id\t", b"none\t", 1))
    assert select("--quiet", "--id-column", "none") == 0
    assert pyarrow.parquet.read_table("out/subset.parquet").column_names == ["none", "source", "target", "topic"]
    assert cli.main(["verify", "out", "--quiet"]) == 0


def program(*words: str, **settings: Any) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings.pop("env", {})}
    return subprocess.Popen([sys.executable, "-m", "craft_core", *words], env=environment, stderr=subprocess.PIPE, **settings)


@pytest.mark.parametrize(("words", "unbuffered"), [(["verify", "out"], ""), (["verify", "out"], "1"), (["verify", "--help"], "")])
def test_a_closed_pipe_is_no_error(world: Path, words: list[str], unbuffered: str) -> None:
    assert select("--quiet") == 0
    read, write = os.pipe()
    os.close(read)
    done = program(*words, stdout=write, env={"PYTHONUNBUFFERED": unbuffered})
    os.close(write)
    shown = done.communicate()[1]
    assert done.returncode == 141
    assert b"BrokenPipe" not in shown


def test_closed_pipes_for_output_and_errors_are_no_error(world: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "craft_core", "verify", "nowhere"], env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=write, stderr=write,
        check=False,
    )  # fmt: skip
    os.close(write)
    assert done.returncode == 141


def test_a_terminal_without_unicode_gets_escapes(world: Path) -> None:
    pool = world / "data" / "pool.tsv"
    pool.write_bytes(pool.read_bytes().replace(b"\tstars", "\tतारा".encode()))
    done = program("select", "craft", "--pool", "data/pool.tsv", "--validation", "data/validation.tsv", "--out", "आ", *SMALL,
                   stdout=subprocess.PIPE, env={"PYTHONIOENCODING": "ascii"})  # fmt: skip
    shown, errors = done.communicate()
    assert done.returncode == 0, errors
    assert b"\\u0924" in shown


def test_a_folder_moves_with_its_inputs(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert select("--quiet", out="data/out") == 0
    (world / "data").rename(world / "elsewhere")
    assert cli.main(["verify", "elsewhere/out", "--quiet"]) == 0
    assert cli.main(["select", "--recipe", "elsewhere/out/recipe.toml", "--out", "elsewhere/again", "--quiet"]) == 0
    assert hashes(world / "elsewhere" / "again") == hashes(world / "elsewhere" / "out")


def test_a_recipe_takes_data_that_moved(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert select("--quiet") == 0
    (world / "data" / "pool.tsv").rename(world / "moved.tsv")
    assert cli.main(["select", "--recipe", "out/recipe.toml", "--out", "again", "--quiet"]) == 2
    assert "There is no pool file" in error(capsys)
    assert cli.main(["select", "--recipe", "out/recipe.toml", "--out", "again", "--quiet", "--pool", "moved.tsv"]) == 0
    assert hashes(world / "again")["subset.parquet"] == hashes(world / "out")["subset.parquet"]
    assert cli.main(["verify", "out", "--quiet", "--pool", "moved.tsv"]) == 0


def test_two_text_files_and_two_pools(world: Path) -> None:
    for name, pairs in (("a", rows(50, ("stars",), 7, "a")), ("b", rows(60, ("bread",), 8, "b")), ("v", rows(20, ("stars",), 9, "v"))):
        for side, position in (("en", 1), ("hi", 2)):
            (world / f"{name}.{side}").write_text("".join(row[position] + "\n" for row in pairs), encoding="utf-8")
    words = ["select", "craft", "--pool", "a.en+a.hi", "b.en+b.hi", "--validation", "v.en+v.hi", "--out", "out", *SMALL, "--budget", "10"]
    assert cli.main([*words, "--quiet", "--format", "text"]) == 0
    assert np.load("out/indices.npy").max() < 50
    assert cli.main(["verify", "out", "--quiet"]) == 0


@pytest.mark.parametrize("selector", SELECTORS)
@pytest.mark.parametrize("vectorizer", ["tfidf", "hashing"])
def test_every_selector_and_vectorizer_runs(world: Path, selector: str, vectorizer: str) -> None:
    options = ["--n-clusters", "4", "--budget", "30", "--vectorizer", vectorizer, f"--{vectorizer}-dimensions", "16", "--quiet"]
    assert select(selector=selector, options=options) == 0
    assert len(np.load("out/indices.npy")) == 30


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--hashing-dimensions", "32"], "--hashing-dimensions belongs to the vectorizer hashing, but tfidf is used."),
        (["--n-clusters", "0"], "The 'n_clusters' parameter of k-means must lie in"),
        (["--stability-seeds", "-1"], "The 'n_seeds' parameter of stability must lie in [0, 50]."),
        (["--budget", "0"], "The budget must be a whole number of at least 1 pair. Got 0."),
        (["--seed", "-1"], "The seed must be a whole number of at least 0. Got -1."),
        (["--n-clusters", "9999"], "must be at most"),
        (["--pool", "nowhere.tsv"], "There is no pool file 'nowhere.tsv'. Put it there, or point to it with --pool."),
        (["--source-column", "French"], "has no column 'French'"),
        (["--max-rows", "10"], "beyond the limit of 10 rows"),
        (["--out", "data"], "is not empty"),
        (["--out", "data", "--overwrite"], "no manifest.json"),
    ],
)
def test_a_mistake_gets_a_sentence_and_leaves_nothing(
    world: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert select("--quiet", *more) == 2
    assert message in error(capsys)
    assert sorted(path.name for path in world.iterdir()) == ["data"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["select"], "Choose a selector"),
        (["select", "--out", "out"], "Choose a selector"),
        (["select", "--recipe", "r.toml"], "Name a new folder for the export with --out."),
        (["select", "--recipe", "r.toml", "--out", "o", "--budget", "5"], "the recipe holds everything else. Got --budget."),
        (["select", "--budget", "5", "--recipe", "r.toml", "--out", "o"], "Got --budget."),
        (["select", "craft", "--recipe=r.toml", "--out", "o"], "Got craft."),
        (["select", "--recipe", "no.toml", "--out", "o"], "The recipe 'no.toml' cannot be read: No such file"),
        (["select", "--recipe", "r.toml", "--out", "o"], "not valid TOML"),
        (["verify", "nowhere"], "There is no manifest.json in 'nowhere'"),
    ],
)
def test_a_command_that_cannot_work_gets_a_sentence(
    world: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    (world / "r.toml").write_text("[data")
    assert cli.main(words) == 2
    assert message in error(capsys)


@pytest.mark.parametrize(
    "words", [["magic"], ["select", "magic"], ["select", "craft", "--budge", "3"], ["select", "craft", "--format", "doc"], []]
)
def test_usage_mistakes_exit_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    assert stopped.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_an_interruption_leaves_nothing(world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("craft_core.export.folder.manifest_text", interrupted)
    assert select("--quiet") == 130
    assert "no results were written" in error(capsys)
    assert sorted(path.name for path in world.iterdir()) == ["data"]


OUT_OF_CORE = ["--memory", "8GB", "--workers", "2"]


def test_out_of_core_the_export_is_the_same_and_a_stopped_run_goes_on(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once with real processes."""

    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    assert select("--quiet") == 0
    with monkeypatch.context() as stopped:
        stopped.setattr("craft_core.export.folder.manifest_text", interrupted)
        assert select("--quiet", *OUT_OF_CORE, out="streamed") == 130
    assert "no results were written" in error(capsys)
    assert sorted(path.name for path in world.iterdir()) == ["data", "out", "streamed.work"]
    begun = use(monkeypatch, InProcess())
    assert select(*OUT_OF_CORE, out="streamed") == 0
    assert begun.done == []
    assert "Chosen:      60 of a budget of 60" in capsys.readouterr().out
    assert sorted(path.name for path in world.iterdir()) == ["data", "out", "streamed"]
    assert hashes(world / "streamed") == hashes(world / "out")


def test_a_recipe_and_a_verification_go_out_of_core(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert select("--quiet") == 0
    engine = use(monkeypatch, InProcess(seed=0))
    work = world / "work"
    (work / "mine").mkdir(parents=True)
    assert cli.main(["select", "--recipe", "out/recipe.toml", "--out", "again", "--quiet", *OUT_OF_CORE, "--work", "work"]) == 0
    assert hashes(world / "again") == hashes(world / "out")
    n_done = len(engine.done)
    assert n_done > 0
    assert [path.name for path in work.iterdir()] == ["mine"]
    assert cli.main(["verify", "out", *OUT_OF_CORE]) == 0
    assert capsys.readouterr().out.startswith("Identical")
    assert len(engine.done) == 2 * n_done
    assert sorted(path.name for path in world.iterdir()) == ["again", "data", "out", "work"]


def test_a_pool_that_would_not_fit_goes_out_of_core_by_itself(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert select("--quiet") == 0
    monkeypatch.setattr("craft_core.machine.available_memory", lambda: MEMORY * 10 // 8)
    engine = use(monkeypatch, InProcess())
    assert select("--quiet", out="fits") == 0
    assert engine.done == []
    monkeypatch.setattr("craft_core.estimate.sizes_of_files", lambda n, is_packed: sizes_of_files(10**6 * n, is_packed))
    assert select("--quiet", out="streamed") == 0
    assert engine.done != []
    assert hashes(world / "streamed") == hashes(world / "out")
    assert select("--quiet", selector="random", out="random") == 0  # it cannot, so it is tried in memory


@pytest.mark.parametrize(
    ("selector", "more", "message"),
    [
        ("random", ["--memory", "8GB"], "Only craft works out of core, and the method is random."),
        ("craft", ["--memory", "lots"], "such as 4GB or 500MB. Got 'lots'."),
        ("craft", ["--memory", "10MB", "--workers", "1"], "needs"),
        ("craft", ["--workers", "0"], "The number of workers must lie in [1, 1,024]. Got 0."),
        ("craft", ["--engine", "spark"], "There is no engine 'spark'."),
        ("craft", ["--work", "w", "--stability-seeds", "2"], "Out of core a selection is not made again with other seeds."),
    ],
)
def test_a_mistake_out_of_core_gets_a_sentence(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, selector: str, more: list[str], message: str
) -> None:
    if "10MB" in more:
        use(monkeypatch, InProcess(), memory=10**7)
    options = [*SMALL[2:4], *more]
    assert select("--quiet", *more, selector=selector, options=options if selector == "random" else SMALL) == 2
    assert message in error(capsys)
    assert sorted(path.name for path in world.iterdir()) == ["data"]


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from parsers(one)


@pytest.mark.parametrize("command", ["select", "verify", "benchmark"])
def test_help_explains_every_option_with_its_default(command: str) -> None:
    n_options = 0
    for parser in parsers(cli.make_parser(command)):
        text = " ".join(parser.format_help().split())
        for action in parser._actions:
            if isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
                continue
            n_options += 1
            assert action.help, action.option_strings
            assert "(default: " in action.help, action.option_strings
            shown = action.help.replace("%(default)s", str(action.default)).replace("%%", "%")
            assert " ".join(shown.split()).replace("-", "").replace(" ", "") in text.replace("-", "").replace(" ", "")
    assert n_options > {"select": 60, "verify": 4, "benchmark": 6}[command]


def test_defaults_are_those_of_the_parameters(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["select", "craft", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for words in (
        "--n-clusters N Number of clusters the source vectors are cut into. (default: 100)",
        "(default: water-fill)",
        "stability: --stability-seeds N Further seeds",
        "--stability-vary-clusters, --no-stability-vary-clusters",
        "--no-drop-empty",
    ):
        assert words in text


def test_help_is_instant_and_loads_nothing_heavy() -> None:
    code = "import atexit, sys, craft_core.cli as c\natexit.register(lambda: print(sorted({'numpy', 'pyarrow'} & set(sys.modules))))\n"
    code += "c.main(['--help'])"
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert time.perf_counter() - start < 2  # 0.1 s on a quiet machine
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_command_line_runs_as_a_program(world: Path) -> None:
    words = ["select", "craft", "--pool", "data/pool.tsv", "--validation", "data/validation.tsv", "--out", "out", *SMALL]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-m", "craft_core", *words], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "held-out halves of validation (60 pairs)" in done.stdout
    failed = subprocess.run([sys.executable, "-m", "craft_core", *words], env=environment, capture_output=True, text=True, check=False)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert "is not empty" in failed.stderr


def test_public_names_are_there() -> None:
    assert craft_core.__version__ == "0.1.0"
    for name in craft_core.__all__:
        assert getattr(craft_core, name) is not None
    with pytest.raises(AttributeError, match="magic"):
        _ = craft_core.magic


def test_workers_load_what_they_need_while_the_command_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[bool] = []
    monkeypatch.setattr("craft_core.cli.prepare_workers", lambda: begun.append(True))
    for words, n_begun in ((["--memory", "1GB"], 1), (["--memory=1GB"], 2), ([], 2)):
        with pytest.raises(SystemExit):  # no files are given
            cli.main(["select", "craft", *words])
        assert len(begun) == n_begun
