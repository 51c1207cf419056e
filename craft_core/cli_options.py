"""The options that commands share, and what they say of data and stages."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from craft_core.errors import ParameterError

if TYPE_CHECKING:
    from craft_core.export.command import Option
    from craft_core.params import Param
    from craft_core.stream.settings import Streaming

__all__ = [
    "add_data",
    "add_files",
    "add_output",
    "add_parameters",
    "add_quiet",
    "add_stages",
    "add_streaming",
    "stages_record",
    "streaming_of",
]


def add_stages(parser: argparse.ArgumentParser, run: Any, sections: Sequence[str]) -> None:
    """Add the options of the stages: which vectorizer, the sections named, and the parameters of every vectorizer."""
    from craft_core.export.command import common_options, vectorizer_options
    from craft_core.vectorize import VECTORIZERS

    run.add_argument("--vectorizer", choices=VECTORIZERS, default="tfidf", help="How texts become vectors (default: %(default)s).")
    titles = {"clustering": "clusters", "cleaning": "cleaning of the data"}
    for section in sections:
        add_parameters(parser, titles.get(section, section), [option for option in common_options() if option.section == section])
    for vectorizer in VECTORIZERS:
        options = [option for option in vectorizer_options() if option.owner == vectorizer]
        add_parameters(parser, f"vectorizer {vectorizer} (with --vectorizer {vectorizer} only)", options)


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the files of a run, pool and validation being required."""
    pair = "Two line-aligned text files are given as one, joined by a plus sign: a.en+a.hi"
    data = parser.add_argument_group("data", f"CSV, TSV, JSON Lines (all also .gz) or Parquet. {pair}.")
    add_files(
        data,
        "One or more files to choose from (default: none, must be given).",
        "The set to resemble (default: none, must be given).",
        "A held-out set, for reporting only (default: none; halves of validation are held out in turn).",
        required=True,
    )


def add_files(group: Any, pool: str, validation: str, test: str, required: bool) -> None:
    """Add the files of a run with these help texts."""
    group.add_argument("--pool", nargs="+", required=required, metavar="FILE", help=pool)
    group.add_argument("--validation", required=required, metavar="FILE", help=validation)
    group.add_argument("--test", metavar="FILE", help=test)


def add_output(group: Any, required: bool) -> None:
    """Add where an export goes, and how much is told."""
    group.add_argument("--out", required=required, metavar="DIR", help="New folder for the export (default: none, must be given).")
    group.add_argument("--overwrite", action="store_true", help="Replace an earlier export in that folder (default: off).")
    add_quiet(group)


def add_quiet(group: Any) -> None:
    """Add the switch that silences progress and summary."""
    group.add_argument("--quiet", action="store_true", help="Show no progress and no summary (default: off).")


def add_streaming(parser: argparse.ArgumentParser) -> None:
    """Add what makes a run of craft go out of core, and how."""
    text = "For pools of any size, with the same result. Any of these options chooses it; so does a pool that would not fit into memory."
    group = parser.add_argument_group("out of core (craft only)", text)
    group.add_argument(
        "--memory", metavar="SIZE", help="Bytes all processes may hold together, such as 4GB (default: 80 %% of what is free)."
    )
    group.add_argument("--workers", type=int, metavar="N", help="Processes that work side by side (default: one a core).")
    group.add_argument(
        "--engine",
        metavar="NAME",
        help="Who does the work: processes of this machine, dask for a local cluster of Dask, or dask:ADDRESS of a scheduler whose workers "
        "see the same folders (default: processes).",
    )
    group.add_argument(
        "--work",
        metavar="DIR",
        help="Folder for what is finished on the way; a run that was stopped goes on there (default: DIR.work of --out).",
    )


def streaming_of(args: argparse.Namespace) -> Streaming | None:
    """Return how a run goes out of core; None where nothing was said of it. Raises ParameterError for a bad value."""
    from craft_core.stream.settings import Streaming, free_memory, memory_bytes

    if args.memory is args.workers is args.engine is args.work is None:
        return None
    memory = free_memory() if args.memory is None else memory_bytes(args.memory)
    return Streaming(memory, args.workers, args.engine or "processes", None if args.work is None else Path(args.work))


def add_parameters(parser: argparse.ArgumentParser, title: str, options: Sequence[Option]) -> None:
    """Add a group of options that stand for declared parameters; what is not given is not in the result, and the declaration decides."""
    group = parser.add_argument_group(title)
    for option in options:
        one = option.parameter
        text = f"{one.help} (default: {_shown(one.default)})".replace("%", "%%")
        # no default of argparse's own: what is not given is not there, and the one declaration of the parameter decides
        settings: dict[str, Any] = {"dest": option.flag, "default": argparse.SUPPRESS, "help": text}
        if one.kind is bool:
            group.add_argument(option.flag, action=argparse.BooleanOptionalAction, **settings)
        elif one.choices:
            group.add_argument(option.flag, choices=one.choices, **settings)
        else:
            metavar = {int: "N", float: "X", str: "TEXT"}[one.kind]
            group.add_argument(option.flag, type=_reader(one), metavar=metavar, **settings)


def _shown(value: Any) -> str:
    return "none" if value is None else {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def _reader(one: Param) -> Callable[[str], Any]:
    """Return what turns the text of an option into a value; "none" is None where that is allowed, and no text like any other."""
    may_be_off = one.optional and not (one.kind is str and one.default is None)

    def read(text: str) -> Any:
        return None if may_be_off and text == "none" else one.kind(text)

    read.__name__ = {int: "whole number", float: "number", str: "text"}[one.kind]
    return read


def stages_record(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the options say of the data, the seed and the stages that every method shares."""
    from craft_core.export.command import common_options, vectorizer_options

    data = {"pool": args.pool, "validation": args.validation} | ({} if args.test is None else {"test": args.test})
    record: dict[str, Any] = {"data": data, "seed": args.seed, "vectorizer": {"name": args.vectorizer}}
    given = vars(args)
    for option in (*common_options(), *vectorizer_options()):
        if option.flag not in given:
            continue
        if option.section == "vectorizer" and option.owner != args.vectorizer:
            raise ParameterError(
                f"{option.flag} belongs to the vectorizer {option.owner}, but {args.vectorizer} is used. "
                f"Leave it out, or add --vectorizer {option.owner}."
            )
        record.setdefault(option.section, {})[option.parameter.name] = given[option.flag]
    return record
