"""Tasks and small runs for the tests of engines; workers import this file, so it is quick to load."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from craft_core.errors import DataError

if TYPE_CHECKING:
    from craft_core.config import ExperimentConfig
    from craft_core.experiment import Report


def double(number: int) -> dict[str, Any]:
    return {"number": 2 * number}


def nap(seconds: float) -> dict[str, Any]:
    time.sleep(seconds)
    return {"number": seconds, "pid": os.getpid()}


def touch_late(path: str) -> dict[str, Any]:
    """Ends long after a tick."""
    time.sleep(3)
    return touch(path)


def wait_for(path: str) -> dict[str, Any]:
    """Ends once a file is there."""
    while not Path(path).exists():
        time.sleep(0.01)
    return {"number": "waited"}


def touch(path: str) -> dict[str, Any]:
    Path(path).touch()
    return {"number": "touched"}


def threads() -> dict[str, Any]:
    from threadpoolctl import threadpool_info

    return {"numbers": [pool["num_threads"] for pool in threadpool_info()], "polars": os.environ["POLARS_MAX_THREADS"]}


def wrong_data() -> dict[str, Any]:
    raise DataError("The file is not a file.")


class OddError(Exception):
    """An error that cannot be unpickled."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


def odd() -> dict[str, Any]:
    raise OddError("very ", "odd")


def bug() -> dict[str, Any]:
    return {"number": [][0]}


def die_once(marker: str) -> dict[str, Any]:
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"number": "alive"}


def die() -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def choose_or_die(*arguments: Any) -> dict[str, Any]:
    """The task of the second pass, whose process dies the first time."""
    from craft_core.stream.tasks import choose

    die_once(str(Path(arguments[0]) / "died"))
    return choose(*arguments)


def small_run(folder: Path) -> ExperimentConfig:
    """A run of 1,500 pairs in four files."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from craft_core.benchmark import made_up_pairs
    from craft_core.cluster import KMeans
    from craft_core.config import Data, ExperimentConfig
    from craft_core.vectorize import Hashing

    pool, validation = made_up_pairs(1_500, range(8), 0, "pool"), made_up_pairs(100, (2, 5), 0, "validation")
    pool = pool.take(np.where(np.arange(1_500) % 97 == 10, 5, np.arange(1_500)))  # some stand twice, across files
    parts = {f"pool{number}": pool.take(rows) for number, rows in enumerate(np.array_split(np.arange(1_500), 4))}
    paths = {}
    for name, part in (parts | {"validation": validation}).items():
        paths[name] = folder / f"{name}.parquet"
        pq.write_table(pa.table({"source": part.sources, "target": part.targets}), paths[name])
    data = Data(tuple(str(paths[name]) for name in parts), str(paths["validation"]))
    return ExperimentConfig(data, 100, vectorizer=Hashing(n_bits=12, dimensions=32), clustering=KMeans(n_clusters=8))


def assert_same(found: Report, expected: Report) -> None:
    """Two runs chose and measured the same, to the last bit."""
    assert found.rows.tolist() == expected.rows.tolist()
    assert found.selection.scores.tolist() == expected.selection.scores.tolist()
    assert found.data.pool.sources.to_pylist() == expected.data.pool.take(expected.selection.indices).sources.to_pylist()
    assert repr(found.diagnostics) == repr(expected.diagnostics)
    assert found.warnings == expected.warnings
