"""A finished run in a few lines for a terminal."""

from __future__ import annotations

from typing import Any

from craft_core.experiment import Report
from craft_core.export.metrics import counts_record, decimals, label_table, metrics_record, notes_record, stability_words

__all__ = ["summary"]

_SHOWN_LABELS = 10


def summary(report: Report) -> str:
    """Return what a person wants to see after a run: counts, shares, distances, seconds, notes, warnings."""
    metrics = metrics_record(report)
    lines = [*_counts(counts_record(report)), *_shares(report)]
    lines.append(
        f"Clusters:    KL(validation || selected) {_number(metrics['kl_validation_selected'])}, KL(selected || validation) "
        f"{_number(metrics['kl_selected_validation'])}, total variation {_number(metrics['total_variation'])}, "
        f"uncovered {metrics['uncovered']:.1%}, shortfall {metrics['shortfall']:,}"
    )
    lines += _energies(metrics)
    again = stability_words(metrics)
    lines += [] if again is None else [f"Stability:   {again}"]
    seconds = ", ".join(f"{stage} {taken:.1f}" for stage, taken in report.seconds.items())
    lines.append(f"Seconds:     {seconds}; together {sum(report.seconds.values()):.1f}")
    lines += [f"Note:        {note}" for note in notes_record(report)]
    return "\n".join([*lines, *(f"Warning:     {warning}" for warning in report.warnings)])


def _counts(counts: dict[str, Any]) -> list[str]:
    lines = []
    for role in ("pool", "validation", "test"):
        if role in counts:
            dropped = [f"{reason}: {n:,}" for reason, n in counts[role]["dropped"].items() if n]
            why = f"; dropped because {'; '.join(dropped)}" if dropped else ""
            lines.append(f"{role.capitalize() + ':':<13}{counts[role]['read']:,} pairs read, {counts[role]['used']:,} used{why}")
    return [*lines, f"Chosen:      {counts['chosen']:,} of a budget of {counts['budget']:,}"]


def _shares(report: Report) -> list[str]:
    lines = []
    for name, values in label_table(report).items():
        who = list(next(iter(values.values())))
        lines.append(f"{name[:32]:<34}" + "".join(f"{one:>12}" for one in who))
        for value, shares in list(values.items())[:_SHOWN_LABELS]:
            shown = " ".join(value.split())[:30] or "(empty)"
            lines.append(f"  {shown:<32}" + "".join(f"{shares[one]:>12.1%}" for one in who))
        if len(values) > _SHOWN_LABELS:
            lines.append(f"  and {len(values) - _SHOWN_LABELS:,} more")
    return lines


def _energies(metrics: dict[str, Any]) -> list[str]:
    if metrics["energy_distance"] is None:
        return []
    found = {"chosen": metrics["energy_distance"]} | {name.replace("_", " "): one for name, one in metrics["anchors"].items()}
    lines = [f"Energy distance to {metrics['held_out']}", f"{'':<20}" + "".join(f"{side:>10}" for side in ("source", "target", "joint"))]
    for who, one in found.items():
        lines.append(f"  {who:<18}" + "".join(f"{_number(one[side]):>10}" for side in ("source", "target", "joint")))
    return lines


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return "infinite" if value == "inf" else value
    return decimals(value)
