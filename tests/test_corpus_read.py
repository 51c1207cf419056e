"""Reading: every trap of files from outside, one test each."""

import csv
import datetime
import gzip
import hashlib
import io
import json
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus_helpers import pairs, read, read_with_report
from hypothesis import given, settings
from hypothesis import strategies as st

from craft_core.corpus import (
    Columns,
    Limits,
    ParallelText,
    file_digest,
    guess_columns,
    on_disk,
    preview,
    read_corpus,
    server_file,
    uploaded,
)
from craft_core.corpus import files as files_module
from craft_core.corpus.decode import TextBlock, without_trailing_blank_lines
from craft_core.corpus.files import Reading
from craft_core.corpus.parquet import read_parquet
from craft_core.errors import DataError, ParameterError

HEADER = "source\ttarget\n"


def parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def parallel(source: bytes | str, target: bytes | str, suffixes: tuple[str, str] = (".en", ".hi"), **limits: int):
    sides = [
        uploaded("side" + suffix, text.encode() if isinstance(text, str) else text)
        for suffix, text in zip(suffixes, (source, target), strict=True)
    ]
    return read_corpus([ParallelText(*sides)], Columns(), Limits(**limits), "pool")[0]


# --- TSV


def test_tsv_stray_quote_is_text():
    assert pairs(read(HEADER + 'a "b\tc\n"d\te"\nf\tg\n', ".tsv")) == [('a "b', "c"), ('"d', 'e"'), ("f", "g")]


def test_tsv_words_for_nothing_are_sentences():
    assert pairs(read(HEADER + "NA\tnull\nNone\tnan\n\t\n", ".tsv")) == [("NA", "null"), ("None", "nan"), ("", "")]


def test_tsv_breaks_lines_at_newlines_only():
    odd = "a\u2028b\u0085c\x0bd\x0ce\rf"
    assert pairs(read(f"{HEADER}{odd}\t{odd}x\n", ".tsv")) == [(odd, odd + "x")]


def test_tsv_crlf_is_no_part_of_the_text():
    assert pairs(read("source\ttarget\r\na\tb\r\n\tc\r\nd\t\r\n", ".tsv")) == [("a", "b"), ("", "c"), ("d", "")]


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\r\n\r\n"])
def test_tsv_blank_lines_at_the_end_are_no_rows(end):
    assert read(HEADER + "a\tb" + end, ".tsv").rows.tolist() == [0]


def test_tsv_last_row_may_be_two_empty_texts():
    assert pairs(read(HEADER + "a\tb\n\t\n", ".tsv")) == [("a", "b"), ("", "")]


def test_blank_lines_stay_whole_over_blocks():
    blocks = [TextBlock(b"a\n\n", 1), TextBlock(b"\n", 3), TextBlock(b"\nb\n\n", 4), TextBlock(b"\n", 7)]
    kept = list(without_trailing_blank_lines(iter(blocks)))
    assert kept == [TextBlock(b"a\n", 1), TextBlock(b"\n\n\nb\n", 2)]
    assert list(without_trailing_blank_lines(iter([TextBlock(b"\n", 1), TextBlock(b"a\n", 2)]))) == [TextBlock(b"\na\n", 1)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a\tb\nc\n", "line 3: 1 field where the first line has 2"),
        ("a\tb\tc\td\n", "line 2: 4 fields where the first line has 2"),
        ("a\tb\nc\td\te\n", "line 3: 3 fields where the first line has 2"),
        ("a\tb\nc\nd\te\tf\n", "line 3: 1 field"),  # the sum is right, the rows are not
        ("a\tb\n\nc\td\n", "line 3: a blank line"),
    ],
)
def test_tsv_ragged_rows_are_refused(rows, message):
    with pytest.raises(DataError, match=message):
        read(HEADER + rows, ".tsv")


def test_tsv_without_header():
    corpus = read("a\tb\tx\nc\td\ty\n", ".tsv", Columns("1", "2", header=False))
    assert pairs(corpus) == [("a", "b"), ("c", "d")]
    assert corpus.columns.to_pydict() == {"3": ["x", "y"]}


def test_rows_over_block_borders(monkeypatch):
    monkeypatch.setattr(files_module, "CHUNK", 7)
    rows = [(f"é{number}", "ü" * (number % 11)) for number in range(50)]
    text = "".join(f"{source}\t{target}\n" for source, target in rows)
    assert pairs(read(HEADER + text, ".tsv")) == rows
    assert pairs(read(("\ufeff" + HEADER + text).encode("utf-16-be"), ".tsv")) == rows
    with pytest.raises(DataError, match="line 52: 1 field"):
        read(HEADER + text + "x", ".tsv")
    with pytest.raises(DataError, match="line 52: byte 0xFF"):
        read((HEADER + text).encode() + b"\xff", ".tsv")


