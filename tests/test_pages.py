"""Every page, run without a browser."""

import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from craft_core.cluster import KMeans
from craft_core.config import Data, ExperimentConfig
from craft_core.corpus import on_disk
from craft_core.errors import ParameterError
from craft_core.experiment import Files
from craft_core.stability import Repeats
from craft_core.vectorize import Precomputed, SentenceTransformers, Tfidf
from pages.shared.session import check_server_paths, given_of, names_of, sample_given
from pages.shared.work import key_of

os.environ.setdefault("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")
ROOT = Path(__file__).parent.parent
PAGES = ["app.py", *sorted(f"pages/{path.name}" for path in (ROOT / "pages").glob("[0-9]*.py"))]
NEED_DATA = [page for page in PAGES if page != "pages/8_Learn.py"]


@pytest.fixture(autouse=True)
def _at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("craft_core.project.warm_up", lambda: None)
    st.cache_resource.clear()  # every simulated run has the same session id, and so would find the results of the test before


def opened(page: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    return at.run() if page == "app.py" else at.switch_page(page).run()


@pytest.mark.parametrize("page", NEED_DATA)
def test_a_deep_link_on_a_fresh_server_says_what_to_do(page: str) -> None:
    at = opened(page)
    assert not at.exception
    labels = [button.label for button in at.button]
    assert "Explore the sample data" in labels or "Load the sample data" in labels


@pytest.mark.parametrize("page", NEED_DATA)
def test_one_click_brings_a_page_to_life(page: str) -> None:
    at = opened(page)
    next(button for button in at.button if button.label in ("Explore the sample data", "Load the sample data")).click()
    at.run()
    assert not at.exception, at.exception
    assert not [text.value for text in at.markdown if "did not work" in text.value], [text.value for text in at.text]


def test_a_vectorizer_reads_no_folder_the_server_does_not_offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "offered").mkdir()
    (tmp_path / "private").mkdir()
    config = ExperimentConfig(Data(("pool",), "validation"), vectorizer=Precomputed(folder=str(tmp_path / "private")))
    with pytest.raises(ParameterError, match="must lie in the folder the server offers"):
        check_server_paths(config)
    monkeypatch.setenv("CRAFT_DATA", str(tmp_path / "offered"))
    with pytest.raises(ParameterError, match="private"):
        check_server_paths(config)
    check_server_paths(replace(config, vectorizer=Precomputed(folder=str(tmp_path / "offered"))))
    check_server_paths(replace(config, vectorizer=SentenceTransformers(model="someone/some-model")))
    check_server_paths(replace(config, vectorizer=Tfidf()))


