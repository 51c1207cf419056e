"""The data card: what a subset is, how it was made, and what it does not promise, for whoever finds the folder later."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from craft_core.config import ExperimentConfig, to_record
from craft_core.experiment import Report
from craft_core.export.clusters import CLUSTERS, named_clusters
from craft_core.export.inputs import input_records
from craft_core.export.metrics import counts_record, decimals, label_table, metrics_record, notes_record, stability_words

__all__ = ["card"]

_SHOWN_LABELS = 15
_SHOWN_NAMES = 30
_METRICS = {
    "kl_validation_selected": (
        "KL(p ‖ q), nats",
        "of the validation share p and the selected share q of each cluster; infinite where a cluster got nothing",
    ),
    "kl_selected_validation": ("KL(q ‖ p), nats", "the other way round"),
    "kl_of_the_covered_part": ("KL of the covered part, nats", "of the part of p that q reaches at all"),
    "total_variation": ("Total variation", "share of pairs that sit in the wrong cluster, 0 to 1"),
    "uncovered": ("Uncovered mass", "share of validation in clusters without any pool pair"),
    "shortfall": ("Shortfall, pairs", "pairs of the budget that the clusters with validation pairs could not give"),
    "clusters_below_quota": ("Clusters below quota", "clusters whose supply is smaller than their share of the budget"),
}
_ANCHORS = {"half_against_half": "half against half: noise alone", "random": "a random choice of the same size", "pool": "the whole pool"}
_SIDES = ("source", "target", "joint")

_OPENING = """\
{chosen:,} pairs of text, chosen out of {pool:,} for fine-tuning so that they resemble a validation set of {validation:,} pairs.
The method is `{selector}`, the seed {seed}. {texts}"""

_READING = """

The method `craft` is our reading of the public abstract of CRAFT (arXiv 2604.22693): the full text was not at hand, and the allocation
under limited supply, the bound and the measures are ours."""

_EXACT = "The texts are byte for byte those of the pool."
_NULLS = "The texts are byte for byte those of the pool; one that was null there is empty here."
_MARKED = "Texts that a spreadsheet would run as a formula have an apostrophe before them, which the pool's have not."

_MAKING = """\
Both sides were turned into vectors, the source vectors cut into clusters, and pairs chosen.
`recipe.toml` holds every choice; among them:"""

_LIMITS = """\
* The shares, KL and total variation are of clusters of source vectors; they say nothing about what happens inside a cluster.
* An energy distance is an estimate in the space of the vectors, to be read beside its anchors. It is no score of a fine-tuned model.
* Pairs were chosen for likeness, not checked for right translations, harmful content or personal data.
* The licence of each pair is that of the input it came from. Nothing was added to it and nothing waived."""

_REPEATING = """\
```sh
python -m craft_core verify .                                  # the files as they were? a new run the same?
python -m craft_core select --recipe recipe.toml --out again   # run it again
```

