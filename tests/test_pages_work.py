"""The cache and the threads behind the pages."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from craft_core.corpus import Corpus
from craft_core.estimate import Estimate, Pace
from craft_core.params import param
from craft_core.progress import silent
from craft_core.store import Store
from pages.shared import keeping
from pages.shared.expected import Expected, learn
from pages.shared.jobs import Cancelled, Job, join, leave
from pages.shared.keeping import Keep, found_or_made
from pages.shared.work import Shelf, kept_parts, key_of, missing_parts


@dataclass(frozen=True)
class One:
    name: ClassVar[str] = "one"
    size: int = param(3, help="A size.")


@dataclass(frozen=True)
class Other:
    name: ClassVar[str] = "other"
    size: int = param(3, help="A size.")


def test_equal_fields_of_different_classes_have_different_keys() -> None:
    assert key_of("digest", One()) != key_of("digest", Other())
    assert key_of("digest", One()) == key_of("digest", One(3))
    assert key_of("digest", One()) != key_of("digest", One(4))


def test_the_parts_of_a_key_do_not_run_together() -> None:
    assert key_of("ab", "c") != key_of("a", "bc")
    assert key_of("a\nb") != key_of("a", "b")


def test_a_key_sees_one_changed_row_of_half_a_million() -> None:
    texts = pa.array([f"sentence {i}" for i in range(500_001)], pa.large_string())
    rows = np.arange(len(texts))

    def digest(sources: pa.LargeStringArray) -> str:
        return Corpus(sources, texts, texts, rows.copy(), pa.table({}), "pool").digest

    changed = pa.concat_arrays([texts.slice(0, 312_345), pa.array(["sentence X"], pa.large_string()), texts.slice(312_346)])
    assert key_of(digest(texts)) != key_of(digest(changed))
    assert key_of(digest(texts)) == key_of(digest(pa.concat_arrays([texts.slice(0, 7), texts.slice(7)])))


def test_a_job_gives_its_result_and_how_far_it_is() -> None:
    halfway, go_on = threading.Event(), threading.Event()

    def work(progress: object) -> int:
        progress(0.5, "Half")  # type: ignore[operator]
        halfway.set()
        go_on.wait(5)
        return 42

    job = Job("key", work)
    assert halfway.wait(5)
    assert job.share == 0.5
    assert job.caption().startswith("Half")
    go_on.set()
    assert job.done.wait(5)
    assert job.result == 42
    assert job.error is None


def test_a_cancelled_job_ends_at_its_next_progress_call() -> None:
    started = threading.Event()

    def work(progress: object) -> None:
        while True:
            progress(0.1, "On and on")  # type: ignore[operator]
            started.set()
            time.sleep(0.01)

    job = Job("key", work)
    assert started.wait(5)
    job.cancel()
    assert job.done.wait(5)
    assert isinstance(job.error, Cancelled)
    assert job.result is None


def test_an_error_in_a_job_is_kept_for_the_page() -> None:
    def work(progress: object) -> None:
        raise ZeroDivisionError

    job = Job("key", work)
    assert job.done.wait(5)
    with pytest.raises(ZeroDivisionError):
        raise job.error  # type: ignore[misc]


def test_parts_made_before_a_stop_are_kept_and_not_made_again():
    made: dict[int, int] = {}
    tried: list[int] = []
    second = threading.Event()

    def make(one: int, progress: object) -> int:
        tried.append(one)
        progress(0.5, "Half")  # type: ignore[operator]
        return one * one

    def slowly(one: int, progress: object) -> int:
        if one == 2:
            second.set()
            while True:
                progress(0.5, "On and on")  # type: ignore[operator]
                time.sleep(0.01)
        return make(one, progress)

    job = Job("key", missing_parts(made, (1, 2, 3), slowly))
    assert second.wait(5)
    job.cancel()
    assert job.done.wait(5)
    assert made == {1: 1}
    again = Job("key", missing_parts(made, (1, 2, 3), make))
    assert again.done.wait(5)
    assert again.error is None
    assert made == {1: 1, 2: 4, 3: 9}
    assert tried == [1, 2, 3]
    assert again.share == pytest.approx(0.75)  # half of the second of two that were missing


def test_only_the_parts_of_the_latest_keys_are_kept():
    shelf = Shelf()
    first = kept_parts(shelf, "sweep", "0")
    first[2] = "two"
    for number in range(1, 4):
        kept_parts(shelf, "sweep", str(number))
    assert kept_parts(shelf, "sweep", "0") is first  # used again, and so the latest
    kept_parts(shelf, "sweep", "4")
    kept_parts(shelf, "map", "5")
    assert kept_parts(shelf, "sweep", "0") == {2: "two"}
    assert list(shelf.parts["sweep"]) == ["2", "3", "4", "0"]


def endless(progress: object) -> None:
    while True:
        progress(0.1, "On and on")  # type: ignore[operator]
        time.sleep(0.005)


def test_two_pages_that_want_the_same_work_share_one_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.shared.jobs._is_open", lambda session: True)
    one = join("Stage", "same", endless, "first page")
    other = join("Stage", "same", endless, "second page")
    assert one is other
    assert join("Stage", "another", endless, "first page") is not one
    leave(one, "first page")
    assert not one.is_cancelled  # the second page still waits
    leave(one, "second page")
    assert one.is_cancelled
    assert one.done.wait(5)
    again = join("Stage", "same", endless, "first page")
    assert again is not one
    leave(again, "first page")


def test_a_page_that_was_closed_keeps_no_job_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.shared.jobs._is_open", lambda session: session != "closed")
    job = join("Stage", "left behind", endless, "closed")
    assert join("Stage", "left behind", endless, "open") is job
    leave(job, "open")
    assert job.done.wait(5)
    assert isinstance(job.error, Cancelled)


def test_a_result_is_made_once_and_then_found_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store", 10**9)
    monkeypatch.setattr("pages.shared.keeping.open_store", lambda: store)
    monkeypatch.setattr("pages.shared.keeping._WORTH_SECONDS", 0.0)
    made: list[int] = []

    def make(progress: object) -> np.ndarray:
        made.append(1)
        return np.arange(5)

    keep = Keep(lambda result: {"doubled": result * 2}, lambda packed: packed["doubled"] // 2)
    first = found_or_made("Stage", "key", make, keep)(silent)
    keeping._writer().submit(lambda: None).result()  # whatever was to be written is
    again = found_or_made("Stage", "key", make, keep)(silent)
    assert (first.is_new, again.is_new) == (True, False)
    assert again.value.tolist() == [0, 1, 2, 3, 4]
    assert again.seconds == first.seconds
    assert len(made) == 1
    assert keeping.is_kept("Stage", "key", keep)
    assert not keeping.is_kept("Stage", "other", keep)
    assert found_or_made("Stage", "key", make, None)(silent).is_new  # not to be kept: made anew


def test_what_is_made_at_once_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store", 10**9)
    monkeypatch.setattr("pages.shared.keeping.open_store", lambda: store)
    found_or_made("Stage", "key", lambda progress: 1, keeping.PLAIN)(silent)
    keeping._writer().submit(lambda: None).result()
    assert not store.has("Stage", "key")


def test_heavy_work_waits_for_a_yes_and_light_work_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.shared.expected._pace", Pace())

    def script() -> None:
        import streamlit as st

        from craft_core.estimate import Estimate
        from pages.shared.expected import Expected
        from pages.shared.work import compute

        seconds = st.session_state["seconds"]
        result = compute("Deep thought", f"key {seconds}", lambda progress: 42, None, lambda: Expected("thought", Estimate(seconds, 10**6)))
        st.text(str(result))

    at = AppTest.from_function(script)
    at.session_state["seconds"] = 0.1
    assert at.run().text[0].value == "42"
    at.session_state["seconds"] = 7_200.0
    at.run()
    assert not at.text
    assert "Deep thought** will take about 2" in at.markdown[0].value
    at.button(key="begin_Deep thought").click().run()
    assert at.text[0].value == "42"


def test_a_small_corpus_does_not_promise_that_a_large_one_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.shared.expected._pace", Pace())
    for _ in range(20):
        learn(Expected("a step", Estimate(50.0, 5)), 2.5)
    assert Expected("a step", Estimate(100.0, 5)).here.seconds == 50.0


def test_a_machine_that_is_slower_is_expected_to_stay_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.shared.expected._pace", Pace())
    what = Expected("a step", Estimate(10.0, 5))
    learn(what, 30.0)
    assert 10.0 < what.here.seconds <= 30.0
    learn(what, 0.1)  # says little
    assert what.here.seconds > 10.0
    assert what.here.bytes == 5
    assert Expected("another", Estimate(10.0, 5)).here.seconds > 10.0  # the machine is slow, not the step
