"""Results of a command-line run on Home."""

import os
import shutil
import sys
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from craft_core.cli import main

os.environ.setdefault("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("served")
    for name in ("pool", "validation", "test"):
        shutil.copy(ROOT / "sample_data" / f"{name}.tsv", root / f"{name}.tsv")
    files = [word for name in ("pool", "validation", "test") for word in (f"--{name}", str(root / f"{name}.tsv"))]
    options = ["--vectorizer", "hashing", "--hashing-dimensions", "32", "--n-clusters", "10", "--budget", "100", "--quiet"]
    assert main(["select", "craft", *files, *options, "--out", str(root / "runs" / "first")]) == 0
    return root / "runs" / "first"


@pytest.fixture(autouse=True)
def _at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("CRAFT_STORE", "off")
    monkeypatch.delenv("CRAFT_DATA", raising=False)
    monkeypatch.setattr("craft_core.project.warm_up", lambda: None)
    st.cache_resource.clear()


def home() -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()


def test_a_folder_named_at_the_start_is_shown_and_its_data_give_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py", str(folder)])
    at = home()
    assert not at.exception
    assert "Results of a command-line run" in [one.value for one in at.header]
    assert {one.label: one.value for one in at.metric}["Chosen"] == "100"
    assert [one.label for one in at.tabs] == ["Chosen pairs", "Shares", "Distance", "Clusters", "How it was made"]
    at.button(key="explore_results").click().run()
    assert not at.exception
    assert "The same pairs were chosen as in the folder these data were opened from." in [one.value for one in at.success]


def test_folders_under_the_offered_one_are_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRAFT_DATA", str(folder.parents[1]))
    at = home()
    box = at.selectbox(key="results_choice")
    assert box.options == ["Choose a folder", "runs/first"]
    box.select("runs/first").run()
    assert not at.exception
    assert "Results of a command-line run" in [one.value for one in at.header]
    at.button(key="close_results").click().run()
    assert not at.exception
    assert "Results of a command-line run" not in [one.value for one in at.header]


def test_a_damaged_folder_gets_a_sentence(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "clusters.tsv").write_text("nothing")
    monkeypatch.setattr(sys, "argv", ["app.py", str(broken)])
    at = home()
    assert not at.exception
    assert ["columns are missing" in one.value for one in at.error] == [True]


def test_data_elsewhere_are_not_opened(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(folder, tmp_path / "served" / "run")
    for name in ("pool", "validation", "test"):
        shutil.copy(folder.parents[1] / f"{name}.tsv", tmp_path / f"{name}.tsv")
    manifest = tmp_path / "served" / "run" / "manifest.json"
    monkeypatch.setenv("CRAFT_DATA", str(tmp_path / "served"))
    assert manifest.is_file()
    at = home()
    at.selectbox(key="results_choice").select("run").run()
    at.button(key="explore_results").click().run()
    assert not at.exception
    said = [one.value for one in (*at.warning, *at.info, *at.error, *at.text, *at.markdown, *at.toast)]
    assert any("lie outside the folder that data may be read from" in one for one in said), said
