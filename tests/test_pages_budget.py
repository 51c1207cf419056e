"""The Budget page, run without a browser."""

import importlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from toy_data import write_world

from craft_core.cluster import KMeans
from craft_core.config import ExperimentConfig
from craft_core.corpus import on_disk
from craft_core.experiment import Files
from craft_core.selectors import Random
from craft_core.stability import Repeats
from craft_core.sweep import SweepPoint, point_of
from pages.shared import budgets, stages
from pages.shared.budget_slider import PERCENT, WORDS, Scale, round_steps
from pages.shared.session import given_of, names_of

ROOT = Path(__file__).parent.parent
BASE = {"budget": 40, "clustering": KMeans(n_clusters=4)}


@pytest.fixture(autouse=True)
def _at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("craft_core.project.warm_up", lambda: None)
    st.cache_resource.clear()


def opened(folder: Path, tab: str = "Cost", has_test: bool = True, **choices: object) -> AppTest:
    """The page on two topics in files, in a tab that needs no measuring unless one is named."""
    write_world(folder)
    pool, validation, test = (on_disk(folder / f"{role}.tsv") for role in ("pool", "validation", "test"))
    given = given_of("Toy", Files((pool,), validation, test if has_test else None))
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.session_state["given"] = given
    at.session_state["config"] = replace(ExperimentConfig(names_of(given.files)), **(BASE | choices))  # type: ignore[arg-type]
    at.run()
    at.session_state["budget_tab"] = tab
    return fine(at.switch_page("pages/5_Budget.py").run())


def fine(at: AppTest) -> AppTest:
    assert not at.exception, at.exception
    assert not [text.value for text in at.markdown if "did not work" in text.value], [text.value for text in at.text]
    return at


def metric(at: AppTest, label: str) -> tuple[str, str]:
    one = next(one for one in at.metric if one.label == label)
    return one.value, one.delta


def slider(at: AppTest):
    return at.select_slider(key="budget_slider")


def side(at: AppTest):
    return next(field for field in at.sidebar.number_input if field.label == "Budget (pairs)")


def said(at: AppTest) -> str:
    return " ".join(one.value for one in at.markdown)


def test_the_slider_moves_the_budget_and_every_number(tmp_path: Path) -> None:
    at = opened(tmp_path)
    assert metric(at, "Pairs chosen") == ("40", "")
    at = fine(slider(at).set_value(100.0).run())
    assert metric(at, "Pairs chosen") == ("100", "+60")
    assert metric(at, "Words") == ("1,400", "+840")  # 7 words a side
    assert "100 pairs instead of 40" in said(at)
    gains = next(one.value for one in at.markdown if "instead of" in one.value)
    assert "- **Gains:** nothing that is known yet." in gains  # every word of the little test set is there already
    assert "- **Loses:** nothing that is known yet." in gains
    assert "*Stability* makes the choice again" in gains
    assert at.session_state["config"].budget == 100
    assert side(at).value == 100


def test_the_budget_at_the_side_moves_the_slider(tmp_path: Path) -> None:
    at = opened(tmp_path)
    at = fine(side(at).set_value(77).run())
    assert slider(at).value == 77.0
    assert metric(at, "Pairs chosen") == ("77", "+37")
    at = fine(slider(at).set_value(40.0).run())  # back to where it began
    assert metric(at, "Pairs chosen") == ("40", "")


def test_another_budget_to_compare_with(tmp_path: Path) -> None:
    at = opened(tmp_path)
    at = fine(at.number_input(key="budget_compared").set_value(10).run())
    assert metric(at, "Pairs chosen") == ("40", "+30")
    assert at.session_state["config"].budget == 40


def test_a_budget_in_words_and_in_percent(tmp_path: Path) -> None:
    at = opened(tmp_path)
    at = fine(at.selectbox(key="budget_unit").set_value(WORDS).run())
    assert slider(at).value == 560.0
    at = fine(slider(at).set_value(1_200.0).run())
    assert at.session_state["config"].budget == 85  # 1,190 words
    at = fine(at.selectbox(key="budget_unit").set_value(PERCENT).run())
    at = fine(slider(at).set_value(10.0).run())
    assert at.session_state["config"].budget == 40


def test_a_budget_that_cannot_be_met_is_told(tmp_path: Path) -> None:
    at = opened(tmp_path, budget=1_000)
    chosen = int(metric(at, "Pairs chosen")[0])
    assert chosen < 1_000
    assert metric(at, "Shortfall")[0] == str(1_000 - chosen)


def test_a_method_without_a_ranking_offers_one_that_has_it(tmp_path: Path) -> None:
    at = opened(tmp_path, selector=Random())
    assert "does not put the pool in an order that holds for every budget" in at.info[0].value
    assert not at.metric
    at = fine(next(button for button in at.button if button.label == "Use craft").click().run())
    assert metric(at, "Pairs chosen")[0] == "40"


