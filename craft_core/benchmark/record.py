"""What is run, and what was found: plain numbers that can be written as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Case", "Contest", "MethodRuns", "Run", "contest_of", "run_of"]


@dataclass(frozen=True)
class Case:
    """Say what one run works on.

    Attributes
    ----------
    vectorizer : str
        By name; with its defaults.
    pairs, validation_pairs : int
        Made-up pairs of each set.
    n_clusters, budget, seed : int
        As for any run.
    """

    vectorizer: str
    pairs: int
    validation_pairs: int
    n_clusters: int
    budget: int
    seed: int


@dataclass(frozen=True)
class Run:
    """Hold what one run took.

    Attributes
    ----------
    way : str
        "memory" or "streamed".
    case : Case
        What it worked on.
    stages : Mapping of str to float
        Wall seconds, in the order of the stages.
    seconds : float
        Wall seconds together; of a streamed run from the start of its program to its end.
    cpu_seconds : float or None
        Processor seconds of all its processes; None where the system does not tell.
    peak_bytes : float or None
        The most memory all its processes had at once; None where the system does not tell.
    chosen : str
        The sha256 of the rows it chose, in their order.
    app : Mapping of str to float
        Wall seconds of what the app does with the result.
    app_peak_bytes : float or None
        The most memory with that.
    """

    way: str
    case: Case
    stages: Mapping[str, float]
    seconds: float
    cpu_seconds: float | None
    peak_bytes: float | None
    chosen: str
    app: Mapping[str, float] = field(default_factory=dict)
    app_peak_bytes: float | None = None


@dataclass(frozen=True)
class MethodRuns:
    """Hold what one method took to choose, and how good its choice is.

    Attributes
    ----------
    seconds : tuple of float
        Wall time of choosing alone, one a repeat.
    extra_bytes : float or None
        The most memory it took beside vectors and clusters; None where the system does not tell.
    n_chosen : int
        Pairs.
    energy : float or None
        Joint energy distance of the first choice to held-out pairs; None where there are too few.
    """

    seconds: tuple[float, ...]
    extra_bytes: float | None
    n_chosen: int
    energy: float | None


@dataclass(frozen=True)
class Contest:
    """Hold what methods took on the same vectors and clusters.

    Attributes
    ----------
    case : Case
        What they chose from.
    methods : Mapping of str to MethodRuns
        In the order they were asked for.
    skipped : Mapping of str to str
        Those that were not run, and why.
    stages : Mapping of str to float
        Seconds of what was made once for all of them.
    noise : float or None
        The energy distance between halves of the held-out pairs: what chance alone gives.
    """

    case: Case
    methods: Mapping[str, MethodRuns]
    skipped: Mapping[str, str]
    stages: Mapping[str, float]
    noise: float | None


def run_of(record: Mapping[str, Any]) -> Run:
    """Return a run from what `dataclasses.asdict` made of it."""
    return Run(**{**record, "case": Case(**record["case"])})


def contest_of(record: Mapping[str, Any]) -> Contest:
    """Return a contest from what `dataclasses.asdict` made of it."""
    methods = {name: MethodRuns(**{**runs, "seconds": tuple(runs["seconds"])}) for name, runs in record["methods"].items()}
    return Contest(**{**record, "case": Case(**record["case"]), "methods": methods})
