"""The KL bound page, run without a browser."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from toy_data import rows, write_tsv, write_world

from craft_core.cluster import KMeans
from craft_core.config import ExperimentConfig
from craft_core.corpus import on_disk
from craft_core.discrepancy import Divergences
from craft_core.experiment import Files
from craft_core.selectors import Random
from pages.shared import bound_stages, stages, work
from pages.shared.session import Given, given_of, names_of
from pages.shared.verdicts import in_sum

os.environ.setdefault("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")
ROOT = Path(__file__).parent.parent
TABS = ["The bound", "Number of clusters", "Measured", "Clusters", "Transport"]


@pytest.fixture(autouse=True)
def _at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("craft_core.project.warm_up", lambda: None)
    st.cache_resource.clear()


@pytest.fixture
def toy(tmp_path: Path) -> Given:
    """400 pairs of two topics; validation and test, 60 pairs each, are of one of them."""
    write_world(tmp_path)
    files = [on_disk(tmp_path / f"{role}.tsv") for role in ("pool", "validation", "test")]
    return given_of("Toy", Files((files[0],), *files[1:]))


def opened(given: Given, tab: str = TABS[0], **choices: Any) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.session_state["given"] = given
    at.session_state["config"] = ExperimentConfig(names_of(given.files), **{"budget": 60, "clustering": KMeans(n_clusters=8)} | choices)
    at.session_state["bound_tab"] = tab
    at.run()
    at.switch_page("pages/4_KL_bound.py").run()
    return to_tab(at, tab)


def to_tab(at: AppTest, tab: str) -> AppTest:
    at.session_state["bound_tab"] = tab
    at.run()
    assert not at.exception, at.exception
    return at


def click(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click()
    return at.run()


def number(at: AppTest, label: str) -> float:
    return float(next(metric for metric in at.metric if metric.label == label).value.replace(",", ""))


def words(at: AppTest) -> str:
    told = (*at.success, *at.info, *at.warning, *at.markdown, *at.caption)
    return " ".join([*(one.value for one in told), *(one.label for one in at.expander)])


def test_the_bound_is_the_sum_of_its_terms_and_begins_at_the_estimate(toy: Given):
    at = opened(toy)
    bound, shares, residual = (number(at, label) for label in ("The bound, in nats", "= KL of the shares", "+ residual inside"))
    assert bound == pytest.approx(shares + residual, rel=0.01)
    assert f"L = {at.select_slider(key='lipschitz_slider').value:.3g} is an estimate" in words(at)
    assert "not a certificate" in words(at)
    assert "Sources only." in words(at)
    assert "a random selection of the same size measures" in words(at)
    assert at.button(key="use_estimate").disabled


def test_moving_l_moves_the_bound_and_the_estimate_can_be_taken_again(toy: Given):
    at = opened(toy)
    before, begun = number(at, "The bound, in nats"), at.select_slider(key="lipschitz_slider").value
    at.select_slider(key="lipschitz_slider").set_value(0.01)
    at.run()
    assert number(at, "The bound, in nats") < 0.01
    assert "**Do not trust the bound at this L**" in words(at)  # the selection itself is farther away
    at.select_slider(key="lipschitz_slider").set_value(100.0)
    at.run()
    assert number(at, "The bound, in nats") > before
    assert "**says nothing**" in words(at)
    assert "It begins to say something below" in words(at)
    at.switch_page("pages/3_Allocation.py").run()
    at.switch_page("pages/4_KL_bound.py").run()
    assert at.select_slider(key="lipschitz_slider").value == 100.0  # kept over navigation
    at = click(at, "use_estimate")
    assert at.select_slider(key="lipschitz_slider").value == begun
    assert number(at, "The bound, in nats") == before


def test_the_reverse_direction_has_numbers_of_its_own(toy: Given):
    at = opened(toy, budget=25)
    forward = number(at, "= KL of the shares")
    at.button_group(key="bound_direction").set_value("reverse")
    at.run()
    assert not at.exception
    assert number(at, "= KL of the shares") != forward
    to_tab(at, "Measured")
    assert "KL(selected ‖ held-out)" in words(at)


def test_the_sweep_runs_is_kept_and_its_suggestion_can_be_used(toy: Given):
    at = opened(toy, "Number of clusters")
    assert at.button(key="run_sweep").label == "Run the sweep"
    assert not [one for one in at.button if one.key == "use_suggestion"]
    at = click(at, "run_sweep")
    assert not at.exception, at.exception
    assert not [one for one in at.button if one.key == "run_sweep"]
    # at the estimate L * D is far above 1: bad advice gets no button
    assert "the bound does not say how many clusters to use" in words(at)
    assert "leading order" in words(at)
    assert not [one for one in at.button if one.key == "use_suggestion"]
    used = []
    for lipschitz in (1.1, 0.62):
        at.select_slider(key="lipschitz_slider").set_value(lipschitz)
        at.run()
        assert f"**Suggestion at L = {lipschitz}" in words(at)
        used.append(int(at.button(key="use_suggestion").label.removeprefix("Use ").removesuffix(" clusters").replace(",", "")))
    assert used[1] < used[0]  # a smaller L leaves less to hide, at no cost
    at = click(at, "use_suggestion")
    assert not at.exception
    assert at.session_state["config"].clustering.n_clusters == used[1]
    assert at.button(key="use_suggestion").disabled
    assert "Suggestion at L" in words(at)  # the points hold for every n_clusters


def test_a_stopped_sweep_holds_up_nothing_and_goes_on_when_asked(toy: Given, monkeypatch: pytest.MonkeyPatch):
    at = opened(toy, "Number of clusters")
    done: list[int] = []

    def some(*_: Any) -> None:  # as if it had been stopped after three points
        key = stages.sweep_key()
        done.extend(bound_stages.grid()[:3])
        work.collect(bound_stages.SWEEP, key, done, bound_stages.maker())
        st.session_state["stopped"] = frozenset({(bound_stages.SWEEP, key)})
        st.rerun()

    with monkeypatch.context() as patch:
        patch.setattr(bound_stages, "run_sweep", some)
        at = click(at, "run_sweep")
    assert "stopped before it was finished" not in words(at)
    assert "only 3 of " in words(at)
    assert not [one for one in at.button if one.key == "use_suggestion"]
    left = at.button(key="run_sweep").label
    assert left.startswith("Go on: ")
    assert int(left.split()[2]) > 0
    at = click(at, "run_sweep")
    assert not [one for one in at.button if one.key == "run_sweep"]


def test_every_tab_draws_in_both_directions(toy: Given):
    at = opened(toy)
    at.button_group(key="bound_direction").set_value("reverse")
    for tab in TABS:
        to_tab(at, tab)


def test_measured_numbers_stand_beside_their_anchors(toy: Given, monkeypatch: pytest.MonkeyPatch):
    def too_narrow(held: Any, rows: Any, *more: Any) -> Divergences:
        return Divergences(0.5, -0.25, 0.9, 0.4)

    monkeypatch.setattr("craft_core.yardsticks.divergences", too_narrow)  # a negative estimate is shown and told, never clipped
    at = opened(toy, "Measured")
    table = at.dataframe[0].value
    assert list(table["what"]) == ["selection", "random selection", "whole pool", "two halves of held-out"]
    assert (table["k-NN KL"] == -0.25).all()
    assert "The k-NN estimate is negative for" in words(at)
    assert "3 principal components" in words(at)


def test_a_cluster_is_chosen_from_the_list_or_by_a_click(toy: Given):
    at = opened(toy, "Clusters")
    box = next(one for one in at.selectbox if one.key.startswith("bound_cluster"))
    box.select_index(1)
    at.run()
    first = at.session_state["bound_cluster"][1]
    assert f"**Cluster {first}: validation**" in words(at)
    other = next(int(one.split(" ")[0].removesuffix(":")) for one in box.options[2:])
    at.session_state["residual_scatter"] = {"selection": {"points": [{"x": 1.0, "y": 2.0, "customdata": [other, "name", 1.0]}]}}
    at.run()
    assert at.session_state["bound_cluster"][1] == other
    assert f"**Cluster {other}: validation**" in words(at)


def test_the_transport_bound_is_above_the_true_distance(toy: Given):
    at = opened(toy, "Transport")
    assert number(at, "Bound on W1") > number(at, "True W1") > 0
    assert number(at, "Bound on W1") == pytest.approx(number(at, "Within clusters") + number(at, "Between clusters"), abs=0.002)
    assert "without any assumption" in words(at)


def test_a_missed_cluster_is_said_and_the_covered_part_is_shown(toy: Given):
    at = opened(toy, budget=6, clustering=KMeans(n_clusters=20, fit_on="validation"))
    assert any("is infinite and no bound can hold" in one.value for one in at.warning)
    assert any(one.label.startswith("The bound, for the covered") for one in at.metric)


def test_few_pairs_and_a_method_without_ranks_are_shown_too(tmp_path: Path):
    write_tsv(tmp_path / "pool.tsv", rows(60, ("stars", "bread"), 1, "p"))
    write_tsv(tmp_path / "validation.tsv", rows(10, ("stars",), 2, "v"))
    given = given_of("Mine", Files((on_disk(tmp_path / "pool.tsv"),), on_disk(tmp_path / "validation.tsv")))
    at = opened(given, budget=3, clustering=KMeans(n_clusters=3), selector=Random())
    assert "Too few pairs" in words(at)
    assert "L cannot be estimated" in words(at)
    assert at.select_slider(key="lipschitz_slider").value == 1.0
    for tab in TABS[1:]:
        to_tab(at, tab)


def test_a_suggestion_that_is_taken_stays_the_suggestion(toy: Given):
    at = opened(toy, "Number of clusters")
    at = click(at, "run_sweep")
    at = to_tab(at, "Number of clusters")
    at.select_slider(key="lipschitz_slider").set_value(0.62)
    at.run()
    begun = at.select_slider(key="lipschitz_slider").value
    said = next(one.value for one in at.markdown if "Suggestion at L" in one.value)
    at = click(at, "use_suggestion")
    at = to_tab(at, "Number of clusters")
    again = next(one.value for one in at.markdown if "Suggestion at L" in one.value)
    assert at.session_state["config"].clustering.n_clusters != 8
    assert at.select_slider(key="lipschitz_slider").value == begun
    assert again.split("least at")[1].split(".")[0] == said.split("least at")[1].split(".")[0]


@pytest.mark.parametrize("tab", ["The bound", "Measured", "Transport"])
def test_measuring_that_was_stopped_holds_up_nothing_else(toy: Given, tab: str):
    at = opened(toy, tab)
    at.session_state["config"] = replace(at.session_state["config"], budget=61)
    at.session_state["stopped"] = frozenset({("Estimating divergences", key_of_selection(at))})
    at.run()
    assert not at.exception, at.exception
    assert "Measuring was stopped" in words(at)
    assert "stopped before it was finished" not in words(at)
    assert number(at, "The bound, in nats") > 0
    at = click(at, "measure_divergences")
    assert "Measuring was stopped" not in words(at)
    assert "a random selection of the same size measures" in words(at)


def key_of_selection(at: AppTest) -> str:
    """Return the key the page gives its selection, from the same parts."""
    config, given = at.session_state["config"], at.session_state["given"]
    data = work.key_of(given.key, config.columns, config.limits, config.cleaning)
    problem = work.key_of(work.key_of(data, config.vectorizer, config.seed), config.clustering)
    return work.key_of(problem, config.selector, config.budget)


def test_where_l_cannot_be_told_nothing_is_said_to_be_a_result(toy: Given, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("craft_core.bound.lipschitz.Lipschitz.is_told", False)
    monkeypatch.setattr("pages.shared.verdicts._above", lambda bound, measured: [])
    at = opened(toy)
    assert at.select_slider(key="lipschitz_slider").value == 1.0
    assert "L cannot be told from these pairs" in words(at)
    at.select_slider(key="lipschitz_slider").set_value(0.1)
    at.run()
    assert number(at, "The bound, in nats") < 0.1
    assert not at.success
    assert "read it as **what if**" in words(at)
    assert at.button(key="use_estimate").label == "Back to L = 1"
    at = click(at, "use_estimate")
    at.switch_page("pages/5_Budget.py").run()
    assert not at.exception
    assert "a placeholder: these pairs do not tell L" in words(at)
    assert "an estimate, no certificate" not in words(at)


def test_too_few_validation_pairs_for_a_sweep_are_said(tmp_path: Path):
    write_tsv(tmp_path / "pool.tsv", rows(60, ("stars", "bread"), 1, "p"))
    write_tsv(tmp_path / "validation.tsv", rows(6, ("stars",), 2, "v"))
    given = given_of("Mine", Files((on_disk(tmp_path / "pool.tsv"),), on_disk(tmp_path / "validation.tsv")))
    at = opened(given, "Number of clusters", budget=10, clustering=KMeans(n_clusters=3))
    assert "too few validation pairs for a sweep" in words(at)
    assert not [one for one in at.button if one.key == "run_sweep"]


def test_a_sum_is_shown_so_that_it_adds_up():
    assert in_sum(10.2, 0.0234, 10.1766) == ["10.20", "0.02", "10.18"]
    assert in_sum(9.2, 7.5e-06, 9.2) == ["9.200", "7.5e-06", "9.200"]
    assert in_sum(float("inf"), float("inf"), 1.0) == ["∞", "∞", "1.000"]
