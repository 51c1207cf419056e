"""Every page for those who cannot see it well or use no mouse: axe-core in light and dark, wide and narrow, and the keyboard alone."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
bundled = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python, which carries axe-core, is not installed")
from browser import MARKS, PAGES, go, open_sample, settle  # noqa: E402
from playwright.sync_api import Browser, Page, expect  # noqa: E402

pytestmark = MARKS

AXE = Path(bundled.__file__).parent / "axe.min.js"
GRAVE = ("serious", "critical")
VIEWS = [("light", 1280, True), ("dark", 1280, True), ("light", 375, True), ("light", 1280, False)]
MENU = "stExpandSidebarButton"
NARROW, EMPTY = VIEWS[2:]
# without data most pages show the same doors; narrow, those whose rows wrap
LEFT_OUT = {
    EMPTY: ("Data", "Clusters", "Allocation", "KL bound", "Budget", "Compare", "Learn"),
    NARROW: ("Data", "Allocation", "Export", "Learn"),
}


@pytest.fixture(scope="module", params=VIEWS, ids=lambda one: f"{one[0]}-{one[1]}-{'data' if one[2] else 'empty'}")
def visit(request: pytest.FixtureRequest, chromium: Browser, address: str) -> Iterator[Page]:
    scheme, width, has_data = request.param
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    expect(page.get_by_role("heading", name=PAGES["/"], exact=True)).to_be_visible()
    settle(page)
    if has_data:
        open_sample(page)
    yield page
    context.close()


def turn_to(page: Page, name: str) -> None:
    if page.get_by_test_id(MENU).count():
        page.get_by_test_id(MENU).click()
    go(page, name)


def violations(page: Page) -> list[tuple[str, str, str]]:
    """Rule, selector and message of each element that axe-core finds gravely wrong."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        (rule["id"], " ".join(map(str, node["target"])), node["failureSummary"])
        for rule in found["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("name", PAGES.values())
def test_no_page_has_a_grave_violation_or_scrolls_sideways(visit: Page, name: str, request: pytest.FixtureRequest) -> None:
    case = request.node.callspec.params["visit"]
    if case == EMPTY and name in LEFT_OUT[EMPTY]:
        pytest.skip("the same markup as on another page")
    if name != PAGES["/"]:
        turn_to(visit, name)
    beyond = visit.evaluate("() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth; }")
    assert beyond == 0
    if name not in LEFT_OUT.get(case, ()):
        assert violations(visit) == []  # none is excused: what Streamlit draws passes with the theme and pages/shared/look.py


FOCUS = "() => document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"
MOST_KEYS = 60


def press_tab_to(page: Page, name: str, role: str | None = None) -> None:
    """Press the Tab key until the focus is on what has this name."""
    for _ in range(MOST_KEYS):
        page.keyboard.press("Tab")
        is_there = role is None or page.evaluate("() => document.activeElement.getAttribute('role') || document.activeElement.type") == role
        if is_there and name in page.evaluate(FOCUS):
            return
    raise AssertionError(f"The Tab key does not come to {name}.")


def test_the_first_key_leads_past_the_sidebar(visit_learn: Page) -> None:
    page = visit_learn
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUS) == "Skip to main content"
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.tagName") == "MAIN"
    press_tab_to(page, "1", "radio")  # the scenes, at once
    assert page.evaluate("() => document.activeElement.closest('[role=radiogroup]').getAttribute('aria-label')") == "Scene"


def test_a_scene_is_answered_with_the_keyboard_and_the_focus_stays(visit_learn: Page) -> None:
    page = visit_learn
    while not page.evaluate("() => document.activeElement.matches('[data-testid=stRadio] input')"):
        press_tab_to(page, "", "radio")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Reveal")).to_be_enabled()
    settle(page)
    press_tab_to(page, "Reveal")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Take home.")).to_be_visible()
    settle(page)
    assert page.evaluate(FOCUS) == "Hide the answer"
    page.keyboard.press("Enter")
    expect(page.get_by_text("Take home.")).to_have_count(0)
    expect(page.get_by_role("button", name="Reveal")).to_be_focused()


@pytest.fixture
def visit_learn(chromium: Browser, address: str) -> Iterator[Page]:
    page = chromium.new_page()
    page.goto(f"{address}/Learn")
    expect(page.get_by_role("heading", name="Learn", exact=True)).to_be_visible()
    settle(page)
    yield page
    page.close()


# what Streamlit does to a tab when the app is slow: it is disabled for a while, or its row is drawn anew
LOSSES = (
    "tab => { tab.removeAttribute('tabindex'); setTimeout(() => tab.setAttribute('tabindex', 0), 1000); }",
    """tab => {
        const all = tab.closest('[data-testid=stTabs]'), [box, next] = [all.parentElement, all.nextSibling];
        all.remove();
        setTimeout(() => box.insertBefore(all, next), 1000);
    }""",
)


def test_the_tabs_of_a_page_are_walked_with_the_keyboard_and_its_charts_are_told(chromium: Browser, address: str) -> None:
    page = chromium.new_page()
    page.goto(address)
    open_sample(page)
    go(page, "Allocation")
    expect(page.get_by_role("figure", name="Validation share, supply share and selected share of each cluster")).to_be_visible()
    press_tab_to(page, "Shares", "tab")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tabpanel")).to_contain_text("The quota is the budget times the validation share.")
    expect(page.get_by_role("figure", name="Quota and count of each cluster")).to_be_visible()
    settle(page)
    tab = page.get_by_role("tab", name="Quota and count")
    expect(tab).to_be_focused()
    for loss in LOSSES:
        tab.evaluate(loss)
        expect(page.locator("body")).to_be_focused()
        expect(tab).to_be_focused()
    page.get_by_role("heading", level=1).click()
    page.wait_for_timeout(300)
    expect(tab).not_to_be_focused()  # it was left, not lost
    levels = page.evaluate("() => [...document.querySelectorAll('h1, h2, h3, h4')].map(one => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    page.close()