The same bytes are promised for the same versions on the same kind of machine (`manifest.json` names them). Elsewhere the last bits of
floating-point numbers may differ, and with them the order of pairs that score alike."""


def card(report: Report, config: ExperimentConfig, subset: tuple[str, ...]) -> str:
    """Return the data card as Markdown; equal for equal runs.

    Parameters
    ----------
    report : Report
        The run.
    config : ExperimentConfig
        Its config with paths relative to the folder of the card.
    subset : tuple of str
        The names of the subset's files.
    """
    parts = [
        "# Chosen pairs",
        _opening(report, config),
        "## Files",
        _files(report, subset),
        "## How it was made",
        _MAKING,
        _choices(config),
    ]
    parts += ["Made from:", _inputs(report, config), "## Counts", _counts(report), *_labels(report), *_named(report, config)]
    parts += ["## Measured", *_measured(metrics_record(report))]
    notes = notes_record(report, config)
    if notes:
        parts += ["## Notes", "\n".join(f"* {_cell(note)}" for note in notes)]
    if report.warnings:
        parts += ["## Warnings", "\n".join(f"* {_cell(warning)}" for warning in report.warnings)]
    parts += ["## What this does not promise", _LIMITS, "## Verify and repeat", _REPEATING]
    return "\n\n".join(parts) + "\n"


def _opening(report: Report, config: ExperimentConfig) -> str:
    marked = config.export.safe_for_spreadsheets and config.export.format.split(".")[0] in ("csv", "tsv")
    opening = _OPENING if config.selector.name != "craft" else _OPENING + _READING
    return opening.format(
        chosen=len(report.selection),
        pool=report.data.cleanings["pool"].n_out,
        validation=len(report.data.validation),
        selector=config.selector.name,
        seed=config.seed,
        texts=_MARKED if marked else _NULLS if report.data.reads["pool"].null_texts else _EXACT,
    )


def _files(report: Report, subset: tuple[str, ...]) -> str:
    again = "" if report.stability is None else ", frequency (share of the runs that chose it)"
    rows = [(f"`{name}`", "the chosen pairs, best first, one a row") for name in subset]
    rows += [
        (
            "`selection.parquet`",
            f"for each of them: rank, row of the pool as given (from 0, before cleaning), id, cluster, score, weight{again}",
        ),
        (
            f"`{CLUSTERS}`",
            "for each cluster: name, words that tell it from the others, supply, share of validation, quota, count, share chosen",
        ),
        ("`indices.npy`", "the same rows as a NumPy array of 64-bit integers"),
        ("`recipe.toml`", "every choice that decides the result"),
        ("`manifest.json`", "sha256 of inputs and outputs, counts, measures, warnings, notes, versions, seconds"),
    ]
    return _table(("File", "What it is"), rows)


def _choices(config: ExperimentConfig) -> str:
    written = to_record(config)
    steps = ("cleaning", "vectorizer", "clustering", "selector")
    return _table(("Step", "Choice"), [(step, f"`{json.dumps(written[step], ensure_ascii=False)}`") for step in steps])


def _inputs(report: Report, config: ExperimentConfig) -> str:
    rows = [(one.role, one.name, f"{one.bytes:,}", f"`{one.sha256}`") for one in input_records(report.config, report.data, config)]
    return _table(("Role", "File", "Bytes", "sha256"), rows)


def _counts(report: Report) -> str:
    rows = []
    for role, count in counts_record(report).items():
        if isinstance(count, dict):
            rows.append((f"{role}: read", f"{count['read']:,}"))
            rows += [(f"{role}: dropped, {reason}", f"{n:,}") for reason, n in count["dropped"].items() if n]
            rows += [(f"{role}: kept though {reason}", f"{n:,}") for reason, n in count["found_but_kept"].items() if n]
            rows.append((f"{role}: used", f"{count['used']:,}"))
        else:
            rows.append((role, f"{count:,}"))
    return _table(("What", "Pairs"), rows)


def _labels(report: Report) -> list[str]:
    parts = []
    for name, values in label_table(report).items():
        who = list(next(iter(values.values())))
        shown = list(values.items())[:_SHOWN_LABELS]
        left = len(values) - len(shown)
        parts.append(f"Share of each `{_cell(name)}`" + (f" ({left:,} more values stand in `manifest.json`):" if left else ":"))
        parts.append(_table((name, *who), [(value or "(empty)", *(f"{shares[one]:.1%}" for one in who)) for value, shares in shown]))
    return ["## Labels", *parts] if parts else []


def _named(report: Report, config: ExperimentConfig) -> list[str]:
    named, allocation = named_clusters(report, config), report.allocation
    if not named:
        return []
    shown = named[:_SHOWN_NAMES]
    left = len(named) - len(shown)
    rows = [
        (f"{c}", name, f"{allocation.validation_counts[c]:,}", f"{allocation.supply[c]:,}", f"{allocation.counts[c]:,}")
        for c, name in shown
    ]
    told = "Clusters that people gave a name to, by pairs chosen" + (f" ({left:,} more stand in `{CLUSTERS}`):" if left else ":")
    return ["## Named clusters", told, _table(("Cluster", "Name", "Validation pairs", "Pool pairs", "Chosen"), rows)]


def _measured(metrics: dict[str, Any]) -> list[str]:
    rows = [(words, _number(metrics[key]), meaning) for key, (words, meaning) in _METRICS.items()]
    shown = [_table(("Measure", "Value", "What it is"), rows)]
    again = stability_words(metrics)
    shown += [] if again is None else [again]
    if metrics["energy_distance"] is None:
        return [*shown, "There were too few held-out pairs to measure a distance."]
    found = {"the chosen pairs": metrics["energy_distance"]} | {words: metrics["anchors"][name] for name, words in _ANCHORS.items()}
    shown.append(
        f"Energy distance, 2 E‖X-Y‖ - E‖X-X'‖ - E‖Y-Y'‖ of unit vectors, to {metrics['held_out']}; smaller is nearer, and near zero the "
        "estimate may be negative:"
    )
    shown.append(_table(("Of", *_SIDES), [(who, *(_number(one[side]) for side in _SIDES)) for who, one in found.items()]))
    return shown


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return "infinite" if value == "inf" else value
    return f"{value:,}" if isinstance(value, int) else decimals(value)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    """Keep a value from outside from breaking out of its cell or its line."""
    flat = " ".join(text.split())[:400]
    return flat.replace("|", "\\|").replace("<", "&lt;")
