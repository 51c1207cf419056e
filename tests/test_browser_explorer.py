"""The explorer in a real browser: regions drawn on the map, searches, cards and true neighbours."""

import io
import re
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from browser import MARKS, ROOT, go, no_error, open_sample, settle  # noqa: E402
from playwright.sync_api import Page, expect  # noqa: E402

from craft_core import experiment  # noqa: E402
from craft_core.cluster import KMeans  # noqa: E402
from craft_core.config import Data, ExperimentConfig  # noqa: E402
from craft_core.project import DRAW_LIMIT, place_all, project, sample_rows  # noqa: E402

pytestmark = MARKS

LISTEN = """() => {
  const plot = document.querySelector('.js-plotly-plot');
  plot.on('plotly_selected', event => { if (event && event.lassoPoints) window.lasso = [event.lassoPoints.x, event.lassoPoints.y]; });
}"""
PIXELS = """points => {
  const plot = document.querySelector('.js-plotly-plot'), box = plot.getBoundingClientRect();
  const {xaxis, yaxis} = plot._fullLayout;
  return points.map(([x, y]) => [box.left + xaxis._offset + xaxis.l2p(x), box.top + yaxis._offset + yaxis.l2p(y)]);
}"""


@cache
def reference() -> tuple[experiment.Report, np.ndarray, np.ndarray]:
    """The run of the sample data, made without the app, and where its map has all pool and validation pairs."""
    sample = ROOT / "sample_data"
    data = Data((str(sample / "pool.tsv"),), str(sample / "validation.tsv"), str(sample / "test.tsv"))
    report = experiment.run(ExperimentConfig(data, budget=600, clustering=KMeans(n_clusters=40)), experiment.open_files(data))
    task = report.problem
    drawn = sample_rows(task.clustering.pool_labels, DRAW_LIMIT, 0)
    found = project("pca", task.pool.sources, task.validation.sources, drawn, 0)
    return report, place_all(found, task.pool.sources), found.validation_xy


def is_inside(polygon: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Even-odd rule, point by point: the textbook's loop."""
    found = np.zeros(len(xy), dtype=bool)
    for number, (x, y) in enumerate(xy.astype(np.float64)):
        for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
                found[number] = not found[number]
    return found


def wait_for_map(page: Page) -> None:
    page.wait_for_function("() => document.querySelector('.js-plotly-plot')?._fullLayout?.xaxis")
    settle(page)


def draw_lasso(page: Page, corners: list[tuple[float, float]]) -> np.ndarray:
    """Draw around corners given in coordinates of the map; return the polygon as the browser has it."""
    page.get_by_test_id("stButtonGroup").get_by_text("Lasso", exact=True).click()
    page.wait_for_function("() => document.querySelector('.js-plotly-plot')._fullLayout.dragmode === 'lasso'")
    settle(page)
    page.locator(".js-plotly-plot").scroll_into_view_if_needed()
    page.evaluate(LISTEN)
    places = page.evaluate(PIXELS, [[float(x), float(y)] for x, y in (*corners, corners[0])])
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()
    page.wait_for_function("() => window.lasso")
    polygon = np.array(page.evaluate("() => window.lasso")).T
    expect(page.get_by_text("Name of this region")).to_be_visible()
    settle(page)
    return polygon


def said(page: Page, label: str) -> tuple[int, int]:
    """Return the two numbers of a metric such as "47 of 412"."""
    metric = page.get_by_test_id("stMetric").filter(has=page.get_by_text(label, exact=True)).filter(has_text=" of ")
    found = re.search(r"([\d,]+) of ([\d,]+)", metric.inner_text())
    assert found, metric.inner_text()
    return int(found[1].replace(",", "")), int(found[2].replace(",", ""))


def around(xy: np.ndarray) -> list[tuple[float, float]]:
    """A crooked polygon over the middle of the map."""
    (x0, y0), (x1, y1) = np.quantile(xy, 0.2, axis=0), np.quantile(xy, 0.85, axis=0)
    return [(x0, y0), (x1, y0 + 0.1 * (y1 - y0)), (x0 + 0.6 * (x1 - x0), (y0 + y1) / 2), (x1, y1), (x0, y0 + 0.8 * (y1 - y0))]


def test_a_lasso_counts_every_pair_as_numpy_does(page: Page, tmp_path: Path) -> None:
    report, pool_xy, validation_xy = reference()
    open_sample(page)
    go(page, "Clusters")
    wait_for_map(page)
    polygon = draw_lasso(page, around(pool_xy))
    clustering = report.problem.clustering
    in_pool = is_inside(polygon, pool_xy) & (clustering.pool_labels >= 0)
    in_validation = is_inside(polygon, validation_xy) & (clustering.validation_labels >= 0)
    assert 100 < in_pool.sum() < len(in_pool) - 100
    assert said(page, "Pool") == (in_pool.sum(), (clustering.pool_labels >= 0).sum())
    assert said(page, "Validation") == (in_validation.sum(), (clustering.validation_labels >= 0).sum())
    assert said(page, "Chosen") == (in_pool[report.selection.indices].sum(), 600)
    _keep_compare_and_export(page, report, in_pool)
    no_error(page)


def _keep_compare_and_export(page: Page, report: experiment.Report, in_pool: np.ndarray) -> None:
    page.get_by_role("textbox", name="Name of this region").fill("The middle")
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_text("Kept regions")).to_be_visible()
    settle(page)
    # it stays drawn, with its name
    page.wait_for_function(
        "() => document.querySelector('.js-plotly-plot').layout.annotations?.some(one => one.text.includes('The middle'))"
    )
    page.get_by_role("tab", name="Compare").click()
    expect(page.get_by_text("Words of the sources")).to_be_visible()
    settle(page)
    page.get_by_test_id("stMain").get_by_role("button", name="Export").click()
    page.get_by_text("Prepare the file").click()
    with page.expect_download() as found:
        page.get_by_test_id("stDownloadButton").get_by_role("button").click()
    table = pyarrow.parquet.read_table(io.BytesIO(Path(found.value.path()).read_bytes()))
    pool = report.data.pool
    assert table["source"].to_pylist() == pool.take(np.flatnonzero(in_pool)).sources.to_pylist()
    page.keyboard.press("Escape")


