"""A comparison as tables: one row a trial for files, and Markdown for people."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from craft_core.compare import MEASURES, Cell, Comparison, Measure, measured, overlaps, standing
from craft_core.corpus import Corpus

__all__ = ["choice_table", "markdown", "shown", "trial_table"]

_LEGEND = (
    "Mean ± standard deviation over seeds. **Bold**: best; *: within noise of the best (nearer than twice the standard error of the "
    "difference over seeds; what another test set would change is not in it)."
)


def trial_table(found: Comparison) -> pa.Table:
    """Return one row a trial: method, budget, seed, pairs chosen, and a column for every measure, null where it was not measured."""
    columns = {
        "method": [one.method for one in found.trials],
        "budget": [one.budget for one in found.trials],
        "seed": [one.seed for one in found.trials],
        "chosen": [len(one.chosen) for one in found.trials],
    }
    # from_pandas: what was not measured, nan, is written as missing
    marks = {one.name: pa.array([trial.marks[one.name] for trial in found.trials], pa.float64(), from_pandas=True) for one in MEASURES}
    return pa.table({**columns, **marks})


def choice_table(found: Comparison, pool: Corpus) -> pa.Table:
    """Return one row a chosen pair: method, budget, seed, rank from 1, and its row in the pool as given."""
    sizes = [len(one.chosen) for one in found.trials]
    repeated = np.repeat(np.arange(len(sizes)), sizes)
    chosen = np.concatenate([np.zeros(0, dtype=np.int64), *(one.chosen for one in found.trials)])
    ranks = np.concatenate([np.zeros(0, dtype=np.int64), *(np.arange(1, size + 1) for size in sizes)])
    names = pa.array([one.method for one in found.trials], pa.string()).dictionary_encode()
    return pa.table(
        {
            "method": names.take(pa.array(repeated)),
            "budget": np.array([one.budget for one in found.trials], dtype=np.int64)[repeated],
            "seed": np.array([one.seed for one in found.trials], dtype=np.int64)[repeated],
            "rank": ranks,
            "row": pool.rows[chosen],
        }
    )


def markdown(found: Comparison, baseline: dict[str, float]) -> str:
    """Return the comparison for people: a table a budget, the overlaps, what every measure means, and what the numbers rest on."""
    lines = ["# Comparison of methods", "", *_about(found, baseline), "", _LEGEND, ""]
    for budget in found.plan.budgets:
        lines += [f"## {budget:,} pairs", "", *_marks(found, budget), "", "Overlap (Jaccard) of the choices, first seed:", ""]
        lines += [*_overlap(found, budget), "", *_notes(found, budget)]
    lines += ["## What the columns mean", "", *(f"- **{one.label}** {_way(one)}: {one.help}" for one in measured(found)), ""]
    return "\n".join(lines)


def shown(measure: Measure, cell: Cell) -> str:
    """Return a number with its spread, best and ties marked."""
    if not cell.n_seeds:
        return ""
    mean = format(cell.mean, measure.form)
    spread = f" ± {format(cell.spread, measure.form)}" if cell.n_seeds > 1 else ""
    return f"**{mean}**{spread}" if cell.is_best else f"{mean}{spread}{'*' if cell.is_tied else ''}"


def _about(found: Comparison, baseline: dict[str, float]) -> list[str]:
    built = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in found.built.items())
    said = [
        (
            f"{found.n_pool:,} pool pairs, {found.n_validation:,} validation pairs, measured on {found.held_out}; seeds "
            f"{', '.join(map(str, found.plan.seeds))}. One clock for all methods; made once for all of them: {built}."
        )
    ]
    if found.mispaired:
        said += ["", f"The targets of {found.mispaired:.1%} of the pool were exchanged on purpose."]
    if baseline:
        said += [
            "",
            (
                f"Small model: before fine-tuning its test loss is {baseline['nll']:.3f} and its chrF {baseline['model_chrf']:.1f}. "
                "It is far too small to translate well; it serves to rank choices."
            ),
        ]
    return said


def _marks(found: Comparison, budget: int) -> list[str]:
    measures = measured(found)
    columns = {one.name: standing(found, one, budget) for one in measures}
    lines = ["| method | " + " | ".join(one.label for one in measures) + " |", "|:--" + "|--:" * len(measures) + "|"]
    for selector in found.plan.selectors:
        cells = [shown(one, columns[one.name][selector.name]) for one in measures]
        lines.append(f"| {selector.name} | " + " | ".join(cells) + " |")
    return lines


def _overlap(found: Comparison, budget: int) -> list[str]:
    names = [one.name for one in found.plan.selectors]
    lines = ["| | " + " | ".join(names) + " |", "|:--" + "|--:" * len(names) + "|"]
    return lines + [
        f"| {name} | " + " | ".join(f"{one:.2f}" for one in row) + " |" for name, row in zip(names, overlaps(found, budget), strict=True)
    ]


def _notes(found: Comparison, budget: int) -> list[str]:
    """Return what the methods have to say of their choices with the first seed."""
    said = [f"- {one.name}: {note}" for one in found.plan.selectors for note in found.of(one.name, budget)[0].notes]
    return [*said, ""] if said else []


def _way(measure: Measure) -> str:
    return {"low": "(lower is better)", "high": "(higher is better)"}.get(measure.better, "(neither way is better)")
