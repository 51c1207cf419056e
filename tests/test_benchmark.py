import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from craft_core import benchmark, cli
from craft_core.benchmark import command, in_memory, options, out
from craft_core.benchmark.record import Case, Contest, MethodRuns, Run, contest_of, run_of
from craft_core.errors import DataError

CASE = Case("hashing", pairs=2_000, validation_pairs=120, n_clusters=6, budget=300, seed=0)
STAGES = ("clean", "vectorize", "cluster", "select", "measure")


@pytest.fixture(scope="module")
def run() -> Run:
    return in_memory.in_memory(CASE)


def settings(*words: str) -> options.Settings:
    parser = argparse.ArgumentParser()
    benchmark.add_options(parser)
    return options.settings_of(parser.parse_args(words))


def test_a_run_is_measured_by_stage_and_so_is_what_the_app_does(run: Run) -> None:
    assert tuple(run.stages) == STAGES
    assert run.seconds == pytest.approx(sum(run.stages.values()))
    assert set(run.app) == {"open", "allocate", "budget", "prepare", "slider", "curves", "sweep", "map", "places"}
    assert min(run.app.values()) > 0
    assert run.cpu_seconds is not None
    assert run.cpu_seconds > 0
    assert run.peak_bytes is not None
    assert 5e7 < run.peak_bytes <= (run.app_peak_bytes or 0)


