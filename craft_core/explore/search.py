"""Find pairs: by text, by pattern, or by being like a sentence somebody typed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.arrays import BoolVector, FloatMatrix, FloatVector, IntVector, frozen
from craft_core.corpus.pairs import Corpus
from craft_core.errors import DataError, ParameterError
from craft_core.explore.neighbours import nearest
from craft_core.progress import Progress, part, silent
from craft_core.vectorize.protocol import Encoder

__all__ = ["SIDES", "WAYS", "Found", "like_sentence", "search_pairs", "search_regex", "search_text"]

WAYS = ("text", "regex")
"""The ways `search_pairs` knows."""

SIDES = ("source", "target", "either")
"""The sides `search_pairs` knows."""

_BLOCK_ROWS = 65_536
_SECONDS = 5.0


@dataclass(frozen=True, eq=False)
class Found:
    """Hold what a search found.

    Attributes
    ----------
    positions : IntVector
        Ascending.
    n_read, n_total : int
        Texts, or pairs, that were read before the time was over, and how many there are.
    seconds : float
        Wall time.
    """

    positions: IntVector
    n_read: int
    n_total: int
    seconds: float

    def __post_init__(self) -> None:
        frozen(self.positions)

    @property
    def is_complete(self) -> bool:
        """Whether everything was read."""
        return self.n_read == self.n_total


def search_text(
    texts: pa.LargeStringArray, query: str, match_case: bool = False, seconds: float = _SECONDS, progress: Progress = silent
) -> Found:
    """Find the texts that contain a text, letter by letter; both in Unicode's composed form (NFC).

    Parameters
    ----------
    texts : pyarrow.LargeStringArray
        n texts.
    query : str
        What to find; white space at its ends does not count.
    match_case : bool
        Whether capital letters differ from small ones.
    seconds : float
        Reading ends after this time; what was found until then is returned.
    progress : Progress
        Called between blocks; raising from it cancels.

    Raises
    ------
    ParameterError
        For a blank query.
    """
    wanted = pc.utf8_normalize(pa.scalar(_given(query)), form="NFC").as_py()

    def matches(block: pa.LargeStringArray) -> pa.BooleanArray:
        return pc.match_substring(pc.utf8_normalize(block, form="NFC"), wanted, ignore_case=not match_case)

    return _scan(texts, matches, seconds, progress)


def search_regex(
    texts: pa.LargeStringArray, pattern: str, match_case: bool = False, seconds: float = _SECONDS, progress: Progress = silent
) -> Found:
    """Find the texts that match a regular expression somewhere.

    The expressions are RE2's, which reads a text once whatever the pattern: none can hang the program. That rules out look-ahead,
    look-behind and back-references.

    Parameters
    ----------
    texts, match_case, seconds, progress
        As in `search_text`.
    pattern : str
        The expression.

    Raises
    ------
    ParameterError
        For a blank pattern, or one RE2 does not take.
    """
    _check_pattern(pattern)
    return _scan(texts, lambda block: pc.match_substring_regex(block, pattern, ignore_case=not match_case), seconds, progress)


def search_pairs(
    corpus: Corpus,
    query: str,
    how: str,
    side: str = "either",
    match_case: bool = False,
    seconds: float = _SECONDS,
    progress: Progress = silent,
) -> Found:
    """Find the pairs one side of which, or either, contains a text or matches a pattern.

    Parameters
    ----------
    corpus : Corpus
        n pairs.
    query : str
        The text or the pattern.
    how : {"text", "regex"}
        Which of them.
    side : {"source", "target", "either"}
        Where to look.
    match_case, seconds, progress
        As in `search_text`; where both sides are read each gets half the time.

    Raises
    ------
    ParameterError
        As `search_text` and `search_regex`, and for an unknown way or side.
    """
    if how not in WAYS or side not in SIDES:
        raise ParameterError(f"A search is one of {', '.join(WAYS)} on one of {', '.join(SIDES)}. Got {how!r} on {side!r}.")
    search = search_text if how == "text" else search_regex
    sides = [texts for name, texts in (("source", corpus.sources), ("target", corpus.targets)) if side in (name, "either")]
    found = []
    for number, texts in enumerate(sides):
        now = part(progress, number / len(sides), (number + 1) / len(sides))
        found.append(search(texts, query, match_case, seconds / len(sides), now))
    positions = np.unique(np.concatenate([one.positions for one in found]))
    return Found(positions, min(one.n_read for one in found), len(corpus), sum(one.seconds for one in found))


def like_sentence(query: str, encoder: Encoder | None, rows: FloatMatrix, usable: BoolVector, k: int = 50) -> tuple[IntVector, FloatVector]:
    """Find the rows nearest to a sentence, by the cosine of their vectors.

    Parameters
    ----------
    query : str
        What somebody typed.
    encoder : Encoder or None
        The vectorizer's own, of the side that is searched.
    rows : FloatMatrix
        Shape (n, dimensions): vectors of that side.
    usable : BoolVector
        Shape (n,): rows that may be found.
    k : int
        How many to find.

    Returns
    -------
    (IntVector, FloatVector)
        Positions, the nearest first, ties by position; and the cosines.

    Raises
    ------
    ParameterError
        For a blank sentence.
    DataError
        If there is no encoder, or it knows no word of the sentence.
    """
    if encoder is None:
        raise DataError(
            "These vectors came from a file, so a sentence of your own cannot become one. Search by text, or choose a vectorizer."
        )
    row = encoder(pa.array([_given(query)], pa.large_string()))[0]
    if not row.any():
        raise DataError(f"The vectorizer knows no word of {query.strip()!r}. Use words that occur in the pool.")
    found = nearest(rows, np.asarray(row), k, usable)
    return found.positions, found.similarities


def _given(query: str) -> str:
    wanted = query.strip()
    if not wanted:
        raise ParameterError("There is nothing to search for. Type a word or a sentence.")
    return wanted


def _check_pattern(pattern: str) -> None:
    _given(pattern)
    try:
        pc.match_substring_regex(pa.array([""], pa.large_string()), pattern)
    except pa.ArrowInvalid as error:
        reason = str(error).removeprefix("Invalid regular expression: ")
        raise ParameterError(
            f"The pattern {pattern!r} is no regular expression that can be used: {reason}. Look-ahead, look-behind, back-references and "
            "more than 1,000 repetitions are not known; put a backslash before a bracket that is meant as a letter."
        ) from error


def _scan(
    texts: pa.LargeStringArray, matches: Callable[[pa.LargeStringArray], pa.BooleanArray], seconds: float, progress: Progress
) -> Found:
    """Read block after block until the time is over."""
    started, n_read = time.monotonic(), 0
    found = [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(texts), _BLOCK_ROWS):
        if time.monotonic() - started > seconds:
            break
        progress(start / len(texts), "Searching")
        block = texts.slice(start, _BLOCK_ROWS)
        found.append(start + np.flatnonzero(matches(block).to_numpy(zero_copy_only=False)))
        n_read = start + len(block)
    return Found(np.concatenate(found), n_read, len(texts), time.monotonic() - started)
