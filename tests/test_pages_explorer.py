"""The explorer of the Clusters page, run without a browser: regions made of clusters, searches, cards and names."""

from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from craft_core.cluster import KMeans
from craft_core.config import ExperimentConfig
from craft_core.explore.region import Region
from pages.shared import explorer
from pages.shared.session import names_of, sample_given

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("craft_core.project.warm_up", lambda: None)
    st.cache_resource.clear()


@pytest.fixture
def page() -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.session_state["given"] = sample_given()
    at.session_state["config"] = ExperimentConfig(names_of(sample_given().files), budget=300, clustering=KMeans(n_clusters=20))
    at.run()
    return at.switch_page("pages/2_Clusters.py").run()


def open_tab(at: AppTest, name: str) -> AppTest:
    at.session_state[explorer.TAB] = name
    return at.run()


def said(at: AppTest) -> str:
    return "\n".join(one.value for kind in (at.text, at.markdown, at.caption, at.info, at.warning) for one in kind)


def fine(at: AppTest) -> None:
    assert not at.exception, [one.message for one in at.exception]
    assert "That did not work" not in said(at)


def test_every_tab_below_the_map_opens(page: AppTest) -> None:
    for name in explorer.TABS:
        fine(open_tab(page, name))


def test_a_region_of_clusters_is_counted_kept_and_compared(page: AppTest) -> None:
    open_tab(page, explorer.REGION)
    assert "every pair in the region is counted" in said(page)
    page.multiselect(key="region_clusters").set_value([3, 5])
    next(one for one in page.button if one.label == "Make the region").click().run()
    fine(page)
    metrics = {one.label: one.value for one in page.metric}
    inside, total = (int(one.replace(",", "")) for one in metrics["Pool"].split(" of "))
    assert 0 < inside < total
    assert metrics["Chosen"].endswith(" of 300")
    region = page.session_state["region_now"][1]
    assert len(region.pool) == inside
    next(one for one in page.button if one.label == "Keep it").click().run()
    assert "Kept regions" in said(page)
    page.session_state["region_tab"] = "Compare"
    page.run()
    fine(page)
    assert "Words of the sources" in said(page)


def test_a_search_is_limited_to_the_region_where_that_is_asked(page: AppTest) -> None:
    open_tab(page, explorer.SEARCH)
    page.text_input(key="search_text").set_value("the")
    next(one for one in page.button if one.label == "Search").click().run()
    fine(page)
    everywhere = next(one.value for one in page.markdown if "Pool: " in one.value)
    page.session_state["region_now"] = (_data_key(page), Region("few", "search", np.arange(50), np.arange(5)))
    page.session_state[explorer.limit_key()] = True
    page.run()
    fine(page)
    assert next(one.value for one in page.markdown if "Pool: " in one.value) != everywhere


def _data_key(at: AppTest) -> str:
    """The key as the page makes it: that of a region it made itself."""
    open_tab(at, explorer.REGION)
    at.multiselect(key="region_clusters").set_value([1])
    next(one for one in at.button if one.label == "Make the region").click().run()
    key = at.session_state["region_now"][0]
    open_tab(at, explorer.SEARCH)
    return str(key)


def test_a_bad_pattern_and_an_unknown_sentence_get_sentences(page: AppTest) -> None:
    open_tab(page, explorer.SEARCH)
    page.session_state["search_how"] = "Pattern"
    page.run()
    page.text_input(key="search_text").set_value("(")
    next(one for one in page.button if one.label == "Search").click().run()
    assert not page.exception
    assert "That did not work" in said(page)
    assert "'('" in said(page)
    page.session_state["search_how"] = "Like a sentence"
    page.run()
    page.text_input(key="search_text").set_value("xyzzy qwrtp")
    next(one for one in page.button if one.label == "Search").click().run()
    assert "knows no word" in said(page)


def test_a_row_opens_its_card_and_a_row_that_was_dropped_is_said(page: AppTest) -> None:
    open_tab(page, explorer.PAIR)
    assert "Click a point of the map" in said(page)
    page.number_input(key="pick_row").set_value(17)
    next(one for one in page.button if one.label == "Show this pair").click().run()
    fine(page)
    assert "pool, row 17" in said(page)
    assert "Rank " in said(page)
    page.number_input(key="pick_row").set_value(10_000_000)
    next(one for one in page.button if one.label == "Show this pair").click().run()
    assert "No pool pair came from row 10,000,000" in said(page)


def test_a_name_shows_on_other_pages_and_belongs_to_these_clusters_only(page: AppTest) -> None:
    from pages.shared import stages

    def script() -> None:
        import streamlit as st

        from pages.shared import stages

        stages.name_cluster(2, "Rain & <storms>")
        st.text(" ".join(stages.labels()[0][2]))

    at = AppTest.from_function(script, default_timeout=120)
    for key in ("given", "config"):
        at.session_state[key] = page.session_state[key]
    at.run()
    assert at.text[0].value == "Rain & <storms>"
    page.session_state[stages.NAMES] = at.session_state[stages.NAMES]
    page.run()
    fine(page)
    table = page.dataframe[0].value
    assert "Rain & <storms>" in table["name"].tolist()
    page.session_state["config"] = ExperimentConfig(page.session_state["config"].data, budget=300, clustering=KMeans(n_clusters=19))
    page.run()
    assert "name" not in page.dataframe[0].value


def test_a_gesture_is_taken_once_and_a_new_one_again() -> None:
    def script() -> None:
        import streamlit as st

        from pages.shared import explorer, stages

        event = st.session_state["event"]
        stages.problem()
        explorer.handle(event, "pca", 1)
        region = explorer.current()
        st.text("none" if region is None else f"{region.how} {len(region.pool)}")

    at = AppTest.from_function(script, default_timeout=120)
    at.session_state["given"] = sample_given()
    at.session_state["config"] = ExperimentConfig(names_of(sample_given().files), budget=300, clustering=KMeans(n_clusters=20))
    at.session_state["event"] = {"selection": {"points": [], "lasso": [], "box": [{"x": [-9.0, 9.0], "y": [-9.0, 9.0]}]}}
    at.run()
    everything = at.text[0].value
    assert everything.startswith("box ")
    assert int(everything.split()[1]) >= 5_900
    at.session_state["event"] = {"selection": {"points": [], "lasso": [], "box": []}}  # a new figure forgets its selection
    at.run()
    assert at.text[0].value == everything
    at.session_state["event"] = {"selection": {"points": [], "lasso": [{"x": [0.0, 9.0, 9.0], "y": [0.0, 0.0, 9.0]}], "box": []}}
    at.run()
    assert at.text[0].value.startswith("lasso ")