# --- CSV


def test_csv_quotes_commas_and_newlines():
    text = 'source,target\n"a, b","c\nd\r\ne"\n"say ""hi""",\n'
    assert pairs(read(text, ".csv")) == [("a, b", "c\nd\r\ne"), ('say "hi"', "")]


def test_csv_words_for_nothing_are_sentences():
    assert pairs(read('source,target\nNA,"null"\nNone,nan\n', ".csv")) == [("NA", "null"), ("None", "nan")]


def test_csv_breaks_lines_at_newlines_only():
    odd = "a\u2028b\u0085c\x0bd\x0ce"
    assert pairs(read(f"source,target\n{odd},{odd}\n", ".csv")) == [(odd, odd)]


def test_csv_crlf_and_blank_end():
    assert pairs(read("source,target\r\na,b\r\nc,d\r\n\r\n", ".csv")) == [("a", "b"), ("c", "d")]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ('a,b\n"c,d\ne,f\n', "row at line 3: not quoted as CSV"),  # never closed
        ('a,"b\nc,"d\n', "row at line 2: not quoted as CSV"),  # would merge two rows
        ('"a\nb",c\nd,e,f\n', "line 4: 3 fields where the first line has 2"),  # the quoted newline counts
        ("a,b\nc\n", "line 3: 1 field where"),
        ("a,b\n\nc,d\n", "line 3: a blank line"),
    ],
)
def test_csv_mistakes_are_refused_with_the_line(rows, message):
    with pytest.raises(DataError, match=message):
        read("source,target\n" + rows, ".csv")


def test_csv_lines_are_counted_over_batches(monkeypatch):
    monkeypatch.setattr("craft_core.corpus.delimited.BATCH_ROWS", 2)
    text = "source,target\n" + '"a\nb",c\n' * 5
    assert pairs(read(text, ".csv")) == [("a\nb", "c")] * 5
    with pytest.raises(DataError, match="line 12: 3 fields"):
        read(text + "1,2,3\n", ".csv")


def test_csv_without_header():
    assert pairs(read("a,b\nc,d\n", ".csv", Columns("2", "1", header=False))) == [("b", "a"), ("d", "c")]


def test_csv_long_field():
    assert read("source,target\n" + "a" * 200_000 + ",b\n", ".csv").sources[0].as_py() == "a" * 200_000


# --- JSON Lines


def test_jsonl_keeps_types_and_texts():
    lines = [
        {"source": "NA", "target": "a\u2028b", "n": 1, "x": 1, "ok": True, "deep": {"é": [1]}, "mixed": "s"},
        {"source": "", "target": "\n\t", "n": 2, "x": 2.5, "ok": None, "deep": None, "mixed": 3},
    ]
    corpus = read("\n\n".join(json.dumps(line, ensure_ascii=False) for line in lines), ".jsonl")
    assert pairs(corpus) == [("NA", "a\u2028b"), ("", "\n\t")]
    assert corpus.columns.to_pydict() == {
        "n": [1, 2],
        "x": [1.0, 2.5],
        "ok": [True, None],
        "deep": ['{"é": [1]}', None],
        "mixed": ["s", "3"],
    }


def test_jsonl_dates_stay_text():
    corpus = read('{"source": "2020-01-01", "target": "b", "when": "2020-01-01T00:00:00Z"}\n', ".jsonl")
    assert corpus.columns.to_pydict() == {"when": ["2020-01-01T00:00:00Z"]}


def test_jsonl_large_whole_numbers_stay_exact():
    corpus = read('{"source": "a", "target": "b", "n": 12345678901234567890123}\n', ".jsonl")
    assert corpus.columns.to_pydict() == {"n": ["12345678901234567890123"]}


def test_jsonl_types_meet_over_blocks(monkeypatch):
    monkeypatch.setattr(files_module, "CHUNK", 40)
    values = [1, 2.5, 3]
    text = "".join(
        json.dumps({"source": "a", "target": "b", "n": value, "m": mixed}) + "\n"
        for value, mixed in zip(values, [1, "x", True], strict=True)
    )
    assert read(text, ".jsonl").columns.to_pydict() == {"n": [1.0, 2.5, 3.0], "m": ["1", "x", "true"]}


