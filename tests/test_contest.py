"""A comparison on files: the job, its tables and its folder; the command line on top of them is in test_cli_compare."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from toy_data import write_world

from craft_core.cluster import KMeans
from craft_core.compare import Plan, measured
from craft_core.config import Data, ExperimentConfig
from craft_core.contest import Job, Outcome, run_job, write_outcome
from craft_core.contest import job as job_module
from craft_core.contest.tables import choice_table, markdown, trial_table
from craft_core.errors import ParameterError
from craft_core.finetune import Downstream, FineTuning
from craft_core.selectors import Craft, Dsir, Random
from craft_core.vectorize import Tfidf

PLAN = Plan((Craft(), Random(), Dsir(noise=0.0)), (20, 40), (0, 1), "topic")


@pytest.fixture
def world(tmp_path: Path) -> Path:
    write_world(tmp_path)
    return tmp_path


def job(world: Path, **changes: object) -> Job:
    data = Data((str(world / "pool.tsv"),), str(world / "validation.tsv"), str(world / "test.tsv"))
    config = ExperimentConfig(data, clustering=KMeans(n_clusters=4), vectorizer=Tfidf(dimensions=16))
    return replace(Job(config, PLAN), **changes)  # type: ignore[arg-type]


def outcome(world: Path, **changes: object) -> Outcome:
    return run_job(job(world, **changes))


def test_methods_that_look_at_validation_find_its_topic(world: Path) -> None:
    found = outcome(world).found
    shares = {name: found.of(name, 40)[0].marks["label_share"] for name in ("craft", "random", "dsir")}
    assert shares["craft"] == shares["dsir"] == 1
    assert 0.2 < shares["random"] < 0.8
    assert set(found.built) == {"vectors", "clusters"}
    assert found.n_pool == 400


def test_noise_is_the_same_for_all_methods_and_stays_inside_labels(world: Path) -> None:
    found = outcome(world, noise=0.5)
    assert 0.4 < found.found.mispaired < 0.6
    again = outcome(world, noise=0.5)
    assert [one.chosen.tolist() for one in found.found.trials] == [one.chosen.tolist() for one in again.found.trials]
    assert all("mispaired" in one.marks for one in found.found.trials)


def test_the_tables_hold_every_trial(world: Path) -> None:
    found = outcome(world)
    table = trial_table(found.found)
    assert table.num_rows == 12
    assert table.column("nll").null_count == 12
    assert table.column("energy").null_count == 0
    assert table.column("method").to_pylist() == ["craft"] * 4 + ["random"] * 4 + ["dsir"] * 4
    chosen = choice_table(found.found, found.data.pool)
    assert chosen.num_rows == 12 * 30
    first = [row for row in chosen.to_pylist() if (row["method"], row["budget"], row["seed"]) == ("craft", 20, 0)]
    assert [row["rank"] for row in first] == list(range(1, 21))
    assert [row["row"] for row in first] == found.data.pool.rows[found.found.of("craft", 20)[0].chosen].tolist()
    assert {one.name for one in measured(found.found)}.isdisjoint({"nll", "mispaired"})


def test_markdown_has_a_table_a_budget_and_marks_the_best(world: Path) -> None:
    text = markdown(outcome(world).found, {})
    assert text.count("| method |") == 2
    assert "## 20 pairs" in text
    assert "## 40 pairs" in text
    assert "measured on the test set (60 pairs); seeds 0, 1" in text
    assert "| **100.0%** ± 0.0% |" in text  # label overlap
    assert "- **Energy distance, joint** (lower is better): " in text
    assert "loss" not in text


def test_the_folder_is_written_whole_and_says_what_made_it(world: Path, tmp_path: Path) -> None:
    found = outcome(world, noise=0.25)
    names = write_outcome(found, tmp_path / "out")
    assert {"chosen.parquet", "comparison.json", "comparison.md", "trials.parquet"} <= {*names}
    record = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert record["methods"][2] == {"name": "dsir", "n_buckets": 10_000, "noise": 0.0}
    assert (record["budgets"], record["seeds"], record["label"], record["noise"]) == ([20, 40], [0, 1], "topic", 0.25)
    assert [one["role"] for one in record["inputs"]] == ["pool", "validation", "test"]
    assert record["config"]["data"]["pool"] == ["../pool.tsv"]
    assert "selector" not in record["config"]
    assert "budget" not in record["config"]
    charts = {path.name for path in (tmp_path / "out" / "figures").iterdir()}
    assert {
        "energy.html",
        "label_share.html",
        "mispaired.html",
        "overlap_20.html",
        "overlap_40.html",
        "seconds.html",
        "plotly.min.js",
    } <= charts
    assert "nll.html" not in charts
    assert "cdn" not in (tmp_path / "out" / "figures" / "energy.html").read_text(encoding="utf-8")[:2_000]
    assert pq.read_table(tmp_path / "out" / "trials.parquet").equals(trial_table(found.found))
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_only_an_earlier_comparison_is_replaced(world: Path, tmp_path: Path) -> None:
    found = outcome(world)
    write_outcome(found, tmp_path / "out")
    with pytest.raises(ParameterError, match="is not empty. Choose another, or give --overwrite"):
        write_outcome(found, tmp_path / "out")
    write_outcome(found, tmp_path / "out", overwrite=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(ParameterError, match="no earlier comparison"):
        write_outcome(found, tmp_path / "other", overwrite=True)
    with pytest.raises(ParameterError, match="is a file"):
        write_outcome(found, tmp_path / "other" / "letter.txt")


def test_mistakes_get_sentences(world: Path) -> None:
    with pytest.raises(ParameterError, match=r"a share in \[0, 1\]"):
        job(world, noise=-0.1)
    with pytest.raises(ParameterError, match="no label column 'genre'. Further columns: topic"):
        outcome(world, plan=replace(PLAN, label="genre"))
    bare = job(world)
    config = replace(bare.config, data=replace(bare.config.data, test=None))
    with pytest.raises(ParameterError, match="needs a test set"):
        replace(bare, config=config, finetune=FineTuning())


def test_every_selection_is_fine_tuned_with_every_seed(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fits = []

    def fake(model: object, settings: object, pairs: object, test: object, seed: int, *_: object) -> Downstream:
        fits.append((len(pairs), seed))  # type: ignore[arg-type]
        return Downstream(5.0 - len(pairs) / 100 + seed, 10.0, 1.0, len(pairs))  # type: ignore[arg-type]

    monkeypatch.setattr(job_module, "pretrain", lambda *_: "a model")
    monkeypatch.setattr(job_module, "finetune_and_score", fake)
    plan = replace(PLAN, selectors=(Random(), Craft()), budgets=(20,))
    found = outcome(world, plan=plan, finetune=FineTuning(pretrain_pairs=10))
    assert fits == [(0, 0), (20, 0), (20, 1), (20, 0), (20, 1)]
    assert [one.marks["nll"] for one in found.found.of("random", 20)] == [4.8, 5.8]
    assert found.baseline == {"nll": 5.0, "model_chrf": 10.0}
    assert "before fine-tuning its test loss is 5.000" in markdown(found.found, found.baseline)


def test_the_small_model_is_not_shown_what_is_wanted_beforehand(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}
    monkeypatch.setattr(job_module, "pretrain", lambda settings, pool, positions, *_: seen.update(topics=pool.take(positions)))
    monkeypatch.setattr(job_module, "finetune_and_score", lambda *_: Downstream(1.0, 1.0, 1.0, 1))
    outcome(world, finetune=FineTuning(pretrain_pairs=50))
    assert set(seen["topics"].columns.column("topic").to_pylist()) == {"bread"}
