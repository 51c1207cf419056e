"""An export's folder, opened again."""

import json
from pathlib import Path

import numpy as np
import pytest

from craft_core.cluster import KMeans
from craft_core.config import Data, ExperimentConfig, Export
from craft_core.describe import ClusterNames
from craft_core.errors import DataError
from craft_core.experiment import Report, open_files, run
from craft_core.export import export_folder
from craft_core.export.opened import SHOWN_PAIRS, open_folder
from craft_core.vectorize import Tfidf

ROWS = [(f"word{i % 7} thing{i % 11} more{i}", f"wort{i % 7} ding{i % 11} mehr{i}") for i in range(80)]


def make(tmp_path: Path, export: Export | None = None) -> tuple[Report, Path]:
    for name, rows in (("pool", ROWS), ("validation", ROWS[::5])):
        lines = "".join(f"{source} {name}\t{target}\n" for source, target in rows)
        (tmp_path / f"{name}.tsv").write_text("source\ttarget\n" + lines)
    data = Data((str(tmp_path / "pool.tsv"),), str(tmp_path / "validation.tsv"))
    named = ClusterNames.of({1: 'the "second"', 7: "not there"})
    config = ExperimentConfig(
        data, budget=20, vectorizer=Tfidf(dimensions=8), clustering=KMeans(n_clusters=3), export=export or Export(), cluster_names=named
    )
    report = run(config, open_files(data))
    export_folder(report, tmp_path / "out")
    return report, tmp_path / "out"


@pytest.mark.parametrize("kind", ["parquet", "csv.gz", "tsv", "jsonl", "text"])
def test_a_folder_says_what_the_run_said(tmp_path: Path, kind: str) -> None:
    report, out = make(tmp_path, Export(kind))
    opened = open_folder(out)
    for name in ("counts", "supply", "validation_counts", "budget"):
        np.testing.assert_array_equal(getattr(opened.allocation, name), getattr(report.allocation, name))
    assert opened.words[0][0]
    assert opened.names == ClusterNames.of({1: 'the "second"'})
    assert opened.energy is not None
    assert opened.energy[0] == report.diagnostics.energy
    assert opened.energy[1] == report.diagnostics.anchors
    assert opened.counts["chosen"] == len(report.selection)
    assert opened.changed == ()
    assert opened.rows.tolist() == report.rows.tolist()
    table = opened.pairs
    assert table.column("row").to_pylist() == report.rows.tolist()
    assert table.column("source").to_pylist() == report.data.pool.take(report.selection.indices).sources.to_pylist()
    assert table.num_rows <= SHOWN_PAIRS


def test_what_was_changed_is_said(tmp_path: Path) -> None:
    _, out = make(tmp_path)
    (out / "README.md").write_text("other")
    (out / "indices.npy").unlink()
    opened = open_folder(out)
    assert sorted(opened.changed) == ["'README.md' was changed after the run wrote it.", "'indices.npy' is missing from the folder."]
    with pytest.raises(DataError, match=r"'indices\.npy' of 'out' cannot be read"):
        _ = opened.rows


def test_damage_is_named(tmp_path: Path) -> None:
    _, out = make(tmp_path)
    with pytest.raises(DataError, match=r"has no 'manifest\.json'"):
        open_folder(tmp_path)
    table = (out / "clusters.tsv").read_text()
    for damaged, told in (("", "columns are missing"), (table.replace("\t", " "), "columns are missing"), (table[:-1] + "x\n", None)):
        (out / "clusters.tsv").write_text(damaged)
        if told is not None:
            with pytest.raises(DataError, match=told):
                open_folder(out)
    lines = table.splitlines()
    lines[1] = "\t".join(["-3" if number == 4 else cell for number, cell in enumerate(lines[1].split("\t"))])
    (out / "clusters.tsv").write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match="'supply' holds something else than numbers of pairs"):
        open_folder(out)
    (out / "clusters.tsv").write_text(table)
    record = json.loads((out / "manifest.json").read_text())
    record["metrics"]["energy_distance"] = {"source": "far"}
    (out / "manifest.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match="its distances are not as they were written"):
        _ = open_folder(out).energy
    (out / "selection.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"'selection\.parquet' of 'out' cannot be read"):
        _ = open_folder(out).pairs
