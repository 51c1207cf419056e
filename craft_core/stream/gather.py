"""A larger sample, where the first pass found too few pairs for it: duplicates, overlaps and texts without a known word take their part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from craft_core.corpus.sample import seeded
from craft_core.corpus.sift import Marks
from craft_core.stream.place import Writer
from craft_core.stream.plan import Plan
from craft_core.stream.scan import SAMPLE, Keys, blocks_of, sampled

__all__ = ["gather_piece"]


def gather_piece(plan: Plan, marks: Marks, keys: Keys, number: int, threshold: int, writer: Writer) -> dict[str, Any]:
    """Write the `sample` of a piece: the pairs that cleaning keeps and whose content key is not above the threshold."""
    own = seeded(keys, plan.config.seed)
    wanted = plan.sift.kept(marks) & (own <= np.uint64(threshold))
    samples = [SAMPLE.empty_table()]
    if wanted.any():
        for block in blocks_of(plan, number, ()):
            inside = slice(block.start, block.start + len(block))
            samples.append(sampled(block, own[inside], np.flatnonzero(wanted[inside])))
    sample = pa.concat_tables(samples)
    writer.table("sample", sample)
    return {"sampled": len(sample)}
