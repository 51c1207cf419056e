"""Made-up pairs in files: one Parquet file a shard, written once and found again."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from craft_core.benchmark.made_up import ALL_TOPICS, SHARD_ROWS, WANTED_TOPICS, made_up_pairs, made_up_shard, shard_sizes
from craft_core.errors import DataError
from craft_core.progress import Progress, silent

__all__ = ["write_pool", "write_validation"]

_MARK = {b"craft-made-up-pairs": b"1"}
"""Stands in every file; another number where `made_up_shard` draws other pairs, so that files of before are written anew."""

_PAIR_BYTES = 180  # on disk
_THREADS = min(os.cpu_count() or 1, 4)  # each holds a shard, 100 MB


def write_pool(folder: Path, n: int, seed: int, progress: Progress = silent) -> tuple[Path, ...]:
    """Write a pool of n made-up pairs, a shard at a time, and return its files in their order.

    Shards that stand in the folder already stay as they are: a pool of two million begins with the files of one million. A file appears
    under its name only once it is complete.

    Parameters
    ----------
    folder : Path
        It exists.
    n, seed : int
        As for `made_up_pairs`, which gives the same pairs in memory.
    progress : Progress
        Called between shards; raising from it cancels.

    Raises
    ------
    DataError
        If the disk has too little room, or a file cannot be written.
    """
    sizes = list(shard_sizes(n))
    places = [folder / f"pool-seed{seed}-{number:05}-{rows}.parquet" for number, rows in enumerate(sizes)]
    missing = [number for number, place in enumerate(places) if not _is_whole(place, sizes[number])]
    _check_room(folder, len(missing) * SHARD_ROWS)

    def write(number: int) -> None:
        _write(places[number], *made_up_shard(number, sizes[number], ALL_TOPICS, seed, "pool"))

    threads = ThreadPoolExecutor(_THREADS)
    try:
        for done, _ in enumerate(threads.map(write, missing)):
            progress((done + 1) / len(missing), "Writing made-up pairs")
    finally:
        threads.shutdown(cancel_futures=True)
    return tuple(places)


def write_validation(folder: Path, n: int, seed: int) -> Path:
    """Write a validation set of n made-up pairs, unless it is there, and return its file. Raises DataError as `write_pool` does."""
    place = folder / f"validation-seed{seed}-{n}.parquet"
    if not _is_whole(place, n):
        pairs = made_up_pairs(n, WANTED_TOPICS, seed, "validation")
        _write(place, pairs.sources, pairs.targets)
    return place


def _is_whole(place: Path, rows: int) -> bool:
    try:
        found = pq.read_metadata(place)
    except (OSError, pa.ArrowInvalid):  # not there, or no Parquet file
        return False
    return found.num_rows == rows and (found.metadata or {}).items() >= _MARK.items()


def _check_room(folder: Path, n_pairs: int) -> None:
    free = shutil.disk_usage(folder).free
    if n_pairs * _PAIR_BYTES > free:
        raise DataError(
            f"The made-up pairs need {n_pairs * _PAIR_BYTES / 1e9:.1f} GB on disk, but '{folder}' has {free / 1e9:.1f} GB. "
            "Name another folder with --keep, or ask for fewer pairs."
        )


def _write(place: Path, sources: pa.LargeStringArray, targets: pa.LargeStringArray) -> None:
    part = place.with_name(f"{place.name}.part")
    schema = pa.schema({"source": pa.large_string(), "target": pa.large_string()}, metadata=_MARK)
    try:
        # a dictionary would be filled and then given up, as nearly all sentences differ
        pq.write_table(pa.Table.from_arrays([sources, targets], schema=schema), part, use_dictionary=False)
        part.replace(place)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise DataError(f"The made-up pairs cannot be written to '{place.parent}': {error.strerror or error}.") from error
