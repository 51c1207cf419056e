import csv
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pyarrow.parquet
import pytest
from toy_data import rows, write_tsv, write_world

from craft_core.cluster import KMeans
from craft_core.config import Data, ExperimentConfig, Export, from_toml
from craft_core.corpus import uploaded
from craft_core.describe import ClusterNames, words_of
from craft_core.errors import DataError, ParameterError
from craft_core.experiment import Files, Report, open_files, run
from craft_core.export import (
    InputRecord,
    beside,
    bundle,
    by_name,
    command_line,
    compare_inputs,
    export_folder,
    input_records,
    label_table,
    metrics_record,
    python_snippet,
    read_manifest,
    subset_bytes,
    summary,
    verify,
    verify_against,
)
from craft_core.selectors import Random
from craft_core.stability import Repeats
from craft_core.vectorize import Precomputed, Tfidf

ROOT = Path(__file__).parent.parent
CHOICES = {"budget": 60, "vectorizer": Tfidf(dimensions=16), "clustering": KMeans(n_clusters=4)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home") / "data"
    write_world(folder)
    return folder


@pytest.fixture(scope="module")
def report(home: Path) -> Report:
    config = ExperimentConfig(Data((str(home / "pool.tsv"),), str(home / "validation.tsv"), str(home / "test.tsv")), **CHOICES)
    return run(config, open_files(config.data))


@pytest.fixture
def out(report: Report, home: Path, tmp_path: Path) -> Path:
    """An export with a copy of its inputs beside it, so that a test may change both."""
    shutil.copytree(home, tmp_path / "data")
    moved = replace(report, config=replace(report.config, data=Data(("data/pool.tsv",), "data/validation.tsv", "data/test.tsv")))
    export_folder(moved, tmp_path / "out", here=tmp_path)
    return tmp_path / "out"


def test_the_folder_holds_what_was_chosen(out: Path, report: Report) -> None:
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md",
        "clusters.tsv",
        "indices.npy",
        "manifest.json",
        "recipe.toml",
        "selection.parquet",
        "subset.parquet",
    ]
    indices = np.load(out / "indices.npy")
    assert indices.dtype == np.int64
    assert (indices == report.rows).all()
    subset, pool = pyarrow.parquet.read_table(out / "subset.parquet"), rows(400, ("stars", "bread"), 1, "p")
    assert [tuple(row.values()) for row in subset.to_pylist()] == [pool[row] for row in indices]
    assert subset.column_names == ["id", "source", "target", "topic"]
    selection = pyarrow.parquet.read_table(out / "selection.parquet")
    assert selection.column_names == ["rank", "row", "id", "cluster", "score", "weight"]
    assert selection.column("rank").to_pylist() == list(range(1, 61))
    assert selection.column("id").to_pylist() == subset.column("id").to_pylist()
    assert not list(out.parent.glob(".*"))


def test_the_manifest_says_what_went_in_and_came_out(out: Path, report: Report) -> None:
    record = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert [(one["role"], one["name"], one["path"]) for one in record["inputs"]] == [
        ("pool", "pool.tsv", "../data/pool.tsv"),
        ("validation", "validation.tsv", "../data/validation.tsv"),
        ("test", "test.tsv", "../data/test.tsv"),
    ]
    assert record["counts"]["pool"]["read"] == 400
    assert record["counts"]["chosen"] == 60
    assert sum(one["chosen"] for one in record["metrics"]["label_shares"]["topic"].values()) == pytest.approx(1)
    assert record["metrics"]["anchors"]["random"]["joint"] == report.diagnostics.anchors.random.joint
    assert {"craft", "python", "numpy", "faiss-cpu", "pyarrow"} <= set(record["versions"])
    assert set(record["seconds"]) == {"load", "vectorize", "cluster", "select", "measure"}
    assert record["command"].startswith("python -m craft_core select craft --pool ../data/pool.tsv --validation")


