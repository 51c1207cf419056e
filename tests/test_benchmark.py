import numpy as np
import pyarrow.compute as pc
import pytest

from craft_core import benchmark, cli
from craft_core.benchmark import made_up_pairs, measured_run, table

SETTINGS = {"pairs": 3_000, "validation_pairs": 200, "n_clusters": 8, "budget": 300, "seed": 0, "vectorizer": "hashing"}


def test_made_up_pairs_are_the_same_for_the_same_seed() -> None:
    one, other = made_up_pairs(500, range(8), 0, "pool"), made_up_pairs(500, range(8), 0, "pool")
    assert one.digest == other.digest
    assert one.digest != made_up_pairs(500, range(8), 1, "pool").digest


def test_made_up_sentences_have_16_and_a_half_words_and_a_zipf_vocabulary() -> None:
    pairs = made_up_pairs(70_000, range(8), 0, "pool")
    assert len(pairs) == 70_000
    words = pc.list_flatten(pc.utf8_split_whitespace(pairs.sources))
    assert len(words) / len(pairs) == pytest.approx(16.5, rel=0.01)
    counts = np.sort(pc.value_counts(words).field("counts").to_numpy())[::-1]
    assert counts[0] / counts[9] == pytest.approx(10, rel=0.2)
    assert len(counts) > 30_000


def test_the_two_sides_correspond() -> None:
    pairs = made_up_pairs(2_000, [3], 0, "pool")
    firsts = [
        (source.split()[0], target.split()[0]) for source, target in zip(pairs.sources.to_pylist(), pairs.targets.to_pylist(), strict=True)
    ]
    common = max({source for source, _ in firsts}, key=[source for source, _ in firsts].count)
    found = [target for source, target in firsts if source == common]
    assert max(map(found.count, found)) / len(found) > 0.8


def test_a_run_is_measured_by_stage() -> None:
    found = measured_run(SETTINGS)
    stages = ("clean", "vectorize", "cluster", "select", "measure")
    assert found["total"] == pytest.approx(sum(found[stage] for stage in stages))
    assert found["pairs per second"] == pytest.approx(3_000 / found["total"])
    for name in ("budget change ms", "prepare", "slider ms", "budget curve", "sweep"):
        assert found[name] > 0, name
    assert found["peak GB"] > 0.05


def test_the_slider_is_timed_with_the_exact_diameters_of_small_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    point_of = benchmark.point_of
    monkeypatch.setattr(benchmark, "EXACT_ROWS", 600)
    monkeypatch.setattr(benchmark, "point_of", lambda *args: sizes.append(len(args[1])) or point_of(*args))
    measured_run(SETTINGS)
    assert sizes == [30, 75, 150, 225, 300]  # of budgets up to 600; there are 200 validation pairs


def test_the_table_has_a_row_for_each_number_and_says_what_was_not_measured() -> None:
    one = {
        "clean": 1.0,
        "vectorize": 2.0,
        "cluster": 1.0,
        "select": 1.0,
        "measure": 1.0,
        "total": 6.0,
        "pairs per second": 5e4,
        "budget change ms": 2.0,
    }
    text = table({"tfidf": one, "hashing": one | {"vectorize": 0.5, "peak GB": 1.5}})
    rows = {line[:40].strip(): line[40:].split() for line in text.splitlines()}
    assert rows["vectorize, s"] == ["2.00", "0.50", "4.00"]
    assert rows["pairs per second"] == ["50,000", "50,000", "1.00"]
    assert rows["peak memory, GB"] == ["not", "measured", "1.50"]
    assert rows["sweep, 9 numbers of clusters, s"] == ["not", "measured", "not", "measured"]


def test_the_benchmark_runs_each_in_its_own_process(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["benchmark", "--pairs", "2000", "--validation-pairs", "100", "--n-clusters", "5", "--budget", "100", "--repeats", "1"]
    assert cli.main([*words, "--vectorizer", "hashing"]) == 0
    shown = capsys.readouterr().out
    for expected in (" cores; craft 0.1.0, python ", "numpy", "2,000 pairs", "total without reading files, s", "peak memory"):
        assert expected in shown


def test_a_benchmark_of_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["benchmark", "--pairs", "0"]) == 2
    assert "--pairs of at least 1. Got 0" in capsys.readouterr().err
