"""The clusters of a run as a table for people: what each is called and about, and what it gave."""

from __future__ import annotations

import pyarrow as pa

from craft_core.config import ExperimentConfig
from craft_core.describe import cluster_table, words_of
from craft_core.experiment import Report
from craft_core.export.formats import defused
from craft_core.progress import Progress, silent

__all__ = ["CLUSTERS", "clusters_text", "named_clusters"]

CLUSTERS = "clusters.tsv"

_COLUMNS = [
    "cluster",
    "name",
    "source words",
    "target words",
    "supply",
    "validation pairs",
    "validation share",
    "quota",
    "count",
    "selected share",
    "starved",
]


def clusters_text(report: Report, config: ExperimentConfig, progress: Progress = silent) -> str:
    """Return one row a cluster, tab separated; equal for equal runs.

    A field is put in quotation marks only where it holds one itself, as a name may. Shares and quotas have six decimals. Names that a
    spreadsheet would run as a formula get an apostrophe where the config asks for that.

    Parameters
    ----------
    report : Report
        The run; the words are counted where it does not have them.
    config : ExperimentConfig
        Its config as it is to be written, for the names.
    progress : Progress
        Called between blocks of texts.
    """
    data, clustering = report.data, report.problem.clustering
    words = report.words or words_of(data.pool, data.validation, clustering, report.config.seed, progress)
    table = cluster_table(report.allocation, *words)
    table["name"] = _names(config, clustering.n_clusters)
    table["validation pairs"] = report.allocation.validation_counts
    text: str = table[_COLUMNS].to_csv(sep="\t", index=False, lineterminator="\n", float_format="%.6f")
    return text


def _names(config: ExperimentConfig, n_clusters: int) -> list[str]:
    given = config.cluster_names.as_dict()
    names = pa.table({"name": pa.array([given.get(cluster, "") for cluster in range(n_clusters)], pa.large_string())})
    written: list[str] = (defused(names) if config.export.safe_for_spreadsheets else names).column("name").to_pylist()
    return written


def named_clusters(report: Report, config: ExperimentConfig) -> list[tuple[int, str]]:
    """Return the clusters that have a name, those that gave most first; names of clusters that are not there are left out."""
    counts = report.allocation.counts
    given = [one for one in config.cluster_names.names if one[0] < len(counts)]
    return sorted(given, key=lambda one: (-int(counts[one[0]]), one[0]))
