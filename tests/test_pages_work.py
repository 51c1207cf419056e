"""The cache and the threads behind the pages."""

import threading
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest

from craft_core.corpus import Corpus
from craft_core.params import param
from pages.shared.jobs import Cancelled, Job
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
