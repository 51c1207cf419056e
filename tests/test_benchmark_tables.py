from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.benchmark.cells import count_text, size_text, time_text
from craft_core.benchmark.growth import growth_of
from craft_core.benchmark.record import Case, Run
from craft_core.benchmark.tables import agreement, run_table, summary_table

CASE = Case("hashing", 10_000, 100, 10, 500, 0)


def made(pairs: int, seconds: float, way: str = "memory", vectorizer: str = "hashing", **more: object) -> Run:
    case = replace(CASE, pairs=pairs, vectorizer=vectorizer)
    run = Run(way, case, {"clean": 0.25 * seconds, "select": 0.75 * seconds}, seconds, 2 * seconds, 1e9, "a")
    return replace(run, **more)


def rows(text: str) -> dict[str, list[str]]:
    return {line[:38].strip(): line[38:].split() for line in text.splitlines()}


@given(st.floats(0.5, 1.5), st.floats(1e-6, 1e-3))
def test_the_exponent_of_a_power_is_found(exponent: float, scale: float) -> None:
    found = growth_of({pairs: scale * pairs**exponent for pairs in (10_000, 100_000, 2_000_000)})
    assert found is not None
    assert found.overall == pytest.approx(exponent)
    assert found.last == pytest.approx(exponent)


def test_fixed_costs_make_growth_look_less_than_linear_and_are_told_apart() -> None:
    found = growth_of({10_000: 2.1, 100_000: 3.0, 1_000_000: 12.0, 10_000_000: 102.0})
    assert found is not None
    assert (found.fixed, 1e6 * found.per_pair) == (pytest.approx(2.0), pytest.approx(10.0))
    assert found.overall < 0.6 < found.last < 1
    assert found.sentence().endswith("(3.7 by all): linear. As a line: 2.00 s + 10.00 s a million pairs.")
    before = growth_of({10_000: 2.1, 100_000: 3.0, 1_000_000: 12.0})
    assert before is not None
    assert before.sentence().endswith("less than linear: what does not grow with the pool still counts.")


def test_the_verdict_goes_by_the_two_largest_sizes() -> None:
    for last, verdict in ((20.0, "linear"), (21.0, "linear"), (30.0, "more than linear"), (12.0, "less than linear")):
        found = growth_of({1_000: 9.0, 1_000_000: 10.0, 2_000_000: last})
        assert found is not None
        assert found.verdict.split(":")[0] == verdict


def test_no_growth_is_told_of_one_size_or_of_nothing() -> None:
    assert growth_of({10: 1.0}) is None
    assert growth_of({10: 0.0, 20: 1.0}) is None
    assert growth_of({}) is None


def test_the_table_has_a_column_a_size_with_medians_paces_and_growth() -> None:
    runs = [made(10_000, seconds) for seconds in (1.0, 9.0, 2.0)] + [made(100_000, 20.0), made(1_000_000, 200.0, peak_bytes=None)]
    text = run_table(runs)
    found = rows(text)
    assert text.startswith("hashing, in memory (")
    assert found["pairs"] == ["10,000", "100,000", "1,000,000", "growth", "two", "largest"]
    assert [line.split()[1:] for line in text.splitlines() if line.startswith("  clean")] == [
        ["0.50", "s", "5.00", "s", "50.00", "s", "1.00", "1.00"],  # the median of three
        ["20,000", "20,000", "20,000"],
    ]
    assert found["together"] == ["5,000", "5,000", "5,000"]
    assert found["processor time"] == ["4.00", "s", "40.00", "s", "400", "s", "1.00", "1.00"]
    assert found["peak memory"] == ["1.00", "GB", "1.00", "GB", "-", "0.00", "0.00"]
    assert "take 10.0 times as long, going by the two largest sizes (10.0 by all): linear." in " ".join(text.split())
    assert "the app" not in text
    assert max(map(len, text.splitlines())) <= 140


def test_the_table_has_what_the_app_does_where_it_was_timed() -> None:
    text = run_table([made(10_000, 2.0, app={"open": 0.5, "slider": 0.004}, app_peak_bytes=2e9)])
    found = rows(text)
    assert found["open one Parquet file"] == ["0.50", "s"]
    assert found["slider: every number of a budget"] == ["4.0", "ms"]
    assert found["sweep, 9 numbers of clusters"] == ["-"]
    assert found["peak memory with the app's rows"] == ["2.00", "GB"]
    assert "growth" not in text


def test_growth_of_next_to_nothing_is_not_told() -> None:
    found = rows(run_table([made(size, 2.0, app={"allocate": 0.001}) for size in (10_000, 20_000)]))
    assert found["allocate a budget"] == ["1.0", "ms", "1.0", "ms"]
    assert found["processor time"] == ["4.00", "s", "4.00", "s", "0.00"]
    assert found["pairs"] == ["10,000", "20,000", "growth"]


def test_all_together_has_a_row_for_each_way_and_leaves_room_for_what_was_not_run() -> None:
    runs = [made(10_000, 2.0), made(10_000, 3.0, "streamed"), made(50_000, 9.0, "streamed"), made(10_000, 5.0, vectorizer="tfidf")]
    lines = summary_table(runs).splitlines()
    assert [line.split() for line in lines[3:7]] == [
        ["wall", "time"],
        ["hashing,", "in", "memory", "2.00", "s", "-"],
        ["hashing,", "streamed", "3.00", "s", "9.00", "s", "0.68"],
        ["tfidf,", "in", "memory", "5.00", "s", "-"],
    ]


def test_runs_of_one_case_should_agree() -> None:
    runs = [made(10_000, 2.0), made(10_000, 3.0, "streamed"), made(20_000, 3.0, chosen="b")]
    assert agreement(runs).endswith("every run chose the same, whichever way it went.")
    assert agreement([*runs, made(20_000, 3.0, "streamed")]).endswith("chose DIFFERENTLY: hashing on 20,000 pairs.")


def test_numbers_are_written_with_units_and_no_more_digits_than_they_deserve() -> None:
    assert [time_text(one) for one in (0.0000123, 0.0123, 0.1, 99.4, 1234.5)] == ["12 us", "12.3 ms", "0.10 s", "99.40 s", "1,234 s"]
    assert [size_text(one) for one in (12_300_000, 2_345_000_000)] == ["12 MB", "2.35 GB"]
    assert [count_text(one) for one in (1_234_567, 51.2)] == ["1,230,000", "51"]
