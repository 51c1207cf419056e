"""Write the sample corpus (pool.tsv, validation.tsv, test.tsv) from the sentence patterns.

``python sample_data/generate.py`` writes the three files next to this one; with ``--check`` it writes
nothing and fails if a file differs from what it would write.  The same seed always gives the same bytes.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
PATTERNS = HERE / "patterns"
SEED = 20240615

# Pairs by domain: (pool, validation, test).  The pool's numbers are those before the planted copies.
QUOTA = {
    "software": (845, 0, 0),
    "shopping": (735, 0, 0),
    "sport": (650, 0, 0),
    "school": (600, 0, 0),
    "law": (510, 0, 0),
    "banking": (510, 20, 20),
    "travel": (440, 40, 40),
    "cooking": (430, 0, 0),
    "health": (455, 160, 160),
    "weather": (340, 60, 60),
    "home": (160, 40, 40),
    "farming": (30, 80, 80),
}
STARVED = "farming"  # nothing but its few clean pairs stands in the pool
NEAR_DUPLICATES = 250
DUPLICATES = 20
OVERLAP_VALIDATION = 15
OVERLAP_TEST = 10
MISALIGNED_SHARE = 0.10

FIELD = re.compile(r"\{([a-z_]+)(\d?)(:o)?\}")
COMMON = 10  # times that a common pattern is drawn for each time of another
TRIES = 30  # fruitless draws after which a pattern counts as used up
REQUESTS = ("Add ", "Bring ", "Call ", "Clean ", "Go ", "Keep ", "Put ", "Select ", "Show ", "Take ", "Tell ", "Wash ", "Write ")

Rng = np.random.Generator
Slots = dict[str, list[list[str]]]


@dataclass(frozen=True)
class Pair:
    """One sentence pair.

    Attributes
    ----------
    source, target : str
        The English and the Hindi sentence.
    domain : str
        Name of the domain.
    pattern : int
        Index of the pattern in its domain.
    planted : str
        What was done to the pair on purpose, or nothing.
    """

    source: str
    target: str
    domain: str
    pattern: int
    planted: str = ""


@dataclass(frozen=True)
class Domain:
    """Patterns and slot values of one domain.

    Attributes
    ----------
    name : str
        The domain's name.
    patterns : list of tuple of str
        Source and target pattern.
    slots : dict
        Slot name to its entries ``[English, Hindi, Hindi oblique (optional)]``.
    common : tuple of int
        Indices of the patterns that are drawn more often than the others.
    """

    name: str
    patterns: list[tuple[str, str]]
    slots: Slots
    common: tuple[int, ...] = ()


def normalise(text: str) -> str:
    """Return the sentence as it is compared: NFKC, casefolded, without punctuation, single spaces.

    Parameters
    ----------
    text : str
        A sentence.

    Returns
    -------
    str
        The normalised sentence.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(" " if unicodedata.category(letter).startswith("P") else letter for letter in folded)
    return " ".join(kept.split())


def load_domains(folder: Path = PATTERNS) -> list[Domain]:
    """Read every pattern file of the folder.

    Parameters
    ----------
    folder : Path
        Folder with one TOML file a domain.

    Returns
    -------
    list of Domain
        The domains, sorted by name.
    """
    domains = []
    for path in sorted(folder.glob("*.toml")):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        patterns = [(entry["source"], entry["target"]) for entry in content["patterns"]]
        common = tuple(index for index, entry in enumerate(content["patterns"]) if entry.get("common", False))
        domains.append(Domain(content["domain"], patterns, content["slots"], common))
    return domains


def draw_values(template: str, slots: Slots, rng: Rng) -> dict[str, list[str]]:
    """Draw an entry for every slot of a pattern; ``city`` and ``city2`` get different ones.

    Parameters
    ----------
    template : str
        The source pattern.
    slots : dict
        The domain's slots.
    rng : Generator
        Source of chance.

    Returns
    -------
    dict
        Slot name with its digit to the drawn entry.
    """
    names = sorted({(name, digit) for name, digit, _ in FIELD.findall(template)})
    drawn = {}
    for slot in sorted({name for name, _ in names}):
        digits = [digit for name, digit in names if name == slot]
        for digit, index in zip(digits, rng.permutation(len(slots[slot])), strict=False):
            drawn[slot + digit] = slots[slot][index]
    return drawn


