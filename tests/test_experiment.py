from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from toy_data import rows, write_tsv, write_world

from craft_core.cluster import KMeans, cluster
from craft_core.config import Data, ExperimentConfig
from craft_core.corpus import Cleaning, ParallelText
from craft_core.corpus.sample import content_keys
from craft_core.discrepancy import label_columns, label_shares
from craft_core.errors import DataError
from craft_core.experiment import Report, encode, open_files, parts_of, run
from craft_core.measure import held_out_energy
from craft_core.selectors import Craft, Random
from craft_core.stability import Repeats
from craft_core.vectorize import Hashing, Tfidf, Vectors

EN_HI = Path(__file__).parent.parent.parent / "shared" / "data" / "en-hi"


def world(folder: Path, test: str | None = "test.tsv", **choices: object) -> Report:
    write_world(folder)
    data = Data((str(folder / "pool.tsv"),), str(folder / "validation.tsv"), test and str(folder / test))
    settings = {"budget": 100, "vectorizer": Tfidf(dimensions=16), "clustering": KMeans(n_clusters=4)} | choices
    config = ExperimentConfig(data, **settings)
    return run(config, open_files(config.data))


def test_craft_chooses_the_topic_validation_wants(tmp_path: Path) -> None:
    report = world(tmp_path)
    shares = label_shares(report.data.pool.columns.column("topic"), report.selection.indices)
    assert shares["stars"] > 0.95
    assert len(report.selection) == 100
    assert report.diagnostics.energy.joint < report.diagnostics.anchors.random.joint / 2
    assert report.diagnostics.held_out == "the test set (60 pairs)"
    assert set(report.seconds) == {"load", "vectorize", "cluster", "select", "measure"}


def test_a_random_choice_is_no_nearer_than_its_anchor(tmp_path: Path) -> None:
    report = world(tmp_path, selector=Random())
    assert report.diagnostics.energy.joint == pytest.approx(report.diagnostics.anchors.random.joint, rel=0.5)


def test_without_a_test_set_halves_of_validation_are_held_out(tmp_path: Path) -> None:
    report = world(tmp_path, test=None)
    assert report.data.test is None
    assert "held-out halves of validation (60 pairs)" in report.diagnostics.held_out
    assert report.diagnostics.energy.joint < report.diagnostics.anchors.random.joint


@pytest.mark.parametrize("test", ["test.tsv", None])
def test_the_distance_alone_is_that_of_the_report(tmp_path: Path, test: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for sample in ("sampled", "sample_pairs"):
        monkeypatch.setattr(f"craft_core.discrepancy.energy.{sample}.__defaults__", (25,))  # sampling is part of it
    report = world(tmp_path, test=test)
    config = report.config
    vectors = encode(report.data, config.vectorizer, config.seed)
    alone = held_out_energy(report.problem, report.selection, vectors.test, config.selector, config.budget, config.seed)
    assert alone == report.diagnostics.energy


def test_the_same_config_gives_the_same_selection(tmp_path: Path) -> None:
    one, other = world(tmp_path), world(tmp_path)
    assert (one.selection.indices == other.selection.indices).all()
    assert (one.selection.scores == other.selection.scores).all()
    assert one.diagnostics.energy == other.diagnostics.energy


def test_rows_count_in_the_pool_as_given(tmp_path: Path) -> None:
    write_world(tmp_path)
    pool = rows(400, ("stars", "bread"), 1, "p")
    pool[5] = ("p5", "", "", "stars")
    write_tsv(tmp_path / "holes.tsv", [pool[0], *pool])
    data = Data((str(tmp_path / "holes.tsv"), str(tmp_path / "pool.tsv")), str(tmp_path / "validation.tsv"))
    config = ExperimentConfig(data, budget=50, vectorizer=Tfidf(dimensions=16), clustering=KMeans(n_clusters=4))
    report = run(config, open_files(data))
    given = [pool[0], *pool, *rows(400, ("stars", "bread"), 1, "p")]
    chosen = report.data.pool.take(report.selection.indices)
    assert chosen.sources.to_pylist() == [given[row][1] for row in report.rows]
    assert report.data.cleanings["pool"].n_in == 801
    assert report.data.cleanings["pool"].n_out == 400  # the pair that is empty here is whole in the second file


def test_a_budget_that_cannot_be_met_is_told(tmp_path: Path) -> None:
    report = world(tmp_path, budget=1000)
    assert report.allocation.shortfall == 1000 - len(report.selection) > 0
    assert any("cannot be met" in warning for warning in report.warnings)


def test_what_cleaning_leaves_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"No pair of the .* is left after cleaning"):
        world(tmp_path, cleaning=Cleaning(max_characters=3))


def test_too_small_a_validation_set_is_chosen_for_but_not_measured(tmp_path: Path) -> None:
    write_world(tmp_path)
    write_tsv(tmp_path / "few.tsv", rows(3, ("stars",), 5, "f"))
    data = Data((str(tmp_path / "pool.tsv"),), str(tmp_path / "few.tsv"))
    report = run(ExperimentConfig(data, budget=20, clustering=KMeans(n_clusters=4), vectorizer=Tfidf(dimensions=16)), open_files(data))
    assert report.diagnostics.energy is None
    assert "Too few pairs to measure a distance to held-out data." in report.warnings


