import pytest

from craft_core.benchmark import methods
from craft_core.benchmark.methods import compared, too_slow
from craft_core.benchmark.methods_table import methods_table
from craft_core.benchmark.record import Case, Contest, MethodRuns
from craft_core.selectors import SELECTORS

CASE = Case("hashing", pairs=1_500, validation_pairs=150, n_clusters=6, budget=150, seed=0)


def test_methods_choose_in_turn_from_the_same_vectors_and_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    select = methods.select
    monkeypatch.setattr(methods, "select", lambda problem, one, *rest: seen.append((one.name, problem)) or select(problem, one, *rest))
    found = compared(CASE, ["craft", "random"], 2)
    assert [name for name, _ in seen] == ["craft", "random", "craft", "random"]
    assert len({id(problem.pool) for _, problem in seen}) == 4
    assert len({id(problem.pool.sources) for _, problem in seen}) == 1
    assert len({id(problem.clustering) for _, problem in seen}) == 1
    craft, random = found.methods["craft"], found.methods["random"]
    assert [len(one.seconds) for one in (craft, random)] == [2, 2]
    assert (craft.n_chosen, random.n_chosen) == (150, 150)
    assert craft.extra_bytes is not None
    assert 0 <= craft.extra_bytes < 1e9
    assert craft.energy is not None
    assert random.energy is not None
    assert found.noise is not None
    assert craft.energy < random.energy  # validation has two topics of eight
    assert found.noise < random.energy
    assert list(found.stages) == ["vectorize", "cluster"]


def test_methods_that_take_long_or_much_are_left_out_with_a_reason() -> None:
    million = Case("hashing", 1_000_000, 1_000, 200, 20_000, 0)
    slow = too_slow(million, 60.0, 10**13)
    assert "tsds" in slow
    assert "craft" not in slow
    assert slow["tsds"].startswith("would take about ")
    assert slow["tsds"].endswith(" s to choose once")
    assert "GB of memory beside the vectors" in too_slow(million, 10**9, 1_000_000)["covering"]
    assert too_slow(million, 10**9, 10**13) == {}
    assert too_slow(million, 0.0, 10**13).keys() == SELECTORS.keys()


def test_the_table_has_the_fastest_first_and_ratios_to_craft() -> None:
    runs = {
        "craft": MethodRuns((0.2, 0.1, 0.9), 5e6, 300, 0.01),
        "tsds": MethodRuns((2.0,), None, 300, None),
        "random": MethodRuns((0.01,), 2e9, 250, 0.05),
    }
    skipped = {"tarot": "would take about 200 s to choose once"}
    text = methods_table(Contest(CASE, runs, skipped, {"vectorize": 1.5, "cluster": 0.05}, 0.001))
    rows = [line.split() for line in text.splitlines() if line.split()[0] in runs]
    assert rows == [
        ["random", "10.0", "ms", "0.05", "150,000", "2.00", "GB", "0.0500", "250"],
        ["craft", "0.20", "s", "1.00", "7,500", "5", "MB", "0.0100", "300"],
        ["tsds", "2.00", "s", "10.00", "750", "-", "-", "300"],
    ]
    said = " ".join(text.split())
    assert "in 1.50 s (vectorize) and 50.0 ms (cluster), is not included" in said
    assert "0.0010 apart by chance" in said
    assert "Not run: tarot would take about 200 s to choose once. Name it after --methods to run it." in said
    assert max(map(len, text.splitlines())) <= 140


def test_without_craft_the_fastest_is_what_others_are_compared_with() -> None:
    runs = {"tsds": MethodRuns((2.0,), None, 300, None), "random": MethodRuns((0.5,), None, 300, None)}
    text = methods_table(Contest(CASE, runs, {}, {"vectorize": 1.0}, None))
    assert "x random" in text
    assert "chance" not in text
    assert [line.split()[3] for line in text.splitlines() if line.startswith(("tsds", "random"))] == ["1.00", "4.00"]
