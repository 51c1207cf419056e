"""Vectors from files: what is read, and every trap."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vectorize_helpers import save_vectors

from craft_core.corpus.pairs import Corpus, corpus_from_texts
from craft_core.errors import DataError, ParameterError
from craft_core.progress import silent
from craft_core.vectorize import npy as module
from craft_core.vectorize.precomputed import Precomputed
from craft_core.vectorize.protocol import Vectors

POOL = corpus_from_texts(list("abcdef"), list("uvwxyz"), "pool")
VALIDATION = corpus_from_texts(list("gh"), list("ij"), "validation")
GOOD = np.arange(24, dtype=np.float32).reshape(6, 4)


@pytest.fixture
def folder(tmp_path) -> Path:
    return save_vectors(tmp_path, POOL, VALIDATION)


def read(folder: Path, pool: Corpus = POOL) -> Vectors:
    return Precomputed(folder=str(folder)).vectorize(pool, VALIDATION, None, 0, silent)


def refused(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(folder)
    return str(caught.value)


def unit(matrix: np.ndarray) -> np.ndarray:
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def forged(header: str, body: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    size = struct.pack("<H" if version == b"\x01\x00" else "<I", len(header) + 1)
    return b"\x93NUMPY" + version + size + header.encode() + b"\n" + body


def write_npz(folder: Path, member: bytes, compression: int = zipfile.ZIP_DEFLATED) -> None:
    (folder / "pool.source.npy").unlink()
    with zipfile.ZipFile(folder / "pool.npz", "w", compression) as archive:
        archive.writestr("source.npy", member)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_rows_are_scaled_and_belong_to_rows_as_given(folder: Path, dtype: str, order: str) -> None:
    np.save(folder / "pool.source.npy", np.asarray(GOOD, dtype, order=order))
    expected = unit(GOOD)
    assert np.allclose(read(folder).pool.sources, expected, atol=1e-3)
    cleaned = POOL.take(np.array([5, 1, 2]))
    assert np.allclose(read(folder, cleaned).pool.sources, expected[[5, 1, 2]], atol=1e-3)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_gives_the_same(folder: Path, save) -> None:
    (folder / "pool.source.npy").unlink()
    save(folder / "pool.npz", source=GOOD)
    assert np.allclose(read(folder).pool.sources, unit(GOOD), atol=1e-6)
    assert np.allclose(read(folder, POOL.take(np.array([5, 1, 5, 2]))).pool.sources, unit(GOOD)[[5, 1, 5, 2]], atol=1e-6)


def test_npz_longer_than_a_block_gives_the_same(tmp_path) -> None:
    many = corpus_from_texts(["x"] * 40_000, ["y"] * 40_000, "pool").take(np.random.default_rng(0).permutation(40_000)[:30_000])
    vectors = np.random.default_rng(1).standard_normal((40_000, 3)).astype(np.float32)
    save_vectors(tmp_path, VALIDATION, dimensions=3)
    np.savez(tmp_path / "pool.npz", source=vectors, target=-vectors)
    found = read(tmp_path, many).pool
    assert np.allclose(found.sources, unit(vectors)[many.rows], atol=1e-6)
    assert np.array_equal(found.targets, -found.sources)


def test_zero_rows_stay_zero_and_extreme_ones_become_unit(folder: Path) -> None:
    extreme = np.array([[0, 0], [1e-300, 0], [3e200, 4e200], [1, 1], [1e-40, 1e-40], [-5, 0]])
    np.save(folder / "pool.source.npy", extreme)
    np.save(folder / "validation.source.npy", np.ones((2, 2)))
    expected = [[0, 0], [1, 0], [0.6, 0.8], [0.5**0.5, 0.5**0.5], [0.5**0.5, 0.5**0.5], [-1, 0]]
    found = read(folder)
    assert np.allclose(found.pool.sources, expected, atol=1e-6)
    assert found.pool.zero.tolist() == [True] + [False] * 5
    assert found.source_encoder is None


HEADER = "{{'descr': '{0}', 'fortran_order': False, 'shape': {1}, }}"
TRAPS = {
    "140 terabytes": (forged(HEADER.format("<f4", (10**10, 3500))), r"says shape \(10000000000, 3500\) of float32, which takes 140,000,0"),
    "beyond 64 bits": (forged(HEADER.format("<f4", (2**70, 4))), "says shape"),
    "cut off": (npy(GOOD)[:-4], r"says shape \(6, 4\) of float32, which takes 224 bytes, but has 220"),
    "too long": (npy(GOOD) + b"more", "but has 228"),
    "negative": (forged(HEADER.format("<f4", (-6, 4))), r"has shape \(-6, 4\)"),
    "no columns": (npy(np.zeros((6, 0), np.float32)), r"has shape \(6, 0\)"),
    "one dimension": (npy(np.zeros(6)), r"has shape \(6,\). Save one row a pair"),
    "three dimensions": (npy(np.zeros((6, 4, 1))), r"has shape \(6, 4, 1\)"),
    "whole numbers": (npy(np.zeros((6, 4), np.int64)), "holds int64 numbers. Save float16, float32 or float64"),
    "complex": (npy(np.zeros((6, 4), complex)), "holds complex128"),
    "objects": (npy(np.full((6, 4), None)), "holds object"),
    "structures": (npy(np.zeros((6, 4), [("a", "f4")])), "holds "),
    "too few rows": (npy(GOOD[:5]), r"has shape \(5, 4\), but the pool has at least 6 rows as given"),
    "not a number": (npy(np.where(GOOD == 9, np.nan, GOOD)), "holds NaN or infinity in row 2"),
    "infinite": (npy(np.where(GOOD == 9, -np.inf, GOOD)), "holds NaN or infinity in row 2"),
    "no npy": (b"PK\x03\x04 something else", "is no readable .npy file"),
    "empty": (b"", "is no readable .npy file"),
    "future version": (b"\x93NUMPY\x09\x00" + b" " * 200, "is no readable .npy file"),
    "deep header": (forged("(" * 5000), "is no readable .npy file"),
    "code in header": (forged("__import__('os').abort()"), "is no readable .npy file"),
    "broken header": (forged("{'descr': '<f4"), "is no readable .npy file"),
    "endless header": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b" " * 200, "is no readable .npy file"),
}


@pytest.mark.parametrize("kind", ["npy", "npz"])
@pytest.mark.parametrize("trap", TRAPS)
def test_traps_are_refused_with_the_file_and_what_is_wrong(folder: Path, trap: str, kind: str) -> None:
    content, message = TRAPS[trap]
    if kind == "npy":
        (folder / "pool.source.npy").write_bytes(content)
    else:
        write_npz(folder, content)
    with pytest.raises(DataError, match=message) as caught:
        read(folder)
    assert str(folder / ("pool.source.npy" if kind == "npy" else "pool.npz [source]")) in str(caught.value)


def test_an_archive_that_expands_too_far_is_refused(folder: Path) -> None:
    write_npz(folder, npy(np.zeros((2_000_000, 10), np.float32)))
    assert "expands from" in refused(folder)
    assert "to 80,000,128 bytes, more than 100 times" in refused(folder)


def test_an_archive_that_lies_about_its_size_is_refused(folder: Path) -> None:
    write_npz(folder, npy(GOOD), zipfile.ZIP_STORED)
    path = folder / "pool.npz"
    content = path.read_bytes()
    true, forged_size = struct.pack("<I", len(npy(GOOD))), struct.pack("<I", len(npy(GOOD)) + 16)
    path.write_bytes(content.replace(true, forged_size))
    assert "pool.npz" in refused(folder)


@pytest.mark.parametrize("damage", ["garbage", "flipped byte", "encrypted", "other key"])
def test_broken_archives_are_refused(folder: Path, damage: str) -> None:
    write_npz(folder, npy(GOOD), zipfile.ZIP_STORED)
    path = folder / "pool.npz"
    content = bytearray(path.read_bytes())
    if damage == "garbage":
        content = bytearray(b"not a zip at all")
    elif damage == "flipped byte":
        content[len(npy(GOOD)) // 2 + 60] ^= 0xFF
    elif damage == "encrypted":
        content[6] |= 1  # in the local header and in the directory
        content[content.index(b"PK\x01\x02") + 8] |= 1
    elif damage == "other key":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("vectors.npy", npy(GOOD))
        assert refused(folder) == f"{path} has no array 'source'. It holds: vectors."
        return
    path.write_bytes(bytes(content))
    message = refused(folder)
    assert message.startswith(f"{path} [source] ")


def test_a_fortran_archive_is_refused_with_a_way_out(folder: Path) -> None:
    write_npz(folder, npy(np.asfortranarray(GOOD)))
    assert "Save numpy.ascontiguousarray of it" in refused(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "validation.target.npy").unlink()
    assert refused(folder) == (
        f"The folder {folder} has neither validation.target.npy nor validation.npz. Save the target vectors of the validation there."
    )


def test_sets_of_different_dimensions_are_refused(folder: Path) -> None:
    np.save(folder / "validation.source.npy", np.ones((2, 5), np.float32))
    assert refused(folder) == (
        "The source vectors of the validation have 5 dimensions, those of the pool 4. Make all of one side with one model."
    )


def with_column(values: list, kind: pa.DataType, corpus: Corpus = POOL) -> Corpus:
    table = pa.table({"source_vector": pa.array(values, kind), "target_vector": pa.array(values, kind)})
    return Corpus(corpus.sources, corpus.targets, corpus.ids, corpus.rows.copy(), table, corpus.name)


KINDS = [pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.float32(), 4)]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_columns_of_lists_are_read(kind: pa.DataType) -> None:
    pool = with_column(GOOD.tolist(), kind).take(np.array([4, 0, 3]))
    vectors = Precomputed().vectorize(pool, with_column(GOOD[:2].tolist(), kind, VALIDATION), None, 0, silent)
    assert np.allclose(vectors.pool.sources, unit(GOOD)[[4, 0, 3]], atol=1e-6)
    assert np.array_equal(vectors.pool.sources, vectors.pool.targets)


ROWS = GOOD.tolist()
BAD_COLUMNS = {
    "text": (list("abcdef"), pa.string(), "is of type string. It must hold a list of floating-point numbers"),
    "whole numbers": ([[1, 2]] * 6, pa.list_(pa.int64()), "is of type list<"),
    "ragged": ([*ROWS[:5], [1.0]], KINDS[0], "has 0 empty rows and vectors of 1 to 4 numbers. All must have one length"),
    "missing": ([*ROWS[:5], None], KINDS[0], "has 1 empty rows"),
    "missing, fixed": ([*ROWS[:5], None], KINDS[2], "has 1 empty rows"),
    "missing number": ([*ROWS[:5], [1.0, 2.0, None, 4.0]], KINDS[0], "has vectors with 1 missing numbers near row 0"),
    "empty lists": ([[]] * 6, KINDS[0], "vectors of 0 to 0 numbers"),
    "not a number": ([*ROWS[:5], [1.0, 2.0, float("nan"), 4.0]], KINDS[0], "holds NaN or infinity in row 5"),
}


@pytest.mark.parametrize("case", BAD_COLUMNS)
def test_bad_columns_are_refused(case: str) -> None:
    values, kind, message = BAD_COLUMNS[case]
    with pytest.raises(DataError, match=f"^Column 'source_vector' of the pool.*{message}"):
        Precomputed().vectorize(with_column(values, kind), VALIDATION, None, 0, silent)


def test_a_missing_column_is_named_with_those_there() -> None:
    pool = with_column(ROWS, KINDS[0])
    with pytest.raises(DataError, match=r"^The pool has no column 'v' of vectors. Further columns: source_vector, target_vector\.$"):
        Precomputed(source_column="v").vectorize(pool, VALIDATION, None, 0, silent)


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    dtype=st.sampled_from([np.float16, np.float32, np.float64, ">f4"]),
    order=st.sampled_from(["C", "F"]),
    data=st.data(),
)
def test_rows_read_piece_by_piece_are_those_of_all(
    shape: tuple[int, int], dtype: str, order: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("vectors")
    np.save(folder / "pool.source.npy", np.asarray(np.random.default_rng(shape).standard_normal(shape) * 9, dtype, order=order))
    np.save(folder / "pool.target.npy", np.ones((shape[0], 2)))
    pool = corpus_from_texts(["x"] * shape[0], ["y"] * shape[0], "pool")
    vectorizer = Precomputed(folder=str(folder))
    whole = vectorizer.vectorize(pool, pool, None, 0, silent).pool.sources
    first, last = sorted(data.draw(st.tuples(st.integers(0, shape[0]), st.integers(0, shape[0]))))
    some = np.array(data.draw(st.lists(st.integers(0, shape[0] - 1))), np.int64)
    for positions in (np.arange(first, last), np.arange(first, last)[::-1], some):
        assert vectorizer.rows("pool", "source", positions).tobytes() == whole[positions].tobytes()
    assert vectorizer.check("pool", shape[0]) == (shape[1], 2)


def test_blocks_make_no_difference(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shuffled = np.array([5, 1, 2, 2, 0])
    whole = Precomputed(folder=str(folder)).rows("pool", "source", shuffled)
    seen: list[float] = []
    monkeypatch.setattr(module, "_BLOCK_NUMBERS", 8)  # two rows of four
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "scaled", lambda block, rows, name: seen.append(len(block)) or np.zeros(block.shape))
        Precomputed(folder=str(folder)).rows("pool", "source", shuffled)
    assert seen == [2, 2, 1]
    assert Precomputed(folder=str(folder)).rows("pool", "source", shuffled).tobytes() == whole.tobytes()


def test_only_the_rows_asked_for_are_checked(folder: Path) -> None:
    np.save(folder / "pool.source.npy", np.where(GOOD == 9, np.nan, GOOD))
    vectorizer = Precomputed(folder=str(folder))
    assert np.allclose(vectorizer.rows("pool", "source", np.array([0, 1, 3])), unit(GOOD[[0, 1, 3]]))
    with pytest.raises(DataError, match="holds NaN or infinity in row 2"):
        vectorizer.rows("pool", "source", np.array([0, 1, 2]))
    with pytest.raises(DataError, match=r"has shape \(6, 4\), but the pool has at least 8 rows as given"):
        vectorizer.rows("pool", "source", np.array([7]))


def test_a_folder_is_checked_before_a_vector_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "scaled", None)
    vectorizer = Precomputed(folder=str(folder))
    assert vectorizer.check("pool", 6) == vectorizer.check("validation", 0) == (4, 4)
    with pytest.raises(DataError, match="but the pool has at least 7 rows as given"):
        vectorizer.check("pool", 7)
    np.save(folder / "validation.target.npy", GOOD[:1])
    assert "but the validation has at least 2 rows" in refused(folder)  # and not after the pool was read
    with pytest.raises(DataError, match="has neither test.source.npy nor test.npz"):
        vectorizer.check("test", 0)
    with pytest.raises(ParameterError, match="Vectors in columns of the data come with the data"):
        Precomputed().check("pool", 0)


def test_an_archive_is_no_good_piece_by_piece(folder: Path) -> None:
    write_npz(folder, npy(GOOD))
    for ask in (lambda one: one.check("pool", 6), lambda one: one.rows("pool", "source", np.array([0]))):
        with pytest.raises(DataError) as caught:
            ask(Precomputed(folder=str(folder)))
        assert str(caught.value) == (
            f"{folder / 'pool.npz'} can only be read as a whole, and these data are read piece by piece. Save its arrays with numpy.save, "
            "as pool.source.npy and pool.target.npy."
        )


def test_reading_tells_how_far_it_is_and_can_be_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_NUMBERS", 8)
    seen: list[float] = []
    Precomputed(folder=str(folder)).vectorize(POOL, VALIDATION, None, 0, lambda share, text: seen.append(share))
    assert seen == sorted(seen)
    assert len(seen) > 8

    def stop(share: float, text: str) -> None:
        if text == "Reading pool.target.npy":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Precomputed(folder=str(folder)).vectorize(POOL, VALIDATION, None, 0, stop)


def test_a_part_of_a_corpus_has_its_part_of_the_vectors(folder: Path) -> None:
    part = POOL.take(np.array([2, 3]))
    expected = read(folder).pool.targets[2:4]
    assert (Precomputed(folder=str(folder)).read(part, "target") == expected).all()
    pool = with_column(GOOD.tolist(), KINDS[0])
    assert (Precomputed().read(pool.take(np.array([4, 5])), "source") == Precomputed().read(pool, "source")[4:]).all()