def test_the_measured_curves_come_by_themselves_and_feed_the_numbers(tmp_path: Path) -> None:
    at = opened(tmp_path, "Curves")
    assert {"≈ Energy distance", "≈ Ridge, MRR", "≈ Nearest, chrF"} <= {one.label for one in at.metric}
    assert "≈ measured on the test set (60 pairs)" in " ".join(one.value for one in at.caption)
    budget_column = at.dataframe[0].value["budget (pairs)"]
    assert (budget_column.diff().dropna() > 0).all()


def test_without_a_test_set_coverage_is_measured_on_held_out_halves(tmp_path: Path) -> None:
    at = opened(tmp_path, has_test=False)
    assert not [one for one in at.metric if "coverage" in one.label]
    assert any("would flatter" in one.value for one in at.caption)
    at.session_state["budget_tab"] = "Curves"
    fine(at.run())
    assert [one.label for one in at.metric if "coverage" in one.label] == ["≈ Source coverage", "≈ Target coverage"]
    assert any("held-out halves of validation" in one.value for one in at.caption)


def test_measuring_that_was_stopped_waits_for_a_button(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.shared.budget_stages.is_curve_stopped", lambda: True)
    at = opened(tmp_path, "Curves")
    assert not [one for one in at.metric if "≈" in one.label]
    fine(next(button for button in at.button if button.label == "Measure the curves").click().run())
    assert [one for one in at.metric if "≈" in one.label]


def test_who_enters_between_two_budgets(tmp_path: Path) -> None:
    at = opened(tmp_path, "Between two budgets")
    assert any("Both budgets choose the same pairs" in one.value for one in at.info)
    at = fine(slider(at).set_value(100.0).run())
    assert "**60 pairs enter**" in said(at)
    table = at.dataframe[0].value
    assert table["enter"].sum() - table["leave"].sum() == 60


def test_what_training_costs(tmp_path: Path) -> None:
    at = opened(tmp_path)
    next(field for field in at.number_input if field.label == "Price per million tokens").set_value(2.0)
    at = fine(at.run())
    table = at.dataframe[0].value
    assert table["tokens over all epochs"][0] == "2,520"  # 40 pairs, 14 words, 1.5 tokens a word, 3 epochs
    assert table["money"][0] == "0.01"
    assert table["time"][0] == "–"
    assert "**10.0 times less**" in said(at)


def test_stability_is_asked_for_here_and_becomes_part_of_the_recipe(tmp_path: Path) -> None:
    at = opened(tmp_path, "Stability")
    assert any("Not asked for yet" in one.value for one in at.info)
    next(field for field in at.number_input if field.label == "Number of seeds").set_value(2)
    at = fine(next(button for button in at.button if button.label == "Repeat the selection").click().run())
    assert at.session_state["config"].stability == Repeats(n_seeds=2)
    assert metric(at, "Chosen in every run")[0].endswith("%")
    assert len(at.dataframe[-1].value) == 3
    at = fine(next(button for button in at.button if button.label == "Show the spread on the curves").click().run())
    assert "Show the spread on the curves" not in [button.label for button in at.button]
    drawn = [one.value for one in at.markdown]
    for name in ("KL of the shares", "Bound on KL", "Clusters that ran out", "Energy distance"):
        assert any(one.startswith(f"**{name}**") for one in drawn), name


def counted(monkeypatch: pytest.MonkeyPatch, path: str) -> list[int]:
    """Count the calls of a function."""
    module, name = path.rsplit(".", 1)
    made, original = [], getattr(importlib.import_module(module), name)
    monkeypatch.setattr(path, lambda *args, **more: made.append(1) or original(*args, **more))
    return made


def test_a_new_budget_or_l_chooses_again_in_the_clusters_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clustered, measured = (
        counted(monkeypatch, path) for path in ("craft_core.stability.cluster", "pages.shared.budget_stages.budget_curve")
    )
    at = opened(tmp_path, "Stability", stability=Repeats(n_seeds=2))
    at = fine(next(button for button in at.button if button.label == "Repeat the selection").click().run())
    at = fine(next(button for button in at.button if button.label == "Show the spread on the curves").click().run())
    assert (len(clustered), len(measured)) == (2, 3)
    at = fine(slider(at).set_value(100.0).run())
    assert "of the 100 chosen pairs" in next(one.help for one in at.metric if one.label == "Chosen in every run")
    before, at.session_state["lipschitz"] = at.dataframe[-1].value, 2.5
    at = fine(at.run())
    after = at.dataframe[-1].value
    assert (before["Bound on KL (nats)"] != after["Bound on KL (nats)"]).all()
    assert before["KL of the shares (nats)"].tolist() == after["KL of the shares (nats)"].tolist()
    assert metric(at, "Overlap with your run")[0].endswith("%")
    assert (len(clustered), len(measured)) == (2, 3)


def test_the_curves_of_the_runs_agree_with_those_of_the_curves_tab(tmp_path: Path) -> None:
    at = opened(tmp_path, "Curves", has_test=False, stability=Repeats(n_seeds=1))
    mine = at.dataframe[0].value.iloc[-1]
    at.session_state["budget_tab"] = "Stability"
    at = fine(at.run())
    at = fine(next(button for button in at.button if button.label == "Repeat the selection").click().run())
    at = fine(next(button for button in at.button if button.label == "Show the spread on the curves").click().run())
    first = at.dataframe[-2].value.iloc[-1]
    shared = ["budget (pairs)", *(name for name in first.index if name.startswith(("KL", "Bound", "Clusters")))]
    assert len(shared) == 5
    assert first[shared].tolist() == mine[shared].tolist()


def test_round_steps_reach_from_the_least_to_the_most() -> None:
    steps = round_steps(10, 5_264)
    assert {10, 100, 200, 1_000, 5_000} <= set(steps)
    assert steps[-1] == 5_264
    assert sorted(set(steps)) == list(steps)
    assert round_steps(3, 3) == (3,)


def test_a_position_is_round_where_a_round_one_gives_the_same_budget() -> None:
    scale = Scale(WORDS, (100.0, 200.0), lambda budget: 13.0 * budget, lambda position: int(position // 13))
    assert scale.position(15) == 200.0  # 195 words; 200 give no further pair
    assert scale.position(14) == 182.0


def test_the_export_gets_what_stability_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    report = stages.report
    monkeypatch.setattr(stages, "report", lambda: found.append(report()) or found[-1])
    at = opened(tmp_path, stability=Repeats(n_seeds=1))
    fine(at.switch_page("pages/7_Export.py").run())
    assert found[-1].stability.runs == ((0, 4), (1, 4))
    assert found[-1].seconds["stability"] >= 0
    fine(at.switch_page("pages/5_Budget.py").run())
    at.session_state["config"] = replace(at.session_state["config"], stability=Repeats())
    fine(at.switch_page("pages/7_Export.py").run())
    assert found[-1].stability is None


def test_the_l_of_the_bound_page_is_the_l_here(tmp_path: Path) -> None:
    at = opened(tmp_path)
    assert any("an estimate, no certificate" in one.value for one in at.caption)
    at.session_state["lipschitz"] = 2.5
    fine(at.run())
    assert any("L = 2.5 (as set on the page KL bound)" in one.value for one in at.caption)


def test_small_budgets_leave_clusters_out_and_say_so(tmp_path: Path) -> None:
    at = opened(tmp_path, budget=1, clustering=KMeans(n_clusters=12))
    assert metric(at, "Clusters left out")[0] != "0.0%"
    assert {"KL, covered part", "Bound, covered part"} <= {one.label for one in at.metric}


def test_bounds_of_two_budgets_are_both_exact_or_both_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(tmp_path)
    assert any(one.label.startswith("Bound, L") for one in at.metric)
    monkeypatch.setattr("pages.shared.budget_stages.EXACT_ROWS", 60 + at.session_state["config"].budget)
    at.number_input(key="budget_compared").set_value(at.session_state["config"].budget + 5)
    at.run()
    assert not at.exception, at.exception
    assert any(one.label.startswith("Bound at most") for one in at.metric)


def test_a_large_cell_without_an_exact_diameter_makes_both_bounds_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def vague(*args: object) -> SweepPoint:
        point = point_of(*args)  # type: ignore[arg-type]
        return replace(point, cells=replace(point.cells, diameter_low=point.cells.diameter_low / 2))

    monkeypatch.setattr("pages.shared.budget_stages.point_of", vague)
    at = opened(tmp_path)
    assert any(one.label.startswith("Bound at most") for one in at.metric)


def test_a_budget_beyond_what_can_be_chosen_is_said_and_the_slider_ends_there(tmp_path: Path) -> None:
    at = opened(tmp_path)
    at.session_state["config"] = replace(at.session_state["config"], budget=100_000)
    at.session_state["generation"] = at.session_state["generation"] + 1 if "generation" in at.session_state else 1
    at.run()
    assert not at.exception, at.exception
    slider = at.select_slider(key="budget_slider")
    assert max(float(one.replace(",", "").split()[0]) for one in slider.options) <= 400
    assert any("the slider ends there" in one.value for one in at.caption)


def test_gains_and_losses_are_told_apart() -> None:
    curve = SimpleNamespace(interpolate=lambda name, n: {"energy": 0.5, "ridge_rank": 0.25}[name] * (n / 40))
    worse, better = budgets._measured_changes(curve, 80, 40, {"random": 0.75})  # type: ignore[arg-type]
    assert worse[0] == "the distance to held-out pairs is about 1.0000 (before: 0.5000; random 0.7500; smaller is nearer)"
    assert worse[1] < 0 < better[1]
    assert better[0] == "the ridge translator ranks the true target at 0.500 (before: 0.250; 1 is first)"
