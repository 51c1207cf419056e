"""Twins, found bucket by bucket, against a look at all pairs at once."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from craft_core.corpus.sample import keys_of
from craft_core.corpus.sift import EMPTY, N_MARKS, SOURCE, TWIN
from craft_core.stream.place import Result, read_result, writing
from craft_core.stream.scan import N_BUCKETS
from craft_core.stream.twins import first_repeat, mark_twins, read_marks

_MIX = int(keys_of(np.array([1], np.uint64), np.array([0], np.uint64))[0])


def arrays(numbers: list[int]) -> np.ndarray:
    return np.array([one % 2**64 for one in numbers], np.uint64)


def by_bucket(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    bucket = (keys >> np.uint64(56)).astype(int)
    return np.argsort(bucket, kind="stable").astype(np.uint32), np.searchsorted(np.sort(bucket), np.arange(N_BUCKETS + 1))


def scanned(folder: Path, parts: list[list[tuple[int, int, int]]], ids: bool = False) -> Result:
    """Write what the first pass over a piece writes: marks, sources and targets of the pairs of each part; ids are the sources."""
    with writing(folder) as writer:
        for number, part in enumerate(parts):
            marks, sources, targets = (arrays([one[place] for one in part]) for place in range(3))
            keys = keys_of(sources, targets)
            order, starts = by_bucket(keys)
            writer.array(f"marks.{number}", marks.astype(np.uint8))
            for name, array in (("rows", order), ("starts", starts), ("source", sources[order]), ("target", targets[order])):
                writer.array(f"{name}.{number}", array)
            if ids:
                order, starts = by_bucket(sources)
                for name, array in (("id_rows", order), ("id_starts", starts), ("id", sources[order])):
                    writer.array(f"{name}.{number}", array)
        writer.facts({"n_parts": len(parts)})
    found = read_result(folder)
    assert found is not None
    return found


def scans_of(folder: Path, pieces: list[list[list[tuple[int, int, int]]]], ids: bool = False) -> tuple[list[Result], np.ndarray]:
    scans = [scanned(folder / str(number), parts, ids) for number, parts in enumerate(pieces)]
    sizes = [sum(map(len, parts)) for parts in pieces]
    return scans, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


HASHES = st.sampled_from([0, 1, 2, 1 << 56, 1 << 63, 2**64 - 1, 7 << 60])
PAIRS = st.tuples(st.sampled_from([0, EMPTY, SOURCE]), HASHES, HASHES)
PIECES = st.lists(st.lists(st.lists(PAIRS, max_size=12), min_size=1, max_size=3), min_size=1, max_size=4)


@settings(max_examples=25)
@given(pieces=PIECES)
def test_twins_are_those_a_look_at_all_pairs_finds(tmp_path_factory: pytest.TempPathFactory, pieces: list) -> None:
    folder = tmp_path_factory.mktemp("twins")
    scans, starts = scans_of(folder, pieces)
    together = [pair for parts in pieces for part in parts for pair in part]
    if not together:
        return
    seen: set[tuple[int, int]] = set()
    expected = []
    for mark, source, target in together:
        expected.append(mark | (TWIN if (source, target) in seen else 0))
        seen.add((source, target))
    shares: list[float] = []
    counts = mark_twins(scans, starts, folder / "marks.npy", shares.append)
    assert read_marks(folder / "marks.npy").tolist() == expected
    assert counts.tolist() == np.bincount(expected, minlength=N_MARKS).tolist()
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert sorted(path.name for path in folder.iterdir() if not path.is_dir()) == ["marks.npy"]


def test_pairs_whose_keys_agree_by_chance_are_no_twins(tmp_path: Path) -> None:
    pairs = [(0, 5, 9), (0, 6, 9 - _MIX), (0, 4, 9 + _MIX), (0, 6, 9 - _MIX)]
    assert len(set(keys_of(arrays([one[1] for one in pairs]), arrays([one[2] for one in pairs])).tolist())) == 1
    scans, starts = scans_of(tmp_path, [[pairs[:2]], [pairs[2:]]])
    mark_twins(scans, starts, tmp_path / "marks.npy", lambda _: None)
    assert read_marks(tmp_path / "marks.npy").tolist() == [0, 0, 0, TWIN]


def test_stopped_in_the_middle_no_marks_are_there(tmp_path: Path) -> None:
    scans, starts = scans_of(tmp_path, [[[(0, 1, 1), (0, 1, 1)]]])

    def stop(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mark_twins(scans, starts, tmp_path / "marks.npy", stop)
    assert not (tmp_path / "marks.npy").exists()
    mark_twins(scans, starts, tmp_path / "marks.npy", lambda _: None)
    assert read_marks(tmp_path / "marks.npy").tolist() == [0, TWIN]


def first_by_hand(ids: list[int]) -> tuple[int, int] | None:
    """The first row whose id stands again later, and where: what reading the whole column says."""
    for row, one in enumerate(ids):
        if one in ids[row + 1 :]:
            return row, ids.index(one, row + 1)
    return None


@settings(max_examples=25)
@given(pieces=st.lists(st.lists(st.lists(st.integers(0, 2**64 - 1) | HASHES, max_size=6), min_size=1, max_size=3), min_size=1, max_size=3))
def test_the_first_repeated_id_is_that_of_the_whole_column(tmp_path_factory: pytest.TempPathFactory, pieces: list) -> None:
    given_pieces = [[[(0, one, 0) for one in part] for part in parts] for parts in pieces]
    scans, starts = scans_of(tmp_path_factory.mktemp("ids"), given_pieces, ids=True)
    ids = [one for parts in pieces for part in parts for one in part]
    assert first_repeat(scans, starts) == first_by_hand(ids)


@pytest.mark.parametrize(
    ("ids", "found"), [([3, 4, 4, 3], (0, 3)), ([1, 2, 3], None), ([5, 9, 9, 9], (1, 2)), ([1 << 63, 1, 1, 1 << 63], (0, 3))]
)
def test_repeated_ids_by_hand(tmp_path: Path, ids: list[int], found: tuple[int, int] | None) -> None:
    scans, starts = scans_of(tmp_path, [[[(0, one, 0) for one in ids[:2]]], [[(0, one, 0) for one in ids[2:]]]], ids=True)
    assert first_repeat(scans, starts) == found
