"""A session that cannot be lost, in a real browser: pages loaded again, servers that end, links that are passed on."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from browser import MARKS, ROOT, go, no_error, open_sample, set_number, settle, wait_for  # noqa: E402
from playwright.sync_api import Browser, Page, expect  # noqa: E402

pytestmark = MARKS


class Server:
    """The app on one port, which can be ended without warning and started again."""

    def __init__(self, store: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._store = store
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port), "--server.headless", "true"]
        with (self._store.parent / "log.txt").open("ab") as out:
            self._process = subprocess.Popen(
                [*command, "--server.fileWatcherType", "none"],
                cwd=ROOT,
                stdout=out,
                stderr=out,
                env=os.environ | {"CRAFT_STORE": str(self._store)},
            )
        wait_for(f"{self.address}/_stcore/health", self._process)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        self._process.send_signal(how)
        self._process.wait(30)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "store")
    yield made
    made.end(signal.SIGKILL)


def opened(browser: Browser, address: str) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(address)
    expect(page.get_by_test_id("stSidebar").get_by_role("link", name="Home")).to_be_visible()
    settle(page)
    return page


def chosen(page: Page, number: str) -> None:
    expect(page.get_by_test_id("stMetric").filter(has_text="Chosen").first).to_contain_text(number)


def start(page: Page) -> None:
    """Open the sample, and leave something of every kind behind."""
    open_sample(page)
    chosen(page, "600")
    settle(page)
    set_number(page, "Budget (pairs)", 450)
    page.get_by_role("button", name="Compute everything").click()
    chosen(page, "450")
    go(page, "Compare")
    page.get_by_role("tab", name="Pinned runs").click()
    page.get_by_test_id("stMain").get_by_role("textbox", name="Name").fill("the smaller one")
    page.get_by_role("button", name="Pin the run in use").click()
    expect(page.get_by_text("Only in A").first).to_be_visible()
    settle(page)


def is_as_left(page: Page) -> None:
    expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
    expect(page.get_by_role("tab", name="Pinned runs")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("combobox", name="Run A")).to_have_value("the smaller one")
    expect(page.get_by_role("spinbutton", name="Budget (pairs)")).to_have_value("450")
    settle(page)
    no_error(page)


def test_nothing_is_lost_by_a_refresh_or_by_the_end_of_the_server(chromium: Browser, server: Server) -> None:
    page = opened(chromium, server.address)
    entries = page.evaluate("history.length")
    open_sample(page)
    expect(page).to_have_url(re.compile("budget=600&"))
    for value in (500, 550):
        set_number(page, "Budget (pairs)", value)
        expect(page).to_have_url(re.compile(f"budget={value}&"))
    assert page.evaluate("history.length") == entries  # the button Back leads to the page before, not to the number before
    page = opened(chromium, server.address)
    start(page)
    page.reload()
    is_as_left(page)
    for how in (signal.SIGTERM, signal.SIGKILL):
        server.end(how)
        server.start()
        page.reload()
        is_as_left(page)
    page.get_by_test_id("stSidebar").get_by_role("link", name="Home").click()
    chosen(page, "450")
    expect(page.get_by_text("Runs of this session")).to_be_visible()
    page.reload()  # right after a change of page
    chosen(page, "450")
    page.goto(server.address)
    expect(page.get_by_text("Sample data, 40 clusters, budget 450 (today")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    chosen(page, "450")


def test_an_open_page_goes_on_when_the_server_comes_back(chromium: Browser, server: Server) -> None:
    page = opened(chromium, f"{server.address}/Allocation?sample=1&budget=300&clustering.n_clusters=10")
    chosen(page, "300")
    settle(page)
    set_number(page, "Budget (pairs)", 250)
    chosen(page, "250")
    settle(page)
    server.end(signal.SIGKILL)
    expect(page.get_by_text("Connection error").or_(page.get_by_test_id("stConnectionStatus")).first).to_be_visible()
    server.start()
    page.wait_for_timeout(5_000)
    settle(page)
    chosen(page, "250")
    expect(page).to_have_url(re.compile("budget=250&"))
    set_number(page, "Budget (pairs)", 200)
    chosen(page, "200")
    no_error(page)


def test_a_link_opens_the_same_view_on_a_server_that_knows_nothing(chromium: Browser, server: Server, tmp_path: Path) -> None:
    page = opened(chromium, server.address)
    open_sample(page)
    set_number(page, "Budget (pairs)", 450)
    go(page, "Allocation")
    page.get_by_role("tab", name="Starvation ledger").click()
    settle(page)
    page.get_by_test_id("stSidebar").get_by_test_id("stPopoverButton").click()
    link = page.get_by_test_id("stPopoverBody").locator("code").inner_text().replace("\n", "")
    assert link == page.url
    (tmp_path / "other").mkdir()
    other = Server(tmp_path / "other" / "store")
    try:
        there = opened(chromium, link.replace(server.address, other.address))
        chosen(there, "450")
        expect(there.get_by_role("tab", name="Starvation ledger")).to_have_attribute("aria-selected", "true")
        expect(there.get_by_text("Ran out: 1 cluster,")).to_be_visible()
        no_error(there)
        wrong = opened(chromium, f"{other.address}/Allocation?sample=1&tab=Nowhere&budget=-1")
        expect(wrong.get_by_text("tab=Nowhere, which this page does not offer")).to_be_visible()
        expect(wrong.get_by_text("budget=-1. The budget must be")).to_be_visible()
        scene = opened(chromium, f"{other.address}/Learn?scene=99")
        expect(scene.get_by_text("scene=99, which this page does not offer")).to_be_visible()
    finally:
        other.end(signal.SIGKILL)


def upload(page: Page) -> None:
    page.get_by_test_id("stSidebar").get_by_role("link", name="1 Data").click()
    page.get_by_test_id("stMain").get_by_role("radio", name="Upload").or_(
        page.get_by_role("button", name="Upload", exact=True)
    ).first.click()
    for number, role in enumerate(("pool", "validation")):
        expect(page.locator("input[type=file]").nth(number)).to_be_attached()
        page.locator("input[type=file]").nth(number).set_input_files(ROOT / "sample_data" / f"{role}.tsv")
        expect(page.get_by_test_id("stMain").get_by_text(f"{role}.tsv").first).to_be_visible()
        settle(page)
    page.get_by_role("button", name="Load these data").click()
    expect(page.get_by_text("What was read")).to_be_visible()
    settle(page)


def test_uploads_are_found_again_and_never_by_others(chromium: Browser, server: Server) -> None:
    page = opened(chromium, server.address)
    upload(page)
    set_number(page, "Budget (pairs)", 320)
    go(page, "Allocation")
    chosen(page, "320")
    settle(page)
    link = page.url
    assert "&uploaded=1&" in link
    server.end(signal.SIGKILL)
    server.start()
    page.reload()
    chosen(page, "320")
    expect(page.get_by_test_id("stSidebar").get_by_text("Your files")).to_be_visible()
    other = opened(chromium, link)
    expect(
        other.get_by_text("made with files that were uploaded (pool: pool.tsv; validation: validation.tsv) that are not here")
    ).to_be_visible()
    expect(other.get_by_test_id("stMetric")).to_have_count(0)
    other.reload()
    expect(other.get_by_text("that are not here")).to_be_visible()
    upload(other)
    expect(other.get_by_text("These are the same data the link was made with")).to_be_visible()
    expect(other.get_by_role("spinbutton", name="Budget (pairs)")).to_have_value("320")
    no_error(other)
