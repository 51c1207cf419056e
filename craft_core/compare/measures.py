"""What is measured of a selection when methods are compared: each measure declared once, with the way it is better and how it is read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from craft_core.arrays import BoolVector, IntVector
from craft_core.corpus.pairs import Corpus
from craft_core.discrepancy import (
    MAX_ROWS,
    Projector,
    Reference,
    coverage,
    divergences,
    downstream_proxies,
    energy_distance,
    fit_projector,
    gaussian_dimensions,
    label_shares,
    reference_terms,
    sample_pairs,
)
from craft_core.errors import DataError
from craft_core.problem import Problem
from craft_core.threads import one_thread
from craft_core.vectorize.protocol import EncodedPairs
from craft_core.vectorize.tokens import Analyzer

__all__ = ["MEASURES", "Measure", "Ruler", "find_measure", "make_ruler", "marks"]

_LEAST_ROWS = 16


@dataclass(frozen=True)
class Measure:
    """Describe one measure: what a table, a chart and a reader need to know.

    Attributes
    ----------
    name, label : str
        In files and for people.
    better : str
        "low", "high" or "" where neither is better.
    form : str
        A format specification.
    help : str
        One or two sentences.
    """

    name: str
    label: str
    better: str
    form: str
    help: str


MEASURES = (
    Measure(
        "energy",
        "Energy distance, joint",
        "low",
        ".4f",
        "Distance of chosen pairs to held-out pairs, both sides as one vector; 0 where they are alike. Unbiased: it can fall below 0.",
    ),
    Measure(
        "energy_source", "Energy distance, sources", "low", ".4f", "Distance of the chosen to the held-out sources; 0 where they are alike."
    ),
    Measure(
        "energy_target", "Energy distance, targets", "low", ".4f", "Distance of the chosen to the held-out targets; 0 where they are alike."
    ),
    Measure(
        "gaussian_kl",
        "Gaussian KL",
        "low",
        ".3f",
        "KL(held-out || chosen) of the sources in nats, between two Gaussians in at most 16 principal components.",
    ),
    Measure(
        "dispersion",
        "Dispersion",
        "",
        ".2f",
        "Variance of the chosen sources over that of the held-out ones in six principal components; below 1 the choice is too narrow.",
    ),
    Measure(
        "source_tokens", "Source words covered", "high", ".1%", "Share of the held-out running source words that occur in the chosen pairs."
    ),
    Measure(
        "source_bigrams",
        "Source word pairs covered",
        "high",
        ".1%",
        "Share of the held-out pairs of neighbouring source words that occur in the choice.",
    ),
    Measure(
        "target_tokens", "Target words covered", "high", ".1%", "Share of the held-out running target words that occur in the chosen pairs."
    ),
    Measure(
        "target_bigrams",
        "Target word pairs covered",
        "high",
        ".1%",
        "Share of the held-out pairs of neighbouring target words that occur in the choice.",
    ),
    Measure(
        "ridge_rank",
        "Ridge translator",
        "high",
        ".3f",
        "Mean reciprocal rank of the true held-out target under a linear map learned from the chosen pairs; a stand-in for training.",
    ),
    Measure(
        "nearest_chrf",
        "Nearest-neighbour chrF",
        "high",
        ".1f",
        "chrF (0 to 100) of translating by the target of the nearest chosen source; a stand-in for training, not the score of a model.",
    ),
    Measure(
        "label_share",
        "Label overlap",
        "high",
        ".1%",
        "Overlap of the labels of chosen and held-out pairs: with one held-out label, the share that has it. No method sees them.",
    ),
    Measure(
        "nll",
        "Test loss of a small model",
        "low",
        ".3f",
        "Mean negative log-likelihood of a held-out target token, in nats, under a small model fine-tuned on the choice. It ranks choices.",
    ),
    Measure(
        "model_chrf",
        "Test chrF of a small model",
        "high",
        ".1f",
        "chrF (0 to 100) of that small model's translations; far below what a large model reaches, and not a forecast of it.",
    ),
    Measure("mean_tokens", "Words a pair", "", ".1f", "Mean number of words of both sides of a chosen pair."),
    Measure("mispaired", "Mispaired", "low", ".1%", "Share of the chosen pairs whose target was exchanged on purpose."),
    Measure(
        "seconds",
        "Seconds to choose",
        "low",
        ".2f",
        "Wall time of the selection alone, with vectors and clusters ready and nothing kept from before.",
    ),
    Measure("seconds_built", "Seconds in all", "low", ".1f", "Wall time of the selection and of the vectors and clusters it needs."),
)
"""In the order of the tables."""


def find_measure(name: str) -> Measure:
    """Return the measure of this name. Raises KeyError if there is none."""
    return {one.name: one for one in MEASURES}[name]


@dataclass(frozen=True, eq=False)
class Ruler:
    """Hold what every selection is held against: one set of held-out pairs, made ready once.

    Attributes
    ----------
    held : EncodedPairs
        Held-out vectors, with texts; at most 4,096 of them.
    reference : Reference
        Their words.
    projector : Projector
        Principal components of held-out and pool sources.
    labels : dict of str to float or None
        Shares of the held-out labels; None where there is no label column.
    label : str or None
        The column.
    seed : int
        Of the samples that are drawn of large sets.
    """

    held: EncodedPairs
    reference: Reference
    projector: Projector
    labels: dict[str, float] | None
    label: str | None
    seed: int


def make_ruler(problem: Problem, held: EncodedPairs, label: str | None, seed: int) -> Ruler:
    """Make held-out pairs ready to measure with.

    Parameters
    ----------
    problem : Problem
        Its pool gives half of what the principal components are fitted on.
    held : EncodedPairs
        With texts.
    label : str or None
        A column that pool and held-out pairs share.
    seed : int
        Of the samples.
    """
    rng = np.random.default_rng([seed, 4])
    held = sample_pairs(held, np.arange(len(held)), rng)
    pool = problem.pool.sources[np.sort(rng.permutation(problem.available)[: len(held)])]
    texts = _texts(held)
    labels = None if label is None else label_shares(texts.columns.column(label))
    return Ruler(held, reference_terms(texts), fit_projector(np.concatenate([held.sources, pool])), labels, label, seed)


def marks(ruler: Ruler, pool: EncodedPairs, chosen: IntVector, mispaired: BoolVector | None = None) -> dict[str, float]:
    """Measure one selection; times are not known here. nan where there are too few pairs.

    Parameters
    ----------
    ruler : Ruler
        What it is held against.
    pool : EncodedPairs
        Vectors and texts of the pool.
    chosen : IntVector
        Pool positions.
    mispaired : BoolVector or None
        Shape (N,): pairs whose target was exchanged on purpose.
    """
    rng = np.random.default_rng([ruler.seed, 6])  # the same for all selections, so that they face the same samples
    found = dict.fromkeys((one.name for one in MEASURES), float("nan"))
    if len(chosen) < 2:
        return found
    seen, texts = sample_pairs(pool, chosen, rng, MAX_ROWS), _texts(pool).take(chosen)
    with one_thread():
        energy = energy_distance(seen, ruler.held)
        found |= {"energy": energy.joint, "energy_source": energy.source, "energy_target": energy.target}
        if min(len(seen), len(ruler.held)) >= _LEAST_ROWS:
            dimensions = gaussian_dimensions(min(len(seen), len(ruler.held)))
            both = divergences(ruler.held.sources, seen.sources, ruler.projector, dimensions)
            found |= {"gaussian_kl": both.gaussian, "dispersion": both.knn_dispersion}
    found |= vars(coverage(texts, ruler.reference))
    proxies = downstream_proxies(pool.take(chosen), texts, ruler.held, _texts(ruler.held), rng)
    found |= {"ridge_rank": proxies.ridge_rank, "nearest_chrf": proxies.nearest_chrf, "mean_tokens": _mean_tokens(texts)}
    if ruler.labels is not None and ruler.label is not None:
        own = label_shares(texts.columns.column(ruler.label))
        found["label_share"] = sum(min(share, own.get(name, 0.0)) for name, share in ruler.labels.items())
    if mispaired is not None:
        found["mispaired"] = float(mispaired[chosen].mean())
    return found


def _mean_tokens(texts: Corpus) -> float:
    return sum(len(_WORDS.terms(side).keys) for side in (texts.sources, texts.targets)) / len(texts)


def _texts(pairs: EncodedPairs) -> Corpus:
    if pairs.texts is None:
        raise DataError("A comparison counts words, but these pairs have vectors and no texts. Give texts.")
    return pairs.texts


_WORDS = Analyzer("word", 1, 1)