def fill(template: str, values: dict[str, list[str]], column: int) -> str:
    """Put the drawn values into a pattern.

    Parameters
    ----------
    template : str
        A source or target pattern.
    values : dict
        Slot name with its digit to its entry.
    column : int
        0 for English, 1 for Hindi.

    Returns
    -------
    str
        The sentence, its first letter a capital.
    """

    def value(match: re.Match[str]) -> str:
        entry = values[match[1] + match[2]]
        return entry[-1] if match[3] else entry[column]

    sentence = FIELD.sub(value, template)
    return sentence[0].upper() + sentence[1:]


def draw_pairs(domain: Domain, count: int, taken: set[str], rng: Rng) -> list[Pair]:
    """Draw distinct pairs of a domain, turning through its patterns so that each gets about as many, common ones more.

    Parameters
    ----------
    domain : Domain
        Where to draw from.
    count : int
        How many pairs.
    taken : set of str
        Normalised sentences used so far; those drawn here are added.
    rng : Generator
        Source of chance.

    Returns
    -------
    list of Pair
        The pairs.

    Raises
    ------
    ValueError
        If the patterns cannot give so many.
    """
    pairs: list[Pair] = []
    live = list(rng.permutation([*range(len(domain.patterns)), *(domain.common * (COMMON - 1))]))
    while len(pairs) < count:
        if not live:
            raise ValueError(f"{domain.name}: patterns give only {len(pairs)} of {count} pairs")
        index = live.pop(0)
        pair = draw_new(domain, int(index), taken, rng)
        if pair is not None:
            pairs.append(pair)
            live.append(index)
    return pairs


def draw_new(domain: Domain, index: int, taken: set[str], rng: Rng) -> Pair | None:
    """Draw one pair of a pattern whose two sentences have not been used yet.

    Parameters
    ----------
    domain : Domain
        Where to draw from.
    index : int
        Which pattern.
    taken : set of str
        Normalised sentences used so far; those drawn here are added.
    rng : Generator
        Source of chance.

    Returns
    -------
    Pair or None
        The pair; None if the pattern seems used up.
    """
    source, target = domain.patterns[index]
    for _ in range(TRIES if "{" in source else 1):
        values = draw_values(source, domain.slots, rng)
        pair = Pair(fill(source, values, 0), fill(target, values, 1), domain.name, index)
        keys = {normalise(pair.source), normalise(pair.target)}
        if not keys & taken:
            taken |= keys
            return pair
    return None


def drop_stop(pair: Pair) -> Pair:
    """Return the pair without its full stops."""
    return replace(pair, source=pair.source.rstrip(".!?"), target=pair.target.rstrip("।!?"))


def exclaim(pair: Pair) -> Pair:
    """Return the pair with an exclamation mark at the end of the source."""
    return replace(pair, source=pair.source.rstrip(".!?") + "!")


def lower(pair: Pair) -> Pair:
    """Return the pair with its source in small letters."""
    return replace(pair, source=pair.source.lower())


def add_space(pair: Pair) -> Pair:
    """Return the pair with one space too many in the source."""
    return replace(pair, source=pair.source.replace(" ", "  ", 1))


def add_please(pair: Pair) -> Pair:
    """Return the request with a "please" (other sentences stay as they are)."""
    if not pair.source.startswith(REQUESTS):
        return pair
    return replace(pair, source=f"Please {pair.source[0].lower()}{pair.source[1:]}", target=f"कृपया {pair.target}")


def change_digit(pair: Pair) -> Pair:
    """Return the pair with the last digit of a number raised by one in both sentences, if both have it once."""
    number = re.search(r"(?<![\d.,:F])[1-9]\d*(?![\d.,:]*\d)", pair.source)
    if number is None or pair.source.count(number[0]) != 1 or pair.target.count(number[0]) != 1:
        return pair
    other = str(int(number[0]) + 1)
    return replace(pair, source=pair.source.replace(number[0], other), target=pair.target.replace(number[0], other))


CHANGES: tuple[Callable[[Pair], Pair], ...] = (add_please, change_digit, drop_stop, lower, add_space, exclaim)


