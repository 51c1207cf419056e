"""What the colours of a map say: one number for each point of each layer, and how numbers become colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from craft_core.allocate import Allocation
from craft_core.arrays import FloatVector, LabelVector, frozen
from craft_core.describe import cluster_name
from craft_core.figures.theme import MAX_CATEGORIES, safe_label

__all__ = ["Colouring", "by_allocation", "by_cluster", "by_column", "by_trust", "by_value"]

_MOST_RATIO = 3.0  # log2: eight times too many or too few, beyond which colours do not change


@dataclass(frozen=True, eq=False)
class Colouring:
    """Hold the colours of the layers of a map.

    Attributes
    ----------
    title : str
        What the colours say.
    values : tuple of FloatVector
        One array a layer, float32: the category's number, or the quantity; NaN where there is none (drawn grey).
    categories : tuple of str
        Names of the categories, safe to draw; empty for a quantity.
    has_rest : bool
        Whether the last category is the rest, which is grey.
    diverging : bool
        Whether the quantity has two sides around 0.
    ticks : tuple of (float, str)
        Where the scale of a quantity is labelled, and how; empty for plotly's choice.
    span : tuple of float or None
        Ends of the scale of a quantity, beyond which colours do not change; None for the smallest and the largest value.
    """

    title: str
    values: tuple[FloatVector, ...]
    categories: tuple[str, ...] = ()
    has_rest: bool = False
    diverging: bool = False
    ticks: tuple[tuple[float, str], ...] = ()
    span: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for array in self.values:
            frozen(array)

    @property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest value of the scale."""
        if self.span is not None:
            return self.span
        if self.diverging:
            return -_MOST_RATIO, _MOST_RATIO
        finite = np.concatenate([one[np.isfinite(one)] for one in self.values]) if self.values else np.zeros(0)
        return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)

    @property
    def rest(self) -> float:
        """The value that stands for the rest; NaN where there is none."""
        return len(self.categories) - 1.0 if self.has_rest else np.nan


def by_cluster(labels: Sequence[LabelVector], wanted: FloatVector, words: tuple[tuple[str, ...], ...] = ()) -> Colouring:
    """Colour the eight clusters that are wanted most; the others are grey together, since colours that repeat would mislead.

    Parameters
    ----------
    labels : sequence of LabelVector
        The cluster of each point, one array a layer; -1 for none.
    wanted : FloatVector
        Shape (n_clusters,): by which the eight are chosen, such as validation shares.
    words : tuple of tuple of str
        As `describe.cluster_words` gives them.
    """
    ranked = np.argsort(-wanted, kind="stable")[:MAX_CATEGORIES]
    names = [safe_label(cluster_name(int(c), words), 34) for c in ranked]
    n_rest = len(wanted) - len(ranked)
    codes = np.full(len(wanted) + 1, len(ranked) if n_rest else np.nan, dtype=np.float32)  # the last stands for label -1
    codes[ranked] = np.arange(len(ranked))
    codes[-1] = np.nan
    rest = [f"{n_rest:,} other clusters"] if n_rest else []
    return Colouring("Cluster", tuple(codes[one] for one in labels), (*names, *rest), bool(n_rest))


def by_allocation(labels: Sequence[LabelVector], allocation: Allocation) -> Colouring:
    """Colour each cluster by its selected share over its validation share, log2, cut at 8 times; NaN where both are 0."""
    selected, wanted = allocation.selected_share, allocation.validation_share
    ratio = np.full(len(selected) + 1, np.nan, dtype=np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio[:-1] = np.clip(np.log2(selected / wanted), -_MOST_RATIO, _MOST_RATIO)
    ticks = ((-3.0, "⅛ or less"), (-2.0, "¼"), (-1.0, "½"), (0.0, "equal"), (1.0, "2"), (2.0, "4"), (3.0, "8 or more"))
    return Colouring("Selected share over validation share (times)", tuple(ratio[one] for one in labels), diverging=True, ticks=ticks)


def by_value(values: Sequence[FloatVector], title: str) -> Colouring:
    """Colour by a quantity such as the score: one array a layer, NaN for no value; the title, with its unit, is drawn as given."""
    return Colouring(title, tuple(np.where(np.isfinite(one), one, np.nan).astype(np.float32) for one in values))


def by_trust(values: Sequence[FloatVector]) -> Colouring:
    """Colour by how far the neighbours of a point on the map are its true ones: trustworthiness in [0, 1], NaN where it is not known."""
    ticks = ((0.5, "≤ 0.5 torn apart"), (0.75, "0.75"), (1.0, "1 true neighbours"))
    title = "Trustworthiness: are neighbours here true ones?"
    return Colouring(title, tuple(one.astype(np.float32) for one in values), ticks=ticks, span=(0.5, 1.0))


def by_column(columns: Sequence[npt.NDArray[Any]], title: str, order: Sequence[str] = ()) -> Colouring:
    """Colour by a column of the data: numbers as a quantity, anything else as its seven most frequent values and the others.

    Parameters
    ----------
    columns : sequence of arrays
        One array a layer: numbers, or objects; None or "" for no value.
    title : str
        The name of the column, which may say anything.
    order : sequence of str
        All values, those to be named first; by default the most frequent among the points, which change with the layers drawn.
    """
    title = safe_label(title, 40)
    if all(np.issubdtype(one.dtype, np.number) for one in columns):
        return by_value(columns, title)
    texts = [np.array(["" if one is None else str(one) for one in column], dtype=object) for column in columns]
    names, counts = np.unique(np.concatenate(texts).astype(str), return_counts=True)
    names, counts = names[names != ""], counts[names != ""]
    names = np.array(order, dtype=object) if order else names[np.argsort(-counts, kind="stable")]
    top = names[: MAX_CATEGORIES - 1]
    code_of = {name: code for code, name in enumerate(top)} | {"": np.nan}
    n_rest = len(names) - len(top)
    values = tuple(np.array([code_of.get(one, len(top)) for one in column], dtype=np.float32) for column in texts)
    rest = [f"{n_rest:,} other values"] if n_rest else []
    return Colouring(title, values, (*(safe_label(name, 34) for name in top), *rest), bool(n_rest))
