"""What all workers need, loaded once by the server they are forked from: importing this module does it.

Pandas is among it because pyarrow loads it as soon as it gives away an array. The first call of compiled code prepares numba, which takes
as long as loading it.
"""

from __future__ import annotations

import gc

import pyarrow as pa

import craft_core.stream.tasks  # noqa: F401
from craft_core.corpus.hashes import text_hashes
from craft_core.store.fingerprint import code_fingerprint
from craft_core.vectorize.projection import load_kernels

__all__: list[str] = []


def _load() -> None:
    import pandas as pd  # noqa: F401

    load_kernels()
    text_hashes(pa.array(["once"], pa.large_string()))
    code_fingerprint()  # of the code that is loaded, should it be changed on disk
    gc.collect()
    gc.freeze()  # what is here stays as it is: not looked through by any worker, so that its memory stays shared


_load()
