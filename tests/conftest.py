"""Small worlds shared by the tests."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two BLAS threads on a busy machine are slower than one
os.environ["CRAFT_STORE"] = "off"  # no test touches the user's own cache; those of the store name a folder

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from craft_core.cluster import Clustering, assign
from craft_core.corpus.pairs import corpus_from_texts
from craft_core.problem import Problem
from craft_core.vectorize.protocol import EncodedPairs, unit_rows

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

settings.register_profile("craft", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
settings.load_profile("craft")


def random_pairs(n: int, dimensions: int, rng: np.random.Generator) -> EncodedPairs:
    """Pairs whose sides agree in part, as a translation does."""
    sources = rng.normal(size=(n, dimensions)).astype(np.float32)
    targets = sources + 0.5 * rng.normal(size=(n, dimensions)).astype(np.float32)
    texts = corpus_from_texts(random_texts(sources), random_texts(targets), "pairs")
    return EncodedPairs(unit_rows(sources), unit_rows(targets), texts)


def random_texts(rows: np.ndarray) -> list[str]:
    """A word for each dimension, by its number and how large it is: near rows share words."""
    return [" ".join(f"w{column}{'abcdefgh'[int(np.clip(value * 1.5 + 4, 0, 7))]}" for column, value in enumerate(row)) for row in rows]


def random_problem(n: int = 300, m: int = 60, n_clusters: int = 7, dimensions: int = 8, seed: int = 0) -> Problem:
    rng = np.random.default_rng(seed)
    pool, validation = random_pairs(n, dimensions, rng), random_pairs(m, dimensions, rng)
    centers = pool.sources[:n_clusters].copy()
    clustering = Clustering(centers, assign(pool.sources, centers), assign(validation.sources, centers))
    return Problem(pool, validation, clustering)


@pytest.fixture
def problem() -> Problem:
    return random_problem()


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all browser tests; each opens sessions of its own."""
    from browser import serving

    with serving(tmp_path_factory.mktemp("server") / "log.txt") as address:
        yield address


@pytest.fixture(scope="session")
def player() -> Iterator["Playwright"]:
    from playwright import sync_api as playwright

    with playwright.sync_playwright() as player:
        yield player


@pytest.fixture(scope="session")
def chromium(player: "Playwright") -> Iterator["Browser"]:
    from browser import ARGS, CHROMIUM

    browser = player.chromium.launch(executable_path=CHROMIUM, args=ARGS)
    yield browser
    browser.close()


@pytest.fixture
def context(chromium: "Browser") -> Iterator["BrowserContext"]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield context
    context.close()


@pytest.fixture
def page(context: "BrowserContext", address: str) -> "Page":
    page = context.new_page()
    page.goto(address)
    return page
