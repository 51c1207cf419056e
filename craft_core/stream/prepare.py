"""Before the first pass: what is small is read, the pool is cut into pieces, and memory is shared out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq

from craft_core.config import ExperimentConfig, to_record
from craft_core.corpus import CleaningReport, Corpus, InputFile, ParallelText, ReadReport, clean_reference, read_corpus
from craft_core.corpus.files import head
from craft_core.corpus.pieces import cut
from craft_core.corpus.read import labelled
from craft_core.errors import DataError
from craft_core.files import Files, Input
from craft_core.store.fingerprint import code_fingerprint
from craft_core.stream.fit import sample_wanted
from craft_core.stream.memory import Share, shared_out
from craft_core.stream.plan import Plan, save_plan
from craft_core.stream.settings import Streaming, worker_count
from craft_core.vectorize.precomputed import Precomputed

__all__ = ["Prepared", "prepare"]

_LOOKED_AT = 1 << 20  # bytes of a text file from which its number of lines is guessed
_UNPACKED = 4  # bytes of text in a byte of a .gz file, about
_SPARE = 1.5  # how many more pairs are sampled than are wanted, as cleaning drops some and others have no vectors
_ALL = 2**64 - 1


@dataclass(frozen=True, eq=False)
class Prepared:
    """Hold what is known before the first pass.

    Attributes
    ----------
    plan : Plan
        For the workers.
    threshold : int
        Content key up to which pairs are sampled.
    files : tuple of InputFile
        The pool's, two for line-aligned text.
    validation, test : Corpus
        After cleaning; test may be None.
    reads, cleanings : Mapping
        What was read and dropped, of validation and test.
    """

    plan: Plan
    threshold: int
    files: tuple[InputFile, ...]
    validation: Corpus
    test: Corpus | None
    reads: Mapping[str, ReadReport]
    cleanings: Mapping[str, CleaningReport]


def prepare(config: ExperimentConfig, files: Files, settings: Streaming, work: Path) -> Prepared:
    """Read validation and test, cut the pool into pieces, and write the plan.

    Raises
    ------
    DataError
        For a file that cannot be read, or a set that cleaning leaves empty.
    ParameterError
        If the memory is too small.
    """
    given = {"validation": files.validation} | ({} if files.test is None else {"test": files.test})
    read = {role: read_corpus([file], config.columns, config.limits, role) for role, file in given.items()}
    reads = {role: report for role, (_, report) in read.items()}
    cleanings: dict[str, CleaningReport] = {}
    validation, cleanings["validation"] = clean_reference(read["validation"][0], config.cleaning)
    test: Corpus | None = None
    if "test" in read:
        test, cleanings["test"] = clean_reference(read["test"][0], config.cleaning, validation)
    _check_vectors(config, {"pool": None, "validation": validation} | ({} if test is None else {"test": test}))
    share = shared_out(config, settings.memory, worker_count(settings.workers), len(validation) + (0 if test is None else len(test)))
    pool = tuple(_absolute(one) for one in files.pool)
    folder = work / _key(config, files, share)
    pieces = cut(pool, config.columns, share.piece_bytes)
    plan = Plan(folder, config, pieces, validation, test, share.block_rows)
    save_plan(plan)
    singles = tuple(file for one in labelled(pool) for file in _singles(one))
    return Prepared(plan, _threshold(config, pool), singles, validation, test, reads, cleanings)


def _check_vectors(config: ExperimentConfig, corpora: Mapping[str, Corpus | None]) -> None:
    """Raise DataError for files of vectors that are missing or do not fit, before the pool is read; how long the pool is shows later."""
    if isinstance(config.vectorizer, Precomputed):
        for role, corpus in corpora.items():
            config.vectorizer.check(role, 0 if corpus is None else int(corpus.rows.max(initial=-1)) + 1)


def _singles(given: Input) -> tuple[InputFile, ...]:
    return (given.source, given.target) if isinstance(given, ParallelText) else (given,)


def _absolute(given: Input) -> Input:
    """Return an input by its full path, as workers may have another current folder."""
    if isinstance(given, ParallelText):
        return ParallelText(_full(given.source), _full(given.target))
    return _full(given)


def _full(file: InputFile) -> InputFile:
    if file.path is None:
        raise DataError(f"{file.label} is no file on disk, so it cannot be read in pieces. Save it first.")
    return replace(file, path=file.path.resolve())


def _key(config: ExperimentConfig, files: Files, share: Share) -> str:
    """Return a name for all that decides what workers write: settings, files as they are now, code."""
    record = to_record(config)
    decides = {name: value for name, value in record.items() if name not in ("data", "export", "cluster_names")}
    roles = (("pool", files.pool), ("validation", (files.validation,)), ("test", () if files.test is None else (files.test,)))
    inputs = [(role, _stamp(file)) for role, given in roles for one in given for file in _singles(one)]
    vectors = [_stamp_of(path) for path in _vector_files(config)]
    whole = json.dumps([decides, inputs, vectors, asdict(share), code_fingerprint()], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def _stamp(file: InputFile) -> tuple[str, int, int]:
    return _stamp_of(_full(file).path or Path())


def _stamp_of(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    return str(path), found.st_size, found.st_mtime_ns


def _vector_files(config: ExperimentConfig) -> list[Path]:
    folder = getattr(config.vectorizer, "folder", None)
    return sorted(Path(folder).expanduser().resolve().glob("*.np[yz]")) if folder else []


def _threshold(config: ExperimentConfig, pool: tuple[Input, ...]) -> int:
    """Return the content key up to which about as many pairs lie as are wanted for the sample, and some more."""
    share = _SPARE * sample_wanted(config) / max(_rows_about(config, pool), 1)
    return _ALL if share >= 1 else int(share * 2**64)


def _rows_about(config: ExperimentConfig, pool: tuple[Input, ...]) -> float:
    """Guess how many pairs the pool has; too few only makes the sample larger, too many makes a second look for it."""
    total, sizes = 0.0, dict[tuple[str, bool], float]()
    for given in pool:
        file = _singles(given)[0]
        kind = file.suffix, file.gzipped
        if file.suffix == ".parquet" and not file.gzipped:
            total += _footer_rows(file)
            continue
        if kind not in sizes:
            start = head(file, _LOOKED_AT)
            sizes[kind] = max(len(start), 1) / max(start.count(b"\n"), 1) / (_UNPACKED if file.gzipped else 1)
        total += file.size / sizes[kind]
    return total


def _footer_rows(file: InputFile) -> float:
    try:
        return float(pq.read_metadata(str(file.path)).num_rows)
    except (OSError, ValueError):  # not a whole Parquet file, which reading it says better
        return 0.0
