"""A session that cannot be lost: links, the record on disk, and the runs."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
import streamlit as st
from hypothesis import given as drawn
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from craft_core.cluster import KMeans
from craft_core.config import Data, ExperimentConfig, Export
from craft_core.corpus import Cleaning, Columns, ParallelText, on_disk, uploaded
from craft_core.errors import DataError, ParameterError
from craft_core.experiment import Files
from craft_core.params import Param, parameters
from craft_core.selectors import SELECTORS
from craft_core.store import open_store
from craft_core.vectorize import VECTORIZERS, Tfidf
from pages.shared import history, links, record, runs, storage, writing
from pages.shared.history import Run
from pages.shared.session import data_digest, given_of, names_of, sample_given, upload

os.environ.setdefault("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")
ROOT = Path(__file__).parent.parent
VISITOR = "a-word-that-only-one-browser-knows"
DIGEST = data_digest(sample_given())


@pytest.fixture(autouse=True)
def _at_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("CRAFT_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("CRAFT_DATA", raising=False)
    monkeypatch.setattr("craft_core.project.warm_up", lambda: None)
    st.cache_resource.clear()


# links: settings to parameters and back


def value_of(one: Param) -> some.SearchStrategy[Any]:
    if one.choices:
        made: some.SearchStrategy[Any] = some.sampled_from(one.choices)
    elif one.kind is bool:
        made = some.booleans()
    elif one.kind is int:
        low = int(one.low or 0)
        made = some.integers(low, int(one.high) if one.high is not None else low + 1_000)
    elif one.kind is float:
        low = one.low if one.low is not None else 0.0
        made = some.floats(low, one.high if one.high is not None else low + 1e6)
    else:
        made = some.text(min_size=1, max_size=12)
    return some.one_of(some.just(one.default), some.none(), made) if one.optional else some.one_of(some.just(one.default), made)


@some.composite
def objects(draw: some.DrawFn, *classes: type) -> Any:
    cls = draw(some.sampled_from(classes))
    values = {one.name: draw(value_of(one)) for one in parameters(cls)}
    try:
        return cls(**values)
    except ParameterError:
        return cls(**{name: "x" for name, value in values.items() if name == "folder"})


configs = some.builds(
    ExperimentConfig,
    data=some.just(Data(("pool",), "validation")),
    budget=some.integers(1, 10**9),
    seed=some.integers(0, 10**6),
    columns=objects(Columns),
    cleaning=objects(Cleaning),
    vectorizer=objects(*VECTORIZERS.values()),
    clustering=objects(KMeans),
    selector=objects(*SELECTORS.values()),
    export=objects(Export),
)


@drawn(configs)
def test_settings_come_back_from_a_link(config: ExperimentConfig) -> None:
    params, problems = links.settings_params(config), list[str]()
    assert len({name for name, _ in params}) == len(params)
    assert links.read_settings(dict(params), problems) == config
    assert not problems


def test_a_link_is_short_readable_and_always_in_the_same_order() -> None:
    config = ExperimentConfig(Data(("pool",), "validation"), budget=600, selector=SELECTORS["craft-weighted"](weight=0.05))
    found = links.params_of(sample_given(), config, "Allocation", {"allocation_tab": "Starvation ledger"})
    assert urlencode(found) == (
        f"data={DIGEST}&sample=1&vectorizer=tfidf&selector=craft-weighted&clustering.n_clusters=100&budget=600&seed=0"
        "&selector.weight=0.05&tab=Starvation+ledger"
    )


def test_a_link_of_very_many_files_leaves_their_names_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRAFT_DATA", str(tmp_path))
    files = [tmp_path / f"a-rather-long-name-of-a-file-{number}.tsv" for number in range(60)]
    for one in files:
        one.write_text("source\ttarget\na\tb\n")
    given = given_of("Mine", Files(tuple(map(on_disk, files)), on_disk(files[0])))
    found = links.params_of(given, ExperimentConfig(Data(("pool",), "validation")), "Compare", {"compare_tab": "Words"})
    assert len(urlencode(found)) < links.LONGEST
    assert found[0] == ("data", data_digest(given))
    assert ("tab", "Words") in found
    few = links.params_of(
        replace(given, files=Files(given.files.pool[:2], given.files.validation)), ExperimentConfig(Data(("p",), "v")), "Compare", {}
    )
    assert [value for name, value in few if name == "pool"] == [files[0].name, files[1].name]


def test_a_link_of_uploads_has_the_names_of_files_and_nothing_of_their_content() -> None:
    text = b"source\ttarget\nsecret\tgeheim\n"
    given = given_of("Your files", Files((upload("mine.tsv", text),), ParallelText(upload("v.en", b"secret"), upload("v.hi", b"geheim"))))
    assert links.file_params(given) == [("uploaded", "1"), ("pool", "mine.tsv"), ("validation", "v.en+v.hi")]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"budget": "many"}, "budget=many. It must be a whole number."),
        ({"budget": "0"}, "The budget must be a whole number of at least 1"),
        ({"seed": "-1"}, "The seed must be a whole number of at least 0"),
        ({"clustering.n_clusters": "4.5"}, "clustering.n_clusters=4.5. The 'n_clusters' parameter of k-means must be a whole number"),
        ({"clustering.n_cluster": "4"}, "There is no such setting here; there are: clustering.n_clusters"),
        ({"selector": "magic"}, "selector=magic. It may be one of: craft"),
        ({"selector.distance": "hyper"}, "must be one of squared, euclidean"),
        ({"cleaning.drop_empty": "perhaps"}, "cleaning.drop_empty=perhaps. The 'drop_empty' parameter of cleaning must be true or false"),
        ({"columns.source": "target"}, "Source, target and id must be different columns"),
    ],
)
def test_a_wrong_parameter_is_told_and_the_others_are_taken(params: dict[str, str], words: str) -> None:
    problems: list[str] = []
    found = links.read_settings(params | {"limits.max_rows": "77"}, problems)
    assert len(problems) == 1
    assert words.lower() in problems[0].lower()
    assert found.limits.max_rows == 77
    assert replace(found, limits=ExperimentConfig(found.data).limits) == ExperimentConfig(found.data)


def test_parameters_that_are_right_only_together_are_taken_together() -> None:
    problems: list[str] = []
    found = links.read_settings({"columns.source": "target", "columns.target": "source"}, problems)
    assert (found.columns.source, found.columns.target, problems) == ("target", "source", [])


def test_what_no_page_knows_is_told() -> None:
    found = links.read({"tab": ["Words"], "colour": ["red"], "L": ["fast"]}, "KL bound")
    assert found is not None
    assert found.view == {"bound_tab": "Words"}
    assert found.config is None
    assert [one.split(".")[0] for one in found.problems] == [
        "The address has a parameter colour=red that this page does not know",
        "The address asks for L=fast",
    ]
    assert links.read({}, "Data") is None


def test_the_view_of_a_page_comes_back() -> None:
    state = {"map_method": "UMAP", "map_layers": ["pool", "selected"], "map_seed": 3, "explore_tab": None}
    params = links.view_params("Clusters", state)
    assert params == [("map", "UMAP"), ("layers", "pool,selected"), ("map_seed", "3")]
    found = links.read({name: [value] for name, value in params}, "Clusters")
    assert found is not None
    assert found.view == {"map_method": "UMAP", "map_layers": ["pool", "selected"], "map_seed": 3}


# the runs


def run(number: int, **values: Any) -> Run:
    config = {
        "selector": {"name": "craft"},
        "vectorizer": {"name": "tfidf"},
        "clustering": {"n_clusters": 40},
        "budget": 10 * number,
        "seed": 0,
    }
    marks = {"chosen": 10.0, "kl": 0.1, "shortfall": 0, "starved": 1, "uncovered": 0.0}
    return replace(Run(f"run {number}", float(number), "d", "Mine", config, "00", marks), **values)


def test_a_run_that_is_made_again_moves_to_the_front_and_keeps_its_name() -> None:
    before = (run(3), run(2, name="best", pinned=True, marks={"energy": 0.5}), run(1))
    after = history.with_run(before, run(2, when=9.0))
    assert [one.id for one in after] == ["run 2", "run 3", "run 1"]
    assert (after[0].name, after[0].pinned, after[0].when, after[0].marks["energy"]) == ("best", True, 9.0, 0.5)


def test_of_too_many_runs_the_oldest_that_is_not_pinned_goes() -> None:
    found = (run(4), run(3), run(2), run(1, pinned=True))
    assert [one.id for one in history.shortened(found, 3)] == ["run 4", "run 3", "run 1"]
    assert history.shortened(found, 4) == found


def test_a_run_is_written_and_read() -> None:
    one = run(1, marks={"kl": float("inf"), "chosen": 3, "energy": -0.25}, seconds={"vectors": 1.5}, name="é")
    assert history.from_plain(json.loads(json.dumps(history.plain(one), allow_nan=False))) == one


def test_moments_are_told_as_people_do() -> None:
    noon = 1_700_000_000 // 86_400 * 86_400 + 43_200.0
    assert [runs.when(noon - days * 86_400, noon) for days in (0, 1, 2)] == ["today 12:00", "yesterday 12:00", "2023-11-12 12:00"]


def test_sizes_are_told_as_people_do() -> None:
    assert [storage.size_text(one) for one in (900, 1_234_567, 12_340_000_000)] == ["1 kB", "1.2 MB", "12.3 GB"]


# data on disk and back


def test_data_come_back_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offered = tmp_path / "offered"
    monkeypatch.setenv("CRAFT_DATA", str(offered))
    (offered / "far").mkdir(parents=True)
    (offered / "far" / "v.tsv").write_text("source\ttarget\na\tb\n")
    store = open_store()
    assert store is not None
    pair = ParallelText(upload("t.en", b"a\n"), upload("t.hi", b"b\n"))
    given = given_of("Mine", Files((uploaded("p.tsv.gz", b"1"), upload("q.tsv", b"2")), on_disk(offered / "far" / "v.tsv"), pair))
    written = json.loads(json.dumps(record.recorded(given, store)))
    writing.settle()
    assert "far/v.tsv" in str(written)
    assert str(tmp_path) not in str(written)
    again = record.opened(written, store)
    assert (again.key, again.label) == (given.key, "Mine")
    assert names_of(again.files) == names_of(given.files)
    assert isinstance(again.files.test, ParallelText)
    with again.files.test.source.open() as stream:
        assert stream.read() == b"a\n"


def test_files_that_are_gone_or_changed_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRAFT_DATA", str(tmp_path))
    for name in ("p.tsv", "v.tsv"):
        (tmp_path / name).write_text("source\ttarget\na\tb\n")
    store = open_store()
    assert store is not None
    given = given_of("Mine", Files((on_disk(tmp_path / "p.tsv"), upload("u.tsv", b"2")), on_disk(tmp_path / "v.tsv")))
    written = record.recorded(given, store)
    writing.settle()
    store.clear()
    (tmp_path / "p.tsv").write_text("source\ttarget\nc\td\n")
    (tmp_path / "v.tsv").unlink()
    with pytest.raises(DataError) as found:
        record.opened(written, store)
    for words in (
        "Pool: p.tsv has changed since",
        "Pool: The upload u.tsv is no longer kept",
        "Validation: There is no file 'v.tsv'",
        "Load them again",
    ):
        assert words in str(found.value)
    monkeypatch.delenv("CRAFT_DATA")
    with pytest.raises(DataError, match="no longer offers the folder v.tsv"):
        record.opened(written, store)


# the pages


def opened(page: str = "app.py", visitor: str | None = VISITOR, **params: str) -> AppTest:
    """A browser that has just opened a page: it has a cookie, and nothing else."""
    st.cache_resource.clear()
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    if page != "app.py":
        at.switch_page(page)
    if visitor is not None:
        at.session_state["visitor"] = visitor
    for name, value in params.items():
        at.query_params[name] = value
    return fine(at.run())


def fine(at: AppTest) -> AppTest:
    assert not at.exception, at.exception
    writing.settle()
    return at


def click(at: AppTest, label: str) -> AppTest:
    next(button for button in at.button if button.label == label).click()
    return fine(at.run())


def told(at: AppTest) -> str:
    return " ".join(text.value for text in at.text)


def budget(at: AppTest, value: int) -> AppTest:
    next(one for one in at.sidebar.number_input if one.label == "Budget (pairs)").set_value(value)
    return fine(at.run())


def address(at: AppTest) -> dict[str, str]:
    return dict(at.session_state["address"])


def sample(**more: str) -> dict[str, str]:
    return {"data": DIGEST, "sample": "1", "clustering.n_clusters": "10", "budget": "50"} | more


def config_of(at: AppTest) -> ExperimentConfig:
    config: ExperimentConfig = at.session_state["config"]
    return config


def test_a_page_loaded_again_is_where_it_was() -> None:
    at = budget(click(opened(), "Explore the sample data"), 450)
    at.session_state["lipschitz"] = 3.0
    history_before = [one.id for one in fine(at.run()).session_state["history"]]
    at = opened("pages/3_Allocation.py", **address(at))
    assert next(one for one in at.metric if one.label == "Chosen").value == "450"
    assert [one.id for one in at.session_state["history"]] == history_before
    assert len(history_before) == 2
    assert at.session_state["lipschitz"] == 3.0


def test_without_an_address_home_offers_to_go_on() -> None:
    budget(click(opened(), "Explore the sample data"), 450)
    at = opened()
    assert "Sample data, 40 clusters, budget 450 (today" in told(at)
    assert "given" not in at.session_state
    at = click(at, "Go on")
    assert next(one for one in at.metric if one.label == "Chosen").value == "450"


def test_another_visitor_finds_nothing() -> None:
    at = click(opened(), "Explore the sample data")
    other = opened(visitor="someone-else-with-another-word")
    assert "history" not in other.session_state
    assert not [one for one in other.button if one.label == "Go on"]
    assert at.session_state["visitor"] == VISITOR


def test_the_word_in_the_cookie_is_not_on_disk(tmp_path: Path) -> None:
    click(opened(), "Explore the sample data")
    kept = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if VISITOR in str(path) or VISITOR.encode() in path.read_bytes()]


def test_switched_off_nothing_is_kept_and_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRAFT_STORE", "off")
    at = click(opened(visitor=None), "Explore the sample data")
    assert "visitor" not in at.session_state
    assert "Nothing is kept on disk: CRAFT_STORE is off." in told(at)
    assert len(at.session_state["history"]) == 1
    assert "history" not in opened(visitor=None).session_state


def test_a_link_to_the_sample_opens_the_same_view_in_a_browser_that_knows_nothing() -> None:
    at = opened("pages/3_Allocation.py", None, **sample(tab="Starvation ledger", **{"selector.distance": "euclidean"}))
    assert next(one for one in at.metric if one.label == "Chosen").value == "50"
    assert at.session_state["allocation_tab"] == "Starvation ledger"
    assert config_of(at).selector == SELECTORS["craft"](distance="euclidean")
    assert address(at)["tab"] == "Starvation ledger"


def test_a_link_says_what_it_asks_for_in_vain() -> None:
    at = opened("pages/3_Allocation.py", None, **sample(tab="Nowhere", budget="-3", charm="1"))
    for words in ("tab=Nowhere, which this page does not offer; shown is tab=Shares", "budget=-3. The budget must be", "charm=1"):
        assert words in told(at)
    assert config_of(at).clustering.n_clusters == 10
    at = click(at, "Close")
    assert "charm" not in told(at)


def test_the_scenes_say_what_they_are_asked_for_in_vain() -> None:
    at = opened("pages/8_Learn.py", None, scene="99")
    # simulated runs do not bind addresses: what the page asked for is there, what is shown is the default
    assert "scene=99, which this page does not offer; shown is scene=1" in told(at)


def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("CRAFT_DATA", str(folder))
    for role in ("pool", "validation"):
        (folder / f"{role}.tsv").write_bytes((ROOT / "sample_data" / f"{role}.tsv").read_bytes())
    given = given_of("x", Files((on_disk(folder / "pool.tsv"),), on_disk(folder / "validation.tsv")))
    return sample(data=data_digest(given), pool="pool.tsv", validation="validation.tsv") | {"sample": "0"}


def test_a_link_to_files_of_the_server_opens_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = server(tmp_path, monkeypatch)
    at = opened("pages/3_Allocation.py", None, **link)
    assert next(one for one in at.metric if one.label == "Chosen").value == "50"
    assert {name: value for name, value in address(at).items() if name in ("data", "pool", "validation", "budget")} == {
        name: link[name] for name in ("data", "pool", "validation", "budget")
    }


def test_a_link_to_files_that_changed_does_not_open_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = server(tmp_path, monkeypatch)
    (tmp_path / "validation.tsv").write_bytes((ROOT / "sample_data" / "test.tsv").read_bytes())
    at = opened("pages/3_Allocation.py", None, **link)
    assert "have changed since it was made" in told(at)
    assert "given" not in at.session_state
    assert config_of(at).budget == 50


@pytest.mark.parametrize("name", ["../secret.tsv", "/etc/passwd", "nothing.tsv"])
def test_a_link_leads_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "secret.tsv").write_text("source\ttarget\na\tb\n")
    (tmp_path / "offered").mkdir()
    at = opened("pages/3_Allocation.py", None, **server(tmp_path / "offered", monkeypatch) | {"pool": name})
    assert "folder that data may be read from" in told(at)
    assert "given" not in at.session_state


def test_a_link_waits_for_its_data_and_says_whether_they_are_the_same() -> None:
    link = {"data": DIGEST, "uploaded": "1", "pool": "mine.tsv", "validation": "v.tsv", "budget": "50", "clustering.n_clusters": "10"}
    at = opened("pages/3_Allocation.py", None, **link)
    assert f"made with files that were uploaded (pool: mine.tsv; validation: v.tsv) that are not here; their digest is {DIGEST}" in told(at)
    assert address(at) == link  # a page loaded again still knows
    at = click(at, "Explore the sample data")
    assert f"These are the same data the link was made with (digest {DIGEST})" in told(at)
    assert next(one for one in at.metric if one.label == "Chosen").value == "50"
    other = click(opened("pages/3_Allocation.py", None, **link | {"data": "0123456789ab"}), "Explore the sample data")
    assert f"their digest is {DIGEST}, the link's 0123456789ab" in told(other)
    assert config_of(other).clustering.n_clusters == 10


def uploads(at: AppTest) -> AppTest:
    """Choose data as an upload does: bytes and a name."""
    at.session_state["given"] = mine()
    at.session_state["config"] = ExperimentConfig(names_of(mine().files), budget=50, clustering=KMeans(n_clusters=10))
    return fine(at.run())


def mine() -> Any:
    pool, validation = ((ROOT / "sample_data" / f"{role}.tsv").read_bytes() for role in ("pool", "test"))
    return given_of("Your files", Files((upload("mine.tsv", pool),), upload("wanted.tsv", validation)))


def test_uploads_are_found_again_by_who_gave_them_and_by_nobody_else() -> None:
    link = address(uploads(opened("pages/3_Allocation.py")))
    assert link["uploaded"] == "1"
    at = opened("pages/3_Allocation.py", **link)
    assert at.session_state["given"].key == mine().key
    assert next(one for one in at.metric if one.label == "Chosen").value == "50"
    other = opened("pages/3_Allocation.py", "someone-else-with-another-word", **link)
    assert "given" not in other.session_state
    assert "that are not here" in told(other)


def test_clearing_leaves_what_is_open_and_nothing_on_disk() -> None:
    at = uploads(opened())
    link = address(at)
    at = opened(**link)
    assert at.session_state["given"].files.pool[0].path is not None
    at = click(at, "Clear now")
    store = open_store()
    assert store is not None
    digest = mine().key[-64:]
    assert store.file(digest) is None
    assert at.session_state["given"].files.pool[0].data is not None
    assert fine(at.run()).session_state["given"].key == mine().key
    assert store.file(digest) is None
    assert "given" not in opened(**link).session_state


def listed(at: AppTest) -> tuple[Run, ...]:
    found: tuple[Run, ...] = at.session_state["history"]
    return found


def test_every_run_is_noted_once_with_what_is_known_of_it() -> None:
    at = click(opened(), "Explore the sample data")
    at = budget(at, 450)
    at = click(at, "Compute everything")
    at = budget(at, 600)
    assert [one.config["budget"] for one in listed(at)] == [600, 450]
    one = listed(at)[0]
    assert (one.label, one.data, one.marks["chosen"]) == ("Sample data", DIGEST, 600)
    assert set(one.marks) == {"chosen", "kl", "shortfall", "starved", "uncovered", "energy"}
    assert set(one.seconds) == {"reading", "vectors", "clusters", "choosing", "measuring"}
    rows = at.session_state["run_rows"][one.id]
    assert len(set(rows.tolist())) == 600
    assert isinstance(rows, np.ndarray)


def test_noting_a_run_computes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened("pages/1_Data.py", **sample())
    assert "history" not in at.session_state or not listed(at)
    at = fine(at.switch_page("pages/3_Allocation.py").run())
    assert [set(one.marks) for one in listed(at)] == [{"chosen", "kl", "shortfall", "starved", "uncovered"}]


def go_back(at: AppTest, one: Run) -> AppTest:
    """Do what the button does: simulated runs cannot choose rows of a table."""
    script = AppTest.from_function(_go_back, default_timeout=120)
    for name in ("given", "config", "history", "library", "visitor"):
        if name in at.session_state:
            script.session_state[name] = at.session_state[name]
    script.session_state["wanted"] = one
    return script.run()


def _go_back() -> None:
    import streamlit as st

    from pages.shared import runs

    runs.go_back(st.session_state["wanted"])


def test_going_back_brings_settings_and_data() -> None:
    at = uploads(opened())
    at = click(at, "Compute everything")
    at.session_state["given"] = sample_given()
    at.session_state["config"] = replace(config_of(at), budget=70, vectorizer=Tfidf(dimensions=64))
    at = click(fine(at.run()), "Compute everything")
    assert [one.label for one in listed(at)] == ["Sample data", "Your files"]
    back = go_back(at, listed(at)[1])
    assert back.session_state["given"].key == mine().key
    assert (config_of(back).budget, config_of(back).vectorizer) == (50, Tfidf())
    store = open_store()
    assert store is not None
    store.clear()
    lost = go_back(at, listed(at)[1])
    assert "The upload mine.tsv is no longer kept" in str(lost.session_state["notices"])
    assert config_of(lost).budget == 70


def test_two_runs_side_by_side() -> None:
    at = click(opened(), "Explore the sample data")
    at = click(budget(at, 450), "Compute everything")
    found = _compared(at, listed(at))
    assert {one.label: one.value for one in found.metric} == {"In both": "450", "Only in A": "0", "Only in B": "150", "Overlap": "75.0%"}
    facts = found.dataframe[0].value.set_index("")
    assert facts.loc["budget"].tolist() == ["450", "600"]
    # after a server's end the rows are read from disk
    at.session_state["run_rows"].clear()
    assert {one.label: one.value for one in _compared(at, listed(at)).metric}["Only in B"] == "150"
    other = replace(listed(at)[1], data="0123456789ab")
    assert "different data" in _compared(at, (listed(at)[0], other)).info[0].value


def _compared(at: AppTest, two: tuple[Run, ...]) -> AppTest:
    def script() -> None:
        import streamlit as st

        from pages.shared import pins

        pins.compare(*st.session_state["two"])

    made = AppTest.from_function(script, default_timeout=120)
    for name in ("given", "config", "history", "run_rows", "visitor"):
        made.session_state[name] = at.session_state[name]
    made.session_state["two"] = two
    return fine(made.run())


def test_runs_in_a_table() -> None:
    found = runs.table(
        (
            run(2, name="best", pinned=True, marks={"chosen": 1_000, "kl": float("inf"), "energy": -0.001}),
            run(1, seconds={"a": 1.25, "b": 1}),
        )
    )
    assert found["name"].tolist() == ["best", ""]
    assert found["KL"].tolist() == ["∞", "0.1000"]
    assert found["energy"].tolist() == ["-0.0010", "not measured"]
    assert found["seconds"].tolist() == ["0.0", "2.2"]


def test_an_old_or_broken_record_is_left_alone() -> None:
    at = click(opened(), "Explore the sample data")
    assert at.session_state["visitor"] == VISITOR
    store, owner = open_store(), _owner()
    assert store is not None
    kept: Mapping[str, Any] = json.loads(store.get("session", owner, any_code=True))
    store.put("session", owner, json.dumps({**kept, "version": -1}), replace=True)
    assert "history" not in opened().session_state
    store.put("session", owner, json.dumps({**kept, "last": {**kept["last"], "config": {"budget": 0}}}), replace=True)
    assert "Sample data" in told(opened())


def _owner() -> str:
    import hashlib

    return hashlib.sha256(VISITOR.encode()).hexdigest()


def test_a_short_address_typed_by_hand_opens_the_sample_as_its_button_does() -> None:
    at = opened("pages/2_Clusters.py", None, sample="1", below="Search").run()
    assert not at.exception
    assert at.session_state["given"].label == "Sample data"
    assert at.session_state["config"].budget == 600
    assert at.session_state["config"].clustering.n_clusters == 40
    assert at.session_state["explore_tab"] == "Search"
