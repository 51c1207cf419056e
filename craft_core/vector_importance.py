"""Importance weights from vectors: how much likelier a pair's vector is in validation than in the pool (ours).

A logistic regression that tells validation pairs from pool pairs, both kinds weighing the same, has as its logit the log ratio of the two
densities (Bickel, Brueckner and Scheffer 2009). It is linear in the joint vector and shrunk, so that a few
hundred validation pairs are enough.
"""

from __future__ import annotations

import numpy as np

from craft_core.arrays import FloatVector, frozen
from craft_core.corpus.sample import sample_positions
from craft_core.joint import joint_rows
from craft_core.problem import Problem
from craft_core.progress import Progress, silent
from craft_core.threads import one_thread
from craft_core.vectorize.protocol import EncodedPairs

__all__ = ["vector_log_weights"]

_SAMPLE_ROWS = 20_000
_BLOCK_ROWS = 16_384


def vector_log_weights(problem: Problem, progress: Progress = silent) -> FloatVector:
    """Return the log importance weight of each pool pair by its joint vector, shape (N,), float64, in nats; nothing is drawn.

    The regression is fitted on all validation pairs with vectors and on the 20,000 pool pairs with the smallest content keys.
    """
    from sklearn.linear_model import LogisticRegression

    available = problem.available
    sample = available[sample_positions(problem.pool_keys[available], _SAMPLE_ROWS)]
    progress(0.0, "Telling validation from pool")
    wanted, offered = joint_rows(problem.validation, problem.wanted), joint_rows(problem.pool, sample)
    if not len(wanted) or not len(offered):
        return frozen(np.zeros(len(problem.pool)))
    is_wanted = np.repeat([1, 0], [len(wanted), len(offered)])
    with one_thread():
        model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=1_000).fit(np.concatenate([wanted, offered]), is_wanted)
        slopes, base = model.coef_[0].astype(np.float32), float(model.intercept_[0])
        found = np.full(len(problem.pool), base)
        half = problem.pool.sources.shape[1]
        for start in range(0, len(found), _BLOCK_ROWS):
            progress(start / len(found), "Weighing vectors")
            found[start : start + _BLOCK_ROWS] += _logits(problem.pool, slice(start, start + _BLOCK_ROWS), slopes, half)
    return frozen(found)


def _logits(pool: EncodedPairs, rows: slice, slopes: FloatVector, half: int) -> FloatVector:
    """Multiply without joining the sides."""
    logits: FloatVector = np.float32(np.sqrt(0.5)) * (pool.sources[rows] @ slopes[:half] + pool.targets[rows] @ slopes[half:])
    return logits
