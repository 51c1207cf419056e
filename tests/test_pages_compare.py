"""The Compare page, run without a browser."""

from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from toy_data import rows, write_tsv, write_world

from craft_core.cluster import KMeans
from craft_core.compare import Cell, Comparison, compare, find_measure
from craft_core.config import ExperimentConfig
from craft_core.corpus import on_disk
from craft_core.errors import DataError
from craft_core.experiment import Files
from craft_core.selectors import SELECTORS, Craft, Random
from pages.shared import compare_stages
from pages.shared.comparisons import _winner
from pages.shared.session import given_of, names_of

ROOT = Path(__file__).parent.parent
TABS = ("Over budgets", "Overlap", "Maps", "Words", "Times", "Pinned runs")
FAST = ["craft", "herding", "random"]


@pytest.fixture(autouse=True)
def _at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("craft_core.project.warm_up", lambda: None)
    st.cache_resource.clear()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Comparison]:
    """Every comparison the page made."""
    found: list[Comparison] = []

    def kept(*args: object, **more: object) -> Comparison:
        found.append(compare(*args, **more))  # type: ignore[arg-type]
        return found[-1]

    monkeypatch.setattr("pages.shared.compare_stages.compare", kept)
    return found


def opened(folder: Path, has_test: bool = True, **choices: object) -> AppTest:
    """The page on two topics in files."""
    if not (folder / "pool.tsv").exists():
        write_world(folder)
    pool, validation, test = (on_disk(folder / f"{role}.tsv") for role in ("pool", "validation", "test"))
    given = given_of("Toy", Files((pool,), validation, test if has_test else None))
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.session_state["given"] = given
    config = ExperimentConfig(names_of(given.files), budget=40, clustering=KMeans(n_clusters=4))
    at.session_state["config"] = replace(config, **choices)  # type: ignore[arg-type]
    at.run()
    return fine(at.switch_page("pages/6_Compare.py").run())


def fine(at: AppTest) -> AppTest:
    assert not at.exception, at.exception
    assert not [text.value for text in at.markdown if "did not work" in text.value], [text.value for text in at.text]
    return at


def compared(at: AppTest, methods: list[str] | None = None, budgets: str | None = None, seeds: int = 2, noise: int = 0) -> AppTest:
    """Fill in the form and press the button; the answer may be a sentence about a mistake."""
    field(at.multiselect, "Methods").set_value(methods or FAST)
    if budgets is not None:
        field(at.text_input, "Budgets (pairs)").set_value(budgets)
    field(at.main.number_input, "Seeds").set_value(seeds)
    field(at.main.number_input, "Mispair on purpose (%)").set_value(noise)
    return press(at, "Compare")


def press(at: AppTest, label: str) -> AppTest:
    field(at.button, label).click()
    at.run()
    assert not at.exception, at.exception
    return at


def field(widgets, label: str):
    return next(one for one in widgets if one.label == label)


def in_tab(at: AppTest, name: str) -> AppTest:
    at.session_state["compare_tab"] = name
    return fine(at.run())


def said(at: AppTest) -> str:
    return "\n".join(one.value for one in (*at.markdown, *at.caption, *at.info, *at.text))


def test_before_the_first_comparison_the_page_says_what_to_do(tmp_path: Path, made: list[Comparison]) -> None:
    at = opened(tmp_path)
    assert not made  # nothing long starts by itself
    assert any("press *Compare*" in one.value for one in at.info)
    assert field(at.text_input, "Budgets (pairs)").value == "40"
    assert field(at.selectbox, "Label column").value == "topic"
    assert "craft" in field(at.multiselect, "Methods").value


def test_every_method_is_explained(tmp_path: Path) -> None:
    table = opened(tmp_path).dataframe[0].value
    assert list(table["method"]) == list(SELECTORS)
    assert (table["what it does"].str.len() > 20).all()
    kinds = dict(zip(table["method"], table["kind"], strict=True))
    assert "paper" in kinds["craft"]
    assert "our" in kinds["herding"]
    assert "others" in kinds["tsds"]


def test_a_comparison_gives_a_verdict_and_a_table(tmp_path: Path, made: list[Comparison]) -> None:
    at = fine(compared(opened(tmp_path)))
    (found,) = made
    assert [one.name for one in found.plan.selectors] == FAST
    assert (found.plan.budgets, found.plan.seeds, found.plan.label) == ((40,), (0, 1), "topic")
    assert "Nearest to the held-out pairs (joint energy distance)" in said(at)
    assert "the test set (60 pairs)" in said(at)
    assert "2 seeds" in said(at)
    table = at.dataframe[1].value
    assert list(table["method"]) == FAST
    energy = table["Energy distance, joint"].tolist()
    assert sum(text.startswith("★") for text in energy) == 1
    assert all("±" in text for text in energy)
    labels = table["Label overlap"].tolist()
    assert float(labels[2].strip("★≈ ").split("%")[0]) < 75  # random takes both topics
    assert "100.0%" in labels[0]
    assert "Mispaired" not in table


