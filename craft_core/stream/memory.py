"""How memory is shared out: what a run out of core holds follows from its settings, not from the number of pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from craft_core.cluster import sample_size
from craft_core.config import ExperimentConfig
from craft_core.describe import PAIRS_LIMIT
from craft_core.discrepancy import MAX_ROWS
from craft_core.errors import ParameterError

__all__ = ["Share", "needed_bytes", "shared_out"]

_BASE = 450_000_000  # the main process with its packages, measured: 0.4 GB
_WORKER = 330_000_000  # a worker with its packages, measured: 0.3 GB of its own and shared
_READING = 150_000_000  # what reading a piece holds beside the block in work
_PAIR_BYTES = 600  # of texts and keys, generously: long sentences in a script of three bytes a character
_MOST_ROWS, _LEAST_ROWS = 16_384, 1_024
_MOST_PIECE, _LEAST_PIECE = 128 * 2**20, 4 * 2**20


@dataclass(frozen=True)
class Share:
    """Hold how a run out of core is cut.

    Attributes
    ----------
    block_rows : int
        Pairs that a worker vectorises at a time.
    piece_bytes : int
        Bytes of text in a piece, about, where files can be cut.
    """

    block_rows: int
    piece_bytes: int


def shared_out(config: ExperimentConfig, memory: int, n_workers: int, n_reference: int) -> Share:
    """Return the largest blocks and pieces that fit into the memory.

    Parameters
    ----------
    config : ExperimentConfig
        The run's.
    memory : int
        Bytes that all processes may hold together.
    n_workers : int
        Processes beside the main one.
    n_reference : int
        Pairs of validation and test.

    Raises
    ------
    ParameterError
        If not even the smallest fit; it says what would do.
    """
    rows = _MOST_ROWS
    while rows > _LEAST_ROWS and needed_bytes(config, n_workers, n_reference, rows) > memory:
        rows //= 2
    needed = needed_bytes(config, n_workers, n_reference, rows)
    if needed > memory:
        fewer, workers = (" or fewer --workers", "workers") if n_workers > 1 else ("", "worker")
        raise ParameterError(
            f"With these settings and {n_workers} {workers} a run out of core needs {math.ceil(needed / 1e8) / 10:.1f} GB of memory, and "
            f"may have {memory / 1e9:.1f} GB. Give more with --memory, or fewer dimensions or clusters, a smaller budget{fewer}."
        )
    spare = (memory - needed) // (4 * n_workers)
    return Share(rows, int(min(max(spare, _LEAST_PIECE), _MOST_PIECE)))


def needed_bytes(config: ExperimentConfig, n_workers: int, n_reference: int, block_rows: int) -> int:
    """Return what all processes hold together at most, in bytes; an estimate from above, without the bytes of a piece.

    The main process holds the sample with its vectors and, of each selection it makes (three without a test set), the best pairs of every
    cluster: twice the budget. A worker holds a block of both sides, the same best pairs, and the tables of the projection, which all
    workers share.
    """
    dimensions = int(getattr(config.vectorizer, "dimensions", 1024))
    n_clusters, budget = config.clustering.n_clusters, config.budget
    sample = max(sample_size(config.clustering), PAIRS_LIMIT, getattr(config.vectorizer, "sample_rows", 0))
    pairs_kept = 3 * 2 * budget + 8 * MAX_ROWS
    chosen = (3 * budget + 10 * MAX_ROWS) * (8 * dimensions + _PAIR_BYTES)
    tables = _table_bytes(config, dimensions)
    main = _BASE + sample * (4 * dimensions + 2 * _PAIR_BYTES) + n_reference * (16 * dimensions + _PAIR_BYTES) + chosen + tables
    block = block_rows * (4 * 8 * dimensions + _PAIR_BYTES) + 3 * 4 * max(block_rows, 2_048) * min(n_clusters, 4_096)
    worker = _WORKER + _READING + block + pairs_kept * _PAIR_BYTES + 4 * n_clusters * dimensions * 4
    return int(main + n_workers * worker)


def _table_bytes(config: ExperimentConfig, dimensions: int) -> int:
    """Return the size of the projections of both sides, in memory once while they are fitted and once mapped by all workers."""
    n_bits = getattr(config.vectorizer, "n_bits", None)
    if n_bits is not None:
        return int(2 * 2 * 8 * 8 * 2**n_bits)
    max_terms = getattr(config.vectorizer, "max_terms", None)
    return 0 if max_terms is None else int(2 * 2 * min(max_terms, 100_000) * dimensions * 4)
