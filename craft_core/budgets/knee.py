"""The knee of a curve, by a rule that can be said in one sentence."""

from __future__ import annotations

import numpy as np

from craft_core.arrays import FloatVector, IntVector

__all__ = ["KNEE_RULE", "knee"]

KNEE_RULE = (
    "The knee is the budget at which the curve lies farthest from the straight line between its two ends, budgets on a logarithmic axis "
    "(Satopää et al. 2011, without smoothing). Curves that end no better than they begin have none."
)

_ROUNDING = 1e-9  # a straight line is not bent by the last digits of its numbers


def knee(budgets: IntVector, values: FloatVector, better: str) -> int | None:
    """Return the budget at the knee of a curve.

    Both axes are scaled to [0, 1] between the ends, budgets on a logarithmic axis; the distance to the line between the ends counts only
    on its better side, and of equal distances the smallest budget is taken (Satopää et al. 2011, "Finding a Kneedle in a Haystack",
    without its smoothing).

    Parameters
    ----------
    budgets : IntVector
        Shape (k,): ascending, at least 1.
    values : FloatVector
        Shape (k,); points that are infinite or nan are left out, so the ends are the first and the last finite point.
    better : str
        "lower" or "higher": the side of the line on which a knee lies. "" for a curve without a better direction, which has no knee.

    Returns
    -------
    int or None
        None where there is no knee: fewer than 3 finite points, an end that is no better than the beginning (then more pairs do not buy
        it, and a bend says where it gets worse), or no point on the better side of the line.
    """
    values = np.asarray(values, dtype=np.float64)
    kept = np.isfinite(values)
    if better not in _SIGNS or kept.sum() < 3:
        return None
    x, y = np.log(budgets[kept]), values[kept]
    if _SIGNS[better] * (y[-1] - y[0]) <= 0:
        return None
    # in the unit square the line is the diagonal, and the distance to it is the vertical gap over sqrt(2)
    x, height = (x - x[0]) / (x[-1] - x[0]), abs(y[-1] - y[0])
    gaps = _SIGNS[better] * (y - (y[0] + x * (y[-1] - y[0]))) / height
    best = int(gaps.argmax())
    return int(budgets[kept][best]) if gaps[best] > _ROUNDING else None


_SIGNS = {"lower": -1.0, "higher": 1.0}