def near_duplicates(pairs: list[Pair], taken: set[str]) -> list[Pair]:
    """Return a slightly changed copy of every pair, the kinds of change in turn.

    Parameters
    ----------
    pairs : list of Pair
        Pairs of the pool.
    taken : set of str
        Normalised sentences used so far; new ones are added.

    Returns
    -------
    list of Pair
        The copies, marked ``near-duplicate``.
    """
    copies = []
    for turn, pair in enumerate(pairs):
        copy = CHANGES[turn % len(CHANGES)](pair)
        keys = {normalise(copy.source), normalise(copy.target)}
        new = keys - {normalise(pair.source), normalise(pair.target)}
        if copy == pair or new & taken:
            # a sentence that begins with a digit may have no capital to lose
            copy = lower(pair) if turn % 2 and lower(pair) != pair else drop_stop(pair)
        taken |= {normalise(copy.source), normalise(copy.target)}
        copies.append(replace(copy, planted="near-duplicate"))
    return copies


def overlaps(pairs: list[Pair], count: int, rng: Rng) -> list[Pair]:
    """Return copies of held-out pairs for the pool: every third one exact, the others in another case or without a stop.

    Parameters
    ----------
    pairs : list of Pair
        Validation or test pairs.
    count : int
        How many.
    rng : Generator
        Source of chance.

    Returns
    -------
    list of Pair
        The copies, marked ``overlap``.
    """
    able = [pair for pair in pairs if pair.domain != STARVED]
    chosen = [able[index] for index in rng.permutation(len(able))[:count]]
    disguises = (lambda pair: pair, lower, drop_stop)
    return [replace(disguises[turn % 3](pair), planted="overlap") for turn, pair in enumerate(chosen)]


def one_per_pattern(pairs: list[Pair], candidates: Iterable[int], count: int) -> list[int]:
    """Choose candidates of which no two come from the same pattern.

    Parameters
    ----------
    pairs : list of Pair
        The pool.
    candidates : iterable of int
        Indices into it, in order of preference.
    count : int
        The most to choose.

    Returns
    -------
    list of int
        The chosen indices.
    """
    chosen: dict[tuple[str, int], int] = {}
    for index in candidates:
        if len(chosen) == count:
            break
        chosen.setdefault((pairs[index].domain, pairs[index].pattern), index)
    return list(chosen.values())


def by_length(pairs: list[Pair], group: list[int], mixed: bool) -> list[int]:
    """Order pairs by the length of their targets.

    Parameters
    ----------
    pairs : list of Pair
        The pool.
    group : list of int
        Indices of the pairs to order.
    mixed : bool
        Whether neighbours should be of different domains: then the next in length of another domain follows.

    Returns
    -------
    list of int
        The indices in order.
    """
    left = sorted(group, key=lambda index: (len(pairs[index].target), index))
    ordered: list[int] = []
    while left:
        other = (place for place, index in enumerate(left) if ordered and pairs[index].domain != pairs[ordered[-1]].domain)
        ordered.append(left.pop(next(other, 0) if mixed else 0))
    return ordered


def pass_targets_on(pairs: list[Pair], ordered: list[int]) -> list[Pair]:
    """Give every pair of a group the target of the next one, and mark it.

    Parameters
    ----------
    pairs : list of Pair
        The pool.
    ordered : list of int
        Indices of the pairs that pass their targets on; the last gets the first one's.

    Returns
    -------
    list of Pair
        The pool with the misaligned pairs in it.
    """
    result = list(pairs)
    for index, giver in zip(ordered, ordered[1:] + ordered[:1], strict=True):
        result[index] = replace(pairs[index], target=pairs[giver].target, planted="misaligned")
    return result