def test_an_infinite_number_is_written_as_text(home: Path, tmp_path: Path) -> None:
    data = Data((str(home / "pool.tsv"),), str(home / "validation.tsv"))
    config = ExperimentConfig(data, **(CHOICES | {"budget": 2, "selector": Random(), "clustering": KMeans(n_clusters=20)}))
    export_folder(run(config, open_files(data)), tmp_path / "out")
    text = (tmp_path / "out" / "manifest.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=pytest.fail)["metrics"]["kl_validation_selected"] == "inf"
    assert "| KL(p ‖ q), nats | infinite |" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_two_exports_differ_in_seconds_and_date_only(report: Report, tmp_path: Path) -> None:
    for name in ("one", "other"):
        export_folder(replace(report, seconds={"load": 1.0 if name == "one" else 2.0}), tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        if path.name != "manifest.json":
            assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes(), path.name
    one, other = (json.loads((tmp_path / name / "manifest.json").read_bytes()) for name in ("one", "other"))
    assert {key for key in one if one[key] != other[key]} <= {"seconds", "created"}


def test_the_card_speaks_of_this_run(out: Path) -> None:
    card = (out / "README.md").read_text(encoding="utf-8")
    for words in (
        "60 pairs of text, chosen out of 400",
        "our reading of the public abstract",
        "| stars | 100.0% | 50.0% | 100.0% |",
        "licence",
    ):
        assert words in card


def test_values_from_outside_stay_in_their_cell(report: Report, tmp_path: Path) -> None:
    named = replace(report, config=replace(report.config, data=Data(("a|b<script>.tsv",), "v", "t")))
    export_folder(named, tmp_path / "out")
    assert "a\\|b&lt;script>.tsv" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_verify_finds_nothing_when_nothing_changed(out: Path) -> None:
    found = verify(out)
    assert (found.differences, found.notes) == ((), ())
    assert found.ok


@pytest.fixture(scope="module")
def repeated(report: Report) -> Report:
    config = replace(report.config, stability=Repeats(2, vary_clusters=True))
    return run(config, open_files(config.data))


def test_what_stayed_the_same_is_written(repeated: Report, tmp_path: Path) -> None:
    export_folder(repeated, tmp_path / "out")
    selection = pyarrow.parquet.read_table(tmp_path / "out" / "selection.parquet")
    assert selection.column_names[-1] == "frequency"
    assert str(selection.schema.field("frequency").type) == "float"
    frequency = selection.column("frequency").to_numpy()
    assert (frequency == repeated.stability.frequency[repeated.selection.indices]).all()
    assert set(np.rint(frequency * 5)) <= {1, 2, 3, 4, 5}
    assert verify(tmp_path / "out").differences == ()
    text = (tmp_path / "out" / "manifest.json").read_bytes()
    found = json.loads(text)["metrics"]["stability"]
    assert [(one["seed"], one["n_clusters"]) for one in found["runs"]] == [(0, 4), (1, 4), (2, 4), (0, 3), (0, 6)]
    assert found["mean_frequency_of_the_chosen"] == pytest.approx(frequency.mean())
    assert found["chosen_again"] == pytest.approx((frequency.mean() * 5 - 1) / 4)
    assert len(found["adjusted_rand"]) == len(found["jaccard"]) == 5
    assert verify_against(repeated, read_manifest(text)).ok


def test_the_card_and_the_summary_say_what_stayed_the_same(report: Report, repeated: Report, tmp_path: Path) -> None:
    export_folder(repeated, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    again = metrics_record(repeated)["stability"]["chosen_again"]
    words = f"Made again with 2 further seeds, and with 3 and 6 clusters instead of 4, {again:.1%} of the chosen pairs were chosen again"
    assert words in card
    assert f"Stability:   {words}" in summary(repeated)
    assert "weight, frequency (share of the runs that chose it)" in card
    assert metrics_record(report)["stability"] is None
    assert "Stability" not in summary(report)


def test_a_run_that_is_not_made_again_differs_from_a_manifest_that_is(report: Report, repeated: Report, tmp_path: Path) -> None:
    export_folder(repeated, tmp_path / "out")
    found = verify_against(report, read_manifest((tmp_path / "out" / "manifest.json").read_bytes()))
    assert found.differences[0].startswith("The stability of this run, Repeats(n_seeds=0, vary_clusters=False), is not the manifest's")


def test_a_manifest_from_before_stability_is_read(out: Path) -> None:
    edited(out, lambda record: record["config"].pop("stability"))
    assert read_manifest((out / "manifest.json").read_bytes()).config.stability == Repeats()


def named(report: Report, names: dict[int, str], **export: object) -> Report:
    config = replace(report.config, cluster_names=ClusterNames.of(names), export=Export(**export))
    return replace(report, config=config)


def table_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "clusters.tsv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def test_the_clusters_are_told_one_a_row(out: Path, report: Report) -> None:
    head, *lines = (out / "clusters.tsv").read_text(encoding="utf-8").splitlines()
    assert head == (
        "cluster\tname\tsource words\ttarget words\tsupply\tvalidation pairs\tvalidation share\tquota\tcount\tselected share\tstarved"
    )
    assert all(line.count("\t") == 10 for line in lines)
    table, allocation = table_of(out), report.allocation
    words = words_of(report.data.pool, report.data.validation, report.problem.clustering)
    assert [row["cluster"] for row in table] == ["0", "1", "2", "3"]
    assert [row["target words"] for row in table] == [" ".join(one) for one in words[1]]
    assert [int(row["supply"]) for row in table] == allocation.supply.tolist()
    assert [int(row["validation pairs"]) for row in table] == allocation.validation_counts.tolist()
    assert sum(int(row["validation pairs"]) for row in table) == 60
    assert [int(row["count"]) for row in table] == allocation.counts.tolist()
    assert [float(row["validation share"]) for row in table] == pytest.approx(allocation.validation_share.tolist(), abs=1e-6)
    assert [row["starved"] for row in table] == [str(bool(one)) for one in allocation.starved]
    assert {row["name"] for row in table} == {""}


def test_names_of_clusters_are_exported_and_decide_nothing(report: Report, home: Path, tmp_path: Path) -> None:
    names = {0: 'The "sky" — बच्चों 👩‍⚕️', 2: "=1+1 | <b>"}
    given = named(report, names)
    export_folder(report, tmp_path / "plain")
    export_folder(given, tmp_path / "named")
    for name in ("subset.parquet", "selection.parquet", "indices.npy"):
        assert (tmp_path / "named" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
    assert [row["name"] for row in table_of(tmp_path / "named")] == [names[0], "", names[2], ""]
    assert pandas.read_csv(tmp_path / "named" / "clusters.tsv", sep="\t", keep_default_na=False)["name"].tolist()[0] == names[0]
    manifest = read_manifest((tmp_path / "named" / "manifest.json").read_bytes())
    assert manifest.config.cluster_names.as_dict() == names
    assert "clusters.tsv" in manifest.outputs
    assert from_toml((tmp_path / "named" / "recipe.toml").read_text(encoding="utf-8")).cluster_names.as_dict() == names
    found = verify(tmp_path / "named")
    assert (found.differences, found.notes) == ((), ())
    assert verify_against(given, manifest).ok
    assert verify_against(report, manifest).differences[0].startswith("The cluster names of this run, ClusterNames(names=())")


def test_words_that_are_counted_already_are_not_counted_again(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    words = words_of(report.data.pool, report.data.validation, report.problem.clustering, report.config.seed)
    plain = bundle(report)
    monkeypatch.setattr("craft_core.export.clusters.words_of", None)
    assert members(bundle(replace(report, words=words))) == members(plain)


def members(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name != "manifest.json"}


def test_an_export_tells_how_far_it_is_and_can_be_stopped(report: Report, tmp_path: Path) -> None:
    def stop(share: float, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_folder(report, tmp_path / "out", progress=stop)
    with pytest.raises(KeyboardInterrupt):
        bundle(report, stop)
    assert not list(tmp_path.iterdir())


def test_a_name_that_a_spreadsheet_would_run_gets_an_apostrophe_on_request(report: Report, tmp_path: Path) -> None:
    export_folder(named(report, {1: "=1+1", 2: "a=b"}, safe_for_spreadsheets=True), tmp_path / "out")
    assert [row["name"] for row in table_of(tmp_path / "out")] == ["", "'=1+1", "a=b", ""]


def test_the_card_lists_named_clusters_by_what_they_gave(report: Report, tmp_path: Path) -> None:
    export_folder(named(report, dict.fromkeys(range(4), "One | <b> of four") | {4: "Not there"}), tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    section = card.split("## Named clusters")[1].split("\n## ")[0].strip().splitlines()
    assert section[2] == "| Cluster | Name | Validation pairs | Pool pairs | Chosen |"
    rows = [[cell.strip() for cell in line.replace("\\|", "").split("|")[1:-1]] for line in section[4:]]
    counts = report.allocation.counts
    assert [int(row[0]) for row in rows] == sorted(range(4), key=lambda c: (-counts[c], c))
    assert [int(row[4]) for row in rows] == sorted(counts.tolist(), reverse=True)
    assert {row[1] for row in rows} == {"One  &lt;b> of four"}
    assert "Not there" not in card
    export_folder(report, tmp_path / "plain")
    assert "Named clusters" not in (tmp_path / "plain" / "README.md").read_text(encoding="utf-8")


def test_a_long_list_of_names_is_cut_in_the_card(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("craft_core.export.data_card._SHOWN_NAMES", 3)
    export_folder(named(report, dict.fromkeys(range(4), "Sky")), tmp_path / "out")
    assert "by pairs chosen (1 more stand in `clusters.tsv`):" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_names_of_clusters_that_are_not_there_are_noted_and_nothing_fails(report: Report, tmp_path: Path) -> None:
    export_folder(named(report, {3: "Last", 4: "Beyond", **dict.fromkeys(range(10, 16), "Far")}), tmp_path / "out")
    notes = json.loads((tmp_path / "out" / "manifest.json").read_bytes())["notes"]
    assert notes[0].startswith("Clusters with a name given by people: 8. The recipe holds the names")
    assert notes[1].endswith("shown nowhere: 4, 10, 11, 12, 13 and 2 more; there are 4, from 0.")
    assert [row["name"] for row in table_of(tmp_path / "out")] == ["", "", "", "Last"]
    assert verify(tmp_path / "out").ok
    assert notes_of(report, tmp_path / "plain") == []


def notes_of(report: Report, folder: Path) -> list[str]:
    export_folder(report, folder)
    found: list[str] = json.loads((folder / "manifest.json").read_bytes())["notes"]
    return found


def changed_byte(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("name", ["subset.parquet", "selection.parquet", "clusters.tsv", "indices.npy", "recipe.toml", "README.md"])
def test_a_changed_byte_of_an_output_is_named(out: Path, name: str) -> None:
    changed_byte(out / name, -2)
    assert verify(out).differences == (f"The output '{name}' was changed: its sha256 is not the manifest's.",)


@pytest.mark.parametrize(("name", "role"), [("pool.tsv", "pool"), ("validation.tsv", "validation"), ("test.tsv", "test")])
def test_a_changed_byte_of_an_input_is_named(out: Path, name: str, role: str) -> None:
    changed_byte(out.parent / "data" / name, -3)
    found = verify(out)
    assert len(found.differences) == 1
    assert found.differences[0].startswith(f"The {role} file '{name}' differs from the manifest's")
    assert "It was not run again, as its inputs are not the same." in found.notes


def test_a_missing_input_is_named_with_the_way_to_point_to_it(out: Path) -> None:
    elsewhere = (out.parent / "data" / "pool.tsv").rename(out.parent / "moved.tsv")
    (found,) = verify(out).differences
    assert "pool.tsv' is missing" in found
    assert "--pool" in found
    assert verify(out, pool=[str(elsewhere)]).ok


def test_a_missing_output_is_named(out: Path) -> None:
    (out / "indices.npy").unlink()
    assert verify(out).differences == ("The output 'indices.npy' is missing.",)


def edited(out: Path, change: Callable[[dict], None]) -> None:
    record = json.loads((out / "manifest.json").read_bytes())
    change(record)
    (out / "manifest.json").write_text(json.dumps(record), encoding="utf-8")


def test_a_manifest_of_another_run_is_found_out(out: Path) -> None:
    edited(out, lambda record: record["config"].update(budget=61))
    assert any("The run now gives another 'indices.npy'" in one for one in verify(out).differences)


def test_other_versions_are_noted_where_something_differs(out: Path) -> None:
    edited(out, lambda record: record["versions"].update(numpy="0.1"))
    assert verify(out).notes == ()
    (out / "indices.npy").unlink()
    assert "numpy 0.1 then" in verify(out).notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no manifest"),
        ("[" * 100_000, "no manifest"),
        ("[]", "does not say that it is one"),
        ('{"kind": "craft-manifest", "version": 9}', "version 9"),
        ('{"kind": "craft-manifest", "version": 1}', "damaged"),
        (
            (
                '{"kind": "craft-manifest", "version": 1, "inputs": [], "versions": {}, "platform": {}, "config": {}, '
                '"outputs": [{"name": "../x", "sha256": "0"}]}'
            ),
            "damaged",
        ),
    ],
)
def test_what_is_no_manifest_gets_a_sentence(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_manifest(text)
    with pytest.raises(DataError, match=r"There is no manifest\.json"):
        verify(tmp_path)


def test_a_session_is_restored_from_a_manifest_alone(out: Path, report: Report) -> None:
    manifest = read_manifest((out / "manifest.json").read_bytes())
    assert repr(replace(manifest.config, data=report.config.data)) == repr(report.config)
    assert compare_inputs(manifest.inputs, input_records(report.config, report.data)) == ()
    assert verify_against(report, manifest).ok


def test_a_fresh_run_is_compared_with_a_manifest(out: Path, report: Report, home: Path) -> None:
    manifest = read_manifest((out / "manifest.json").read_bytes())
    other = replace(report.config, seed=1, budget=61)
    found = verify_against(run(other, open_files(other.data)), manifest)
    assert any("budget of this run, 61" in one for one in found.differences)
    assert any("another 'subset.parquet'" in one for one in found.differences)
    swapped = replace(report.config, data=Data((str(home / "pool.tsv"),), str(home / "test.tsv")))
    found = verify_against(run(swapped, open_files(swapped.data)), manifest)
    assert any("The validation file 'test.tsv' differs" in one for one in found.differences)
    assert any("The manifest has 1 test files ('test.tsv'), but 0 are here." in one for one in found.differences)


def test_uploads_give_a_zip_that_verifies_beside_the_inputs(home: Path, tmp_path: Path) -> None:
    data = Data(("pool.tsv",), "validation.tsv")
    config = ExperimentConfig(data, **CHOICES, export=Export("text.gz"))
    files = Files((uploaded("pool.tsv", (home / "pool.tsv").read_bytes()),), uploaded("v.tsv", (home / "validation.tsv").read_bytes()))
    report = run(config, files)
    packed = bundle(report)
    shutil.copytree(home, tmp_path / "here")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(tmp_path / "here")
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {"subset.source.txt.gz", "subset.target.txt.gz"} <= set(archive.namelist())
    assert verify(tmp_path / "here").ok
    assert from_toml((tmp_path / "here" / "recipe.toml").read_text()).data == data


def test_a_download_of_the_subset_alone(report: Report, out: Path) -> None:
    assert subset_bytes(report) == ("subset.parquet", (out / "subset.parquet").read_bytes())
    name, packed = subset_bytes(report, Export("text"))
    assert name == "subset.zip"
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == ["subset.source.txt", "subset.target.txt"]


def test_paths_of_two_files_and_links_are_written_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.en", "a.hi"):
        (tmp_path / "in" / name).write_text("x\n")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    config = beside(ExperimentConfig(Data(("link/a.en+link/a.hi",), "in/a.en")), tmp_path, tmp_path / "deep" / "out")
    assert config.data == Data(("../../in/a.en+../../in/a.hi",), "../../in/a.en")
    assert by_name(replace(config, data=Data(("../in/a.en+../in/a.hi",), "b.tsv"))).data == Data(("a.en+a.hi",), "b.tsv")


def test_inputs_that_share_a_name_go_into_folders_of_their_roles() -> None:
    named = by_name(ExperimentConfig(Data(("x/a.tsv", "z/a.tsv"), "v/n.en+v/n.hi", "t\\n.en+t/m.hi"))).data
    assert named == Data(("pool/1/a.tsv", "pool/2/a.tsv"), "validation/n.en+validation/n.hi", "test/n.en+test/m.hi")


def test_an_input_called_like_a_file_of_the_export_goes_into_the_folder_of_its_role() -> None:
    named = by_name(ExperimentConfig(Data(("a/Clusters.tsv",), "clusters.csv", "x/selection.parquet"))).data
    assert named == Data(("pool/Clusters.tsv",), "clusters.csv", "test/selection.parquet")


def test_two_text_files_are_two_inputs(tmp_path: Path) -> None:
    for role, pairs in (("pool", rows(80, ("stars", "bread"), 1, "p")), ("val", rows(20, ("stars",), 2, "v"))):
        for side, position in (("en", 1), ("hi", 2)):
            (tmp_path / f"{role}.{side}").write_text("".join(row[position] + "\n" for row in pairs), encoding="utf-8")
    data = Data((str(tmp_path / "pool.en") + "+" + str(tmp_path / "pool.hi"),), f"{tmp_path}/val.en+{tmp_path}/val.hi")
    config = ExperimentConfig(data, **(CHOICES | {"budget": 10}), export=Export("text"))
    export_folder(run(config, open_files(data)), tmp_path / "out")
    manifest = read_manifest((tmp_path / "out" / "manifest.json").read_bytes())
    assert [one.path for one in manifest.inputs] == ["../pool.en", "../pool.hi", "../val.en", "../val.hi"]
    assert verify(tmp_path / "out").ok


def test_files_of_vectors_are_inputs_too(home: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "vectors").mkdir()
    for role, n in (("pool", 400), ("validation", 60)):
        for side in ("source", "target"):
            np.save(tmp_path / "vectors" / f"{role}.{side}.npy", rng.normal(size=(n, 8)).astype(np.float32))
    data = Data((str(home / "pool.tsv"),), str(home / "validation.tsv"))
    config = ExperimentConfig(data, **(CHOICES | {"vectorizer": Precomputed(folder=str(tmp_path / "vectors"))}))
    export_folder(run(config, open_files(data)), tmp_path / "out")
    manifest = read_manifest((tmp_path / "out" / "manifest.json").read_bytes())
    assert manifest.config.vectorizer == Precomputed(folder="../vectors")
    assert manifest.inputs[2].path == "../vectors/pool.source.npy"
    assert verify(tmp_path / "out").ok
    changed_byte(tmp_path / "vectors" / "pool.target.npy", -1)
    assert "The vectors file 'pool.target.npy' differs" in verify(tmp_path / "out").differences[0]


@pytest.mark.parametrize("present", ["file", "other", "more"])
def test_a_folder_with_anything_else_is_not_overwritten(out: Path, report: Report, tmp_path: Path, present: str) -> None:
    folder = {"file": tmp_path / "a file", "other": tmp_path / "other", "more": out}[present]
    if present == "file":
        folder.write_text("mine")
    else:
        folder.mkdir(exist_ok=True)
        (folder / "mine.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(ParameterError, match=r"is a file|is not empty|no earlier export|which no export wrote"):
            export_folder(report, folder, overwrite=overwrite)
    assert (folder if present == "file" else folder / "mine.txt").read_text() == "mine"


def test_an_earlier_export_is_overwritten_on_request_only(out: Path, report: Report) -> None:
    with pytest.raises(ParameterError, match=r"not empty.*--overwrite"):
        export_folder(report, out)
    export_folder(replace(report, config=replace(report.config, export=Export("csv"))), out, overwrite=True)
    assert (out / "subset.csv").is_file()
    assert not (out / "subset.parquet").exists()
    assert sorted(path.name for path in out.parent.iterdir()) == ["data", "out"]


def test_a_failed_export_leaves_nothing(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("craft_core.export.folder.manifest_text", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(DataError, match="cannot be written: No space left on device"):
        export_folder(report, tmp_path / "deep" / "out")
    assert not list((tmp_path / "deep").iterdir())


def test_an_input_is_known_by_role_and_content() -> None:
    one, other = InputRecord("pool", "../a.tsv", 3, "aa" * 32), InputRecord("pool", "b.tsv", 3, "aa" * 32)
    assert compare_inputs([one], [other]) == ()
    assert one.name == "a.tsv"


def test_label_table_puts_the_commonest_of_the_chosen_first(report: Report) -> None:
    table = label_table(report)["topic"]
    assert list(table) == ["stars", "bread"]
    assert table["stars"] == {"chosen": 1.0, "pool": 0.5, "validation": 1.0}


def test_the_summary_is_short_and_has_the_numbers(report: Report) -> None:
    text = summary(report)
    assert len(text.splitlines()) < 20
    for words in ("400 pairs read, 400 used", "60 of a budget of 60", "stars", "half against half", "uncovered 0.0%", "Seconds:"):
        assert words in text


def test_the_snippet_and_the_command_run_and_give_the_same(home: Path, report: Report, tmp_path: Path) -> None:
    shutil.copytree(home, tmp_path / "work")
    config = replace(by_name(report.config), stability=Repeats(1))
    given = replace(config, cluster_names=ClusterNames.of({1: 'It\'s "dark"', 3: "रात"}))
    (tmp_path / "work" / "again.py").write_text(python_snippet(config, "by-python"), encoding="utf-8")
    exec(python_snippet(given, "x").split("report =")[0], found := {})  # noqa: S102
    assert found["config"] == given
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for line in ([sys.executable, "again.py"], ["sh", "-c", command_line(config, "by-command").replace("python", sys.executable, 1)]):
        subprocess.run(line, cwd=tmp_path / "work", env=environment, check=True, capture_output=True)
    for path in (tmp_path / "work" / "by-python").iterdir():
        if path.name != "manifest.json":
            assert path.read_bytes() == (tmp_path / "work" / "by-command" / path.name).read_bytes(), path.name
    assert (np.load(tmp_path / "work" / "by-python" / "indices.npy") == report.rows).all()
    assert "frequency" in pyarrow.parquet.read_schema(tmp_path / "work" / "by-command" / "selection.parquet").names


def test_the_command_names_what_is_not_default_and_quotes_it() -> None:
    config = ExperimentConfig(Data(("-odd name.tsv",), "v.tsv"), vectorizer=Tfidf(sublinear_tf=True, ngram_max=2), export=Export("csv"))
    line = command_line(replace(config, stability=Repeats(5, vary_clusters=True)), "out")
    assert "--stability-seeds 5 --stability-vary-clusters" in line
    line = command_line(config, "out")
    assert "--stability" not in line
    assert "'./-odd name.tsv'" in line
    assert "--format csv --tfidf-ngram-max 2 --tfidf-sublinear-tf" in line
    assert "--allocation" not in line


@pytest.mark.parametrize(
    ("section", "change", "words"),
    [
        ("metrics", lambda record: record["metrics"].update(total_variation=0.25, uncovered=0.5), "total_variation, uncovered"),
        ("counts", lambda record: record["counts"].update(chosen=61), "chosen"),
        ("warnings", lambda record: record["warnings"].append("Nothing is wrong."), ""),
        ("inputs", lambda record: record["inputs"][0].update(bytes=1), ""),
        ("outputs", lambda record: record["outputs"][0].update(bytes=1), ""),
        ("command", lambda record: record.update(command="rm -r"), ""),
        ("notes", lambda record: record.pop("notes"), ""),
        ("author", lambda record: record.update(author="me"), ""),
    ],
)
def test_a_changed_manifest_is_found_out(out: Path, section: str, change: Callable[[dict], None], words: str) -> None:
    edited(out, change)
    (found,) = verify(out).differences
    assert found.startswith(f"The manifest's '{section}'")
    assert words in found


def test_seconds_and_date_and_place_of_a_run_are_not_compared(out: Path) -> None:
    edited(out, lambda record: record.update(created="then", seconds={}, versions={}, platform={}))
    assert (verify(out).differences, verify(out).notes) == ((), ())


def test_files_that_the_manifest_does_not_list_are_noted(out: Path) -> None:
    (out / "mine.txt").write_text("mine")
    found = verify(out)
    assert found.ok
    assert found.notes == ("Not listed in the manifest, though in its folder: 'mine.txt'.",)


def test_inputs_beside_an_export_are_not_called_strange(report: Report, home: Path, tmp_path: Path) -> None:
    shutil.copytree(home, tmp_path / "here")
    with zipfile.ZipFile(io.BytesIO(bundle(report))) as archive:
        archive.extractall(tmp_path / "here")
    found = verify(tmp_path / "here")
    assert (found.differences, found.notes) == ((), ())


def test_the_number_of_threads_is_no_difference(out: Path) -> None:
    assert "threads" not in json.loads((out / "manifest.json").read_bytes())["platform"]["linear algebra"]


def write_text_pairs(folder: Path, names: tuple[str, str], pairs: list[tuple[str, str, str, str]]) -> str:
    for name, position in zip(names, (1, 2), strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("".join(row[position] + "\n" for row in pairs), encoding="utf-8")
    return "+".join(f"{folder}/{name}" for name in names)


@pytest.mark.parametrize("names", [("x+y/a.en", "b.hi"), ("a.en", "x+y/b.hi"), ("p+q.en", "p+q.hi")])
def test_a_plus_sign_in_a_path_is_no_cut(names: tuple[str, str], tmp_path: Path) -> None:
    pool = write_text_pairs(tmp_path / "d", names, rows(80, ("stars", "bread"), 1, "p"))
    data = Data((pool, str(write_tsv(tmp_path / "c+d.tsv", rows(30, ("bread",), 2, "q")))), str(tmp_path / "c+d.tsv"))
    report = run(ExperimentConfig(data, **(CHOICES | {"budget": 10})), open_files(data))
    export_folder(report, tmp_path / "out")
    manifest = read_manifest((tmp_path / "out" / "manifest.json").read_bytes())
    assert [one.path for one in manifest.inputs] == [f"../d/{names[0]}", f"../d/{names[1]}", "../c+d.tsv", "../c+d.tsv"]
    assert verify(tmp_path / "out").ok
    plain = [name.rsplit("/", 1)[-1] for name in names]
    assert by_name(report.config).data.pool == ("+".join(plain), "pool/2/c+d.tsv")


@pytest.mark.parametrize("name", ["subset.parquet", "manifest.json", "README.md", "recipe.toml", "indices.npy", "selection.parquet"])
def test_no_input_is_called_like_an_output(name: str) -> None:
    assert by_name(ExperimentConfig(Data((f"x/{name}",), "v/a.tsv"))).data == Data((f"pool/{name}",), "a.tsv")
    assert by_name(ExperimentConfig(Data(("x/p.tsv",), f"v/{name.upper()}"))).data == Data(("p.tsv",), f"validation/{name.upper()}")


def test_what_the_reader_noted_is_written_down(home: Path, tmp_path: Path) -> None:
    pairs = rows(100, ("stars", "bread"), 1, "p")
    columns = {"source": [row[1] for row in pairs], "target": [row[2] for row in pairs[1:]] + [None], "tags": [["x"]] * 100}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "pool.parquet")
    data = Data((str(tmp_path / "pool.parquet"),), str(home / "validation.tsv"))
    report = run(ExperimentConfig(data, **(CHOICES | {"budget": 10})), open_files(data))
    export_folder(report, tmp_path / "out")
    notes = json.loads((tmp_path / "out" / "manifest.json").read_bytes())["notes"]
    assert "pool.parquet: left out 'tags' (list<element: string>)" in notes[0]
    assert notes[1] == "Pool: 1 text was null and is read as empty."
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    for note in notes:
        assert f"Note:        {note}" in summary(report)
        assert f"* {note.replace('<', '&lt;')}" in card
    assert "byte for byte those of the pool; one that was null there is empty here." in card
    moved = (tmp_path / "pool.parquet").rename(tmp_path / "moved.parquet")
    assert verify(tmp_path / "out", pool=[str(moved)]).ok