def test_awkward_columns_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns whose names the app uses itself, and columns that are lists."""
    table = pa.table(
        {
            "source": [f"rain on day {i}" for i in range(60)],
            "target": [f"din {i} barish" for i in range(60)],
            "market share": ["much", "little"] * 30,
            "row": [f"orig{i}" for i in range(60)],
            "vector": [[1.0, 2.0]] * 60,
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "pool.parquet")
    pyarrow.parquet.write_table(
        table.slice(0, 20).set_column(0, "source", [[f"snow on day {i}" for i in range(20)]]), tmp_path / "v.parquet"
    )
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    given = given_of("Mine", Files((on_disk(tmp_path / "pool.parquet"),), on_disk(tmp_path / "v.parquet")))
    at.session_state["given"] = given
    at.session_state["config"] = ExperimentConfig(names_of(given.files), budget=10, clustering=KMeans(n_clusters=3))
    at.run()
    for page in PAGES[1:]:
        at.switch_page(page).run()
        assert not at.exception, (page, at.exception)
        assert not [text.value for text in at.markdown if "did not work" in text.value], [text.value for text in at.text]
    at.switch_page("pages/2_Clusters.py").run()
    assert "vector" not in at.selectbox(key="map_colour").options
    assert "market share" in at.selectbox(key="map_colour").options


def test_an_export_can_be_restored_before_any_data_are_loaded() -> None:
    at = opened("pages/7_Export.py")
    assert [tab.label for tab in at.tabs] == ["Download", "Reproduce", "Verify or restore"]


def click(at: AppTest, label: str) -> AppTest:
    next(button for button in at.button if button.label == label).click()
    return at.run()


def told(at: AppTest) -> str:
    return " ".join(text.value for text in at.text)


def test_a_cleaning_rule_that_leaves_nothing_can_be_taken_back() -> None:
    at = click(opened("pages/1_Data.py"), "Load the sample data")
    next(field for field in at.number_input if field.label == "Max characters").set_value(5)
    at = click(at, "Apply")
    assert "No pair of the validation is left" in told(at)
    next(field for field in at.number_input if field.label == "Max characters").set_value(2_000)
    at = click(at, "Apply")
    assert "No pair of the validation is left" not in told(at)
    assert not at.exception


def test_home_computes_when_asked_and_not_before(tmp_path: Path) -> None:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.session_state["given"] = sample_given()
    at.session_state["config"] = ExperimentConfig(names_of(sample_given().files), budget=50, clustering=KMeans(n_clusters=10))
    at.run()
    assert "Not computed yet for these choices: Reading and cleaning, Vectors" in told(at)
    at = click(at, "Compute everything")
    assert next(metric for metric in at.metric if metric.label == "Chosen").value == "50"
    assert "Not computed yet" not in told(at)


def test_work_that_was_stopped_waits_until_it_is_asked_to_go_on() -> None:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.session_state["given"] = sample_given()
    config = ExperimentConfig(names_of(sample_given().files), budget=50, clustering=KMeans(n_clusters=10))
    at.session_state["config"] = config
    key = key_of(key_of(sample_given().key, config.columns, config.limits, config.cleaning), config.data)
    at.session_state["stopped"] = frozenset({("Reading and cleaning", key), ("Another stage", key)})
    at.run()
    at.switch_page("pages/2_Clusters.py").run()
    assert any("stopped before it was finished" in one.value for one in at.info)
    assert not at.metric
    at = click(at, "Go on")
    assert not any("stopped before it was finished" in one.value for one in at.info)
    assert next(metric for metric in at.metric if metric.label == "Clusters").value == "10"


def test_stopping_one_stage_stops_no_other_under_the_same_key() -> None:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.session_state["given"] = sample_given()
    config = ExperimentConfig(names_of(sample_given().files), budget=50, clustering=KMeans(n_clusters=10))
    at.session_state["config"] = config
    key = key_of(key_of(sample_given().key, config.columns, config.limits, config.cleaning), config.data)
    at.session_state["stopped"] = frozenset({("Words of the clusters", key)})
    at.run()
    at.switch_page("pages/1_Data.py").run()
    assert not at.exception
    assert not any("stopped before it was finished" in one.value for one in at.info)


def test_an_export_follows_the_stability_setting() -> None:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.session_state["given"] = sample_given()
    config = ExperimentConfig(names_of(sample_given().files), budget=50, clustering=KMeans(n_clusters=10))
    sizes = []
    for repeats in (Repeats(), Repeats(n_seeds=1), Repeats()):
        at.session_state["config"] = replace(config, stability=repeats)
        at.run()
        at.switch_page("pages/7_Export.py").run()
        assert not at.exception, at.exception
        sizes.append(next(one.value for one in at.caption if "apart from date" in one.value))
    assert sizes[0] != sizes[1]
    assert sizes[0] == sizes[2]


def test_other_data_forget_what_was_said_of_the_ones_before() -> None:
    at = opened("pages/1_Data.py")
    at.session_state["lipschitz"], at.session_state["budget_compared"] = 10.0, 5
    at = click(at, "Load the sample data")
    assert "budget_compared" not in at.session_state
    assert "lipschitz" not in at.session_state