def test_jsonl_whole_numbers_too_large_for_broken_ones_become_text(monkeypatch):
    monkeypatch.setattr(files_module, "CHUNK", 40)
    text = "".join(json.dumps({"source": "a", "target": "b", "n": value}) + "\n" for value in (2**60 + 1, 2.5))
    assert read(text, ".jsonl").columns.to_pydict() == {"n": ["1152921504606846977", "2.5"]}


def test_jsonl_null_text_is_empty_and_counted():
    corpus, report = read_with_report('{"source": null, "target": "b"}\n{"source": "a", "target": "b"}\n', ".jsonl")
    assert pairs(corpus) == [("", "b"), ("a", "b")]
    assert report.null_texts == 1


GOOD = '{"source": "a", "target": "b"}\n'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"source": "a"', "line 3: not JSON"),
        ("[1, 2]", r"line 3: not an object but \[1, 2\]"),
        ('{"source": "a"}', "line 3: no 'target'. The object has: 'source'"),
        ('{"source": "a", "target": 5}', "line 3: 'target' must be text. Got 5"),
        ('{"source": ["a"], "target": "b"}', r"line 3: 'source' must be text. Got \[\"a\"\]"),
        ('{"source": "a", "target": "b"}{"source": "a", "target": "b"}', "line 3: not JSON"),
        ('{"source": "a", "target": "b"},{"source": "a", "target": "b"}', "line 3: not JSON"),
        ('{"source": "a",\n"target": "b"}', "line 3: not JSON"),
        ('{"source": "a", "target": "\\ud83d"}', "line 3: half a surrogate pair"),
        ('{"source": "a", "target": "b", "deep": ' + "[" * 100_000 + "]" * 100_000 + "}", "line 3: JSON nested too deeply"),
        ('{"source": "a", "target": "b", "n": ' + "9" * 5000 + "}", "line 3: not JSON"),
    ],
)
def test_jsonl_mistakes_are_refused_with_the_line(line, message):
    with pytest.raises(DataError, match=message):
        read(GOOD + "\n" + line + "\n" + GOOD, ".jsonl")


# --- Parquet


def test_parquet_keeps_columns_and_types():
    table = pa.table(
        {
            "source": pa.array(["NA", None], pa.string()),
            "target": pa.array(["a\nb", "c"]).dictionary_encode(),
            "vector": pa.array([[0.5, 1.0], [2.0, 3.0]], pa.list_(pa.float32())),
            "n": pa.array([1, 2], pa.int32()),
        }
    )
    corpus, report = read_with_report(parquet(table), ".parquet")
    assert pairs(corpus) == [("NA", "a\nb"), ("", "c")]
    assert corpus.columns.schema == pa.schema({"vector": pa.list_(pa.float32()), "n": pa.int32()})
    assert corpus.columns.to_pydict() == {"vector": [[0.5, 1.0], [2.0, 3.0]], "n": [1, 2]}
    assert report.null_texts == 1


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
def test_parquet_every_kind_of_string(kind):
    table = pa.table({"source": pa.array(["a", "b"]).cast(kind), "target": pa.array(["c", "d"]).cast(kind)})
    corpus = read(parquet(table), ".parquet")
    assert pairs(corpus) == [("a", "c"), ("b", "d")]
    assert corpus.sources.type == pa.large_string()


def test_parquet_struct_is_flattened():
    table = pa.table({"translation": pa.array([{"en": "a", "hi": "b"}, {"en": "c", "hi": None}])})
    assert pairs(read(parquet(table), ".parquet", Columns("translation.en", "translation.hi"))) == [("a", "b"), ("c", "")]


def test_parquet_column_that_is_no_text_is_refused():
    with pytest.raises(DataError, match=r"column 'target' must be text. It is int64"):
        read(parquet(pa.table({"source": ["a"], "target": [1]})), ".parquet")


def test_parquet_further_columns_that_cannot_be_kept_are_named():
    _, report = read_with_report(parquet(pa.table({"source": ["a"], "target": ["b"], "odd": [["x"]]})), ".parquet")
    assert "left out 'odd' (list<element: string>)" in report.notes[0]


def test_parquet_keeps_decimals_times_and_bytes():
    further = pa.table(
        {
            "price": [Decimal("1.50"), None],
            "at": [datetime.time(1, 2, 3), None],
            "for": [datetime.timedelta(1), None],
            "raw": [b"\xff\x00", None],
            "large": pa.array([b"\xff", None], pa.large_binary()),
        }
    )
    table = pa.table({"source": ["a", "c"], "target": ["b", "d"]} | dict(zip(further.column_names, further.columns, strict=True)))
    corpus, report = read_with_report(parquet(table), ".parquet")
    assert report.notes == ()
    assert corpus.columns.equals(further)
    assert len(corpus.digest) == 64
    assert corpus.take(np.array([1, 0])).columns.to_pylist() == further.to_pylist()[::-1]


