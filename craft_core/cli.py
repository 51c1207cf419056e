"""The same stages without a browser: select, verify, compare, benchmark."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from craft_core.errors import CraftError, ParameterError
from craft_core.progress import on_terminal

if TYPE_CHECKING:
    from craft_core.config import ExperimentConfig
    from craft_core.export.command import Option
    from craft_core.params import Param

__all__ = ["main", "make_parser"]

_CLOSED_PIPE = 128 + 13  # what a shell reports of a program that SIGPIPE ended
_PROG = "python -m craft_core"
_WITH_RECIPE = "--out, --overwrite, --quiet, --pool, --validation and --test"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns
    -------
    int
        0 when all went well, 1 when a verification found a difference, 2 for a mistake the user can correct, 130 when interrupted,
        141 when nobody reads the output any more.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Unicode
    try:
        try:
            return _told(list(sys.argv[1:] if argv is None else argv))
        finally:
            sys.stdout.flush()  # here, where a closed pipe can be caught
            sys.stderr.flush()
    except BrokenPipeError:
        # what is still in the buffers must go somewhere when Python ends
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        return _CLOSED_PIPE


def _told(words: list[str]) -> int:
    """Run the command line; a mistake gets a sentence."""
    try:
        return _dispatch(words)
    except CraftError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted; nothing was written.", file=sys.stderr)
        return 130


def make_parser(command: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; only the command that is asked for gets its options, as they take time to look up.

    Parameters
    ----------
    command : str or None
        "select", "verify", "compare" or "benchmark".
    """
    parser = _Parser(prog=_PROG, description="Choose, out of a large pool of text pairs, those worth fine-tuning on.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (text, add) in _COMMANDS.items():
        one = commands.add_parser(name, help=text, description=text)
        if name == command:
            add(one)
    return parser


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser, also for its sub-commands, that takes no shortened options: they would change meaning when options are added."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False, formatter_class=argparse.HelpFormatter)


def _dispatch(words: list[str]) -> int:
    command = words[0] if words else None
    if command == "select" and any(word == "--recipe" or word.startswith("--recipe=") for word in words):
        return _replay(words[1:])
    args = make_parser(command).parse_args(words)
    run = {"select": _select, "verify": _verify, "compare": _compare, "benchmark": _benchmark}
    return run[args.command](args)


def _add_select(parser: argparse.ArgumentParser) -> None:
    from craft_core.selectors import SELECTORS, about

    parser.epilog = "Each selector has its own help: select SELECTOR --help. With --recipe no selector is given, as the recipe names one."
    _add_recipe(parser)
    selectors = parser.add_subparsers(dest="selector", metavar="SELECTOR")
    for name, cls in SELECTORS.items():
        text = about(cls).replace("%", "%%")
        _add_selector(selectors.add_parser(name, help=text, description=text), name)


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("run a recipe again")
    group.add_argument("--recipe", metavar="FILE", help="The recipe.toml of an export (default: none; choose a selector instead).")
    moved = "for data that moved (default: where the recipe says)."
    _add_files(group, f"The pool, {moved}", f"The validation set, {moved}", f"The test set, {moved}", required=False)
    _add_output(group, required=False)


def _add_selector(parser: argparse.ArgumentParser, name: str) -> None:
    from craft_core.config import ExperimentConfig
    from craft_core.export.command import selector_options

    _add_data(parser)
    _add_output(parser.add_argument_group("output"), required=True)
    run = parser.add_argument_group("run")
    defaults = {one: ExperimentConfig.__dataclass_fields__[one].default for one in ("budget", "seed")}
    run.add_argument("--budget", type=int, default=defaults["budget"], metavar="N", help="Pairs to choose (default: %(default)s).")
    run.add_argument("--seed", type=int, default=defaults["seed"], metavar="N", help="Of everything random (default: %(default)s).")
    _add_stages(parser, run, ("columns", "limits", "cleaning", "clustering", "stability", "export"))
    _add_options(parser, f"selector {name}", selector_options(name))


def _add_stages(parser: argparse.ArgumentParser, run: Any, sections: Sequence[str]) -> None:
    """Add the options of the stages: which vectorizer, the sections named, and the parameters of every vectorizer."""
    from craft_core.export.command import common_options, vectorizer_options
    from craft_core.vectorize import VECTORIZERS

    run.add_argument("--vectorizer", choices=VECTORIZERS, default="tfidf", help="How texts become vectors (default: %(default)s).")
    titles = {"clustering": "clusters", "cleaning": "cleaning of the data"}
    for section in sections:
        _add_options(parser, titles.get(section, section), [option for option in common_options() if option.section == section])
    for vectorizer in VECTORIZERS:
        options = [option for option in vectorizer_options() if option.owner == vectorizer]
        _add_options(parser, f"vectorizer {vectorizer} (with --vectorizer {vectorizer} only)", options)


def _add_data(parser: argparse.ArgumentParser) -> None:
    pair = "Two line-aligned text files are given as one, joined by a plus sign: a.en+a.hi"
    data = parser.add_argument_group("data", f"CSV, TSV, JSON Lines (all also .gz) or Parquet. {pair}.")
    _add_files(
        data,
        "One or more files to choose from (default: none, must be given).",
        "The set to resemble (default: none, must be given).",
        "A held-out set, for reporting only (default: none; halves of validation are held out in turn).",
        required=True,
    )


def _add_files(group: Any, pool: str, validation: str, test: str, required: bool) -> None:
    group.add_argument("--pool", nargs="+", required=required, metavar="FILE", help=pool)
    group.add_argument("--validation", required=required, metavar="FILE", help=validation)
    group.add_argument("--test", metavar="FILE", help=test)


def _add_output(group: Any, required: bool) -> None:
    group.add_argument("--out", required=required, metavar="DIR", help="New folder for the export (default: none, must be given).")
    group.add_argument("--overwrite", action="store_true", help="Replace an earlier export in that folder (default: off).")
    _add_quiet(group)


def _add_quiet(group: Any) -> None:
    group.add_argument("--quiet", action="store_true", help="Show no progress and no summary (default: off).")


def _add_options(parser: argparse.ArgumentParser, title: str, options: Sequence[Option]) -> None:
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


def _select(args: argparse.Namespace) -> int:
    if args.selector is None:
        raise ParameterError(f"Choose a selector, as in '{_PROG} select craft --help', or give a recipe with --recipe.")
    return _run(_config(args), Path(args.out), args.overwrite, args.quiet)


def _config(args: argparse.Namespace) -> ExperimentConfig:
    from craft_core.config import from_record
    from craft_core.export.command import selector_options

    record = _record(args) | {"budget": args.budget, "selector": {"name": args.selector}}
    given = {option.parameter.name: vars(args)[option.flag] for option in selector_options(args.selector) if option.flag in vars(args)}
    record["selector"] |= given
    return from_record(record)


def _record(args: argparse.Namespace) -> dict[str, Any]:
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


def _replay(words: list[str]) -> int:
    from craft_core.config import from_toml
    from craft_core.errors import DataError
    from craft_core.export.inputs import beside, with_data

    parser = _Parser(prog=f"{_PROG} select")
    _add_recipe(parser)
    args, others = parser.parse_known_args(words)
    if others:
        raise ParameterError(f"With --recipe only {_WITH_RECIPE} may be given, as the recipe holds everything else. Got {others[0]}.")
    if args.out is None:
        raise ParameterError("Name a new folder for the export with --out.")
    recipe = Path(args.recipe)
    try:
        text = recipe.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"The recipe '{recipe}' cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    config = with_data(beside(from_toml(text), recipe.parent, Path()), args.pool, args.validation, args.test)
    return _run(config, Path(args.out), args.overwrite, args.quiet)


def _run(config: ExperimentConfig, out: Path, overwrite: bool, quiet: bool) -> int:
    from craft_core.experiment import open_files, run
    from craft_core.export import check_folder, export_folder, summary

    check_folder(out, overwrite)  # before the work, not after it
    files = open_files(config.data)
    with on_terminal(quiet) as progress:
        report = run(config, files, progress)
    names = export_folder(report, out, overwrite=overwrite)
    if not quiet:
        print(summary(report))
        print(f"Written:     {out}: {', '.join(names)}")
    return 0


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="The folder of an export (default: none, must be given).")
    moved = "for data that moved (default: where the manifest says)."
    _add_files(parser, f"The pool, {moved}", f"The validation set, {moved}", f"The test set, {moved}", required=False)
    _add_quiet(parser)


