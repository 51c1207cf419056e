"""The same stages without a browser: select, verify, compare, benchmark."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from craft_core.cli_options import (
    add_data,
    add_files,
    add_output,
    add_parameters,
    add_quiet,
    add_stages,
    add_streaming,
    stages_record,
    streaming_of,
)
from craft_core.cli_select import choose, choose_and_write
from craft_core.errors import CraftError, ParameterError
from craft_core.progress import Progress, on_terminal
from craft_core.workers import prepare_workers

if TYPE_CHECKING:
    from craft_core.config import ExperimentConfig
    from craft_core.experiment import Report
    from craft_core.files import Files

__all__ = ["main", "make_parser"]

_CLOSED_PIPE = 128 + 13  # what a shell reports of a program that SIGPIPE ended
_PROG = "python -m craft_core"
_WITH_RECIPE = "--out, --overwrite, --quiet, --pool, --validation, --test, --memory, --workers, --engine and --work"


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
        kept = "Out of core, what was finished is kept, and the same command goes on there."
        print(f"Interrupted; no results were written. {kept}", file=sys.stderr)
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
    if command == "select" and any(word == "--memory" or word.startswith("--memory=") for word in words):
        prepare_workers()  # they load what they need while this process does
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
    add_files(group, f"The pool, {moved}", f"The validation set, {moved}", f"The test set, {moved}", required=False)
    add_output(group, required=False)
    add_streaming(parser)


def _add_selector(parser: argparse.ArgumentParser, name: str) -> None:
    from craft_core.config import ExperimentConfig
    from craft_core.export.command import selector_options

    add_data(parser)
    add_output(parser.add_argument_group("output"), required=True)
    run = parser.add_argument_group("run")
    defaults = {one: ExperimentConfig.__dataclass_fields__[one].default for one in ("budget", "seed")}
    run.add_argument("--budget", type=int, default=defaults["budget"], metavar="N", help="Pairs to choose (default: %(default)s).")
    run.add_argument("--seed", type=int, default=defaults["seed"], metavar="N", help="Of everything random (default: %(default)s).")
    add_streaming(parser)
    add_stages(parser, run, ("columns", "limits", "cleaning", "clustering", "stability", "export"))
    add_parameters(parser, f"selector {name}", selector_options(name))


def _select(args: argparse.Namespace) -> int:
    if args.selector is None:
        raise ParameterError(f"Choose a selector, as in '{_PROG} select craft --help', or give a recipe with --recipe.")
    return choose_and_write(_config(args), Path(args.out), args.overwrite, args.quiet, streaming_of(args))


def _config(args: argparse.Namespace) -> ExperimentConfig:
    from craft_core.config import from_record
    from craft_core.export.command import selector_options

    record = stages_record(args) | {"budget": args.budget, "selector": {"name": args.selector}}
    given = {option.parameter.name: vars(args)[option.flag] for option in selector_options(args.selector) if option.flag in vars(args)}
    record["selector"] |= given
    return from_record(record)


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
    return choose_and_write(config, Path(args.out), args.overwrite, args.quiet, streaming_of(args))


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="The folder of an export (default: none, must be given).")
    moved = "for data that moved (default: where the manifest says)."
    add_files(parser, f"The pool, {moved}", f"The validation set, {moved}", f"The test set, {moved}", required=False)
    add_quiet(parser)
    add_streaming(parser)


def _verify(args: argparse.Namespace) -> int:
    from craft_core.export import verify

    folder = Path(args.folder)
    with on_terminal(args.quiet) as progress, ExitStack() as done:

        def again(config: ExperimentConfig, files: Files, progress: Progress) -> Report:
            return done.enter_context(choose(config, files, streaming_of(args), folder, progress))

        found = verify(folder, args.pool, args.validation, args.test, progress, again)
    for sentence in (*found.differences, *(() if args.quiet and found.ok else found.notes)):
        print(sentence)
    if found.ok and not args.quiet:
        print("Identical: every file is as it was written, and running it again gives the same.")
    return 0 if found.ok else 1


def _add_compare(parser: argparse.ArgumentParser) -> None:
    from craft_core.config import ExperimentConfig
    from craft_core.contest.options import add_options
    from craft_core.export.command import finetune_options

    add_data(parser)
    output = parser.add_argument_group("output")
    output.add_argument("--out", required=True, metavar="DIR", help="New folder for the comparison (default: none, must be given).")
    output.add_argument("--overwrite", action="store_true", help="Replace an earlier comparison in that folder (default: off).")
    add_quiet(output)
    add_options(parser)
    add_parameters(parser, "the small model of the downstream check (with --finetune only)", finetune_options())
    run = parser.add_argument_group("run")
    seed = ExperimentConfig.__dataclass_fields__["seed"].default
    run.add_argument("--seed", type=int, default=seed, metavar="N", help="The first seed (default: %(default)s).")
    add_stages(parser, run, ("columns", "limits", "cleaning", "clustering"))


def _compare(args: argparse.Namespace) -> int:
    from craft_core.contest.options import run

    return run(args, stages_record(args))


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
