"""The Compare page in a real browser: compare, look at every tab, pin a run and compare it with another one."""

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from browser import MARKS, go, no_error, open_sample, set_number, settle  # noqa: E402
from playwright.sync_api import Page, expect  # noqa: E402

pytestmark = MARKS


def test_methods_are_compared_and_a_pinned_run_is_kept(page: Page) -> None:
    open_sample(page)
    go(page, "Compare")
    field = page.get_by_role("textbox", name="Budgets (pairs)")
    field.fill("200 600")
    field.press("Tab")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_text("Nearest to the held-out pairs")).to_be_visible()
    settle(page)
    no_error(page)
    for tab, shown in (
        ("Overlap", "How much the choices of 200 pairs share"),
        ("Maps", "Showing 400 of 400 validation"),
        ("Times", "Made once for all"),
    ):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_text(shown).first).to_be_visible()
        settle(page)
        no_error(page)
    page.get_by_role("tab", name="Pinned runs").click()
    page.get_by_role("button", name="Pin the run in use").click()
    expect(page.get_by_text("Only in A", exact=True).first).to_be_visible()
    set_number(page, "Budget (pairs)", 700)
    metric = page.get_by_test_id("stMetric").filter(has=page.get_by_text("Only in B", exact=True)).get_by_test_id("stMetricValue").first
    expect(metric).not_to_have_text("0")
    go(page, "Export")
    go(page, "Compare")  # what was compared and pinned is still there
    expect(page.get_by_text("Nearest to the held-out pairs")).to_be_visible()
    no_error(page)
