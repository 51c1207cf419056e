"""The KL bound, the budget and the scenes in a real browser: what follows a slider, a sweep that is stopped, a link to a scene."""

import re
from collections.abc import Iterator

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from browser import MARKS, go, no_error, open_sample, settle  # noqa: E402
from playwright.sync_api import Browser, Locator, Page, expect  # noqa: E402

pytestmark = MARKS


@pytest.fixture(scope="module")
def explored(chromium: Browser, address: str) -> Iterator[Page]:
    """One session with the sample data open, for the tests that do not mind what another one left."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(address)
    open_sample(page)
    yield page
    context.close()


def metric(page: Page, label: str) -> Locator:
    # while a busy page is drawn anew, the old number can stand beside the new one for a moment
    return page.get_by_test_id("stMetric").filter(has=page.get_by_text(label, exact=True)).get_by_test_id("stMetricValue").first


def press(page: Page, slider: Locator, key: str, times: int = 1) -> None:
    slider.focus()
    for _ in range(times):
        page.keyboard.press(key)
    _still(page)


def _still(page: Page) -> None:
    """Wait until nothing changes any more: every key press asks for a run of its own, and the last one counts."""
    seen, now = "", page.get_by_test_id("stMain").inner_text()
    while seen != now:
        page.wait_for_timeout(700)
        settle(page)
        seen, now = now, page.get_by_test_id("stMain").inner_text()


def test_the_bound_follows_l_and_goes_back_to_the_estimate(explored: Page) -> None:
    page = explored
    go(page, "KL bound")
    no_error(page)
    _still(page)
    bound = metric(page, "The bound, in nats")
    shown = bound.inner_text()
    begun = float(shown)
    expect(page.get_by_text("an estimate, not a certificate")).to_be_visible()
    for _ in range(8):  # a decade is 24 steps; a busy page loses a key press now and then
        press(page, page.get_by_role("slider").first, "ArrowRight", 6)
        if float(bound.inner_text()) > 5 * begun:
            break
    assert float(bound.inner_text()) > 5 * begun
    expect(page.get_by_text("says nothing").first).to_be_visible()
    page.get_by_role("button", name="Use the estimate").click()
    expect(bound).to_have_text(shown)


def test_a_sweep_keeps_its_points_and_suggests(explored: Page) -> None:
    page = explored
    go(page, "KL bound")
    page.get_by_role("tab", name="Number of clusters").click()
    page.get_by_role("button", name="Run the sweep").click()
    expect(page.get_by_text("the bound does not say how many clusters to use")).to_be_visible()
    expect(page.get_by_role("button", name="Run the sweep")).to_have_count(0)
    settle(page)
    no_error(page)
    assert page.locator(".js-plotly-plot").count() == 4
    suggestion = page.get_by_text(re.compile(r"Suggestion at L = ")).first
    for _ in range(8):  # a busy page loses a key press now and then, so the keys are pressed until the page has followed
        press(page, page.get_by_role("slider").first, "ArrowLeft", 4)
        if suggestion.count():
            break
    # at a smaller L noise and residual balance, and the points of the sweep hold for it too
    expect(suggestion).to_be_visible()
    page.get_by_role("button", name=re.compile(r"^\S* ?Use [\d,]+ clusters$")).click()
    settle(page)
    expect(page.get_by_text(re.compile(r"in use lie within"))).to_be_visible()
    page.get_by_role("button", name=re.compile("Use the estimate|Back to L = 1")).click()  # by the number of clusters L may not be told
    settle(page)


def test_a_click_on_a_cluster_shows_its_pairs(explored: Page) -> None:
    page = explored
    go(page, "KL bound")
    page.get_by_role("tab", name="Clusters", exact=True).click()
    settle(page)
    mark = page.locator(".js-plotly-plot .scatterlayer .points path").last
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 30, y - 30)
    page.mouse.move(x, y, steps=5)  # plotly takes a click only where it has seen the pointer come
    page.wait_for_timeout(400)
    page.mouse.click(x, y)
    expect(page.get_by_text(re.compile(r"Cluster \d+: validation")).first).to_be_visible()
    no_error(page)


def test_every_number_follows_the_budget(explored: Page) -> None:
    page = explored
    go(page, "Budget")
    no_error(page)
    slider = page.get_by_role("slider").first
    chosen = metric(page, "Pairs chosen")
    expect(chosen).to_have_text("600")
    press(page, slider, "ArrowRight", 3)
    more = int(chosen.inner_text().replace(",", ""))
    assert more > 600
    expect(page.get_by_role("spinbutton", name="Budget (pairs)")).to_have_value(str(more))  # the sidebar is in step
    expect(page.get_by_text(f"{more:,} pairs instead of 600")).to_be_visible()
    page.get_by_role("tab", name="Between two budgets").click()
    settle(page)
    expect(page.get_by_text(f"{more - 600:,} pairs enter", exact=True)).to_be_visible()
    no_error(page)
    go(page, "Allocation")
    expect(page.get_by_test_id("stMetric").filter(has_text="Chosen").first).to_contain_text(f"{more:,}")


def test_a_link_to_a_scene_brings_others_to_the_same_place(chromium: Browser, address: str) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{address}/Learn?scene=3")
    expect(page.get_by_role("heading", name="3 · Sharing the budget")).to_be_visible()
    settle(page)
    press(page, page.get_by_role("slider").first, "ArrowRight", 2)
    expect(page).to_have_url(re.compile("scene=3&.*=|=.*&scene=3"))
    answers = page.get_by_test_id("stMain").get_by_test_id("stRadio")
    expect(page.get_by_role("button", name="Reveal")).to_be_disabled()
    answers.locator("label").nth(1).click()
    page.get_by_role("button", name="Reveal").click()
    expect(page.get_by_text("Take home.")).to_be_visible()
    budget = page.get_by_role("slider").first.get_attribute("aria-valuenow")
    other = chromium.new_context()
    visitor = other.new_page()
    visitor.goto(page.url)
    expect(visitor.get_by_role("heading", name="3 · Sharing the budget")).to_be_visible()
    settle(visitor)
    assert visitor.get_by_role("slider").first.get_attribute("aria-valuenow") == budget != "600"
    expect(visitor.get_by_text("Take home.")).to_have_count(0)  # predictions are one's own
    visitor.get_by_role("button", name=re.compile("Next")).click()
    expect(visitor.get_by_role("heading", name="4 · What is left inside a cell")).to_be_visible()
    no_error(visitor)
    for one in (context, other):
        one.close()