def test_a_selection_is_made_again_where_that_is_asked(tmp_path: Path) -> None:
    plain, again = world(tmp_path), world(tmp_path, stability=Repeats(2, vary_clusters=True))
    assert plain.stability is None
    assert (again.selection.indices == plain.selection.indices).all()
    assert set(again.seconds) == {*plain.seconds, "stability"}
    found = again.stability
    assert found.runs == ((0, 4), (1, 4), (2, 4), (0, 3), (0, 6))
    assert (found.counts[0] == again.allocation.counts).all()
    assert (found.frequency[again.selection.indices] >= np.float32(1 / 5)).all()
    keys = content_keys(again.data.pool, 2)
    vectors = Vectors(again.problem.pool, again.problem.validation, None, None, None)
    by_hand = cluster(vectors, keys, again.config.clustering, 2)
    assert (by_hand.pool_labels == found.problems[2].clustering.pool_labels).all()


@pytest.mark.parametrize("repeats", [Repeats(), Repeats(2)])
def test_progress_rises_and_can_cancel(tmp_path: Path, repeats: Repeats) -> None:
    write_world(tmp_path)
    data = Data((str(tmp_path / "pool.tsv"),), str(tmp_path / "validation.tsv"))
    config = ExperimentConfig(data, budget=20, clustering=KMeans(n_clusters=4), vectorizer=Tfidf(dimensions=16), stability=repeats)
    seen: list[float] = []
    run(config, open_files(data), lambda share, _: seen.append(share))
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(seen))
    assert 0.9 < seen[-1] <= 1.0

    def stop(share: float, text: str) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(config, open_files(data), stop)


def test_two_text_files_are_named_with_a_plus(tmp_path: Path) -> None:
    for name in ("a.en", "a.hi", "odd+name.tsv", "b+c.en", "b+c.hi"):
        (tmp_path / name).write_text("x\n")
    assert parts_of("a.en+a.hi", tmp_path) == ("a.en", "a.hi")
    assert parts_of("odd+name.tsv", tmp_path) == ("odd+name.tsv",)
    assert parts_of("b+c.en+b+c.hi", tmp_path) == ("b+c.en", "b+c.hi")
    files = open_files(Data(("odd+name.tsv",), "a.en+a.hi"), tmp_path)
    assert isinstance(files.validation, ParallelText)
    assert files.pool[0].label == "odd+name.tsv"


@pytest.mark.parametrize(
    ("data", "role"), [(Data(("no.tsv",), "a"), "pool"), (Data(("a",), "no.tsv"), "validation"), (Data(("a",), "a", "a+no.tsv"), "test")]
)
def test_a_file_that_is_not_there_is_named_with_its_role(tmp_path: Path, data: Data, role: str) -> None:
    (tmp_path / "a").write_text("x\n")
    with pytest.raises(DataError, match=f"There is no {role} file '.*no.tsv'. .*--{role}"):
        open_files(data, tmp_path)


def test_label_columns_are_texts_with_a_few_values(tmp_path: Path) -> None:
    pool = world(tmp_path).data.pool
    assert label_columns(pool) == ("topic",)
    assert label_shares(pool.columns.column("topic")) == {"bread": 0.5, "stars": 0.5}
    assert label_shares(pool.columns.column("topic"), np.array([0, 2, 1, 4])) == {"stars": 0.75, "bread": 0.25}


@pytest.mark.skipif(not EN_HI.is_dir(), reason="the English-Hindi corpus is not here")
def test_real_news_are_found_in_a_mixed_pool() -> None:
    data = Data((str(EN_HI / "pool.parquet"),), str(EN_HI / "validation" / "news.parquet"), str(EN_HI / "test" / "news.parquet"))
    config = ExperimentConfig(data, budget=2_000, clustering=KMeans(n_clusters=100), selector=Craft())
    report = run(config, open_files(data))
    shares = label_shares(report.data.pool.columns.column("domain"), report.selection.indices)
    assert shares["news"] >= 0.18
    assert 3 * report.diagnostics.energy.joint <= report.diagnostics.anchors.random.joint


def test_a_leaky_test_set_and_a_small_budget_are_said(tmp_path: Path) -> None:
    write_world(tmp_path)
    data = Data((str(tmp_path / "pool.tsv"),), str(tmp_path / "validation.tsv"), str(tmp_path / "validation.tsv"))
    config = ExperimentConfig(data, budget=1, clustering=KMeans(n_clusters=4), vectorizer=Tfidf(dimensions=16))
    told = " ".join(run(config, open_files(data)).warnings)
    assert "test pairs also stand in validation" in told
    assert "gave no pair, so KL(validation || selected) is infinite" in told


def test_nothing_to_choose_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pool.tsv").write_text("source\ttarget\n" + "".join(f"red red\tlal {i}\n" for i in range(9)), encoding="utf-8")
    (tmp_path / "validation.tsv").write_text("source\ttarget\nblue red blue\tneela lal\n", encoding="utf-8")
    data = Data((str(tmp_path / "pool.tsv"),), str(tmp_path / "validation.tsv"))
    with pytest.raises(DataError, match="No pair can be chosen: no cluster holds both pool and validation pairs"):
        run(ExperimentConfig(data, budget=3, clustering=KMeans(n_clusters=2), vectorizer=Hashing(dimensions=16)), open_files(data))