def _verify(args: argparse.Namespace) -> int:
    from craft_core.export import verify

    with on_terminal(args.quiet) as progress:
        found = verify(Path(args.folder), args.pool, args.validation, args.test, progress)
    for sentence in (*found.differences, *(() if args.quiet and found.ok else found.notes)):
        print(sentence)
    if found.ok and not args.quiet:
        print("Identical: every file is as it was written, and running it again gives the same.")
    return 0 if found.ok else 1


def _add_compare(parser: argparse.ArgumentParser) -> None:
    from craft_core.config import ExperimentConfig
    from craft_core.contest.options import add_options
    from craft_core.export.command import finetune_options

    _add_data(parser)
    output = parser.add_argument_group("output")
    output.add_argument("--out", required=True, metavar="DIR", help="New folder for the comparison (default: none, must be given).")
    output.add_argument("--overwrite", action="store_true", help="Replace an earlier comparison in that folder (default: off).")
    _add_quiet(output)
    add_options(parser)
    _add_options(parser, "the small model of the downstream check (with --finetune only)", finetune_options())
    run = parser.add_argument_group("run")
    seed = ExperimentConfig.__dataclass_fields__["seed"].default
    run.add_argument("--seed", type=int, default=seed, metavar="N", help="The first seed (default: %(default)s).")
    _add_stages(parser, run, ("columns", "limits", "cleaning", "clustering"))


def _compare(args: argparse.Namespace) -> int:
    from craft_core.contest.options import run

    return run(args, _record(args))


def _add_benchmark(parser: argparse.ArgumentParser) -> None:
    from craft_core.benchmark import add_options

    add_options(parser)


def _benchmark(args: argparse.Namespace) -> int:
    from craft_core.benchmark import benchmark

    return benchmark(args)


_COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "select": ("Choose pairs and write them with everything needed to do it again.", _add_select),
    "verify": ("Check an export: are its files as they were, and does running it again give the same? Exit status 0 if so.", _add_verify),
    "compare": ("Let methods choose from the same data with the same budget, and measure what they chose.", _add_compare),
    "benchmark": ("Time every stage on made-up pairs.", _add_benchmark),
}
