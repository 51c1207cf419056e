"""The inputs of a run: what they are called from where, and what they held."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from craft_core.config import Data, ExperimentConfig
from craft_core.corpus import file_digest
from craft_core.corpus.read import TABLE_SUFFIXES
from craft_core.experiment import LoadedData, parts_of
from craft_core.export.formats import subset_names
from craft_core.params import build, record
from craft_core.vectorize import Vectorizer

__all__ = ["ROLES", "InputRecord", "beside", "by_name", "input_records", "vector_records", "with_data"]

ROLES = ("pool", "validation", "test")
_OUTPUTS = ("selection.parquet", "clusters.tsv", "indices.npy", "recipe.toml", "README.md", "manifest.json")  # but for the subset's own

# a model may also be a name on a hub, which is left alone
_FOLDERS = {"precomputed": "folder", "sentence-transformers": "model"}


@dataclass(frozen=True)
class InputRecord:
    """Hold what is known of one input file.

    Attributes
    ----------
    role : str
        "pool", "validation", "test", or "vectors" for a file of precomputed vectors.
    path : str
        Where it was, seen from the folder of the manifest; with forward slashes.
    bytes : int
        Its size as given, compressed or not.
    sha256 : str
        Of the file as given, in hexadecimal digits.
    """

    role: str
    path: str
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """The file name alone."""
        return PurePosixPath(self.path).name

    def record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"role": self.role, "name": self.name} | {key: value for key, value in asdict(self).items() if key != "role"}


def input_records(config: ExperimentConfig, data: LoadedData, written: ExperimentConfig | None = None) -> tuple[InputRecord, ...]:
    """Return every input file of a run, by role, in the order given.

    Parameters
    ----------
    config : ExperimentConfig
        The run's.
    data : LoadedData
        What it read. Sizes and hashes are those of the bytes read; files of precomputed vectors are hashed now.
    written : ExperimentConfig or None
        The run's config as it is to be written, for the paths; None for the run's own.
    """
    paths = config.data if written is None else written.data
    entries = {"pool": paths.pool, "validation": (paths.validation,)}
    if paths.test is not None:
        entries["test"] = (paths.test,)
    found = []
    for role, names in entries.items():
        files = data.reads[role].files
        for path, file in zip(_flat(names, [file.label for file in files]), files, strict=True):
            found.append(InputRecord(role, path, file.size, file.sha256))
    return (*found, *vector_records(config.vectorizer, None if written is None else written.vectorizer))


def vector_records(read: Vectorizer, written: Vectorizer | None = None) -> tuple[InputRecord, ...]:
    """Return the files of precomputed vectors, with role "vectors"; none for a vectorizer without a folder.

    Parameters
    ----------
    read : Vectorizer
        Its folder is where the files are.
    written : Vectorizer or None
        Its folder is what they are called in the record; None for the same.
    """
    folder = getattr(read, "folder", None)
    if not folder:
        return ()
    called = PurePosixPath(getattr(written or read, "folder", folder))
    root = Path(folder).expanduser()
    there = [
        root / name for role in ROLES for name in (f"{role}.source.npy", f"{role}.target.npy", f"{role}.npz") if (root / name).is_file()
    ]
    return tuple(InputRecord("vectors", str(called / path.name), path.stat().st_size, file_digest(path)) for path in there)


def beside(config: ExperimentConfig, here: Path, folder: Path) -> ExperimentConfig:
    """Return the config with its paths, so far relative to `here`, relative to `folder`; with forward slashes."""
    root = folder.resolve()

    def move(entry: str) -> str:
        return "+".join(_relative(here / part, root) for part in parts_of(entry, here))

    moved = _renamed(config, move)
    return _moved_vectorizer(moved, lambda path: _relative(here / Path(path).expanduser(), root), here)


def with_data(config: ExperimentConfig, pool: Sequence[str] | None, validation: str | None, test: str | None) -> ExperimentConfig:
    """Return the config with other files where some are given."""
    data = config.data
    moved = Data(tuple(pool) if pool else data.pool, validation or data.validation, test or data.test)
    return replace(config, data=moved)


def by_name(config: ExperimentConfig) -> ExperimentConfig:
    """Return the config with file names in place of paths, for a download that is unpacked beside the inputs.

    Where inputs share a name, or have that of a file of the export, each of these is looked for in a folder called like its role:
    ``test/news.tsv``; ``pool/2/a.tsv`` for a second pool file.
    """
    data = config.data
    given = [(f"pool/{number}", entry) for number, entry in enumerate(data.pool, 1)] if len(data.pool) > 1 else [("pool", data.pool[0])]
    given += [("validation", data.validation), *([] if data.test is None else [("test", data.test)])]
    names = [_base_names(entry) for _, entry in given]
    # some systems do not tell capital letters from small ones
    taken = [name.lower() for name in (*(name for parts in names for name in parts), *_OUTPUTS, *subset_names(config.export.format))]
    placed = [
        "+".join(f"{role}/{name}" if any(taken.count(one.lower()) > 1 for one in parts) else name for name in parts)
        for (role, _), parts in zip(given, names, strict=True)
    ]
    n_pool = len(data.pool)
    named = replace(config, data=Data(tuple(placed[:n_pool]), placed[n_pool], None if data.test is None else placed[-1]))
    return _moved_vectorizer(named, _base_name, Path())


def _base_names(entry: str) -> list[str]:
    # a table is never one of two line-aligned files
    is_table = entry.lower().removesuffix(".gz").endswith(TABLE_SUFFIXES)
    return [_base_name(part) for part in ((entry,) if is_table else parts_of(entry))]


def _base_name(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name


def _moved_vectorizer(config: ExperimentConfig, change: Callable[[str], str], here: Path) -> ExperimentConfig:
    """Change the parameter of a vectorizer that names a folder, if it has one and does."""
    name = _FOLDERS.get(config.vectorizer.name)
    path = None if name is None else getattr(config.vectorizer, name)
    if not path or not (here / Path(path).expanduser()).is_dir():
        return config
    values = record(config.vectorizer) | {str(name): change(path)}
    return replace(config, vectorizer=build(type(config.vectorizer), values, config.vectorizer.name))


def _renamed(config: ExperimentConfig, change: Callable[[str], str]) -> ExperimentConfig:
    data = config.data
    test = None if data.test is None else change(data.test)
    return replace(config, data=Data(tuple(map(change, data.pool)), change(data.validation), test))


def _relative(path: Path, root: Path) -> str:
    # the folder's links are followed, the file's own name is kept
    real = path.parent.resolve() / path.name
    try:
        return Path(os.path.relpath(real, root)).as_posix()
    except ValueError:  # another drive: there is no way from here to there
        return real.as_posix()


def _flat(entries: tuple[str, ...], labels: Sequence[str]) -> list[str]:
    """Return one path a file; an entry of two files is cut where their labels say, which begin with their names."""
    flat: list[str] = []
    for number, entry in enumerate(entries, 1):
        mark = f" (file {number} of {len(entries)})" if len(entries) > 1 else ""
        flat += _cut(entry, [label.removesuffix(mark) for label in labels if label.endswith(mark)])
    return flat


def _cut(entry: str, names: Sequence[str]) -> tuple[str, ...]:
    """Cut an entry as `parts_of` does, but without a look at the disk: between the names of its files, else at the middle plus sign."""
    cuts = [position for position, letter in enumerate(entry) if letter == "+"]
    if len(names) < 2 or not cuts:
        return (entry,)
    fits = [cut for cut in cuts if [_base_name(entry[:cut]), _base_name(entry[cut + 1 :])] == list(names)]
    cut = (fits or [cuts[len(cuts) // 2]])[0]
    return (entry[:cut], entry[cut + 1 :])
