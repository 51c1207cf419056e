"""Drop pairs that would spoil a selection, and say which and why.

Dropped are empty sides, overlong texts, exact duplicates, and pool pairs that also stand in validation or test, as a selection would
choose exactly those. Near-duplicates are not dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from craft_core.arrays import IntVector
from craft_core.corpus.overlap import Overlaps, find_overlaps, known_texts, text_frame
from craft_core.corpus.pairs import Corpus
from craft_core.errors import DataError
from craft_core.params import check, param
from craft_core.progress import Progress, silent

__all__ = ["Cleaning", "CleaningReport", "Dropped", "Example", "clean_pool", "clean_reference", "pool_rules"]

Named = tuple[str, str, bool]
"""Of a rule: what is wrong, the parameter of `Cleaning` that decides on it, and whether it is applied."""

N_EXAMPLES = 3
EXAMPLE_CHARACTERS = 300


@dataclass(frozen=True)
class Cleaning:
    """Say what is dropped before anything is selected. What a switch that is off would drop is still counted."""

    drop_empty: bool = param(True, help="Drop pairs with a side that is empty, or nothing but whitespace and invisible characters.")
    max_characters: int | None = param(2_000, low=1, help="Drop pairs with a side of more characters than this; empty: no limit.")
    drop_duplicates: bool = param(True, help="Drop pool pairs that are exactly an earlier pair; the first stays.")
    drop_pair_overlaps: bool = param(True, help="Drop pool pairs that also stand in validation or test; the next rule catches them too.")
    drop_source_overlaps: bool = param(True, help="Drop pool pairs whose source also stands in validation or test, with any target.")

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Example:
    """One pair that a rule found: its row in the data as given, its (shortened) texts, and what it equals, if the rule compares."""

    row: int
    source: str
    target: str
    matched: str | None


@dataclass(frozen=True)
class Dropped:
    """What one rule found.

    Attributes
    ----------
    reason : str
        What is wrong with these pairs.
    switch : str
        The parameter of `Cleaning` that decides on them.
    count : int
        Pairs dropped by this rule and by none before it; if not applied, pairs that were kept though the rule would drop them.
    examples : tuple of Example
        The first three.
    applied : bool
        Whether they were dropped.
    """

    reason: str
    switch: str
    count: int
    examples: tuple[Example, ...]
    applied: bool


@dataclass(frozen=True)
class CleaningReport:
    """What cleaning did to one corpus: `found` has an entry for every rule, in the order they are applied."""

    name: str
    n_in: int
    found: tuple[Dropped, ...]

    @property
    def n_out(self) -> int:
        """Pairs that are left."""
        return self.n_in - sum(one.count for one in self.found if one.applied)

    @property
    def nothing_left(self) -> str:
        """What to say where no pair is left."""
        reasons = "; ".join(f"{one.reason}: {one.count:,}" for one in self.found if one.applied and one.count)
        return f"No pair of the {self.name} is left after cleaning ({reasons or 'it was empty'}). Give other data, or drop less."


@dataclass(frozen=True)
class _Rule:
    reason: str
    switch: str
    applied: bool
    find: Callable[[pl.DataFrame], pl.DataFrame] = field(repr=False)
    """From the pairs that are left to the positions of those it objects to, with the `set` and `row` of what they equal if it compares."""


def clean_pool(
    pool: Corpus, validation: Corpus, test: Corpus | None, cleaning: Cleaning, progress: Progress = silent
) -> tuple[Corpus, CleaningReport]:
    """Return the pool without the pairs that would spoil a selection, and what was dropped.

    Overlaps are compared by `overlap.comparable`; duplicates exactly.

    Raises
    ------
    DataError
        If no pair is left.
    """
    overlaps = _Once([validation] if test is None else [validation, test])
    empty, long, twin, pair, source = pool_rules(cleaning, test is not None)[1]
    rules = [
        *_text_rules(cleaning, (empty, long)),
        _Rule(*twin, _duplicates(pool)),
        _Rule(*pair, overlaps.by_pair),
        _Rule(*source, overlaps.by_source),
    ]
    return _cleaned(pool, rules, progress)


def clean_reference(
    corpus: Corpus, cleaning: Cleaning, beside: Corpus | None = None, progress: Progress = silent
) -> tuple[Corpus, CleaningReport]:
    """Return a validation or test set without empty and overlong pairs, and what was found.

    Duplicates, and overlaps with the set `beside` it, are counted but stay: how often a text stands there is part of what is measured.
    Raises DataError if no pair is left.
    """
    empty, long, (same, switch, _), *_ = pool_rules(cleaning, with_test=False)[1]
    rules = [*_text_rules(cleaning, (empty, long)), _Rule(same, switch, False, _duplicates(corpus))]
    if beside is not None:
        overlaps = _Once([beside])
        rules.append(_Rule(f"the pair also stands in {beside.name}", "drop_pair_overlaps", False, overlaps.by_pair))
        rules.append(_Rule(f"the source also stands in {beside.name}", "drop_source_overlaps", False, overlaps.by_source))
    return _cleaned(corpus, rules, progress)


class _Once:
    """Find overlaps once for all rules: the first to ask sees the most pairs."""

    def __init__(self, references: Sequence[Corpus]) -> None:
        self._references = references
        self._found: Overlaps | None = None

    def by_pair(self, left: pl.DataFrame) -> pl.DataFrame:
        return self._overlaps(left).by_pair.join(left, on="position", how="semi", maintain_order="left")

    def by_source(self, left: pl.DataFrame) -> pl.DataFrame:
        return self._overlaps(left).by_source.join(left, on="position", how="semi", maintain_order="left")

    def _overlaps(self, left: pl.DataFrame) -> Overlaps:
        if self._found is None:
            self._found = find_overlaps(left, known_texts(self._references))
        return self._found


def pool_rules(cleaning: Cleaning, with_test: bool) -> tuple[tuple[pl.Expr, pl.Expr], tuple[Named, ...]]:
    """Return the two rules that look at texts alone (empty, too long), and the reason, switch and state of all five, in their order."""
    limit = cleaning.max_characters
    # A side needs one character that can be seen: neither whitespace nor a control or format character.
    empty = ~pl.all_horizontal(pl.col("source", "target").str.contains(r"[^\s\p{Cc}\p{Cf}]"))
    long = pl.any_horizontal(pl.col("source", "target").str.len_chars() > limit) if limit else pl.col("source").is_null()  # none is null
    where = "validation or test" if with_test else "validation"
    return (empty, long), (
        ("a side is empty", "drop_empty", cleaning.drop_empty),
        ("a side is too long" if limit is None else f"a side has more than {limit:,} characters", "max_characters", limit is not None),
        ("the same pair stands earlier", "drop_duplicates", cleaning.drop_duplicates),
        (f"the pair also stands in {where}", "drop_pair_overlaps", cleaning.drop_pair_overlaps),
        (f"the source also stands in {where}", "drop_source_overlaps", cleaning.drop_source_overlaps),
    )


def _text_rules(cleaning: Cleaning, names: Sequence[Named]) -> list[_Rule]:
    texts, _ = pool_rules(cleaning, with_test=False)

    def finds(wrong: pl.Expr) -> Callable[[pl.DataFrame], pl.DataFrame]:
        return lambda left: left.filter(wrong).select("position")

    return [_Rule(*name, finds(wrong)) for name, wrong in zip(names, texts, strict=True)]


def _duplicates(corpus: Corpus) -> Callable[[pl.DataFrame], pl.DataFrame]:
    def find(left: pl.DataFrame) -> pl.DataFrame:
        # 128 bits of hash stand for a pair; among a billion pairs the chance of one false match is below 1e-20.
        hashed = left.select("position", pair=pl.struct(pl.col("source").hash(1), pl.col("target").hash(2)))
        again = hashed.filter(~pl.col("pair").is_first_distinct())
        firsts = hashed.join(again.head(N_EXAMPLES).select("pair"), on="pair", how="semi").unique("pair", keep="first", maintain_order=True)
        first = firsts.select("pair", row=pl.col("position").replace_strict(dict(_rows(corpus, firsts["position"])), return_dtype=pl.Int64))
        return again.join(first, on="pair", how="left", maintain_order="left").select("position", pl.lit(corpus.name).alias("set"), "row")

    return find


def _rows(corpus: Corpus, positions: pl.Series) -> Iterable[tuple[int, int]]:
    return ((position, int(corpus.rows[position])) for position in positions)


def _cleaned(corpus: Corpus, rules: list[_Rule], progress: Progress) -> tuple[Corpus, CleaningReport]:
    left = text_frame(corpus)
    found: dict[str, Dropped] = {}
    # Rules that are off come last: they count what was kept in spite of them.
    for step, rule in enumerate(sorted(rules, key=lambda rule: not rule.applied)):
        progress(step / len(rules), f"{corpus.name}: {rule.reason}")
        hits = rule.find(left)
        found[rule.switch] = Dropped(rule.reason, rule.switch, len(hits), _examples(corpus, hits), rule.applied)
        if rule.applied and len(hits):
            left = left.join(hits, on="position", how="anti", maintain_order="left")
    report = CleaningReport(corpus.name, len(corpus), tuple(found[rule.switch] for rule in rules))
    progress(1.0, f"{corpus.name}: {report.n_out:,} pairs left")
    if not report.n_out:
        raise DataError(report.nothing_left)
    return (corpus if report.n_out == report.n_in else corpus.take(_positions(left))), report


def _positions(left: pl.DataFrame) -> IntVector:
    return left["position"].to_numpy().astype(np.int64)


def _examples(corpus: Corpus, hits: pl.DataFrame) -> tuple[Example, ...]:
    return tuple(_example(corpus, hit) for hit in hits.head(N_EXAMPLES).iter_rows(named=True))


def _example(corpus: Corpus, hit: dict[str, int | str]) -> Example:
    position = int(hit["position"])
    matched = f"{hit['set']}, row {hit['row']:,}" if "set" in hit else None
    return Example(
        int(corpus.rows[position]), _shortened(corpus.sources[position].as_py()), _shortened(corpus.targets[position].as_py()), matched
    )


def _shortened(text: str) -> str:
    return text if len(text) <= EXAMPLE_CHARACTERS else text[:EXAMPLE_CHARACTERS] + "…"