def test_the_verdict_says_how_craft_ranks() -> None:
    energy, label = find_measure("energy"), find_measure("label_share")
    plain = {"craft": Cell(0.3, 0.0, 2), "herding": Cell(0.1, 0.0, 2, is_best=True), "ball": Cell(0.2, 0.0, 2, is_tied=True)}
    said = _winner(plain | {"random": Cell(0.4, 0.0, 2), "tarot": Cell(float("nan"), float("nan"), 0)}, energy, "Nearest")
    assert said == "Nearest: **herding**, 0.1000; within noise of it: ball; craft is number 3 of 5 with 0.3000."
    alike = {"craft": Cell(0.3, 0.0, 2), "ball": Cell(0.3, 0.0, 2), "herding": Cell(0.5, 0.0, 2, is_best=True)}
    assert _winner(alike, label, "Most") == "Most: **herding**, 50.0%; craft is number 2 of 3 with 30.0%."
    assert _winner({"craft": Cell(0.3, 0.0, 2, is_best=True)}, label, "Most") == "Most: **craft**, 30.0%."
    assert _winner({"craft": Cell(float("nan"), float("nan"), 0)}, label, "Most") == "Most: not measured."


def test_the_marks_are_explained(tmp_path: Path) -> None:
    assert "★ is best; ≈ is within noise of the best" in said(compared(opened(tmp_path)))


@pytest.mark.parametrize(
    ("tab", "words", "columns"),
    [
        ("Over budgets", "**Energy distance, joint**", ["method", "budget", "mean", "spread"]),
        ("Overlap", "How much the choices of 20 pairs share", ["method", *FAST]),
        ("Maps", "60 of 60 validation, 20 of 20 selected", None),
        ("Words", "More typical of craft", ["word", "z", "in craft", "in herding"]),
        ("Times", "Made once for all: vectors", ["method", "choosing alone (s)", "with vectors and clusters (s)"]),
        ("Pinned runs", "No run is pinned yet", None),
    ],
)
def test_every_tab_draws_what_it_says(tmp_path: Path, tab: str, words: str, columns: list[str] | None) -> None:
    at = in_tab(fine(compared(opened(tmp_path), budgets="20 40")), tab)
    assert words in said(at)
    assert columns is None or columns in [list(one.value.columns) for one in at.dataframe]


def test_what_is_changed_after_a_comparison_counts_in_the_next(tmp_path: Path, made: list[Comparison]) -> None:
    at = fine(compared(opened(tmp_path)))
    at = fine(compared(at, methods=["craft", "random"], budgets="20 40", seeds=3, noise=20))
    assert [one.plan.seeds for one in made] == [(0, 1), (0, 1, 2)]
    assert [one.name for one in made[1].plan.selectors] == ["craft", "random"]
    assert made[1].plan.budgets == (20, 40)
    assert made[1].mispaired > 0
    assert field(at.text_input, "Budgets (pairs)").value == "20 40"
    assert len({one.chosen.tobytes() for one in made[1].of("random", 40)}) == 3


def test_the_budget_at_the_side_is_what_the_form_begins_with(tmp_path: Path) -> None:
    at = opened(tmp_path)
    at = fine(field(at.sidebar.number_input, "Budget (pairs)").set_value(70).run())
    assert field(at.text_input, "Budgets (pairs)").value == "70"


def test_several_budgets_are_compared_and_one_is_shown(tmp_path: Path, made: list[Comparison]) -> None:
    at = fine(compared(opened(tmp_path), budgets="80; 20, 40 40"))
    assert made[0].plan.budgets == (20, 40, 80)
    before = at.dataframe[1].value
    at.session_state["compare_budget"] = 80
    after = fine(at.run()).dataframe[1].value
    assert before["Energy distance, joint"].tolist() != after["Energy distance, joint"].tolist()
    assert len(made) == 1


@pytest.mark.parametrize("budgets", ["many", "", "0", "-5", "40.5", "500,2000"])
def test_budgets_that_are_none_are_told(tmp_path: Path, made: list[Comparison], budgets: str) -> None:
    at = compared(opened(tmp_path), budgets=budgets)
    assert any("did not work" in one.value for one in at.markdown)
    assert not made
    assert field(at.button, "Compare")  # the form is still there to put it right


