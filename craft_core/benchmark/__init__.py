"""Time every stage on made-up pairs, in memory and from files, and the methods against each other; loaded when first used."""

from __future__ import annotations

import argparse

from craft_core.benchmark.made_up import made_up_pairs
from craft_core.benchmark.options import add_options

__all__ = ["add_options", "benchmark", "made_up_pairs"]


def benchmark(args: argparse.Namespace) -> int:
    """Run the benchmark, print its tables and write its numbers; return 0. See `command.benchmark`."""
    from craft_core.benchmark import command

    return command.benchmark(args)
