"""The comparison on the command line: its options, and the job they make."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from craft_core.compare import Plan
from craft_core.config import ExperimentConfig, from_record
from craft_core.contest.job import Job, run_job
from craft_core.contest.tables import markdown
from craft_core.contest.write import check_place, write_outcome
from craft_core.errors import ParameterError
from craft_core.export.command import finetune_options
from craft_core.finetune import FineTuning
from craft_core.params import build, parameters
from craft_core.problem import Selector
from craft_core.progress import on_terminal
from craft_core.selectors import SELECTORS, find_selector

__all__ = ["add_options", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options that only a comparison has."""
    what = parser.add_argument_group("what is compared")
    names = " ".join(SELECTORS)
    what.add_argument(
        "--methods", nargs="+", choices=SELECTORS, default=[*SELECTORS], metavar="METHOD", help=f"Methods (default: all): {names}."
    )
    text = "A parameter of a method that is not its default, as tsds.sigma=0; may be given several times (default: none)."
    what.add_argument("--set", action="append", default=[], metavar="METHOD.PARAMETER=VALUE", help=text)
    what.add_argument("--budgets", nargs="+", type=int, default=[2_000], metavar="N", help="Pairs to choose, one or more (default: 2000).")
    text = "How many seeds: of the clusters and of random choices (default: 3)."
    what.add_argument("--seeds", type=int, default=3, metavar="N", help=text)
    text = "Share of the pool's pairs that exchange targets before anything is chosen (default: 0)."
    what.add_argument("--noise", type=float, default=0.0, metavar="SHARE", help=text)
    text = "A column of labels to compare the choices by; targets are exchanged within a label. No method sees it (default: none)."
    what.add_argument("--label-column", metavar="NAME", help=text)
    check = parser.add_argument_group("downstream check")
    text = "Also fine-tune one small model on every choice; minutes each (default: off)."
    check.add_argument("--finetune", action="store_true", help=text)
    text = "Where models and finished fine-tunings are kept, so that a broken comparison goes on (default: DIR of --out, with '.finetune')."
    check.add_argument("--finetune-folder", metavar="DIR", help=text)


def run(args: argparse.Namespace, record: dict[str, Any]) -> int:
    """Run a comparison, write it and print its tables; return 0.

    Parameters
    ----------
    args : argparse.Namespace
        From the options.
    record : dict
        The part of the config that other options made: data, cleaning, vectorizer and clusters.
    """
    config = from_record(record)
    job = Job(config, _plan(args, config), args.noise, _finetune(args))
    out = Path(args.out)
    check_place(out, args.overwrite)  # before the work, not after it
    folder = None
    if job.finetune is not None:
        folder = Path(args.finetune_folder) if args.finetune_folder else out.with_name(f"{out.name}.finetune")
    with on_terminal(args.quiet) as progress:
        outcome = run_job(job, folder, progress)
    names = write_outcome(outcome, out, args.overwrite)
    if not args.quiet:
        print(markdown(outcome.found, outcome.baseline))
        print(f"Written: {out}: {', '.join(names)}")
    return 0


def _plan(args: argparse.Namespace, config: ExperimentConfig) -> Plan:
    if args.seeds < 1:
        raise ParameterError(f"A comparison needs --seeds of at least 1. Got {args.seeds}.")
    seeds = tuple(range(config.seed, config.seed + args.seeds))
    return Plan(_methods(args.methods, args.set), tuple(sorted(args.budgets)), seeds, args.label_column)


def _methods(names: Sequence[str], settings: Sequence[str]) -> tuple[Selector, ...]:
    values: dict[str, dict[str, Any]] = {name: {} for name in names}
    for one in settings:
        owner, dot, rest = one.partition(".")
        parameter, equals, value = rest.partition("=")
        if not (dot and equals and parameter):
            raise ParameterError(f"--set takes METHOD.PARAMETER=VALUE, as in tsds.sigma=0. Got '{one}'.")
        if owner not in values:
            raise ParameterError(f"--set names '{owner}', which is not compared. Compared are: {', '.join(names)}.")
        values[owner][parameter.replace("-", "_")] = value
    return tuple(build(find_selector(name), _read(name, given), name) for name, given in values.items())


def _read(name: str, given: dict[str, str]) -> dict[str, Any]:
    """Turn texts into the kinds their parameters have; what cannot be turned is left for the check to refuse."""
    known = {one.name: one for one in parameters(find_selector(name))}
    return {key: _value(known[key].kind, text) if key in known else text for key, text in given.items()}


def _value(kind: type, text: str) -> Any:
    if kind is bool:
        return {"true": True, "on": True, "false": False, "off": False}.get(text.lower(), text)
    try:
        return None if text == "none" else kind(text)
    except ValueError:
        return text


def _finetune(args: argparse.Namespace) -> FineTuning | None:
    given = {option.parameter.name: vars(args)[option.flag] for option in finetune_options() if option.flag in vars(args)}
    if given and not args.finetune:
        raise ParameterError(f"--finetune-{next(iter(given)).replace('_', '-')} does something only together with --finetune.")
    return build(FineTuning, given, "finetune") if args.finetune else None
