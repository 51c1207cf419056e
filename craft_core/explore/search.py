"""Find pairs: by text, by pattern, or by being like a sentence somebody typed."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.arrays import BoolVector, FloatMatrix, FloatVector, IntVector, frozen
from craft_core.corpus.pairs import Corpus
from craft_core.errors import DataError, ParameterError
from craft_core.explore.neighbours import nearest
from craft_core.progress import Progress, silent
from craft_core.vectorize.protocol import Encoder

__all__ = ["SIDES", "WAYS", "Found", "like_sentence", "search_pairs", "search_regex", "search_text"]

WAYS = ("text", "regex")
"""The ways `search_pairs` knows."""

SIDES = ("source", "target", "either")
"""The sides `search_pairs` knows."""

_FIRST_ROWS, _MOST_ROWS = 16, 65_536
_BLOCK_SECONDS = 0.1  # that a block should take: so often time is looked at, and so soon Stop acts
_SECONDS = 5.0
_LONGEST_SHOWN = 60  # characters of a query that a message repeats
_LAST_COMPOSED = 0x30000  # no character beyond has another form or joins the one before it

_Matches = Callable[[pa.LargeStringArray], pa.BooleanArray]


@dataclass(frozen=True, eq=False)
class Found:
    """Hold what a search found.

    Attributes
    ----------
    positions : IntVector
        Ascending.
    n_read, n_total : int
        How many texts, or pairs, were read before the time was over, always the first ones; and how many there are.
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
        For a query that is blank or too long.
    """
    return _scan([texts], _text_matches(query, match_case), seconds, progress)


def search_regex(
    texts: pa.LargeStringArray, pattern: str, match_case: bool = False, seconds: float = _SECONDS, progress: Progress = silent
) -> Found:
    """Find the texts that match a regular expression somewhere; both in Unicode's composed form (NFC).

    The expressions are RE2's, which runs through a text once, following all ways to match at the same time, instead of trying one after
    the other: time grows with the length of the text times that of the pattern, never exponentially, and the limit of time can be kept.
    Look-ahead, look-behind and back-references cannot be had that way, and it has none.

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
    return _scan([texts], _regex_matches(pattern, match_case), seconds, progress)


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
        As in `search_text`.

    Raises
    ------
    ParameterError
        As `search_text` and `search_regex`, and for an unknown way or side.
    """
    if how not in WAYS or side not in SIDES:
        raise ParameterError(f"A search is one of {', '.join(WAYS)} on one of {', '.join(SIDES)}. Got {how!r} on {side!r}.")
    matches = _text_matches(query, match_case) if how == "text" else _regex_matches(query, match_case)
    sides = [texts for name, texts in (("source", corpus.sources), ("target", corpus.targets)) if side in (name, "either")]
    return _scan(sides, matches, seconds, progress)


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
        raise DataError(f"The vectorizer knows no word of '{_shown(query.strip())}'. Use words that occur in the pool.")
    found = nearest(rows, np.asarray(row), k, usable)
    return found.positions, found.similarities


def _given(query: str) -> str:
    wanted = query.strip()
    if not wanted:
        raise ParameterError("There is nothing to search for. Type a word or a sentence.")
    if any(unicodedata.category(one) == "Cs" for one in wanted):
        raise ParameterError("What is to be searched for has half a character in it (a lone surrogate). Type it again.")
    return wanted


def _text_matches(query: str, match_case: bool) -> _Matches:
    try:
        return _matches(re.escape(_given(query)), match_case)  # several times faster than pc.match_substring
    except pa.ArrowInvalid as error:
        raise ParameterError(f"The text '{_shown(query)}' is too long to search for. Give a shorter one.") from error


def _regex_matches(pattern: str, match_case: bool) -> _Matches:
    _given(pattern)
    try:
        return _matches(pattern, match_case)
    except pa.ArrowInvalid as error:
        reason = str(error).removeprefix("Invalid regular expression: ")
        raise ParameterError(f"The pattern '{_shown(pattern)}' cannot be searched for: {_shown(reason)}. {_advice(reason)}") from error


def _matches(pattern: str, match_case: bool) -> _Matches:
    wanted = unicodedata.normalize("NFC", pattern)

    def matches(block: pa.LargeStringArray) -> pa.BooleanArray:
        return pc.match_substring_regex(block, wanted, ignore_case=not match_case)

    matches(pa.array([""], pa.large_string()))  # raises where RE2 does not take the pattern
    return matches


def _advice(reason: str) -> str:
    """Return what to do about a pattern that RE2 does not take."""
    if "repetition size" in reason or "too large" in reason:
        return "Repeat at most 1,000 times in all, repetitions inside repetitions multiplied, or give a shorter pattern."
    if "perl operator" in reason or "escape sequence" in reason:
        return "Look-ahead, look-behind and back-references are not known: they could take for ever. Search without them."
    return "Put a backslash before a character that is meant as it stands, such as \\( or \\[, or search for text."


def _shown(text: str) -> str:
    """Return a query or a reason for a message: not as Python would write it, which doubles backslashes."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _scan(sides: Sequence[pa.LargeStringArray], matches: _Matches, seconds: float, progress: Progress) -> Found:
    """Read all sides block after block until the time is over; a pair is found if one of them matches.

    A block is as large as what was read before it allows: repetitions inside repetitions can take a tenth of a second for one text.
    """
    started, n_total, n_read, size = time.monotonic(), len(sides[0]), 0, _FIRST_ROWS
    found = [np.zeros(0, dtype=np.int64)]
    while n_read < n_total and (begun := time.monotonic()) - started <= seconds:
        progress(n_read / n_total, "Searching")
        hit = np.zeros(min(size, n_total - n_read), dtype=bool)
        for texts in sides:
            hit |= matches(_composed(texts.slice(n_read, size))).to_numpy(zero_copy_only=False)
        found.append(n_read + np.flatnonzero(hit))
        n_read += len(hit)
        size = min(4 * size, _MOST_ROWS) if time.monotonic() - begun < _BLOCK_SECONDS / 2 else max(size // 2, 1)
    return Found(np.concatenate(found), n_read, n_total, time.monotonic() - started)


def _composed(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """Return the texts in NFC. Finding those few that are not takes a fifth of the time of composing all, outside ASCII."""
    if pc.all(pc.string_is_ascii(texts)).as_py():
        return texts
    doubtful = pc.match_substring_regex(texts, _doubtful())
    if not pc.any(doubtful).as_py():
        return texts
    return pc.replace_with_mask(texts, doubtful, pc.utf8_normalize(texts.filter(doubtful), form="NFC"))


@cache
def _doubtful() -> str:
    """Return a pattern that every text matches that is not in NFC; it may match others.

    A text is not in NFC if it has a character that NFC replaces, a character and one behind it that become one, or marks in another order
    than theirs: a mark behind a mark, or behind a character that holds one, is always looked at, and so are the parts of Korean syllables
    (Unicode Standard Annex 15).
    """
    every = [chr(code) for code in range(_LAST_COMPOSED) if not 0xD800 <= code < 0xE000]
    joined: dict[str, list[str]] = {}
    for one in every:
        parts = unicodedata.normalize("NFD", one)
        if len(parts) > 1 and unicodedata.is_normalized("NFC", one) and not "\uac00" <= one <= "\ud7a3":
            joined.setdefault(parts[-1], []).append(unicodedata.normalize("NFC", parts[:-1]))
    replaced = _one_of(one for one in every if not unicodedata.is_normalized("NFC", one))
    marked = _one_of(one for one in every if unicodedata.combining(unicodedata.normalize("NFD", one)[-1]))
    marks = _one_of(one for one in every if unicodedata.combining(one))
    pairs = [f"{_one_of(firsts)}{_one_of(second)}" for second, firsts in joined.items()]
    return "|".join([replaced, marked + marks, "[\u1160-\u11ff]", *pairs])


def _one_of(characters: Iterable[str]) -> str:
    """Return a pattern of one character among these, as ranges of code points."""
    codes = np.array(sorted(map(ord, characters)))
    cuts = np.flatnonzero(np.diff(codes) > 1)
    starts, stops = codes[np.r_[0, cuts + 1]], codes[np.r_[cuts, len(codes) - 1]]
    return "[" + "".join(f"\\x{{{start:x}}}-\\x{{{stop:x}}}" for start, stop in zip(starts, stops, strict=True)) + "]"
