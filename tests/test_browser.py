"""The main job in a real browser: gestures, downloads and uploads that no simulated run can show."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from browser import CHROMIUM, MARKS, NO_WEBGL, PAGES, ROOT, go, no_error, open_sample, set_number, settle  # noqa: E402
from playwright.sync_api import Browser, Page, Playwright, expect  # noqa: E402

pytestmark = MARKS


def give(page: Page, number: int, path: Path) -> None:
    """Upload a file, and wait until the app has it: a second one given while the page runs again can be lost."""
    expect(page.locator("input[type=file]").nth(number)).to_be_attached()
    page.locator("input[type=file]").nth(number).set_input_files(path)
    expect(page.get_by_test_id("stMain").get_by_text(path.name).first).to_be_visible()
    settle(page)


def download(page: Page) -> zipfile.ZipFile:
    with page.expect_download() as found:
        page.get_by_role("button", name="Download the export").click()
    return zipfile.ZipFile(io.BytesIO(Path(found.value.path()).read_bytes()))


def test_the_browser_of_these_tests_draws_with_webgl(page: Page) -> None:
    assert page.evaluate("() => !!document.createElement('canvas').getContext('webgl')")


@pytest.mark.parametrize("path", PAGES)
def test_a_deep_link_on_a_fresh_server_opens_its_page(chromium: Browser, tmp_path: Path, address: str, path: str) -> None:
    page = chromium.new_page()
    page.goto(address + path)
    expect(page.get_by_role("heading", name=PAGES[path], exact=True)).to_be_visible()
    no_error(page)
    page.close()


def test_the_sample_from_the_first_click_to_a_verified_export(page: Page, tmp_path: Path) -> None:
    open_sample(page)
    for name in ("Data", "Clusters", "Allocation", "KL bound", "Budget", "Export", "Learn"):
        go(page, name)
        no_error(page)
    set_number(page, "Budget (pairs)", 450)
    go(page, "Allocation")
    expect(page.get_by_test_id("stMetric").filter(has_text="Chosen")).to_contain_text("450")
    page.get_by_role("tab", name="Starvation ledger").click()
    expect(page.get_by_text("Ran out: 1 cluster,")).to_be_visible()
    go(page, "Export")
    archive = download(page)
    manifest = json.loads(archive.read("manifest.json"))
    for output in manifest["outputs"]:
        assert hashlib.sha256(archive.read(output["name"])).hexdigest() == output["sha256"], output["name"]
    for role in ("pool", "validation", "test"):
        given = next(one for one in manifest["inputs"] if one["role"] == role)
        assert given["sha256"] == hashlib.sha256((ROOT / "sample_data" / f"{role}.tsv").read_bytes()).hexdigest()
    indices = np.load(io.BytesIO(archive.read("indices.npy")))
    assert indices.shape == (450,)
    lines = (ROOT / "sample_data" / "pool.tsv").read_text(encoding="utf-8").split("\n")[1:]
    subset = pyarrow.parquet.read_table(io.BytesIO(archive.read("subset.parquet")))
    assert subset["source"].to_pylist() == [lines[row].split("\t")[1] for row in indices]
    _verify_and_restore(page, archive, tmp_path)


def _verify_and_restore(page: Page, archive: zipfile.ZipFile, tmp_path: Path) -> None:
    kept = tmp_path / "manifest.json"
    kept.write_bytes(archive.read("manifest.json"))
    page.get_by_role("tab", name="Verify or restore").click()
    page.locator("input[type=file]").first.set_input_files(kept)
    page.get_by_role("button", name="Verify: compare this run with the export").click()
    expect(page.get_by_text("Identical: the same inputs and settings")).to_be_visible()
    set_number(page, "Budget (pairs)", 300)
    page.get_by_role("button", name="Verify: compare this run with the export").click()
    expect(page.get_by_text("Not identical.")).to_be_visible()
    page.get_by_role("button", name="Restore the settings").click()
    expect(page.get_by_role("spinbutton", name="Budget (pairs)")).to_have_value("450")
    # and in a session that knows nothing yet
    page.goto(page.url.split("?")[0])
    expect(page.get_by_text("No data are loaded yet.")).to_be_visible()
    page.get_by_role("tab", name="Verify or restore").click()
    page.locator("input[type=file]").first.set_input_files(kept)
    page.get_by_role("button", name="Open the sample data with these settings").click()
    expect(page.get_by_role("spinbutton", name="Budget (pairs)")).to_have_value("450")
    settle(page)
    page.get_by_role("button", name="Verify: compare this run with the export").click()
    expect(page.get_by_text("Identical: the same inputs and settings")).to_be_visible()


TRAPS = [
    ('He said "no', "उसने कहा"),
    ("NA", "None"),
    ("null", "नल"),
    ("one\u2028two lines of one text", "एक\u2028दो"),
    ('"quoted" start', "शुरू"),
    ("next\x85line", "अगली"),
    ("if a<b and c>d then", "यदि a<b और c>d"),
    ("<b>bold</b> & <a href='x'>link</a>", "**मोटा** $x$"),
]


def test_an_uploaded_tsv_with_traps_keeps_every_pair(page: Page, tmp_path: Path) -> None:
    ordinary = [(f"plain sentence number {i} about rain", f"सादा वाक्य {i} बारिश") for i in range(60)]
    pairs = [*TRAPS, *ordinary]
    pool, validation = tmp_path / "pool.tsv", tmp_path / "validation.tsv"
    pool.write_bytes(b"source\ttarget\n" + "".join(f"{s}\t{t}\n" for s, t in pairs).encode())
    wanted = [(f"another {s} sentence {i}", f"{t} और {i}") for i, (s, t) in enumerate([*TRAPS, *ordinary[:12]])]
    validation.write_bytes(b"source\ttarget\n" + "".join(f"{s}\t{t}\n" for s, t in wanted).encode())
    go(page, "Data")
    page.get_by_test_id("stButtonGroup").get_by_text("Upload", exact=True).click()
    give(page, 0, pool)
    give(page, 1, validation)
    page.get_by_role("button", name="Load these data").click()
    expect(page.get_by_text("What was read")).to_be_visible()
    settle(page)
    no_error(page)
    page.get_by_text("Vectors and clusters").click()
    page.get_by_role("spinbutton", name="Number of clusters").fill("1")
    page.get_by_role("button", name="Apply").last.click()
    settle(page)
    set_number(page, "Budget (pairs)", 1000)
    go(page, "Clusters")
    no_error(page)
    page.wait_for_function("() => document.querySelector('.js-plotly-plot')?.data?.length")
    # plotly reads text as HTML: what is not escaped would vanish from the map's labels, or become a link
    hover = page.evaluate("() => document.querySelector('.js-plotly-plot').data.flatMap(t => [...(t.customdata || [])].map(row => row[1]))")
    assert "if a&lt;b and c&gt;d then" in hover
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; &lt;a href='x'&gt;link&lt;/a&gt;" in hover
    go(page, "Export")
    subset = pyarrow.parquet.read_table(io.BytesIO(download(page).read("subset.parquet")))
    found = set(zip(subset["source"].to_pylist(), subset["target"].to_pylist(), strict=True))
    assert found == set(pairs)


def test_umap_can_be_stopped_and_gone_on_with(page: Page) -> None:
    open_sample(page)
    go(page, "Clusters")
    page.get_by_test_id("stButtonGroup").get_by_text("UMAP", exact=True).click()
    page.get_by_test_id("stMain").get_by_role("button", name="Stop").click()
    expect(page.get_by_text("stopped before it was finished")).to_be_visible(timeout=5_000)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("The axes of UMAP mean nothing")).to_be_visible(timeout=180_000)
    no_error(page)


def test_values_are_kept_over_navigation(page: Page) -> None:
    open_sample(page)
    set_number(page, "Budget (pairs)", 777)
    go(page, "Clusters")
    go(page, "Allocation")
    expect(page.get_by_role("spinbutton", name="Budget (pairs)")).to_have_value("777")


def test_a_bad_file_gets_a_sentence(page: Page, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tsv"
    broken.write_bytes(b"source\ttarget\nfine\tok\n\xff\xfe\xfa\tbad\n")
    fine = tmp_path / "fine.tsv"
    fine.write_bytes(b"source\ttarget\nfine\tok\n")
    open_sample(page)
    go(page, "Data")
    page.get_by_test_id("stButtonGroup").get_by_text("Upload", exact=True).click()
    give(page, 0, fine)
    give(page, 1, broken)
    page.get_by_role("button", name="Load these data").click()
    expect(page.get_by_text("broken.tsv")).to_be_visible()
    expect(page.get_by_text("line 3")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stSidebar").get_by_text("Sample data")).to_be_visible()  # what was open stays open


def test_the_map_can_be_drawn_without_webgl(player: Playwright, address: str) -> None:
    browser = player.chromium.launch(executable_path=CHROMIUM, args=NO_WEBGL)
    page = browser.new_page()
    page.goto(address)
    assert not page.evaluate("() => !!document.createElement('canvas').getContext('webgl')")
    open_sample(page)
    go(page, "Clusters")
    page.get_by_text("Draw without WebGL").click()
    expect(page.locator(".js-plotly-plot .scatterlayer .points path").first).to_be_attached()
    browser.close()