def test_without_the_app_a_run_ends_with_its_stages(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setattr(in_memory, "_app", lambda *args: pytest.fail("the app was timed"))
    other = in_memory.in_memory(CASE, with_app=False)
    assert (other.app, other.app_peak_bytes) == ({}, None)
    assert other.chosen == run.chosen


def test_the_slider_is_timed_with_the_exact_diameters_of_small_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    point_of = in_memory.point_of
    monkeypatch.setattr(in_memory, "EXACT_ROWS", 420)
    monkeypatch.setattr(in_memory, "point_of", lambda *args: sizes.append(len(args[1])) or point_of(*args))
    monkeypatch.setattr(in_memory, "_curves", lambda report: {})
    in_memory.in_memory(CASE)
    assert sizes == [30, 75, 150, 225, 300]  # of budgets up to 600; there are 120 validation pairs


def test_runs_and_contests_go_through_json(run: Run) -> None:
    assert run_of(json.loads(json.dumps(asdict(run)))) == run
    found = Contest(CASE, {"craft": MethodRuns((0.5, 0.25), 1e6, 300, 0.01)}, {"tsds": "would take long"}, {"vectorize": 1.0}, None)
    assert contest_of(json.loads(json.dumps(asdict(found)))) == found


def test_the_benchmark_runs_each_in_its_own_process_and_both_ways_choose_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "numbers.json"
    words = ["benchmark", "--pairs", "1000", "--validation-pairs", "100", "--n-clusters", "5", "--budget", "500", "--repeats", "1"]
    words += ["--vectorizer", "hashing", "--memory", "none", "--no-app", "--keep", str(tmp_path / "files"), "--out", str(place)]
    assert cli.main(words) == 0
    shown = capsys.readouterr().out
    for expected in (" cores; craft 0.1.0, python ", "1,000; 100 validation", "hashing, in memory", "hashing, streamed", "every run chose"):
        assert expected in shown
    record = json.loads(place.read_text())
    memory, streamed = (run_of(one) for one in record["runs"])
    assert (memory.way, streamed.way) == ("memory", "streamed")
    assert memory.case == streamed.case == Case("hashing", 1_000, 100, 5, 200, 0)  # the budget is a fifth of the pairs at most
    assert memory.chosen == streamed.chosen
    assert tuple(memory.stages) == STAGES
    assert list(streamed.stages)[-1] == "start and end"
    assert streamed.seconds == pytest.approx(sum(streamed.stages.values()))
    assert streamed.peak_bytes > 5e7  # that of a process that has loaded numpy and more
    assert streamed.cpu_seconds > 0.1
    assert sorted(path.name for path in (tmp_path / "files").iterdir()) == [
        "pool-seed0-00000-1000.parquet",
        "validation-seed0-100.parquet",
    ]


def test_methods_are_compared_in_one_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked = []

    def watched(words: list[str], what: str) -> argparse.Namespace:
        asked.append((words[:2], json.loads(words[2])))
        found = {"case": json.loads(words[2])["case"], "skipped": {}, "stages": {"vectorize": 1.0}, "noise": 0.001}
        runs = {"seconds": [0.5], "extra_bytes": 2e6, "n_chosen": 5, "energy": 0.01}
        return argparse.Namespace(out=json.dumps({**found, "methods": dict.fromkeys(json.loads(words[2])["methods"], runs)}))

    monkeypatch.setattr(command, "watched", watched)
    words = ["--pairs", "1000", "5000", "--ways", "none", "--vectorizer", "hashing", "tfidf", "--repeats", "2", "--compare"]
    assert cli.main(["benchmark", *words]) == 0
    [(module, job)] = asked
    assert module == ["craft_core.benchmark", "methods"]
    assert (job["case"]["vectorizer"], job["case"]["pairs"], job["case"]["budget"], job["repeats"]) == ("hashing", 5_000, 1_000, 2)
    assert len(job["methods"]) == 15
    assert "Methods on the same hashing vectors" in capsys.readouterr().out
    assert cli.main(["benchmark", *words, "--patience", "0"]) == 2
    assert "--patience 0 seconds" in capsys.readouterr().err
    assert cli.main(["benchmark", *words, "--patience", "0", "--methods", "random"]) == 0
    assert asked[-1][1]["methods"] == ["random"]


def test_a_run_that_would_not_fit_in_memory_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("craft_core.estimate.available_memory", lambda: 100_000_000_000)
    assert command._too_large(replace(CASE, pairs=1_000_000)) == ""
    assert command._too_large(replace(CASE, pairs=33_000_000)).startswith("Not run in memory: 33,000,000 pairs would take about ")
    monkeypatch.setattr("craft_core.estimate.available_memory", lambda: None)
    assert command._too_large(replace(CASE, pairs=33_000_000)) == ""


def test_cases_are_every_vectorizer_at_every_size_by_size() -> None:
    found = settings("--pairs", "100", "20", "100", "--vectorizer", "hashing", "tfidf", "--budget", "10")
    assert [(case.vectorizer, case.pairs, case.budget) for case in found.cases] == [
        ("hashing", 20, 4),
        ("tfidf", 20, 4),
        ("hashing", 100, 10),
        ("tfidf", 100, 10),
    ]
    assert found.ways == ("memory", "streamed")
    assert (found.memory, settings("--memory", "none").memory) == ("3GB", None)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--pairs", "10", "0"], "--pairs of at least 1. Got 0"),
        (["--repeats", "0"], "--repeats of at least 1. Got 0"),
        (["--seed", "-1"], "--seed of at least 0. Got -1"),
        (["--compare", "--patience", "nan"], "--patience of at least 0 seconds. Got nan"),
        (["--ways", "none", "memory", "--compare"], "'none' alone. Got none memory"),
        (["--ways", "none"], "Add --compare"),
        (["--ways", "memory", "--keep", "here"], "--keep does something only for streamed runs"),
        (["--methods", "craft"], "--methods does something only together with --compare"),
        (["--patience", "5"], "--patience does something only together with --compare"),
        (["--out", "nowhere/numbers.json"], "no folder 'nowhere'"),
    ],
)
def test_options_that_make_no_sense_are_refused(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["benchmark", *words]) == 2
    assert sentence in capsys.readouterr().err


def test_numbers_replace_those_of_an_earlier_benchmark_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "numbers.json"
    for number in (1, 2):
        out.check_place(place)
        out.write_record(place, {"number": number})
    assert json.loads(place.read_text()) == {"kind": "craft-benchmark", "version": 1, "number": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["numbers.json"]
    for other in ("{}", "[1]", "text"):
        place.write_text(other)
        with pytest.raises(DataError, match="left alone"):
            out.check_place(place)
