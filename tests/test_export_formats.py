import csv
import datetime
import gzip
import io
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.config import FORMATS, Export
from craft_core.corpus import Columns, Corpus, Limits, ParallelText, on_disk, read_corpus
from craft_core.errors import DataError
from craft_core.export import subset_names, subset_table, write_subset

PLAIN = [
    "a, b",
    '"quoted" and "',
    "NA",
    "None",
    "null",
    "",
    " spaces ",
    "=1+1",
    "'",
    "\u2028 and \u0085",
    "नमस्ते दुनिया",
    "\\n \\ /",
    "😀",
    "\x1f",
    "nul",
]
BROKEN = ["tab\there", "line\nbreak", "carriage\rreturn", "both\r\n", "\n", '"\n"']


def corpus(texts: list[str]) -> Corpus:
    n, large = len(texts), pa.large_string()
    further = pa.table(
        {
            "label, or so": pa.array([f'"{i}"' for i in range(n)], large),
            "number": pa.array(range(n), pa.int64()),
            "gap": pa.array([None if i % 2 else "x" for i in range(n)], large),
        }
    )
    rows = np.arange(n, dtype=np.int64) * 3
    ids = pa.array([f"id-{i}" for i in range(n)], large)
    return Corpus(pa.array(texts, large), pa.array(texts[::-1], large), ids, rows, further, "pool", "English", "Hindi", "key")


def written(texts: list[str], export: Export, folder: Path) -> list[Path]:
    return [folder / name for name in write_subset(corpus(texts), export, folder)]


def read_back(paths: list[Path]) -> Corpus:
    files = [on_disk(path) for path in paths]
    given = files[0] if len(files) == 1 else ParallelText(*files)
    columns = Columns(source="English", target="Hindi", id="key" if len(files) == 1 else None)
    return read_corpus([given], columns, Limits(), "pool")[0]


def fits(export_format: str) -> list[str]:
    return PLAIN + ([] if export_format.split(".")[0] in ("tsv", "text") else BROKEN)


@pytest.mark.parametrize("export_format", FORMATS)
def test_texts_come_back_byte_for_byte(export_format: str, tmp_path: Path) -> None:
    texts = fits(export_format)
    back = read_back(written(texts, Export(export_format), tmp_path))
    assert back.sources.to_pylist() == texts
    assert back.targets.to_pylist() == texts[::-1]
    if not export_format.startswith("text"):
        assert back.ids.to_pylist() == [f"id-{i}" for i in range(len(texts))]
        assert back.columns.column_names == ["label, or so", "number", "gap"]
        assert back.columns.column("label, or so").to_pylist() == [f'"{i}"' for i in range(len(texts))]


@pytest.mark.parametrize("export_format", FORMATS)
def test_the_same_pairs_give_the_same_bytes(export_format: str, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    one = written(fits(export_format), Export(export_format), tmp_path / "one")
    other = written(fits(export_format), Export(export_format), tmp_path / "other")
    assert tuple(path.name for path in one) == subset_names(export_format)
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=8), st.sampled_from(["parquet", "csv", "jsonl"]))
def test_any_text_survives_formats_that_quote(tmp_path_factory: pytest.TempPathFactory, texts: list[str], export_format: str) -> None:
    back = read_back(written(texts, Export(export_format), tmp_path_factory.mktemp("any")))
    assert back.sources.to_pylist() == texts


def test_python_reads_the_csv_and_the_json(tmp_path: Path) -> None:
    texts = PLAIN + BROKEN
    with written(texts, Export("csv"), tmp_path)[0].open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["English"] for row in rows] == texts
    assert [row["number"] for row in rows] == [str(i) for i in range(len(texts))]
    lines = gzip.decompress(written(texts, Export("jsonl.gz"), tmp_path)[0].read_bytes()).decode().split("\n")
    assert [json.loads(line)["English"] for line in lines if line] == texts


def test_parquet_keeps_types(tmp_path: Path) -> None:
    table = pyarrow.parquet.read_table(written(PLAIN, Export("parquet"), tmp_path)[0])
    assert table.equals(subset_table(corpus(PLAIN)))


@pytest.mark.parametrize("text", BROKEN)
@pytest.mark.parametrize("export_format", ["tsv", "text.gz"])
def test_what_a_format_cannot_hold_is_refused_with_the_row(text: str, export_format: str, tmp_path: Path) -> None:
    if export_format.startswith("text") and text == BROKEN[0]:
        return
    with pytest.raises(
        DataError, match=rf"The source of pool row 6 \(id 'id-2'\) holds a .*{export_format} cannot hold. Choose parquet, csv or jsonl"
    ):
        written(["a", "b", text, "c"], Export(export_format), tmp_path)