def test_parquet_decimals_that_not_every_format_holds_are_left_out():
    price = pa.array([Decimal("1.5")], pa.decimal256(50, 3))
    _, report = read_with_report(parquet(pa.table({"source": ["a"], "target": ["b"], "price": price})), ".parquet")
    assert "left out 'price' (decimal256(50, 3))" in report.notes[0]


def test_parquet_bomb_of_bytes_is_refused_before_it_is_unpacked(monkeypatch):
    data = parquet(pa.table({"source": ["a"] * 300, "target": ["b"] * 300, "raw": [b"a" * 1_000_000] * 300}))
    monkeypatch.setattr("craft_core.corpus.parquet.BATCH_BYTES", 10_000_000)
    seen = [table.num_rows for table in read_parquet(uploaded("a.parquet", data), Reading(Limits()))]
    assert max(seen) <= 10


def test_parquet_bytes_that_are_not_utf8_are_refused():
    bad = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, 1], np.int32)), pa.py_buffer(b"\xff"))
    with pytest.raises(DataError, match=r"is not a whole Parquet file: .*UTF8"):
        read(parquet(pa.table({"source": bad, "target": ["b"]})), ".parquet")


@pytest.mark.parametrize("options", [{}, {"use_dictionary": False, "column_encoding": "DELTA_BYTE_ARRAY"}])
@pytest.mark.parametrize("target", ["target", "target.text", "dotted.name"])
def test_parquet_bomb_is_refused_before_it_is_unpacked(options, target, monkeypatch):
    texts = ["a" * 1_000_000] * 300
    columns = {"target": [{"text": text} for text in texts]} if target == "target.text" else {target: texts}
    data = parquet(pa.table({"source": ["b"] * 300, **columns}), compression="zstd", **options)
    assert len(data) < 100_000
    monkeypatch.setattr("craft_core.corpus.parquet.BATCH_BYTES", 10_000_000)
    with pytest.raises(DataError, match=r"beyond the limit of 20,000,000 bytes after decompression"):
        read(data, ".parquet", Columns("source", target), max_bytes=20_000_000)
    seen = [table.num_rows for table in read_parquet(uploaded("a.parquet", data), Reading(Limits()))]
    assert sum(seen) == 300
    assert max(seen) <= 10


def test_parquet_list_bomb_is_refused_by_its_footer():
    lists = pa.ListArray.from_arrays([0, 3_000_000], pa.array(np.zeros(3_000_000, np.float32)))
    data = parquet(pa.table({"source": ["a"], "target": ["b"], "vector": lists}))
    assert len(data) < 10_000
    with pytest.raises(DataError, match="beyond the limit of 1,000,000 bytes"):
        next(read_parquet(uploaded("a.parquet", data), Reading(Limits(max_bytes=1_000_000))))


def test_parquet_rows_are_refused_by_the_footer():
    with pytest.raises(DataError, match="beyond the limit of 2 rows"):
        read(parquet(pa.table({"source": ["a"] * 3, "target": ["b"] * 3})), ".parquet", max_rows=2)


@pytest.mark.parametrize("cut", [0, 3, 100])
def test_parquet_damaged(cut):
    data = parquet(pa.table({"source": ["a"], "target": ["b"]}))
    with pytest.raises(DataError, match="not a whole Parquet file"):
        read(data[:cut], ".parquet")


def test_parquet_damaged_inside():
    data = bytearray(parquet(pa.table({"source": ["a" * 50], "target": ["b" * 50]}), compression="zstd"))
    data[4:60] = bytes(56)
    with pytest.raises(DataError, match="not a whole Parquet file"):
        read(bytes(data), ".parquet")


# --- line-aligned text


def test_parallel_every_line_is_a_row():
    corpus = parallel("a\n\nNA\n\n", "b\r\nc\r\n\r\nd\r\n")
    assert pairs(corpus) == [("a", "b"), ("", "c"), ("NA", ""), ("", "d")]
    assert corpus.rows.tolist() == [0, 1, 2, 3]


def test_parallel_last_newline_may_miss():
    assert pairs(parallel("a\nb", "c\nd\n")) == [("a", "c"), ("b", "d")]


