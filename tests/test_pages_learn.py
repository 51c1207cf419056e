"""Every scene of the Learn page, run without a browser: link, prediction, answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from craft_core.bound import kl_divergence
from craft_core.errors import ParameterError
from craft_core.toy import Doubt, Setting, TradeOff, make_world, trade_off
from pages.shared.learn import scenes, story
from pages.shared.session import sample_given

ROOT = Path(__file__).parent.parent
LINKS = {
    1: {"shift": "0.25"},
    2: {"n_clusters": "20"},
    3: {"budget": "2500"},
    4: {"cell": "widest", "L": "4.0"},
    5: {"M": "100"},
    6: {"chosen": "800", "misaligned": "30"},
    7: {"example": "distances"},
}


def _flat(example: str, seed: int, progress: object) -> Doubt:
    """Stand in for `doubt` without UMAP, which compiles for seconds; its own test is in test_toy."""
    from craft_core.toy.doubts import _DRAWS

    rows, groups = _DRAWS[example](np.random.default_rng(seed))
    return Doubt(example, rows, groups, rows[:, :2].copy(), rows[:, 1:3].copy())


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("pages.shared.learn.toys.doubt", _flat)
    monkeypatch.setattr("craft_core.project.warm_up", lambda: None)
    st.cache_resource.clear()  # every simulated run has the same session id, and so would find the results of the test before


def opened(**link: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).switch_page("pages/8_Learn.py")
    for name, value in link.items():
        at.query_params[name] = value
    return at.run()


def shown(at: AppTest) -> str:
    """All that is written on the page, but for captions."""
    assert not at.exception, at.exception
    return "\n".join(one.value for one in [*at.markdown, *at.success, *at.info, *at.text])


def reveal(at: AppTest, option: str) -> AppTest:
    at.radio[0].set_value(option).run()
    return next(one for one in at.button if one.label == "Reveal").click().run()


def titles(at: AppTest) -> list[str]:
    return [one.value for one in at.header]


def figures(at: AppTest) -> int:
    return len(at.get("plotly_chart"))


@pytest.mark.parametrize("number", range(1, 8))
def test_a_scene_asks_and_answers(number: int) -> None:
    scene = scenes.SCENES[number - 1]
    at = opened(scene=str(number))
    assert titles(at) == [f"{number} · {scene.title}"]
    assert scene.lesson not in shown(at)  # it would give the answer away
    assert at.radio[0].value is None
    assert next(one for one in at.button if one.label == "Reveal").disabled
    assert figures(at) == 1
    verdicts = []
    for option in at.radio[0].options:
        at = reveal(opened(scene=str(number)), option)
        text = shown(at)
        assert scene.lesson in text
        verdicts.append("**Right" in text)
        assert ("Not this time" in text) is not verdicts[-1]
        assert f"The answer is: {option}" not in text
    assert 1 <= sum(verdicts) < len(verdicts)


@pytest.mark.parametrize("number", range(1, 8))
def test_a_link_brings_back_scene_and_controls(number: int) -> None:
    link = {"scene": str(number), "seed": "3", **LINKS[number]}
    at = opened(**link)
    assert titles(at) == [f"{number} · {scenes.SCENES[number - 1].title}"]
    for name in link:
        value = at.session_state[name]
        assert (float(value) == float(link[name])) if link[name][0].isdigit() else (value == link[name])
    for name in set(link) - ({"scene"} if number == 1 else set()):  # what is as it begins is not in the address
        assert at.query_params[name] == link[name], name


@pytest.mark.parametrize(
    "link",
    [
        {"scene": "8"},
        {"scene": "one"},
        {"shift": "7"},
        {"shift": "far"},
        {"seed": "-1"},
        {"scene": "2", "n_clusters": "100000"},
        {"scene": "4", "L": "nan"},
        {"scene": "5", "M": "17"},
        {"scene": "6", "chosen": "0", "misaligned": "99"},
        {"scene": "7", "example": "<script>"},
    ],
)
def test_a_bad_link_shows_the_scene_as_it_begins(link: dict[str, str]) -> None:
    at = opened(**link)
    assert "did not work" not in shown(at)
    number = int(link["scene"]) if link.get("scene", "") in {"2", "4", "5", "6", "7"} else 1
    assert titles(at) == [f"{number} · {scenes.SCENES[number - 1].title}"]
    assert not set(link) - {"scene"} & set(at.query_params)


def test_a_value_no_widget_would_give_is_refused() -> None:
    assert story.within("L", 3.0, 0.5, 30.0) == 3.0
    with pytest.raises(ParameterError, match=r"'L' must lie in \[0.5, 30.0\]. Got nan"):
        story.within("L", float("nan"), 0.5, 30.0)
    with pytest.raises(ParameterError, match="must be one of 50, 100"):
        story.one_of("M", 17, (50, 100))


def test_the_answer_is_computed_and_follows_the_control() -> None:
    answers = {}
    for shift in ("0.0", "0.7", "1.0"):
        at = reveal(opened(shift=shift), "less than 1.25 times")
        world = make_world(Setting(shift=float(shift)))
        assert f"{kl_divergence(world.wanted.masses, world.offered.masses):.3f} nats" in shown(at)
        answers[shift] = "**Right" in shown(at)
    assert answers == {"0.0": True, "0.7": False, "1.0": False}


def test_a_moved_control_hides_the_answer() -> None:
    at = reveal(opened(), "less than 1.25 times")
    assert "as a geometric mean" in shown(at)
    at.slider[0].set_value(0.3).run()
    assert "as a geometric mean" not in shown(at)
    assert at.radio[0].value is None
    assert any(one.value.startswith("Each mark") for one in at.caption)  # the figure hides it too


def test_the_budget_moves_without_hiding_who_ran_out_first() -> None:
    at = opened(scene="3")
    at = reveal(at, at.radio[0].options[0])
    assert "first to run out" in shown(at)
    at.slider[0].set_value(3_000).run()
    assert "first to run out" in shown(at)
    assert "at a budget of 3,000 pairs" in shown(at)
    assert len(at.dataframe) == 3  # who ran out, who took over, and the table twin


def test_next_and_back_walk_the_scenes() -> None:
    at = opened()
    for number in range(1, 8):
        assert titles(at)[0].startswith(f"{number} ")
        if number < 7:
            at.button(key="next").click().run()
            assert at.query_params["scene"] == str(number + 1)
    assert at.button(key="next").disabled
    at.button(key="back").click().run()
    assert titles(at)[0].startswith("6 ")


def test_the_room_leaves_the_session_as_it_was() -> None:
    at = opened(scene="2")
    assert "given" not in at.session_state
    assert "config" not in at.session_state
    assert not any("Explore" in one.label for one in at.button)


def test_the_scenes_run_beside_loaded_data_and_leave_them_alone() -> None:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).switch_page("pages/8_Learn.py")
    given = at.session_state["given"] = sample_given()
    at.query_params["scene"] = "3"
    at.query_params["budget"] = "700"
    at.run()
    assert titles(at) == ["3 · Sharing the budget"]
    config = at.session_state["config"]
    at.slider[0].set_value(3_000).run()
    assert at.session_state["given"] is given
    assert at.session_state["config"] == config
    assert not at.exception


def test_the_best_for_all_of_validation_is_a_right_answer_too() -> None:
    found = toys_sweep()
    assert found.best != found.best_whole
    for n_clusters in (found.best, found.best_whole):
        at = opened(scene="5")
        option = next(one for one in at.radio[0].options if int(one.split()[0]) <= n_clusters <= int(one.split()[2]))
        assert "**Right" in shown(reveal(at, option))


def toys_sweep() -> TradeOff:
    """Return what the scene shows at its usual controls."""
    return trade_off(make_world(Setting()), 500)
