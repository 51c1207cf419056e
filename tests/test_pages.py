"""Every page, run without a browser."""

import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

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