def test_parallel_breaks_lines_at_newlines_only():
    assert pairs(parallel("a\u2028b\u0085\n\x1c\tc\n", "x\n\x0b\x0cy\n")) == [("a\u2028b\u0085", "x"), ("\x1c\tc", "\x0b\x0cy")]


def test_parallel_of_different_length_is_refused():
    with pytest.raises(DataError, match=r"upload\.en has 2 lines and upload\.hi has 3: upload\.en is shorter"):
        parallel("a\nb\n", "c\nd\ne\n")


def test_parallel_gz_and_limits():
    assert pairs(parallel(gzip.compress(b"a\n"), gzip.compress(b"b\n"), (".en.gz", ".hi.gz"))) == [("a", "b")]
    assert len(parallel("a\nb\n", "c\nd\n", max_rows=2)) == 2
    with pytest.raises(DataError, match=r"upload.hi goes beyond the limit of 2 rows"):
        parallel("a\nb\n", "c\nd\ne\n", max_rows=2)


def test_parallel_of_tables_is_refused():
    with pytest.raises(DataError, match="is a table"):
        parallel("a\n", "b\n", (".csv", ".csv"))


# --- encodings


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl"])
def test_byte_order_marks_are_seen(encoding, suffix):
    text = {".tsv": "source\ttarget\né\tहि\n", ".csv": "source,target\né,हि\n", ".jsonl": '{"source": "é", "target": "हि"}\n'}[suffix]
    mark = "\ufeff" if encoding.endswith("e") else ""
    assert pairs(read((mark + text).encode(encoding), suffix)) == [("é", "हि")]


def test_utf16_without_mark_is_refused_with_a_hint():
    with pytest.raises(DataError, match="--encoding utf-16-le"):
        read("source\ttarget\na\tb\n".encode("utf-16-le"), ".tsv")
    assert pairs(read("source\ttarget\na\tb\n".encode("utf-16-le"), ".tsv", Columns(encoding="utf-16-le"))) == [("a", "b")]


LATIN = (HEADER + "Das Haus\tla maison\nÜber den Fluß\tdéjà vu, ça va, où est la forêt\n").encode("cp1252")


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl"])
def test_other_encodings_are_refused_with_line_and_byte(suffix):
    with pytest.raises(DataError, match=r"upload\.\w+, line 3: byte 0xDC is not UTF-8 text\. .*--encoding"):
        read(LATIN, suffix)


def test_named_encoding_is_used_and_reported():
    corpus, report = read_with_report(LATIN, ".tsv", Columns(encoding="cp1252"))
    assert pairs(corpus)[1] == ("Über den Fluß", "déjà vu, ça va, où est la forêt")
    assert report.files[0].encoding == "cp1252"


def test_named_encoding_that_does_not_fit_is_refused():
    with pytest.raises(DataError, match="line 3: byte 0xDC is not ascii text"):
        read(LATIN, ".tsv", Columns(encoding="ascii"))


def test_utf16_that_ends_within_a_character_is_refused():
    with pytest.raises(DataError, match="line 2: byte 0x62 is not utf-16-le text"):
        read(("\ufeff" + HEADER + "a\tb").encode("utf-16-le")[:-1], ".tsv")


@pytest.mark.parametrize("encoding", ["klingon", "zlib", "rot13", "undefined"])
def test_unknown_encoding_is_refused(encoding):
    with pytest.raises(ParameterError, match="must be a text encoding Python knows"):
        Columns(encoding=encoding)


@pytest.mark.parametrize("start", [gzip.compress(b"a"), b"PAR1....", b"PK\x03\x04...."])
def test_binary_file_with_the_wrong_suffix_is_named(start):
    with pytest.raises(DataError, match="not text"):
        read(start, ".csv")


def test_very_long_line_is_refused(monkeypatch):
    monkeypatch.setattr("craft_core.corpus.decode.MAX_LINE", 100)
    with pytest.raises(DataError, match="line 1: longer than 100 bytes"):
        read("x" * 101, ".tsv")


# --- gzip, limits, files


@pytest.mark.parametrize(
    ("suffix", "text"), [(".tsv.gz", HEADER + "a\tb\n"), (".csv.gz", "source,target\na,b\n"), (".JSONL.GZ", GOOD), (".ndjson.gz", GOOD)]
)
def test_gzip_is_read(suffix, text):
    assert pairs(read(gzip.compress(text.encode()), suffix)) == [("a", "b")]


