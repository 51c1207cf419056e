"""Everything that decides a run, in one object; to and from TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar

from craft_core.allocate import check_budget
from craft_core.cluster import KMeans
from craft_core.corpus import Cleaning, Columns, Limits
from craft_core.describe import ClusterNames
from craft_core.errors import ParameterError
from craft_core.params import build, check, param, parameters, record
from craft_core.problem import Selector
from craft_core.selectors import Craft, find_selector
from craft_core.stability import Repeats
from craft_core.vectorize import Tfidf, Vectorizer, find_vectorizer

__all__ = ["FORMATS", "Data", "ExperimentConfig", "Export", "from_record", "from_toml", "to_record", "to_toml"]

T = TypeVar("T")

FORMATS = ("parquet", "csv", "tsv", "jsonl", "text", "csv.gz", "tsv.gz", "jsonl.gz", "text.gz")
"""Formats a subset can be written in; "text" is two line-aligned files."""

_NONE = "none"  # what is written for a parameter that is off where it would be on by default: TOML has no word for it


@dataclass(frozen=True)
class Data:
    """Name the files of a run.

    Attributes
    ----------
    pool : tuple of str
        One or more files, read as one pool in this order. A file is a path, or two line-aligned text files joined by "+".
    validation : str
        The file of the set to resemble.
    test : str or None
        A held-out file, used for reporting only.
    """

    pool: tuple[str, ...]
    validation: str
    test: str | None = None


@dataclass(frozen=True)
class Export:
    """Choose how the subset is written."""

    name: ClassVar[str] = "export"

    format: str = param("parquet", choices=FORMATS, help="Format of the exported subset; text is two line-aligned files.")
    safe_for_spreadsheets: bool = param(
        False,
        help="Put an apostrophe before CSV and TSV cells that a spreadsheet would run as a formula; those then differ from the pool.",
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class ExperimentConfig:
    """Hold everything that decides a run; a result depends on this and on the bytes of the data alone.

    The names of clusters are part of it, as the export shows them, though they decide nothing of the selection.

    Raises
    ------
    ParameterError
        For a budget below 1 or a seed below 0.
    """

    data: Data
    budget: int = 2_000
    seed: int = 0
    columns: Columns = field(default_factory=Columns)
    limits: Limits = field(default_factory=Limits)
    cleaning: Cleaning = field(default_factory=Cleaning)
    vectorizer: Vectorizer = field(default_factory=Tfidf)
    clustering: KMeans = field(default_factory=KMeans)
    selector: Selector = field(default_factory=Craft)
    export: Export = field(default_factory=Export)
    stability: Repeats = field(default_factory=Repeats)
    cluster_names: ClusterNames = field(default_factory=ClusterNames)

    def __post_init__(self) -> None:
        check_budget(self.budget)
        if not isinstance(self.seed, int) or isinstance(self.seed, bool) or self.seed < 0:
            raise ParameterError(f"The seed must be a whole number of at least 0. Got {self.seed!r}.")


_SECTIONS: Mapping[str, type] = {
    "columns": Columns,
    "limits": Limits,
    "cleaning": Cleaning,
    "clustering": KMeans,
    "export": Export,
    "stability": Repeats,
}
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")  # a cluster, as the key of its name: one way to write it

_CHOSEN: Mapping[str, Any] = {"vectorizer": find_vectorizer, "selector": find_selector}


def to_record(config: ExperimentConfig) -> dict[str, Any]:
    """Return the config as plain nested values, for TOML and JSON; the opposite of `from_record`."""
    data: dict[str, Any] = {"pool": list(config.data.pool), "validation": config.data.validation}
    if config.data.test is not None:
        data["test"] = config.data.test
    written: dict[str, Any] = {"budget": config.budget, "seed": config.seed, "data": data}
    for section in _SECTIONS:
        written[section] = _written(getattr(config, section))
    for section in _CHOSEN:
        chosen = getattr(config, section)
        written[section] = {"name": chosen.name} | _written(chosen)
    written["cluster_names"] = {str(cluster): name for cluster, name in config.cluster_names.names}
    return written


def from_record(values: Mapping[str, Any]) -> ExperimentConfig:
    """Make a config of plain nested values. Raises ParameterError for an unknown key, a missing file entry, or a bad value."""
    known = [one.name for one in fields(ExperimentConfig)]
    for key in values:
        if key not in known:
            raise ParameterError(f"The recipe has an unknown entry '{key}'. It may have: {', '.join(known)}.")
    made: dict[str, Any] = {"data": _data(_section(values, "data"))}
    made |= {key: values[key] for key in ("budget", "seed") if key in values}
    for section, cls in _SECTIONS.items():
        made[section] = _built(cls, _section(values, section), section)
    for section, find in _CHOSEN.items():
        chosen = dict(_section(values, section))
        if chosen and "name" not in chosen:
            raise ParameterError(f"The recipe's [{section}] must say which one, by its 'name'.")
        if chosen:
            made[section] = _built(find(chosen.pop("name")), chosen, section)
    made["cluster_names"] = _names(_section(values, "cluster_names"))
    return ExperimentConfig(**made)


def to_toml(config: ExperimentConfig) -> str:
    """Return the config as a recipe, a TOML text."""
    import tomli_w

    return tomli_w.dumps(to_record(config))


def from_toml(text: str) -> ExperimentConfig:
    """Read a recipe. Raises ParameterError for text that is no TOML, unknown keys and bad values."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ParameterError(f"The recipe is not valid TOML: {error}.") from error
    return from_record(values)


def _written(owner: Any) -> dict[str, Any]:
    """Return the parameters of an object; one that is None where that is not the default becomes "none"."""
    off = [one.name for one in parameters(type(owner)) if one.default is not None and getattr(owner, one.name) is None]
    return record(owner) | dict.fromkeys(off, _NONE)


def _built(cls: type[T], values: Mapping[str, Any], section: str) -> T:
    # of a text that is off by default, "none" is a value like any other
    may_be_off = {one.name for one in parameters(cls) if one.optional and not (one.kind is str and one.default is None)}
    read = {name: None if name in may_be_off and value == _NONE else value for name, value in values.items()}
    return build(cls, read, f"The recipe's [{section}]")


def _section(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = values.get(name, {})
    if not isinstance(section, Mapping):
        raise ParameterError(f"The recipe's '{name}' must be a section of named values. Got {section!r}.")
    return section


def _names(values: Mapping[str, Any]) -> ClusterNames:
    for key in values:
        if not isinstance(key, str) or not _NUMBER.fullmatch(key):
            raise ParameterError(f"The recipe's [cluster_names] must name clusters by their number, such as 12. Got {key!r}.")
    return ClusterNames.of({int(key): name for key, name in values.items()})


def _data(values: Mapping[str, Any]) -> Data:
    unknown = sorted(set(values) - {"pool", "validation", "test"})
    if unknown:
        raise ParameterError(f"The recipe's [data] has an unknown entry '{unknown[0]}'. It may have: pool, validation, test.")
    pool, validation, test = values.get("pool"), values.get("validation"), values.get("test")
    if isinstance(pool, str):
        pool = [pool]
    if not isinstance(pool, list) or not pool or not all(isinstance(one, str) for one in pool):
        raise ParameterError(f"The recipe's [data] must name the 'pool' files, a list of paths. Got {pool!r}.")
    if not isinstance(validation, str) or not isinstance(test, str | None):
        raise ParameterError(
            f"The recipe's [data] must name one 'validation' file and may name one 'test' file. Got {validation!r} and {test!r}."
        )
    return Data(tuple(pool), validation, test)
