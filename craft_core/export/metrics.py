"""What is told of a run in numbers: the same plain values for the manifest, the data card and the command line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from craft_core.arrays import IntVector
from craft_core.config import ExperimentConfig
from craft_core.discrepancy import Energy, has_labels, label_columns, label_shares
from craft_core.experiment import Report
from craft_core.export.inputs import ROLES, input_records
from craft_core.stability import Stability

__all__ = ["counts_record", "decimals", "label_table", "metrics_record", "notes_record", "stability_words"]

_SHOWN_ABSENT = 5

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
        "stability": None if report.stability is None else _stability(report.stability, report.selection.indices),
        "label_shares": label_table(report),
    }


def notes_record(report: Report, config: ExperimentConfig | None = None) -> tuple[str, ...]:
    """Return what a person should know though it is no warning, one sentence each: columns left out, nulls read as empty, names given.

    Parameters
    ----------
    report : Report
        The run.
    config : ExperimentConfig or None
        The run's config as it is to be written: files are called as they are there; None for the run's own.
    """
    inputs, notes = input_records(report.config, report.data, config), []
    for role in (one for one in ROLES if one in report.data.reads):
        read = report.data.reads[role]
        names = {file.label: one.name for file, one in zip(read.files, (one for one in inputs if one.role == role), strict=True)}
        for note in read.notes:
            label = next((label for label in names if note.startswith(f"{label}: ")), "")
            notes.append(f"{role.capitalize()}: {names.get(label, '')}{note.removeprefix(label)}")
        if read.null_texts:
            some = "1 text was null and is" if read.null_texts == 1 else f"{read.null_texts:,} texts were null and are"
            notes.append(f"{role.capitalize()}: {some} read as empty.")
    return (*notes, *_name_notes(report))


def _name_notes(report: Report) -> Iterator[str]:
    """Say where names of clusters stand and where not."""
    names, n_clusters = report.config.cluster_names.names, report.problem.clustering.n_clusters
    if names:
        yield (
            f"Clusters with a name given by people: {len(names):,}. The recipe holds the names; the command alone chooses the same pairs "
            "but does not know them."
        )
    absent = [str(cluster) for cluster, _ in names if cluster >= n_clusters]
    if absent:
        which = ", ".join(absent[:_SHOWN_ABSENT]) + (f" and {len(absent) - _SHOWN_ABSENT:,} more" if len(absent) > _SHOWN_ABSENT else "")
        yield f"Names of clusters that are not there are kept in the recipe and shown nowhere: {which}; there are {n_clusters:,}, from 0."


def stability_words(metrics: dict[str, Any]) -> str | None:
    """Return in one sentence what stayed the same when a selection was made again; None where it was not, or could not be.

    Parameters
    ----------
    metrics : dict
        Of `metrics_record`.
    """
    found = metrics["stability"]
    if found is None or len(found["runs"]) < 2:
        return None
    (seed, own), *others = ((one["seed"], one["n_clusters"]) for one in found["runs"])
    n_seeds, varied = sum(one != seed for one, _ in others), [f"{n_clusters:,}" for _, n_clusters in others if n_clusters != own]
    how = [f"{n_seeds} further seed{'s' if n_seeds > 1 else ''}"] if n_seeds else []
    how += [f"{' and '.join(varied)} clusters instead of {own:,}"] if varied else []
    overlaps = found["jaccard"][1:]
    return (
        f"Made again with {', and with '.join(how)}, {found['chosen_again']:.1%} of the chosen pairs were chosen again on average; overlap "
        f"(pairs in both over pairs in either) {min(overlaps):.2f} to {max(overlaps):.2f}."
    )


def decimals(value: float) -> str:
    """Return a number with four decimals, or a small one with its power of ten, so that it is not shown as zero."""
    return f"{value:.4f}" if value == 0 or abs(value) >= 0.001 else f"{value:.1e}"


def label_table(report: Report) -> LabelTable:
    """Return the share of each value of every label column of the pool, the value most frequent among the chosen pairs first."""
    pool, validation = report.data.pool, report.data.validation
    table: LabelTable = {}
    known = report.pool_labels
    for name in label_columns(pool) if known is None else known:
        column = pool.columns.column(name)
        shares = {"chosen": label_shares(column, report.selection.indices)}
        shares["pool"] = label_shares(column) if known is None else dict(known[name])
        if has_labels(validation, name):
            shares["validation"] = label_shares(validation.columns.column(name))
        values = dict.fromkeys(value for one in shares.values() for value in one)
        table[name] = {value: {who: one.get(value, 0.0) for who, one in shares.items()} for value in values}
    return table


def _stability(found: Stability, chosen: IntVector) -> dict[str, Any]:
    """Return what the runs share with the first; the mean frequency counts the first run itself, "chosen_again" the others alone."""
    n_runs, n_chosen = len(found.runs), len(chosen)
    times = int(np.rint(found.frequency[chosen] * n_runs).sum())  # whole numbers, so that no rounding is left
    return {
        "runs": [{"seed": seed, "n_clusters": n_clusters} for seed, n_clusters in found.runs],
        "mean_frequency_of_the_chosen": times / (n_runs * n_chosen),
        "chosen_again": (times - n_chosen) / ((n_runs - 1) * n_chosen) if n_runs > 1 else None,
        "adjusted_rand": found.rand.tolist(),
        "jaccard": found.jaccard.tolist(),
    }


def _energy(energy: Energy | None) -> dict[str, Any] | None:
    return None if energy is None else {side: _finite(value) for side, value in asdict(energy).items()}


def _finite(value: float) -> float | str:
    return float(value) if math.isfinite(value) else str(float(value))