@pytest.mark.parametrize("damage", [lambda data: data[:-10], lambda data: b"no gzip", lambda data: data[:12] + b"\xff\xff" + data[14:]])
def test_damaged_gzip_is_refused(damage):
    data = gzip.compress((HEADER + "a\tb\n" * 1000).encode())
    with pytest.raises(DataError, match=r"upload.tsv.gz is not a whole gzip file"):
        read(damage(data), ".tsv.gz")


def test_gzip_bomb_is_refused_while_it_unpacks():
    bomb = gzip.compress(HEADER.encode() + b"a\tb\n" * 5_000_000)
    assert len(bomb) < 100_000
    with pytest.raises(DataError, match="beyond the limit of 5,000,000 bytes after decompression"):
        read(bomb, ".tsv.gz", max_bytes=5_000_000)


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl"])
def test_too_many_rows_are_refused(suffix):
    text = {".tsv": HEADER + "a\tb\n" * 3, ".csv": "source,target\n" + "a,b\n" * 3, ".jsonl": GOOD * 3}[suffix]
    assert len(read(text, suffix, max_rows=3)) == 3
    with pytest.raises(DataError, match="beyond the limit of 2 rows"):
        read(text, suffix, max_rows=2)


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl", ".tsv.gz"])
@pytest.mark.parametrize("text", [b"", b"\n\n"])
def test_empty_file(suffix, text):
    if suffix.endswith(".gz"):
        text = gzip.compress(text)
    with pytest.raises(DataError, match="is empty"):
        read(text, suffix)


@pytest.mark.parametrize(("suffix", "text"), [(".tsv", HEADER), (".csv", "source,target\n")])
def test_header_without_rows(suffix, text):
    with pytest.raises(DataError, match="has no rows"):
        read(text, suffix)


def test_empty_parallel_text():
    with pytest.raises(DataError, match=r"upload.en with upload.hi has no rows"):
        parallel("", "")


def test_unknown_suffix_lists_the_known():
    with pytest.raises(DataError, match=r"upload.xlsx is of no format that is read: .csv, .tsv, .jsonl"):
        read(b"", ".xlsx")
    with pytest.raises(DataError, match="two files together"):
        read(b"", ".txt")
    with pytest.raises(DataError, match=r"not read from \.gz"):
        read(b"", ".parquet.gz")


def test_missing_column_lists_those_there_are():
    with pytest.raises(
        DataError, match=r"has no column 'source'. It has: 'src', 'target'\. All files of a run share their column names\.$"
    ):
        read("src\ttarget\na\tb\n", ".tsv")


def test_missing_column_hints_at_a_missing_header():
    with pytest.raises(DataError, match="Its first line looks like a row"):
        read("The house is very old.\tवह घर\nb\tc\n", ".tsv")


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(DataError, match="two columns called 'a'"):
        read("a\ta\nb\tc\n", ".tsv")


def test_too_many_columns_are_refused():
    with pytest.raises(DataError, match="has 1,001 columns"):
        read("\t".join(map(str, range(1001))) + "\n", ".tsv")


def test_too_many_columns_over_all_rows_are_refused(monkeypatch):
    monkeypatch.setattr(files_module, "CHUNK", 5_000)
    lines = [
        json.dumps({"source": "a", "target": "b", **dict.fromkeys(map(str, range(start, start + 300)), 1)}) for start in range(0, 1200, 300)
    ]
    with pytest.raises(DataError, match="has 1,202 columns over all rows"):
        read("\n".join(lines), ".jsonl")


def test_same_column_twice_is_refused():
    with pytest.raises(ParameterError, match="must be different columns"):
        Columns("a", "a")


def test_missing_and_unreadable_paths(tmp_path):
    with pytest.raises(DataError, match=r"There is no file gone.tsv"):
        read_corpus([on_disk(tmp_path / "gone.tsv")], Columns(), Limits(), "pool")
    with pytest.raises(DataError, match=r"There is no file gone.parquet"):
        read_corpus([on_disk(tmp_path / "gone.parquet")], Columns(), Limits(), "pool")
    (tmp_path / "folder.tsv").mkdir()
    with pytest.raises(DataError, match=r"folder.tsv cannot be read: Is a directory"):
        read_corpus([on_disk(tmp_path / "folder.tsv")], Columns(), Limits(), "pool")


def test_no_file_at_all():
    with pytest.raises(DataError, match="no file to read"):
        read_corpus([], Columns(), Limits(), "pool")


def test_upload_keeps_only_the_suffix_of_its_name():
    assert uploaded("../../etc/<b>x</b>.TSV.gz", b"").label == "upload.tsv.gz"
    assert uploaded("C:\\data\\x.csv", b"").label == "upload.csv"
    assert uploaded("x.a\nb", b"").label == "upload"


