"""What is told of a run in numbers: the same plain values for the manifest, the data card and the command line."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from craft_core.config import ExperimentConfig
from craft_core.discrepancy import Energy, has_labels, label_columns, label_shares
from craft_core.experiment import Report
from craft_core.export.inputs import ROLES, input_records

__all__ = ["counts_record", "decimals", "label_table", "metrics_record", "notes_record"]

LabelTable = dict[str, dict[str, dict[str, float]]]
"""By label column, then by value: the value's share among "chosen", "pool" and, where it has the column, "validation"."""


def counts_record(report: Report) -> dict[str, Any]:
    """Return pairs read, dropped by each rule, found but kept, and used, for every role; and pairs chosen."""
    counts: dict[str, Any] = {}
    for role in (one for one in ROLES if one in report.data.cleanings):
        cleaning = report.data.cleanings[role]
        counts[role] = {
            "read": cleaning.n_in,
            "dropped": {one.reason: one.count for one in cleaning.found if one.applied},
            "found_but_kept": {one.reason: one.count for one in cleaning.found if not one.applied},
            "used": cleaning.n_out,
        }
    return counts | {"budget": report.config.budget, "chosen": len(report.selection)}


def metrics_record(report: Report) -> dict[str, Any]:
    """Return every number that says how good a selection is; infinite ones as the text "inf", as JSON knows none."""
    found, allocation = report.diagnostics, report.allocation
    anchors = found.anchors
    return {
        "kl_validation_selected": _finite(found.kl),
        "kl_selected_validation": _finite(found.reverse_kl),
        "kl_of_the_covered_part": _finite(found.covered_kl),
        "total_variation": _finite(found.total_variation),
        "uncovered": _finite(allocation.uncovered),
        "shortfall": allocation.shortfall,
        "clusters_below_quota": int(allocation.starved.sum()),
        "held_out": found.held_out,
        "energy_distance": _energy(found.energy),
        "anchors": None if anchors is None else {name: _energy(getattr(anchors, name)) for name in ("half_against_half", "random", "pool")},
        "label_shares": label_table(report),
    }


def notes_record(report: Report, config: ExperimentConfig | None = None) -> tuple[str, ...]:
    """Return what the reader decided that a person should know: columns left out, nulls read as empty; one sentence each.

    Parameters
    ----------
    report : Report
        The run.
    config : ExperimentConfig or None
        The run's config as it is to be written: files are called as they are there; None for the run's own.
    """
    inputs, notes = input_records(report, config), []
    for role in (one for one in ROLES if one in report.data.reads):
        read = report.data.reads[role]
        names = {file.label: one.name for file, one in zip(read.files, (one for one in inputs if one.role == role), strict=True)}
        for note in read.notes:
            label = next((label for label in names if note.startswith(f"{label}: ")), "")
            notes.append(f"{role.capitalize()}: {names.get(label, '')}{note.removeprefix(label)}")
        if read.null_texts:
            some = "1 text was null and is" if read.null_texts == 1 else f"{read.null_texts:,} texts were null and are"
            notes.append(f"{role.capitalize()}: {some} read as empty.")
    return tuple(notes)


def decimals(value: float) -> str:
    """Return a number with four decimals, or a small one with its power of ten, so that it is not shown as zero."""
    return f"{value:.4f}" if value == 0 or abs(value) >= 0.001 else f"{value:.1e}"


def label_table(report: Report) -> LabelTable:
    """Return the share of each value of every label column of the pool, the value most frequent among the chosen pairs first."""
    pool, validation = report.data.pool, report.data.validation
    table: LabelTable = {}
    for name in label_columns(pool):
        column = pool.columns.column(name)
        shares = {"chosen": label_shares(column, report.selection.indices), "pool": label_shares(column)}
        if has_labels(validation, name):
            shares["validation"] = label_shares(validation.columns.column(name))
        values = dict.fromkeys(value for one in shares.values() for value in one)
        table[name] = {value: {who: one.get(value, 0.0) for who, one in shares.items()} for value in values}
    return table


def _energy(energy: Energy | None) -> dict[str, Any] | None:
    return None if energy is None else {side: _finite(value) for side, value in asdict(energy).items()}


def _finite(value: float) -> float | str:
    return float(value) if math.isfinite(value) else str(float(value))
