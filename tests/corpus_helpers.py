"""Short ways to read bytes as an upload."""

from craft_core.corpus import Columns, Corpus, Limits, ReadReport, read_corpus, uploaded


def read(data: bytes | str, suffix: str, columns: Columns | None = None, **limits: int) -> Corpus:
    return read_with_report(data, suffix, columns, **limits)[0]


def read_with_report(data: bytes | str, suffix: str, columns: Columns | None = None, **limits: int) -> tuple[Corpus, ReadReport]:
    data = data.encode() if isinstance(data, str) else data
    return read_corpus([uploaded("data" + suffix, data)], columns or Columns(), Limits(**limits), "pool")


def pairs(corpus: Corpus) -> list[tuple[str, str]]:
    return list(zip(corpus.sources.to_pylist(), corpus.targets.to_pylist(), strict=True))
