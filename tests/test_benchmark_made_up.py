from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from craft_core.benchmark import made_up, made_up_files, made_up_pairs
from craft_core.benchmark.made_up import ALL_TOPICS, made_up_shard, shard_sizes
from craft_core.benchmark.made_up_files import write_pool, write_validation
from craft_core.corpus import Columns, Limits, on_disk, read_corpus
from craft_core.errors import DataError


def test_made_up_pairs_are_the_same_for_the_same_seed() -> None:
    one, other = made_up_pairs(500, ALL_TOPICS, 0, "pool"), made_up_pairs(500, ALL_TOPICS, 0, "pool")
    assert one.digest == other.digest
    assert one.digest != made_up_pairs(500, ALL_TOPICS, 1, "pool").digest
    assert one.sources != made_up_pairs(500, ALL_TOPICS, 0, "test").sources


def test_pairs_are_shards_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_up, "SHARD_ROWS", 100)
    assert list(shard_sizes(250)) == [100, 100, 50]
    pairs = made_up_pairs(250, ALL_TOPICS, 0, "pool")
    assert pairs.ids[-1].as_py() == "249"
    for side, texts in enumerate((pairs.sources, pairs.targets)):
        assert texts[100:200] == made_up_shard(1, 100, ALL_TOPICS, 0, "pool")[side]
    assert pairs.sources[:100] != pairs.sources[100:200]


def test_made_up_sentences_have_16_and_a_half_words_and_a_zipf_vocabulary() -> None:
    pairs = made_up_pairs(70_000, ALL_TOPICS, 0, "pool")
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


def test_files_hold_the_pairs_that_memory_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_up, "SHARD_ROWS", 100)
    told = []
    places = write_pool(tmp_path, 250, 3, lambda share, text: told.append(share))
    assert [place.name for place in places] == [f"pool-seed3-0000{n}-{rows}.parquet" for n, rows in enumerate((100, 100, 50))]
    assert sorted(told) == [pytest.approx(number / 3) for number in (1, 2, 3)]
    read, _ = read_corpus([on_disk(place) for place in places], Columns(), Limits(), "pool")
    assert read.digest == made_up_pairs(250, ALL_TOPICS, 3, "pool").digest
    held, _ = read_corpus([on_disk(write_validation(tmp_path, 120, 3))], Columns(), Limits(), "validation")
    assert held.digest == made_up_pairs(120, made_up.WANTED_TOPICS, 3, "validation").digest


def test_files_that_are_whole_are_found_again_and_others_are_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_up, "SHARD_ROWS", 100)
    whole, cut, other, foreign = write_pool(tmp_path, 400, 0)
    first = {place: place.read_bytes() for place in (whole, cut, other, foreign)}
    cut.write_bytes(first[cut][:500])
    pq.write_table(pq.read_table(other).slice(0, 99), other)
    pq.write_table(pq.read_table(foreign).replace_schema_metadata(None), foreign)
    drawn = []
    shard = made_up_files.made_up_shard
    monkeypatch.setattr(made_up_files, "made_up_shard", lambda *args: drawn.append(args[0]) or shard(*args))
    places = write_pool(tmp_path, 500, 0)
    assert sorted(drawn) == [1, 2, 3, 4]
    assert {place: place.read_bytes() for place in places[:4]} == first
    drawn.clear()
    write_pool(tmp_path, 500, 0)
    assert drawn == []
    assert len([*tmp_path.iterdir()]) == 5


def test_no_more_is_written_than_the_disk_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"need 180,?000\.0 GB on disk, but"):
        made_up_files._check_room(tmp_path, 10**12)


def test_what_cannot_be_written_gets_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(table: object, place: Path, **settings: object) -> None:
        place.write_text("half of it")
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(made_up_files.pq, "write_table", refuse)
    with pytest.raises(DataError, match="cannot be written to .*: Permission denied"):
        write_pool(tmp_path, 10, 0)
    assert not [*tmp_path.iterdir()]