def test_a_tab_in_a_further_column_or_a_name_is_refused(tmp_path: Path) -> None:
    bad = corpus(["a"])
    column = Corpus(bad.sources, bad.targets, bad.ids, bad.rows.copy(), pa.table({"c": ["x\ty"]}), "pool", "English", "Hindi", "key")
    with pytest.raises(DataError, match="column 'c' of pool row 0"):
        write_subset(column, Export("tsv"), tmp_path)
    name = Corpus(bad.sources, bad.targets, bad.ids, bad.rows.copy(), pa.table({"c\td": ["x"]}), "pool")
    with pytest.raises(DataError, match="column name"):
        write_subset(name, Export("tsv"), tmp_path)


def test_a_leading_byte_order_mark_is_refused_where_a_reader_would_take_it_away(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="begins with a byte-order mark"):
        written(["\ufeffa", "b"], Export("text"), tmp_path)
    assert read_back(written(["\ufeffa", "b"], Export("csv"), tmp_path)).sources.to_pylist() == ["\ufeffa", "b"]


@pytest.mark.parametrize("export_format", ["csv", "tsv.gz"])
def test_the_spreadsheet_switch_disarms_formulas_and_nothing_else(export_format: str, tmp_path: Path) -> None:
    texts = ["=1", "+1", "-1", "@a", "a=1", "", "plain"]
    back = read_back(written(texts, Export(export_format, safe_for_spreadsheets=True), tmp_path))
    assert back.sources.to_pylist() == ["'=1", "'+1", "'-1", "'@a", "a=1", "", "plain"]
    assert back.columns.column("number").to_pylist() == [str(i) for i in range(7)]
    same = read_back(written(texts, Export("jsonl", safe_for_spreadsheets=True), tmp_path))
    assert same.sources.to_pylist() == texts


def test_nested_columns_become_json_in_csv_and_stay_in_parquet(tmp_path: Path) -> None:
    plain = corpus(["a", "b"])
    nested = pa.table({"vector": pa.array([[1.5, 2.0], None], pa.list_(pa.float32()))})
    given = Corpus(plain.sources, plain.targets, plain.ids, plain.rows.copy(), nested, "pool")
    for name in ("csv", "tsv", "jsonl", "parquet"):
        write_subset(given, Export(name), tmp_path)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "subset.csv").read_text(encoding="utf-8"))))
    assert [row["vector"] for row in rows] == ["[1.5, 2.0]", ""]
    assert pyarrow.parquet.read_table(tmp_path / "subset.parquet").column("vector").to_pylist() == [[1.5, 2.0], None]
    assert json.loads((tmp_path / "subset.jsonl").read_text().split("\n")[0])["vector"] == [1.5, 2.0]


def test_bytes_become_hexadecimal_digits_in_text_and_stay_in_parquet(tmp_path: Path) -> None:
    plain = corpus(["a", "b"])
    further = pa.table({"raw": [b"\xff\x00", None], "price": [Decimal("1.50"), None], "at": [datetime.time(1, 2, 3), None]})
    given = Corpus(plain.sources, plain.targets, plain.ids, plain.rows.copy(), further, "pool")
    for name in ("csv", "tsv", "jsonl", "parquet"):
        write_subset(given, Export(name), tmp_path)
    assert [row["raw"] for row in csv.DictReader(io.StringIO((tmp_path / "subset.csv").read_text()))] == ["ff00", ""]
    assert (tmp_path / "subset.tsv").read_text().split("\n")[1] == "a\tb\tff00\t1.50\t01:02:03.000000"
    lines = [json.loads(line) for line in (tmp_path / "subset.jsonl").read_text().splitlines()]
    assert lines[0] == {"source": "a", "target": "b", "raw": "ff00", "price": "1.50", "at": "01:02:03"}
    assert lines[1] == {"source": "b", "target": "a", "raw": None, "price": None, "at": None}
    assert pyarrow.parquet.read_table(tmp_path / "subset.parquet").select(further.column_names).equals(further)


def test_ids_that_are_row_numbers_are_not_made_a_column() -> None:
    plain = corpus(["a"])
    assert subset_table(Corpus(plain.sources, plain.targets, plain.ids, plain.rows.copy(), pa.table({}), "pool")).column_names == [
        "source",
        "target",
    ]


def test_many_blocks_are_as_exact_as_one(tmp_path: Path) -> None:
    texts = [f"{i} \u2028" for i in range(70_000)]
    for export_format in ("tsv", "jsonl.gz", "text", "csv"):
        assert read_back(written(texts, Export(export_format), tmp_path)).sources.to_pylist() == texts
