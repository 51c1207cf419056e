"""The options of the benchmark, and the settings they make."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from craft_core.benchmark.record import Case
from craft_core.errors import ParameterError
from craft_core.selectors import SELECTORS
from craft_core.vectorize import VECTORIZERS

__all__ = ["Settings", "add_options", "settings_of"]

_WAYS = ("memory", "streamed", "none")
_SHARE = 5  # a budget is at most a fifth of the pairs, so that there is something to choose at every size


@dataclass(frozen=True)
class Settings:
    """Hold what is measured.

    Attributes
    ----------
    pairs : tuple of int
        Sizes, rising.
    vectorizers : tuple of str
        By name.
    ways : tuple of str
        "memory" and "streamed", or none of them.
    with_app : bool
        Whether runs in memory also time what the app does.
    validation_pairs, n_clusters, budget, repeats, seed : int
        The same at all sizes, but for the budget, which is at most a fifth of the pairs.
    memory : str or None
        What streamed runs get as --memory; None to leave it out.
    keep : Path or None
        Where made-up files are kept; None for a folder that is removed.
    compare : bool
        Whether methods are compared, at the largest size.
    methods : tuple of str
        Those to compare; empty for all that are fast enough.
    patience : float
        Seconds that a method may take to choose once, as estimated, if it is not named.
    out : Path or None
        Where all numbers are written.
    """

    pairs: tuple[int, ...]
    vectorizers: tuple[str, ...]
    ways: tuple[str, ...]
    with_app: bool
    validation_pairs: int
    n_clusters: int
    budget: int
    repeats: int
    seed: int
    memory: str | None
    keep: Path | None
    compare: bool
    methods: tuple[str, ...]
    patience: float
    out: Path | None

    def case(self, vectorizer: str, pairs: int) -> Case:
        """Return the case of a vectorizer and a size."""
        budget = min(self.budget, max(pairs // _SHARE, 1))
        return Case(vectorizer, pairs, self.validation_pairs, self.n_clusters, budget, self.seed)

    @property
    def cases(self) -> Iterator[Case]:
        """Yield every vectorizer at every size."""
        return (self.case(vectorizer, pairs) for pairs in self.pairs for vectorizer in self.vectorizers)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of the benchmark."""
    _add_sizes(parser.add_argument_group("sizes"))
    _add_ways(parser.add_argument_group("what is measured"))
    _add_contest(parser.add_argument_group("comparison of methods"))
    text = "A JSON file for all numbers; one of an earlier benchmark is replaced (default: none)."
    parser.add_argument_group("output").add_argument("--out", metavar="FILE", help=text)


def settings_of(args: argparse.Namespace) -> Settings:
    """Return the settings that options make.

    Raises
    ------
    ParameterError
        For a number that is too small, and for options that contradict one another.
    """
    _check_numbers(args)
    _check_ways(args)
    return Settings(
        pairs=tuple(sorted({*args.pairs})),
        vectorizers=tuple(dict.fromkeys(args.vectorizer)),
        ways=tuple(way for way in _WAYS[:2] if way in args.ways),
        with_app=args.app,
        validation_pairs=args.validation_pairs,
        n_clusters=args.n_clusters,
        budget=args.budget,
        repeats=args.repeats,
        seed=args.seed,
        memory=None if args.memory == "none" else args.memory,
        keep=None if args.keep is None else Path(args.keep),
        compare=args.compare,
        methods=tuple(dict.fromkeys(args.methods or ())),
        patience=60.0 if args.patience is None else args.patience,
        out=None if args.out is None else Path(args.out),
    )


def _add_sizes(group: argparse._ArgumentGroup) -> None:
    text = "Pairs in the pool, one size or several, as 10000 100000 1000000; from two on, growth is shown (default: 1000000)."
    group.add_argument("--pairs", nargs="+", type=int, default=[1_000_000], metavar="N", help=text)
    numbers = {
        "validation-pairs": (1_000, "Pairs in the validation set"),
        "n-clusters": (200, "Clusters"),
        "budget": (20_000, "Pairs to choose; at most a fifth of the pool"),
        "repeats": (3, "Runs of each kind; the tables show medians"),
        "seed": (0, "Of the pairs and of the runs"),
    }
    for name, (default, text) in numbers.items():
        group.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"{text} (default: {default}).")


def _add_ways(group: argparse._ArgumentGroup) -> None:
    known = ["tfidf", "hashing"]
    text = f"Vectorizers, each with its defaults (default: {' '.join(known)})."
    group.add_argument("--vectorizer", nargs="+", choices=[*VECTORIZERS], default=known, help=text)
    text = (
        "How pairs are selected: 'memory', from pairs in memory; 'streamed', by the command line, from files to a folder; "
        "'none' for a comparison alone (default: memory streamed)."
    )
    group.add_argument("--ways", nargs="+", choices=_WAYS, default=["memory", "streamed"], help=text)
    text = "Time, after a run in memory, what the app does with it: opening, allocation, budget slider, curves, map (default: on)."
    group.add_argument("--app", action=argparse.BooleanOptionalAction, default=True, help=text)
    text = "The memory that streamed runs may take; 'none' lets them hold everything (default: 3GB)."
    group.add_argument("--memory", default="3GB", metavar="SIZE", help=text)
    text = "A folder in which the made-up files of streamed runs are kept and found again (default: none; they are removed)."
    group.add_argument("--keep", metavar="DIR", help=text)


def _add_contest(group: argparse._ArgumentGroup) -> None:
    text = "Also let methods choose from the same vectors in the same run, at the largest size, with the first vectorizer (default: off)."
    group.add_argument("--compare", action="store_true", help=text)
    text = f"Methods to compare (default: all that are fast enough): {' '.join(SELECTORS)}."
    group.add_argument("--methods", nargs="+", choices=SELECTORS, metavar="METHOD", help=text)
    text = "Leave out methods that would take longer than this to choose once and are not named after --methods (default: 60)."
    group.add_argument("--patience", type=float, metavar="SECONDS", help=text)


def _check_numbers(args: argparse.Namespace) -> None:
    for name in ("pairs", "validation_pairs", "n_clusters", "budget", "repeats"):
        given = getattr(args, name)
        least = min(given) if isinstance(given, list) else given
        if least < 1:
            raise ParameterError(f"The benchmark needs --{name.replace('_', '-')} of at least 1. Got {least}.")
    if args.seed < 0:
        raise ParameterError(f"The benchmark needs --seed of at least 0. Got {args.seed}.")
    if args.patience is not None and not (math.isfinite(args.patience) and args.patience >= 0):
        raise ParameterError(f"The benchmark needs --patience of at least 0 seconds. Got {args.patience}.")


def _check_ways(args: argparse.Namespace) -> None:
    if "none" in args.ways and len({*args.ways}) > 1:
        raise ParameterError(f"--ways takes 'none' alone. Got {' '.join(args.ways)}.")
    if "none" in args.ways and not args.compare:
        raise ParameterError("There is nothing to measure: --ways none leaves the comparison alone. Add --compare.")
    if args.keep is not None and "streamed" not in args.ways:
        raise ParameterError("--keep does something only for streamed runs. Leave it out, or add streamed to --ways.")
    for name in ("methods", "patience"):
        if getattr(args, name) is not None and not args.compare:
            raise ParameterError(f"--{name} does something only together with --compare.")
