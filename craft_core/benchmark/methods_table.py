"""A comparison of methods as text."""

from __future__ import annotations

import statistics

from craft_core.benchmark.cells import MISSING, count_text, line, size_text, time_text, titled, wrapped
from craft_core.benchmark.record import Contest, MethodRuns

__all__ = ["methods_table"]


def methods_table(found: Contest) -> str:
    """Return what methods took as a table, the fastest first, with ratios to CRAFT, or to the fastest where CRAFT was not run."""
    case = found.case
    order = sorted(found.methods, key=lambda name: _median(found.methods[name]))
    base = "craft" if "craft" in found.methods else order[0]
    built = " and ".join(f"{time_text(seconds)} ({stage})" for stage, seconds in found.stages.items())
    about = (
        f"{case.pairs:,} pairs, budget {case.budget:,}. Choosing alone; what was made once for all, in {built}, is not included. Memory is "
        "what choosing took beside it; what was freed before is used again."
    )
    lines = [*titled(f"Methods on the same {case.vectorizer} vectors and {case.n_clusters:,} clusters"), wrapped(about)]
    lines += [line("", ["median", f"x {base}", "pairs/s", "memory", "energy", "chosen"])]
    lines += [_row(name, found.methods[name], _median(found.methods[base]), case.pairs) for name in order]
    noise = "" if found.noise is None else f" Halves of the held-out pairs are {found.noise:.4f} apart by chance."
    energy = f"Energy: joint energy distance of the chosen to {case.validation_pairs:,} held-out pairs; lower is nearer.{noise}"
    skipped = [f"Not run: {name} {why}. Name it after --methods to run it." for name, why in found.skipped.items()]
    return "\n".join([*lines, *(wrapped(text) for text in (energy, *skipped))])


def _row(name: str, runs: MethodRuns, base: float, pairs: int) -> str:
    median = _median(runs)
    extra = MISSING if runs.extra_bytes is None else size_text(runs.extra_bytes)
    energy = MISSING if runs.energy is None else f"{runs.energy:.4f}"
    return line(name, [time_text(median), f"{median / base:.2f}", count_text(pairs / median), extra, energy, f"{runs.n_chosen:,}"])


def _median(runs: MethodRuns) -> float:
    return statistics.median(runs.seconds)
