"""Two topics in files: a pool with much of both, and a validation set that wants one."""

from pathlib import Path

import numpy as np

TOPICS = {
    "stars": (
        ["star", "planet", "orbit", "comet", "moon", "galaxy", "telescope", "light", "dust", "sky"],
        ["tara", "graha", "kaksha", "dhumketu", "chandra", "mandakini", "doorbin", "prakash", "dhool"],
    ),
    "bread": (
        ["flour", "yeast", "oven", "dough", "crust", "butter", "knead", "salt", "rise", "bake"],
        ["aata", "khameer", "bhatti", "loi", "papdi", "makkhan", "goondh", "namak", "phool"],
    ),
}
HEADER = ("id", "source", "target", "topic")
Row = tuple[str, str, str, str]


def rows(n: int, topics: tuple[str, ...], seed: int, prefix: str) -> list[Row]:
    """Distinct pairs; each topic in turn."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(n):
        topic = topics[number % len(topics)]
        source, target = (" ".join(rng.choice(words, 6)) for words in TOPICS[topic])
        made.append((f"{prefix}{number}", f"{source} {prefix}{number}", f"{target} {prefix}{number}", topic))
    return made


def write_tsv(path: Path, pairs: list[Row]) -> Path:
    path.write_bytes("".join("\t".join(row) + "\n" for row in [HEADER, *pairs]).encode())
    return path


def write_world(folder: Path) -> None:
    """pool.tsv (400 pairs, half of each topic), validation.tsv and test.tsv (60 pairs each, stars only)."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tsv(folder / "pool.tsv", rows(400, ("stars", "bread"), 1, "p"))
    write_tsv(folder / "validation.tsv", rows(60, ("stars",), 2, "v"))
    write_tsv(folder / "test.tsv", rows(60, ("stars",), 3, "t"))
