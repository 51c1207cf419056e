"""Estimates grow with every size, say what they mean, and learn from what steps really took."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.cluster import KMeans
from craft_core.compare import Plan
from craft_core.config import Data, ExperimentConfig, Export
from craft_core.corpus import Corpus
from craft_core.errors import ParameterError
from craft_core.estimate import (
    HEAVY_SECONDS,
    STEPS,
    Estimate,
    Pace,
    Sizes,
    estimate_comparison,
    estimate_of,
    estimate_run,
    estimate_sweep,
    is_heavy,
    machine,
    pace_name,
    scaled,
    sentence,
    sizes_of,
    sizes_of_files,
)
from craft_core.experiment import LoadedData
from craft_core.selectors import SELECTORS
from craft_core.stability import Repeats
from craft_core.vectorize import VECTORIZERS, Hashing, SentenceTransformers, Tfidf

CONFIG = ExperimentConfig(Data(("pool.csv",), "validation.csv"), stability=Repeats(2, vary_clusters=True))
SIZES = Sizes(100_000, 500, 500, 150.0)
LARGER = [
    replace(SIZES, pool=250_000),
    replace(SIZES, validation=1_500),
    replace(SIZES, test=2_000),
    replace(SIZES, text_bytes=400.0),
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("larger", LARGER, ids=["pool", "validation", "test", "texts"])
def test_a_larger_size_takes_no_less(step: str, larger: Sizes) -> None:
    small, large = estimate_of(step, CONFIG, SIZES), estimate_of(step, CONFIG, larger)
    assert large.seconds >= small.seconds
    assert large.bytes >= small.bytes
    assert small.seconds > 0
    assert small.bytes >= 0


@pytest.mark.parametrize("step", STEPS)
def test_ten_times_the_data_take_more(step: str) -> None:
    small, large = (estimate_of(step, CONFIG, Sizes(n, n // 200)) for n in (10_000, 100_000))
    assert large.seconds > small.seconds


@pytest.mark.parametrize("name", SELECTORS)
def test_every_method_takes_more_of_a_larger_pool_and_a_larger_budget(name: str) -> None:
    def seconds(pool: int, budget: int) -> float:
        plan = Plan((SELECTORS[name](),), (budget,))
        return estimate_comparison(plan, CONFIG, replace(SIZES, pool=pool)).seconds

    assert seconds(10_000, 500) < seconds(10_000, 5_000)
    assert seconds(10_000, 500) < seconds(1_000_000, 500)


@pytest.mark.parametrize("name", VECTORIZERS)
def test_vectors_take_as_much_memory_as_they_are_large(name: str) -> None:
    found = estimate_of("vectors", replace(CONFIG, vectorizer=VECTORIZERS[name]()), SIZES)
    assert found.bytes > 2 * 4 * SIZES.pairs * 256


def test_dimensions_and_characters_cost() -> None:
    def seconds(vectorizer: Tfidf | Hashing) -> float:
        return estimate_of("vectors", replace(CONFIG, vectorizer=vectorizer), SIZES).seconds

    assert seconds(Tfidf(dimensions=64)) < seconds(Tfidf()) < seconds(Tfidf(dimensions=512))
    assert seconds(Hashing()) < seconds(Hashing(analyzer="char_wb"))


def test_a_neural_model_is_far_slower_and_its_rate_is_its_own() -> None:
    neural = replace(CONFIG, vectorizer=SentenceTransformers(model="some/model"))
    assert estimate_of("vectors", neural, SIZES).seconds > 20 * estimate_of("vectors", CONFIG, SIZES).seconds
    assert pace_name("vectors", neural) == "vectors of some/model"
    assert pace_name("vectors", CONFIG) == "vectors"
    assert pace_name("clusters", neural) == "clusters"


@given(low=st.integers(1, 1_000), more=st.integers(0, 1_000))
def test_more_clusters_take_no_less(low: int, more: int) -> None:
    few, many = (estimate_of("clusters", replace(CONFIG, clustering=KMeans(n_clusters=one)), SIZES).seconds for one in (low, low + more))
    assert few <= many


def test_more_to_compare_takes_the_sum() -> None:
    craft, random = SELECTORS["craft"](), SELECTORS["random"]()
    one = estimate_comparison(Plan((craft,), (500,)), CONFIG, SIZES)
    other = estimate_comparison(Plan((random,), (500,)), CONFIG, SIZES)
    assert estimate_comparison(Plan((craft, random), (500,)), CONFIG, SIZES).seconds == pytest.approx(one.seconds + other.seconds)
    clusters = estimate_of("clusters", CONFIG, SIZES).seconds
    assert estimate_comparison(Plan((craft,), (500,), (0, 1)), CONFIG, SIZES).seconds == pytest.approx(2 * one.seconds + clusters)
    halves = estimate_comparison(Plan((random,), (500,)), CONFIG, replace(SIZES, test=0))
    assert halves.seconds > 1.9 * other.seconds  # each half of validation in turn


def test_a_sweep_is_the_sum_of_its_points() -> None:
    parts = [estimate_sweep((one,), CONFIG, SIZES) for one in (10, 20)]
    assert estimate_sweep((10, 20), CONFIG, SIZES).seconds == pytest.approx(sum(one.seconds for one in parts))
    assert estimate_sweep((), CONFIG, SIZES) == Estimate(0.0, 0)


def test_a_run_is_its_stages_and_keeps_the_vectors() -> None:
    steps = ("vectors", "clusters", "selection", "measuring", "clustering again", "choosing again")
    run = estimate_run(CONFIG, SIZES)
    assert run.seconds == pytest.approx(sum(estimate_of(step, CONFIG, SIZES).seconds for step in steps))
    assert run.bytes > 2 * 4 * SIZES.pairs * 256
    assert estimate_run(replace(CONFIG, stability=Repeats()), SIZES).seconds < run.seconds


def test_the_format_of_an_export_counts() -> None:
    seconds = [
        estimate_of("export", replace(CONFIG, budget=50_000, export=Export(one)), SIZES).seconds for one in ("parquet", "csv.gz", "csv")
    ]
    assert seconds == sorted(seconds)


def test_an_unknown_step_is_refused() -> None:
    with pytest.raises(ParameterError, match="no step 'dancing' to estimate. There are: load, vectors"):
        estimate_of("dancing", CONFIG, SIZES)


def test_sizes_are_counted() -> None:
    def corpus(n: int) -> Corpus:
        texts = pa.array(["abcd"] * n, pa.large_string())
        return Corpus(texts, texts, texts, np.arange(n), pa.table({}), "pool")

    found = sizes_of(LoadedData(corpus(100), corpus(3), None, {}, {}))
    assert (found.pool, found.validation, found.test, found.pairs) == (100, 3, 0, 103)
    assert 4.0 <= found.text_bytes < 5.0


def test_files_are_guessed() -> None:
    assert sizes_of_files(320_000_000).pool == 1_000_000
    assert sizes_of_files(320_000_000, packed=True).pool > 1_000_000
    assert sizes_of_files(0).pool == 1


@pytest.mark.parametrize(
    ("seconds", "n_bytes", "said"),
    [
        (0.2, 0, "about a second and 10 MB of memory"),
        (20.4, 2_140_000_000, "about 20 s and 2.1 GB of memory"),
        (89.0, 104_000_000, "about 89 s and 100 MB of memory"),
        (600.0, 999_999_999, "about 10 min and 1.0 GB of memory"),
        (36_000.0, 25_400_000_000, "about 10 h and 25 GB of memory"),
        (5_300.0, 12_345_678, "about 88 min and 12 MB of memory"),
    ],
)
def test_sentences_have_units_and_two_digits(seconds: float, n_bytes: int, said: str) -> None:
    assert sentence(Estimate(seconds, n_bytes)) == said


def test_one_after_the_other_and_slower() -> None:
    assert Estimate(1.0, 10) + Estimate(2.0, 5) == Estimate(3.0, 10)
    assert scaled(Estimate(2.0, 7), 1.5) == Estimate(3.0, 7)


def test_what_is_heavy() -> None:
    assert not is_heavy(Estimate(HEAVY_SECONDS, 0), memory=100)
    assert is_heavy(Estimate(HEAVY_SECONDS + 1, 0), memory=100)
    assert not is_heavy(Estimate(0.0, 80), memory=100)
    assert is_heavy(Estimate(0.0, 81), memory=100)


def test_an_unknown_memory_makes_nothing_heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "available_memory", lambda: None)
    assert not is_heavy(Estimate(1.0, 10**15))


def test_a_pace_learns_a_step_and_guesses_the_others() -> None:
    fresh = Pace()
    assert fresh.factor("clusters") == 1.0
    slow = fresh.seen("clusters", 10.0, 40.0)
    assert slow.factor("clusters") == pytest.approx(4.0)
    assert slow.factor("vectors") == pytest.approx(4.0)
    assert fresh.ratios == {}
    assert slow.seen("clusters", 10.0, 10.0).factor("clusters") == pytest.approx(2.0)  # the root of 4 times 1
    assert slow.seen("sweep", 1.0, 1.0).factor("vectors") == pytest.approx(2.0)  # between 1 and 4
    assert slow.seen("sweep", 1.0, 2.0).seen("map", 1.0, 1.0).factor("vectors") == pytest.approx(2.0)  # the middle of three


def test_short_steps_say_nothing_and_long_ones_not_everything() -> None:
    assert Pace().seen("clusters", 0.01, 0.2) == Pace()
    assert Pace().seen("clusters", 0.0, 5.0) == Pace()
    assert Pace().seen("clusters", 1.0, 1e9).factor("clusters") == 100.0
    assert Pace().seen("clusters", 0.1, 5.0).factor("clusters") == pytest.approx(50.0)


def test_a_slow_model_says_nothing_of_other_steps() -> None:
    name = "vectors of some/model"
    known = Pace().seen(name, 10.0, 100.0)
    assert known.factor("clusters") == 1.0
    assert known.factor("vectors of another/model") == 1.0
    assert known.factor(name) == pytest.approx(10.0)


@given(st.lists(st.floats(0.5, 50.0), min_size=1, max_size=20))
def test_a_pace_stays_between_what_was_seen(ratios: list[float]) -> None:
    pace = Pace()
    for ratio in ratios:
        pace = pace.seen("clusters", 1.0, ratio)
    assert min(ratios) * 0.999 <= pace.factor("clusters") <= max(ratios) * 1.001