def test_progress_goes_up_to_the_end(tmp_path):
    (tmp_path / "a.tsv").write_text(HEADER + "a\tb\n")
    shares = []
    read_corpus([on_disk(tmp_path / "a.tsv")] * 2, Columns(), Limits(), "pool", lambda share, text: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_progress_can_cancel():
    def cancel(share, text):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_corpus([uploaded("a.tsv", b"a\tb\n")], Columns("a", "b"), Limits(), "pool", cancel)


# --- several files, ids


def test_several_files_are_one_pool():
    files = [
        uploaded("a.tsv", b"source\ttarget\tdomain\na\tb\tweb\n"),
        uploaded("b.jsonl", b'{"target": "d", "source": "c", "year": 3}\n{"target": "f", "source": "e", "year": 4}\n'),
        uploaded("c.parquet", parquet(pa.table({"source": ["g"], "target": ["h"], "year": [2.5], "domain": [7]}))),
        ParallelText(uploaded("d.en", b"i\n"), uploaded("d.hi", b"j\n")),
    ]
    corpus, report = read_corpus(files, Columns(), Limits(), "pool")
    assert pairs(corpus) == [("a", "b"), ("c", "d"), ("e", "f"), ("g", "h"), ("i", "j")]
    assert corpus.columns.to_pydict() == {"domain": ["web", None, None, "7", None], "year": [None, 3.0, 4.0, 2.5, None]}
    assert corpus.rows.tolist() == [0, 1, 2, 3, 4]
    assert report.n_rows == 5
    assert [file.label for file in report.files][-2:] == ["upload.en (file 4 of 4)", "upload.hi (file 4 of 4)"]


def test_mistakes_name_the_file_of_several():
    with pytest.raises(DataError, match=r"upload.tsv \(file 2 of 2\), line 2: 1 field"):
        read_corpus([uploaded("a.tsv", b"source\ttarget\na\tb\n"), uploaded("a.tsv", b"source\ttarget\na\n")], Columns(), Limits(), "pool")


def test_limits_hold_over_all_files():
    file = uploaded("a.tsv", b"source\ttarget\na\tb\n")
    with pytest.raises(DataError, match=r"file 3 of 3\) goes beyond the limit of 2 rows"):
        read_corpus([file] * 3, Columns(), Limits(max_rows=2), "pool")


def test_a_unique_id_column_is_taken():
    corpus = read("id\tsource\ttarget\nx\ta\tb\ny\tc\td\n", ".tsv")
    assert corpus.ids.to_pylist() == ["x", "y"]
    assert corpus.id_column == "id"
    assert corpus.columns.num_columns == 0


def test_an_id_column_with_repeats_stays_a_column():
    corpus, report = read_with_report("id\tsource\ttarget\nx\ta\tb\nx\tc\td\n", ".tsv")
    assert corpus.ids.to_pylist() == ["0", "1"]
    assert corpus.id_column is None
    assert corpus.columns.to_pydict() == {"id": ["x", "x"]}
    assert report.notes == ("The id column 'id' has 'x' in row 0 and again in row 1. So row numbers are the ids.",)


def test_a_named_id_column_must_be_unique_and_complete():
    with pytest.raises(DataError, match="'key' has 'x' in row 0 and again in row 1"):
        read("key\tsource\ttarget\nx\ta\tb\nx\tc\td\n", ".tsv", Columns(id="key"))
    with pytest.raises(DataError, match="'key' is null in row 1"):
        read('{"key": 1, "source": "a", "target": "b"}\n{"key": null, "source": "a", "target": "b"}\n', ".jsonl", Columns(id="key"))
    with pytest.raises(DataError, match="no column 'key'"):
        read(HEADER + "a\tb\n", ".tsv", Columns(id="key"))
    with pytest.raises(DataError, match="line 1: no 'key'"):
        read(GOOD, ".jsonl", Columns(id="key"))


def test_whole_numbers_can_be_ids():
    assert read('{"id": 10, "source": "a", "target": "b"}\n', ".jsonl").ids.to_pylist() == ["10"]


def test_texts_are_one_chunk_of_large_string(monkeypatch):
    monkeypatch.setattr(files_module, "CHUNK", 20)
    corpus = read(HEADER + "aa\tbb\n" * 100, ".tsv")
    assert all(isinstance(texts, pa.LargeStringArray) for texts in (corpus.sources, corpus.targets, corpus.ids))
    assert corpus.digest == read(HEADER + "aa\tbb\n" * 100, ".tsv").digest


# --- preview, guesses, server files, digests


def test_preview_needs_no_chosen_column():
    shown = preview(uploaded("x.tsv", b"id\tEnglish\tHindi\n" + b"1\ta\tb\n" * 30), Columns())
    assert shown.names == ("id", "English", "Hindi")
    assert shown.rows.num_rows == 20
    assert shown.guess == ("English", "Hindi")


def test_preview_of_every_format():
    assert preview(uploaded("x.jsonl", b'{"a": 1, "b": [2]}\n'), Columns()).names == ("a", "b")
    assert preview(uploaded("x.csv", b"a\n"), Columns()).guess is None
    assert preview(uploaded("x.parquet", parquet(pa.table({"a": [1], "b": ["x"]}))), Columns()).rows.to_pylist() == [{"a": 1, "b": "x"}]
    both = ParallelText(uploaded("x.en", b"a\nb\n"), uploaded("x.hi", b"c\n"))
    assert preview(both, Columns()).rows.to_pylist() == [{"source": "a", "target": "c"}]


def test_preview_reads_only_the_beginning(monkeypatch):
    monkeypatch.setattr(files_module, "CHUNK", 100)
    data = (HEADER + "a\tb\n" * 50).encode() + b"\xff broken"
    assert preview(uploaded("x.tsv", data), Columns(), 5).rows.num_rows == 5


@pytest.mark.parametrize(
    ("names", "guess"),
    [
        (["source", "target"], ("source", "target")),
        (["tgt", "src"], ("src", "tgt")),
        (["id", "hi", "en"], ("en", "hi")),
        (["id", "a", "b"], ("a", "b")),
        (["1", "2"], ("1", "2")),
        (["id", "text"], ("text", "id")),
        (["x", "target"], ("x", "target")),
    ],
)
def test_guess_columns(names, guess):
    assert guess_columns(names) == guess


def test_guess_columns_needs_two():
    with pytest.raises(DataError, match="Got 'a'"):
        guess_columns(["a"])


def test_server_file_stays_in_its_folder(tmp_path):
    root = tmp_path / "offered"
    root.mkdir()
    (root / "a.tsv").write_text("x")
    (tmp_path / "secret").write_text("x")
    (root / "link").symlink_to(tmp_path / "secret")
    assert server_file(root, "a.tsv") == (root / "a.tsv").resolve()
    for name in ("../secret", str(tmp_path / "secret"), "link", "a/../../secret"):
        with pytest.raises(DataError, match="outside the folder"):
            server_file(root, name)
    for name in ("gone", "."):
        with pytest.raises(DataError, match="no file"):
            server_file(root, name)
    with pytest.raises(DataError, match="not the name of a file"):
        server_file(root, "a\0b")


def test_file_digest(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    expected = hashlib.sha256(b"abc").hexdigest()
    assert file_digest(tmp_path / "a") == file_digest(b"abc") == expected
    with pytest.raises(DataError, match="There is no file b"):
        file_digest(tmp_path / "b")


# --- what is written is what is read

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
LINE = TEXT.filter(lambda text: not set("\t\n") & set(text) and not text.endswith("\r"))
ROWS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8)


@given(st.lists(st.tuples(LINE, LINE), min_size=1, max_size=8))
@settings(deadline=None)
def test_tsv_and_parallel_text_are_read_as_written(rows):
    text = HEADER + "".join(f"{source}\t{target}\n" for source, target in rows)
    assert pairs(read(text, ".tsv")) == rows
    source, target = ("x\n" + "".join(f"{row[side]}\n" for row in rows) for side in (0, 1))
    assert pairs(parallel(source, target))[1:] == rows


@given(ROWS)
@settings(deadline=None)
def test_csv_is_read_as_written(rows):
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow(["source", "target"])
    writer.writerows(rows)
    assert pairs(read(sink.getvalue(), ".csv")) == rows


@given(ROWS, st.booleans())
@settings(deadline=None)
def test_jsonl_is_read_as_written(rows, ascii_only):
    lines = [json.dumps({"source": source, "target": target}, ensure_ascii=ascii_only) + "\n" for source, target in rows]
    assert pairs(read("".join(lines), ".jsonl")) == rows


@given(ROWS)
@settings(deadline=None)
def test_parquet_is_read_as_written(rows):
    sources, targets = zip(*rows, strict=True)
    assert pairs(read(parquet(pa.table({"source": sources, "target": targets})), ".parquet")) == rows