def test_a_budget_may_have_a_thousands_separator(tmp_path: Path, made: list[Comparison]) -> None:
    fine(compared(opened(tmp_path), budgets="40 1,000"))
    assert made[0].plan.budgets == (40, 1_000)


def test_no_method_is_told(tmp_path: Path) -> None:
    at = opened(tmp_path)
    field(at.multiselect, "Methods").set_value([])
    assert "needs methods" in said(press(at, "Compare"))


def test_the_method_in_use_keeps_its_settings(tmp_path: Path, made: list[Comparison]) -> None:
    at = opened(tmp_path, selector=Craft(distance="euclidean"))
    fine(compared(at))
    assert made[0].plan.selectors[0] == Craft(distance="euclidean")


def test_settings_changed_after_the_comparison_are_told(tmp_path: Path, made: list[Comparison]) -> None:
    at = fine(compared(opened(tmp_path)))
    assert "have changed since" not in said(at)
    at = fine(field(at.sidebar.selectbox, "Distance").set_value("euclidean").run())
    assert at.session_state["config"].selector == Craft(distance="euclidean")
    assert "The settings of craft have changed since" in said(at)
    assert len(made) == 1
    at = fine(press(at, "Compare"))
    assert "have changed since" not in said(at)
    assert made[1].plan.selectors[0] == Craft(distance="euclidean")


def test_a_method_in_use_that_is_not_usual_is_offered(tmp_path: Path) -> None:
    at = opened(tmp_path, selector=SELECTORS["tarot"]())
    assert "tarot" in field(at.multiselect, "Methods").value


def test_a_finished_comparison_is_kept(tmp_path: Path, made: list[Comparison]) -> None:
    at = fine(compared(opened(tmp_path)))
    fine(at.switch_page("pages/3_Allocation.py").run())
    at = fine(at.switch_page("pages/6_Compare.py").run())
    assert len(made) == 1
    assert "Nearest to the held-out pairs" in said(at)
    assert field(at.multiselect, "Methods").value == FAST


def test_other_clusters_make_it_anew(tmp_path: Path, made: list[Comparison]) -> None:
    at = fine(compared(opened(tmp_path)))
    at.session_state["config"] = replace(at.session_state["config"], clustering=KMeans(n_clusters=5))
    fine(at.run())
    assert len(made) == 2


def test_mispaired_pairs_are_counted(tmp_path: Path, made: list[Comparison]) -> None:
    at = fine(compared(opened(tmp_path), noise=30))
    assert made[0].mispaired == pytest.approx(0.3, abs=0.08)
    assert "exchanged on purpose" in said(at)
    assert "Fewest mispaired pairs" in said(at)
    assert any("%" in text for text in at.dataframe[1].value["Mispaired"])
    for tab in ("Maps", "Words"):
        in_tab(at, tab)


def test_without_a_label_column_there_is_no_label_overlap(tmp_path: Path, made: list[Comparison]) -> None:
    at = opened(tmp_path)
    field(at.selectbox, "Label column").set_value("none")
    at = fine(compared(at))
    assert made[0].plan.label is None
    assert "Label overlap" not in at.dataframe[1].value


def test_without_a_test_set_halves_of_validation_are_held_out(tmp_path: Path) -> None:
    at = opened(tmp_path, has_test=False)
    assert "measured on the other half" in said(at)
    assert "held-out halves of validation (60 pairs)" in said(fine(compared(at)))


def test_too_few_held_out_pairs_are_told(tmp_path: Path) -> None:
    write_world(tmp_path)
    write_tsv(tmp_path / "validation.tsv", rows(3, ("stars",), 2, "v"))
    at = compared(opened(tmp_path, has_test=False, clustering=KMeans(n_clusters=2)))
    assert "There are too few pairs to measure on" in said(at)


def test_a_method_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise DataError("There is nothing to draw from.")

    monkeypatch.setattr(Random, "select", fail)
    assert "There is nothing to draw from." in said(compared(opened(tmp_path)))


def test_a_single_method_and_a_single_seed(tmp_path: Path) -> None:
    at = fine(compared(opened(tmp_path), methods=["craft"], seeds=1))
    assert not any("±" in text for text in at.dataframe[1].value["Energy distance, joint"])
    for tab in TABS:
        in_tab(at, tab)


