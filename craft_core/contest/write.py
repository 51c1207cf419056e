"""The folder of a comparison: tables, figures and a record of what made them; written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from craft_core.compare import Comparison, measured
from craft_core.config import to_record
from craft_core.contest.job import Outcome
from craft_core.contest.tables import choice_table, markdown, trial_table
from craft_core.errors import DataError, ParameterError
from craft_core.export import beside, input_records, new_folder, platform_record, versions
from craft_core.figures import marks_figure, overlap_figure, seconds_figure
from craft_core.params import record

__all__ = ["RECORD", "check_place", "write_outcome"]

RECORD = "comparison.json"
"""The file by which the folder of a comparison is known."""


def check_place(folder: Path, overwrite: bool = False) -> None:
    """Raise ParameterError unless a comparison can be written there: a new or empty folder, or an earlier one that may be replaced."""
    if folder.exists() and not folder.is_dir():
        raise ParameterError(f"'{folder}' is a file. Choose a folder that does not exist yet.")
    if folder.is_dir() and any(folder.iterdir()):
        if not overwrite:
            raise ParameterError(
                f"The folder '{folder}' is not empty. Choose another, or give --overwrite to replace an earlier comparison."
            )
        if not (folder / RECORD).is_file():
            raise ParameterError(f"The folder '{folder}' has no {RECORD}, so it is no earlier comparison. Choose another.")


def write_outcome(outcome: Outcome, folder: Path, overwrite: bool = False) -> tuple[str, ...]:
    """Write a comparison into a new folder and return the names of its files.

    `trials.parquet` has a row a trial, `chosen.parquet` the rows of the pool every trial chose, `comparison.md` the tables for people,
    `comparison.json` what decided it all, and `figures` the charts as pages for a browser.

    Raises
    ------
    ParameterError
        If the folder holds anything else.
    DataError
        If the disk refuses.
    """
    folder = folder.resolve()
    check_place(folder, overwrite)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with new_folder(folder) as fresh:
            pq.write_table(trial_table(outcome.found), fresh / "trials.parquet", compression="zstd")
            pq.write_table(choice_table(outcome.found, outcome.data.pool), fresh / "chosen.parquet", compression="zstd")
            _write_figures(outcome.found, fresh / "figures")
            (fresh / "comparison.md").write_text(markdown(outcome.found, outcome.baseline), encoding="utf-8")
            text = json.dumps(_record(outcome, folder), indent=2, ensure_ascii=False) + "\n"
            (fresh / RECORD).write_text(text, encoding="utf-8")
            return tuple(sorted(str(path.relative_to(fresh)) for path in fresh.rglob("*") if path.is_file()))
    except OSError as error:
        raise DataError(f"The folder '{folder}' cannot be written: {error.strerror or error}. Choose another with --out.") from error


def _write_figures(found: Comparison, folder: Path) -> None:
    """Write each chart as a page of its own; they share one copy of plotly's script, so they show without a network."""
    folder.mkdir()
    charts = {one.name: (one.label, marks_figure(found, one)) for one in measured(found) if not one.name.startswith("seconds")}
    charts |= {
        f"overlap_{budget}": (f"Overlap of the choices of {budget:,} pairs", overlap_figure(found, budget)) for budget in found.plan.budgets
    }
    charts["seconds"] = ("How long the methods take", seconds_figure(found))
    for name, (title, figure) in charts.items():
        figure.update_layout(title={"text": title, "x": 0}, margin={"t": 110}, height=figure.layout.height + 120)
        figure.write_html(folder / f"{name}.html", include_plotlyjs="directory")


def _record(outcome: Outcome, folder: Path) -> dict[str, Any]:
    job, found = outcome.job, outcome.found
    written = beside(job.config, Path(), folder)
    config = to_record(written)
    for name in ("selector", "budget", "export", "stability", "cluster_names"):
        config.pop(name, None)
    return {
        "kind": "craft-comparison",
        "config": config,
        "inputs": [one.record() for one in input_records(job.config, outcome.data, written)],
        "methods": [{"name": one.name, **record(one)} for one in job.plan.selectors],
        "budgets": list(job.plan.budgets),
        "seeds": list(job.plan.seeds),
        "label": job.plan.label,
        "noise": job.noise,
        "finetune": None if job.finetune is None else record(job.finetune),
        "held_out": found.held_out,
        "pool": found.n_pool,
        "validation": found.n_validation,
        "mispaired": found.mispaired,
        "seconds": dict(found.built),
        "before_finetuning": outcome.baseline,
        "versions": versions(job.config.vectorizer.name),
        "platform": platform_record(),
    }
