"""Between the passes, where the vectorizer wants it: in how many texts of a piece each term occurs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from craft_core.corpus.sift import Marks
from craft_core.progress import silent
from craft_core.stream.place import Writer
from craft_core.stream.plan import Plan
from craft_core.stream.scan import blocks_of
from craft_core.vectorize.counts import Counter, document_frequencies

__all__ = ["count_piece"]


def count_piece(plan: Plan, counters: tuple[Counter, Counter], marks: Marks, number: int, writer: Writer) -> dict[str, Any]:
    """Write in how many `source` and `target` texts that cleaning keeps each term occurs, shapes (terms,); return no facts."""
    totals = [np.zeros(one.index.size, np.int64) for one in counters]
    for block in blocks_of(plan, number, ()):
        kept = pa.array(np.flatnonzero(plan.sift.kept(marks[block.start : block.start + len(block)])))
        for total, counter, texts in zip(totals, counters, (block.sources, block.targets), strict=True):
            total += document_frequencies(counter, texts.take(kept), silent)
    for side, total in zip(("source", "target"), totals, strict=True):
        writer.array(side, total.astype(np.int32) if total.max(initial=0) < 2**31 else total)
    return {}