def test_stopping_can_be_taken_back(tmp_path: Path, made: list[Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(tmp_path)
    asked: list[bool] = []
    monkeypatch.setattr("pages.shared.work.was_stopped", lambda stage, key: stage == "Comparing methods" and not asked)
    at = compared(at)
    assert any("stopped before it was finished" in one.value for one in at.info)
    assert not made
    asked.append(True)
    fine(press(at, "Go on"))
    assert len(made) == 1


def test_words_tell_two_choices_apart(tmp_path: Path) -> None:
    at = in_tab(fine(compared(opened(tmp_path), methods=["craft", "random"])), "Words")
    told = [one.value for one in at.dataframe if "word" in one.value]
    assert len(told) == 4  # both sides, each way
    typical = set(told[0]["word"][:6]), set(told[1]["word"][:6])
    assert typical[0] & {"star", "planet", "orbit", "comet", "moon", "galaxy", "telescope", "light", "dust", "sky"}
    assert typical[1] & {"flour", "yeast", "oven", "dough", "crust", "butter", "knead", "salt", "rise", "bake"}
    assert (told[0]["z"] > 0).any()


def test_two_pinned_runs_pair_by_pair(tmp_path: Path) -> None:
    at = in_tab(opened(tmp_path), "Pinned runs")
    assert any("No run is pinned yet" in one.value for one in at.info)
    at = pin(at, "small")
    assert names(at) == ["small"]
    at.session_state["config"] = replace(at.session_state["config"], budget=60)
    at = fine(at.run())
    assert metrics(at) == {"In both": "40", "Only in A": "0", "Only in B": "20", "Overlap": "66.7%"}
    listed = [one.value for one in at.dataframe]
    assert any("budget" in list(table.iloc[:, 0]) and list(table.iloc[:, 0]).count("method") == 1 for table in listed)
    assert any(list(table.columns) == ["topic", "A", "B"] for table in listed)
    assert any("source" in table and len(table) == 20 for table in listed)
    at = pin(at, "large")
    ids = {one.name: one.id for one in at.session_state["history"]}
    at = fine(field(at.selectbox, "Run A").set_value(ids["large"]).run())
    assert metrics(at)["Only in A"] == "0"
    field(at.selectbox, "Unpin a run").set_value(ids["small"])
    at = press(fine(at.run()), "Unpin “small”")
    assert names(at) == ["large"]


def test_a_run_is_pinned_once(tmp_path: Path) -> None:
    at = pin(pin(in_tab(opened(tmp_path), "Pinned runs"), "mine"), "")
    assert names(at) == ["mine"]


def test_pins_belong_to_their_data(tmp_path: Path) -> None:
    at = pin(in_tab(opened(tmp_path / "one"), "Pinned runs"), "mine")
    write_world(tmp_path / "two")
    write_tsv(tmp_path / "two" / "pool.tsv", rows(300, ("stars", "bread"), 7, "q"))
    pool, validation = (on_disk(tmp_path / "two" / f"{role}.tsv") for role in ("pool", "validation"))
    at.session_state["given"] = given_of("Other", Files((pool,), validation, None))
    at = fine(at.run())
    assert any("No run is pinned yet" in one.value for one in at.info)


def test_a_comparison_that_fails_does_not_hide_the_pinned_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise DataError("There is nothing to draw from.")

    monkeypatch.setattr(Random, "select", fail)
    at = compared(opened(tmp_path))
    assert "There is nothing to draw from." in said(at)
    at.session_state["compare_tab"] = "Pinned runs"
    at = at.run()
    assert "No run is pinned yet." in at.info[-1].value


def pin(at: AppTest, name: str) -> AppTest:
    field(at.main.text_input, "Name").set_value(name)
    return fine(press(at, "Pin the run in use"))


def names(at: AppTest) -> list[str]:
    return [one.name for one in at.session_state["history"] if one.pinned]


def metrics(at: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in at.metric}


def test_what_a_method_says_of_its_choice_stands_below_the_table(tmp_path: Path) -> None:
    at = fine(compared(opened(tmp_path), methods=["craft", "craft-weighted"]))
    assert "craft-weighted: " in said(at)
    assert "look mispaired" in said(at) or "can hardly be told apart" in said(at)


def test_a_stopped_comparison_does_not_hide_the_pinned_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = fine(compared(opened(tmp_path)))
    monkeypatch.setattr(compare_stages, "is_stopped", lambda asked: True)
    monkeypatch.setattr(compare_stages, "comparison", lambda asked: pytest.fail("compared again"))
    at.session_state["compare_tab"] = "Pinned runs"
    at = fine(at.run())
    assert "No run is pinned yet." in at.info[-1].value
