"""What there is to do, in sizes, and what it is going to take."""

from __future__ import annotations

from dataclasses import dataclass

from craft_core.experiment import LoadedData

__all__ = ["Estimate", "Sizes", "scaled", "sentence", "sizes_of", "sizes_of_files"]

_UNPACKED = 2.2  # bytes of text in a byte of a packed file


@dataclass(frozen=True)
class Estimate:
    """Hold what a step is going to take.

    Attributes
    ----------
    seconds : float
        Wall time.
    bytes : int
        The most memory it holds at once, beside what is loaded already.
    """

    seconds: float
    bytes: int

    def __add__(self, other: Estimate) -> Estimate:
        """Return the estimate of two steps, one after the other, of which the first keeps nothing."""
        return Estimate(self.seconds + other.seconds, max(self.bytes, other.bytes))


@dataclass(frozen=True)
class Sizes:
    """Hold the sizes of the data.

    Attributes
    ----------
    pool, validation, test : int
        Pairs of each; no test set has 0.
    text_bytes : float
        Mean bytes of a text in UTF-8, over both sides.
    """

    pool: int
    validation: int = 500
    test: int = 0
    text_bytes: float = 160.0

    @property
    def pairs(self) -> int:
        """Pairs of all sets."""
        return self.pool + self.validation + self.test


def sizes_of(data: LoadedData) -> Sizes:
    """Return the sizes of data that are loaded."""
    pool, test = data.pool, data.test
    text_bytes = (pool.sources.nbytes + pool.targets.nbytes) / (2 * max(len(pool), 1)) - 8  # an offset takes 8
    return Sizes(len(pool), len(data.validation), 0 if test is None else len(test), max(text_bytes, 1.0))


def sizes_of_files(n_bytes: int, packed: bool = False) -> Sizes:
    """Guess the sizes of a pool that is not read yet from the bytes of its files; `packed` for Parquet and gzip."""
    return Sizes(max(1, round(n_bytes * (_UNPACKED if packed else 1.0) / (2 * Sizes(1).text_bytes))))


def scaled(estimate: Estimate, factor: float) -> Estimate:
    """Return an estimate with its seconds multiplied; a slower machine needs no more memory."""
    return Estimate(estimate.seconds * factor, estimate.bytes)


def sentence(estimate: Estimate) -> str:
    """Say an estimate, such as "about 20 s and 2.1 GB of memory"; no more digits than it deserves."""
    return f"about {_said_seconds(estimate.seconds)} and {_said_bytes(estimate.bytes)} of memory"


def _said_seconds(seconds: float) -> str:
    if seconds < 1:
        return "a second"
    if seconds < 90:
        return f"{_two_digits(seconds):,.0f} s"
    if seconds < 90 * 60:
        return f"{_two_digits(seconds / 60):,.0f} min"
    return f"{_two_digits(seconds / 3600):,.0f} h"


def _said_bytes(n_bytes: int) -> str:
    if n_bytes < 0.995e9:
        return f"{max(_two_digits(n_bytes / 1e6), 10):,.0f} MB"
    shown = _two_digits(n_bytes / 1e9)
    return f"{shown:.1f} GB" if shown < 10 else f"{shown:,.0f} GB"


def _two_digits(value: float) -> float:
    return float(f"{value:.2g}")