def test_a_search_shows_its_pairs_and_a_row_opens_its_card(page: Page) -> None:
    report, _, _ = reference()
    open_sample(page)
    go(page, "Clusters")
    wait_for_map(page)
    page.get_by_test_id("stButtonGroup").get_by_text("Search", exact=True).click()
    page.get_by_role("textbox", name="Words to find").fill("fever")
    page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Search").click()
    pool = report.data.pool
    n = sum(
        "fever" in f"{source}\n{target}".lower() for source, target in zip(pool.sources.to_pylist(), pool.targets.to_pylist(), strict=True)
    )
    # the side is the source at first
    n_source = sum("fever" in source.lower() for source in pool.sources.to_pylist())
    expect(page.get_by_text(re.compile(rf"Pool: ({n}|{n_source}) pairs of {len(pool):,}"))).to_be_visible()
    settle(page)
    page.get_by_test_id("stButtonGroup").get_by_text("Like a sentence", exact=True).click()
    page.get_by_role("textbox", name="Your sentence").fill("The child has a high fever.")
    page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Search").click()
    expect(page.get_by_text("Pool: the 50 pairs most like it")).to_be_visible()
    no_error(page)


def test_a_click_on_a_point_opens_its_card(page: Page) -> None:
    report, pool_xy, validation_xy = reference()
    open_sample(page)
    go(page, "Clusters")
    wait_for_map(page)
    lonely = validation_xy[np.argmax(validation_xy[:, 0])]
    place = page.evaluate(PIXELS, [[float(one) for one in lonely]])[0]
    page.mouse.move(place[0] - 4, place[1])
    page.mouse.move(*place)
    page.mouse.click(*place)
    expect(page.get_by_text(re.compile(r"Source · (validation|pool), row"))).to_be_visible()
    settle(page)
    near = 0.02 * np.ptp(pool_xy[:, 0])  # a pair that lies on top of it may be the one that is hit
    texts = set()
    for corpus, xy in ((report.data.pool, pool_xy), (report.data.validation, validation_xy)):
        texts |= set(corpus.take(np.flatnonzero(np.linalg.norm(xy - lonely, axis=1) < near)).sources.to_pylist())
    shown = page.get_by_test_id("stText").all_inner_texts()
    assert len(texts) < 20
    assert any(text in texts for text in shown), (shown, texts)
    no_error(page)


def test_a_pair_given_by_its_row_has_a_card_and_lines_to_its_neighbours(page: Page) -> None:
    report, _, _ = reference()
    open_sample(page)
    go(page, "Clusters")
    wait_for_map(page)
    before = page.evaluate("() => document.querySelector('.js-plotly-plot').data.length")
    page.get_by_test_id("stButtonGroup").get_by_text("Pair", exact=True).click()
    row = int(report.rows[0])
    page.get_by_role("spinbutton", name="Row of the file").fill(str(row))
    page.get_by_role("button", name="Show this pair").click()
    expect(page.get_by_text(f"Source · pool, row {row:,}")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Enters at budget [\d,]+; leaves below it|In at some budgets"))).to_be_visible()
    expect(page.get_by_text("Its nearest pairs among the vectors")).to_be_visible()
    settle(page)
    page.wait_for_function(f"() => document.querySelector('.js-plotly-plot').data.length > {before}")
    no_error(page)
