"""What the browser tests share: a server on a free port and a real Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

ROOT = Path(__file__).parent.parent
CHROMIUM = os.environ.get("CRAFT_CHROMIUM") or shutil.which("chromium")
ARGS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-quic",
    "--disable-sync",
]
NO_WEBGL = ["--no-sandbox", "--disable-gpu", "--disable-software-rasterizer", "--disable-background-networking", "--disable-quic"]
PAGES = {"/": "CRAFT", "/Data": "Data", "/Clusters": "Clusters", "/Allocation": "Allocation"}
PAGES |= {"/KL_bound": "KL bound", "/Budget": "Budget", "/Compare": "Compare", "/Export": "Export", "/Learn": "Learn"}
MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: install it, or name one in CRAFT_CHROMIUM"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # playwright's own event loop
]

expect.set_options(timeout=60_000)


@contextmanager
def serving(log: Path, **environment: str) -> Iterator[str]:
    """Start the app on a free port, wait until it answers, and yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "app.py",
        "--server.port",
        str(port),
        "--server.headless",
        "true",
        "--server.fileWatcherType",
        "none",
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, env=os.environ | environment)
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers."""
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError("the app ended before it answered")
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(address)


def settle(page: Page) -> None:
    """Wait until the app has stopped running."""
    page.wait_for_function("() => !document.querySelector('[data-testid=stStatusWidget]')", timeout=120_000)
    page.wait_for_timeout(300)


def no_error(page: Page) -> None:
    """Assert that the page shows neither a traceback nor a message of ours."""
    errors = page.get_by_test_id("stException").all_inner_texts()
    assert not errors, errors
    expect(page.get_by_text("That did not work.")).to_have_count(0)


def go(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    settle(page)


def open_sample(page: Page) -> None:
    page.get_by_role("button", name="Explore the sample data").click()
    expect(page.get_by_text("Where the run stands")).to_be_visible()
    settle(page)


def set_number(page: Page, label: str, value: int) -> None:
    field = page.get_by_role("spinbutton", name=label)
    field.fill(str(value))
    field.press("Enter")
    settle(page)
