"""Find pool pairs that also stand in validation or test, however they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from craft_core.corpus.pairs import Corpus

__all__ = ["Overlaps", "comparable", "find_overlaps", "known_texts", "text_frame"]

# A text is compared in full only if its beginning agrees, as that is several times faster. Its first `_HEAD` characters settle the first
# `_OPENING` of what is compared: the margin is for combining marks at the cut, which normalising may reorder.
_HEAD, _OPENING = 48, 20
_CHUNK = 100_000


@dataclass(frozen=True, eq=False)
class Overlaps:
    """The pairs that also stand elsewhere.

    Attributes
    ----------
    by_source, by_pair : polars.DataFrame
        For each pair whose source (whose source and target) also stands elsewhere: its `position`, and of the first it equals, the
        `set` and `row`. In the order of positions.
    """

    by_source: pl.DataFrame
    by_pair: pl.DataFrame


def text_frame(corpus: Corpus) -> pl.DataFrame:
    """Return position, source and target of every pair, without copying the texts."""
    sides = {"source": pl.Series(pl.from_arrow(corpus.sources)), "target": pl.Series(pl.from_arrow(corpus.targets))}
    frame = pl.DataFrame(sides).with_row_index("position")
    # Polars shares the work of a streaming query among its threads by chunks.
    return pl.concat([frame[start : start + _CHUNK] for start in range(0, max(len(frame), 1), _CHUNK)], rechunk=False)


def comparable(text: pl.Expr) -> pl.Expr:
    """Return what of a text is compared: NFKC, case folded, without punctuation, runs of whitespace as one space.

    A text that is all punctuation keeps it, so that "?" does not equal "!".
    """
    folded = _folded(text)
    words = _words(folded)
    return pl.when(words != "").then(words).otherwise(folded.str.strip_chars())


def find_overlaps(pairs: pl.DataFrame, known: pl.DataFrame) -> Overlaps:
    """Find the pairs of a `text_frame` (or of some of its rows) that also stand in one of the references of `known_texts`."""
    likely = pairs.lazy().join(_likely(pairs, known).lazy(), on="position", how="semi")
    sources = likely.select("position", "target", source=comparable(pl.col("source")))
    first_of_source = known.unique("source", keep="first", maintain_order=True).drop("target")
    first_of_pair = known.unique(["source", "target"], keep="first", maintain_order=True)
    same = sources.join(first_of_source.lazy(), on="source", how="inner").collect(engine="streaming").sort("position")
    keys = same.select("position", "source", comparable(pl.col("target")))
    by_pair = keys.join(first_of_pair, on=["source", "target"], how="inner", maintain_order="left")
    return Overlaps(same.select("position", "set", "row"), by_pair.select("position", "set", "row"))


def known_texts(references: Sequence[Corpus]) -> pl.DataFrame:
    """Return what of the references is compared: set, row, and both sides as `comparable` has them."""
    frames = [
        text_frame(reference).select(
            pl.lit(reference.name).alias("set"),
            pl.Series("row", reference.rows),
            comparable(pl.col("source")),
            comparable(pl.col("target")),
        )
        for reference in references
    ]
    return pl.concat(frames).filter(pl.col("source") != "")


def _likely(pairs: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    openings = known.select(opening=pl.col("source").str.head(_OPENING), is_known=True).unique()
    source = pl.col("source")
    head = pairs.lazy().select("position", folded=_folded(source.str.head(_HEAD)), is_cut=source.str.len_bytes() > _HEAD)
    words = head.with_columns(words=_words(pl.col("folded")))
    # Of a text that is all punctuation the punctuation counts, but the head of a longer one does not say what all of it is.
    is_bare = (pl.col("words") == "") & ~pl.col("is_cut")
    opening = pl.when(is_bare).then(pl.col("folded").str.strip_chars()).otherwise(pl.col("words")).str.head(_OPENING)
    keyed = words.select("position", opening=opening, is_open=pl.col("is_cut") & (pl.col("words").str.len_chars() < _OPENING))
    matched = keyed.join(openings.lazy(), on="opening", how="left")
    return matched.filter(pl.col("is_open") | pl.col("is_known")).select("position").collect(engine="streaming")


def _folded(text: pl.Expr) -> pl.Expr:
    # Lower case is not quite case folding: the sharp s and the Greek final sigma are the two that sentences meet.
    lower = text.str.normalize("NFKC").str.to_lowercase()
    return lower.str.replace_all("ß", "ss", literal=True).str.replace_all("ς", "σ", literal=True)


def _words(folded: pl.Expr) -> pl.Expr:
    plain = folded.str.replace_all(r"\p{P}+", "")
    # Single spaces need no replacing, and are most of the whitespace.
    return plain.str.replace_all(r"\s{2,}|[^\S ]", " ").str.strip_chars()