def misalign(pairs: list[Pair], candidates: list[int], count: int) -> list[Pair]:
    """Misalign pairs of the pool, half of them within their domain.

    Parameters
    ----------
    pairs : list of Pair
        The pool.
    candidates : list of int
        Indices of the pairs that may be misaligned, in random order.
    count : int
        How many to misalign.

    Returns
    -------
    list of Pair
        The pool with the misaligned pairs in it.
    """
    inside = one_per_pattern(pairs, candidates, count // 2)
    sizes = Counter(pairs[index].domain for index in inside)
    inside = [index for index in inside if sizes[pairs[index].domain] > 1]
    rest = [index for index in candidates if index not in set(inside)]
    across = one_per_pattern(pairs, rest, count - len(inside))
    for domain in sorted(sizes):
        pairs = pass_targets_on(pairs, by_length(pairs, [index for index in inside if pairs[index].domain == domain], mixed=False))
    return pass_targets_on(pairs, by_length(pairs, across, mixed=True))


def build_pool(base: list[Pair], held_out: list[Pair], taken: set[str], rng: Rng) -> list[Pair]:
    """Add the planted pairs to the pool's own pairs and shuffle.

    Parameters
    ----------
    base : list of Pair
        The pool's own pairs.
    held_out : list of Pair
        The copies of validation and test pairs to plant.
    taken : set of str
        Normalised sentences used so far.
    rng : Generator
        Source of chance.

    Returns
    -------
    list of Pair
        The pool.
    """
    able = [int(index) for index in rng.permutation(len(base)) if base[index].domain != STARVED]
    requests = [index for index in able if add_please(base[index]) != base[index]]
    numbers = [index for index in able if change_digit(base[index]) != base[index] and index not in set(requests)]
    others = [index for index in able if index not in set(requests) | set(numbers)]
    kinds = [iter(requests), iter(numbers)] + [iter(others)] * 4
    originals = [base[next(kinds[turn % 6], next(kinds[2]))] for turn in range(min(NEAR_DUPLICATES, len(base) // 6))]
    copied = set(originals)
    free = [index for index in able if base[index] not in copied]
    twins = [replace(base[index], planted="duplicate") for index in free[:DUPLICATES]]
    extra = near_duplicates(originals, taken) + twins + held_out
    count = round(MISALIGNED_SHARE * (len(base) + len(extra)))
    pool = misalign(base, free[DUPLICATES:], count) + extra
    return [pool[index] for index in rng.permutation(len(pool))]


def build_corpus(domains: list[Domain]) -> dict[str, list[Pair]]:
    """Draw the three splits.

    Parameters
    ----------
    domains : list of Domain
        The domains there are; one without a quota is an error.

    Returns
    -------
    dict
        ``pool``, ``validation`` and ``test``.
    """
    rng = np.random.default_rng(SEED)
    taken: set[str] = set()
    base: list[Pair] = []
    validation: list[Pair] = []
    test: list[Pair] = []
    for domain in domains:
        in_pool, in_validation, in_test = QUOTA[domain.name]
        drawn = draw_pairs(domain, in_pool + in_validation + in_test, taken, rng)
        drawn = [drawn[index] for index in rng.permutation(len(drawn))]
        validation += drawn[:in_validation]
        test += drawn[in_validation : in_validation + in_test]
        base += drawn[in_validation + in_test :]
    held_out = overlaps(validation, OVERLAP_VALIDATION, rng) + overlaps(test, OVERLAP_TEST, rng)
    pool = build_pool(base, held_out, taken, rng)
    validation = [validation[index] for index in rng.permutation(len(validation))]
    test = [test[index] for index in rng.permutation(len(test))]
    return {"pool": pool, "validation": validation, "test": test}


def to_tsv(name: str, pairs: list[Pair]) -> str:
    """Return a split as the text of its file.

    Parameters
    ----------
    name : str
        The split's name.
    pairs : list of Pair
        Its pairs in order.

    Returns
    -------
    str
        Header and one line a pair, tab separated.
    """
    pool = name == "pool"
    lines = ["id\tsource\ttarget\tdomain" + ("\tplanted" if pool else "")]
    for number, pair in enumerate(pairs, start=1):
        cells = [f"{name}-{number:05d}", pair.source, pair.target, pair.domain]
        lines.append("\t".join([*cells, pair.planted] if pool else cells))
    return "\n".join(lines) + "\n"


def make_files() -> dict[str, bytes]:
    """Return what the files should hold.

    Returns
    -------
    dict
        File name to its bytes.
    """
    corpus = build_corpus(load_domains())
    return {f"{name}.tsv": to_tsv(name, pairs).encode("utf-8") for name, pairs in corpus.items()}


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or check them.

    Parameters
    ----------
    arguments : list of str, optional
        Command-line arguments.

    Returns
    -------
    int
        Exit status: 1 if ``--check`` found a difference.
    """
    parser = argparse.ArgumentParser(description="Write the sample corpus from its patterns.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file differs")
    check = parser.parse_args(arguments).check
    stale = 0
    for name, content in make_files().items():
        path = HERE / name
        if not check:
            path.write_bytes(content)
        elif not path.exists() or path.read_bytes() != content:
            print(f"{name} is not what the generator writes", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
