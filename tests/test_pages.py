"""Every page, run without a browser."""

import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from streamlit.testing.v1 import AppTest

from craft_core.cluster import KMeans
from craft_core.config import Data, ExperimentConfig
from craft_core.corpus import on_disk
from craft_core.errors import ParameterError
from craft_core.experiment import Files
from craft_core.vectorize import Precomputed, SentenceTransformers, Tfidf
from pages.shared.loading import check_server_paths
from pages.shared.session import given_of, names_of

os.environ.setdefault("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")
ROOT = Path(__file__).parent.parent
PAGES = ["app.py", *sorted(f"pages/{path.name}" for path in (ROOT / "pages").glob("[0-9]*.py"))]


@pytest.fixture(autouse=True)
def _at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("craft_core.project.warm_up", lambda: None)


def opened(page: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    return at.run() if page == "app.py" else at.switch_page(page).run()


@pytest.mark.parametrize("page", PAGES)
def test_a_deep_link_on_a_fresh_server_says_what_to_do(page: str) -> None:
    at = opened(page)
    assert not at.exception
    labels = [button.label for button in at.button]
    assert "Explore the sample data" in labels or "Load the sample data" in labels


@pytest.mark.parametrize("page", PAGES)
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
