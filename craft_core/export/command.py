"""Which command-line option stands for which parameter, and the lines that reproduce a run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from craft_core.cluster import KMeans
from craft_core.config import ExperimentConfig, Export
from craft_core.corpus import Cleaning, Columns, Limits
from craft_core.finetune import FineTuning
from craft_core.params import Param, parameters
from craft_core.selectors import SELECTORS
from craft_core.stability import Repeats
from craft_core.vectorize import VECTORIZERS

__all__ = ["Option", "command_line", "common_options", "finetune_options", "python_snippet", "selector_options", "vectorizer_options"]

_SECTIONS: Mapping[str, type] = {
    "columns": Columns,
    "limits": Limits,
    "cleaning": Cleaning,
    "clustering": KMeans,
    "export": Export,
    "stability": Repeats,
}
_FLAGS = {
    ("columns", "source"): "--source-column",
    ("columns", "target"): "--target-column",
    ("columns", "id"): "--id-column",
    ("stability", "n_seeds"): "--stability-seeds",
    ("stability", "vary_clusters"): "--stability-vary-clusters",
}


@dataclass(frozen=True)
class Option:
    """Tie an option to a parameter.

    Attributes
    ----------
    flag : str
        Such as "--n-clusters".
    section : str
        The part of the recipe the parameter stands in.
    owner : str
        The vectorizer or selector it belongs to; empty for the rest.
    parameter : Param
        What it stands for.
    """

    flag: str
    section: str
    owner: str
    parameter: Param


def common_options() -> tuple[Option, ...]:
    """Return the options that every run has."""
    return tuple(
        Option(_FLAGS.get((section, one.name), _flag(one.name)), section, "", one)
        for section, cls in _SECTIONS.items()
        for one in parameters(cls)
    )


def vectorizer_options() -> tuple[Option, ...]:
    """Return the options of all vectorizers; each begins with the vectorizer's name."""
    return tuple(
        Option(_flag(f"{name}-{one.name}"), "vectorizer", name, one) for name, cls in VECTORIZERS.items() for one in parameters(cls)
    )


def selector_options(name: str) -> tuple[Option, ...]:
    """Return the options of one selector."""
    return tuple(Option(_flag(one.name), "selector", name, one) for one in parameters(SELECTORS[name]))


def finetune_options() -> tuple[Option, ...]:
    """Return the options of the fine-tuning check; each begins with its name. How many seeds it has is up to the comparison."""
    return tuple(Option(_flag(f"finetune-{one.name}"), "finetune", "", one) for one in parameters(FineTuning) if one.name != "n_seeds")


def command_line(config: ExperimentConfig, out: str) -> str:
    """Return the line that repeats a run from the folder its paths are relative to; what has its default value is left out."""
    words = ["python", "-m", "craft_core", "select", config.selector.name, "--pool", *map(_path, config.data.pool)]
    words += ["--validation", _path(config.data.validation)]
    if config.data.test is not None:
        words += ["--test", _path(config.data.test)]
    words += ["--vectorizer", config.vectorizer.name, "--budget", str(config.budget), "--seed", str(config.seed)]
    chosen = [*common_options(), *selector_options(config.selector.name)]
    chosen += [option for option in vectorizer_options() if option.owner == config.vectorizer.name]
    for option in chosen:
        value = getattr(getattr(config, option.section), option.parameter.name)
        if value != option.parameter.default:
            words += _words(option, value)
    return shlex.join([*words, "--out", _path(out)])


def python_snippet(config: ExperimentConfig, out: str) -> str:
    """Return a Python program that repeats a run from the folder its paths are relative to."""
    parts = [getattr(config, one.name) for one in fields(ExperimentConfig)]
    classes = sorted({(type(part).__module__, type(part).__name__) for part in [config, *parts] if is_dataclass(part)})
    imports = [f"from {module} import {name}" for module, name in classes]
    values = "\n".join(f"    {one.name}={getattr(config, one.name)!r}," for one in fields(ExperimentConfig))
    return "\n".join(
        [
            "from pathlib import Path",
            "",
            *imports,
            "from craft_core.experiment import open_files, run",
            "from craft_core.export import export_folder",
            "",
            f"config = ExperimentConfig(\n{values}\n)",
            "report = run(config, open_files(config.data))",
            f"export_folder(report, Path({out!r}))",
            'print(f"{len(report.selection):,} pairs chosen; rows of the pool, best first: {report.rows[:10]} ...")',
            "",
        ]
    )


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _path(path: str) -> str:
    return f"./{path}" if path.startswith("-") else path


def _words(option: Option, value: Any) -> list[str]:
    if option.parameter.kind is bool:
        return [option.flag if value else option.flag.replace("--", "--no-", 1)]
    shown = "none" if value is None else str(value)
    # a value that looks like an option must be tied to its own
    return [f"{option.flag}={shown}"] if shown.startswith("-") else [option.flag, shown]
