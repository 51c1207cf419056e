import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from craft_core.stream.place import is_whole, read_result, writing


def make(folder: Path, number: int = 1) -> None:
    with writing(folder) as writer:
        writer.array("rows", np.arange(number, 20, dtype=np.uint32))
        writer.table("pairs", pa.table({"source": pa.array(["a", None, "ü"], pa.large_string()), "n": [1, 2, number]}))
        writer.facts({"number": number, "notes": ["größer", None], "share": 0.1})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_result(tmp_path / "scan" / "7") is None
    make(tmp_path / "scan" / "7")
    found = read_result(tmp_path / "scan" / "7")
    assert found is not None
    assert found.array("rows").tolist() == list(range(1, 20))
    assert found.array("rows").dtype == np.uint32
    assert found.table("pairs").to_pylist() == [{"source": "a", "n": 1}, {"source": None, "n": 2}, {"source": "ü", "n": 1}]
    assert found.facts == {"number": 1, "notes": ["größer", None], "share": 0.1}
    assert [path.name for path in (tmp_path / "scan").iterdir()] == ["7"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError), writing(tmp_path / "7") as writer:
        writer.facts({"number": np.arange(3)})
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_there_before_the_end(tmp_path: Path) -> None:
    with writing(tmp_path / "7") as writer:
        writer.array("rows", np.arange(3))
        writer.facts({})
        assert read_result(tmp_path / "7") is None
        assert not (tmp_path / "7").exists()
    assert is_whole(tmp_path / "7")


def test_one_that_is_there_stays_and_two_at_once_are_no_matter(tmp_path: Path) -> None:
    make(tmp_path / "7")
    before = (tmp_path / "7").stat().st_ino
    with writing(tmp_path / "7") as one:
        with writing(tmp_path / "7") as other:
            other.facts({"number": 3})
        one.facts({"number": 2})
    found = read_result(tmp_path / "7")
    assert found is not None
    assert found.facts["number"] == 1
    assert (tmp_path / "7").stat().st_ino == before
    assert [path.name for path in tmp_path.iterdir()] == ["7"]


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)


def longer(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


@pytest.mark.parametrize("name", ["rows.npy", "pairs.arrow", "facts.json", "sizes.json"])
@pytest.mark.parametrize("spoil", [cut, longer, Path.unlink])
def test_what_a_crash_left_is_not_read_and_is_replaced(tmp_path: Path, name: str, spoil: Callable[[Path], None]) -> None:
    make(tmp_path / "7")
    spoil(tmp_path / "7" / name)
    assert read_result(tmp_path / "7") is None
    make(tmp_path / "7", number=2)
    found = read_result(tmp_path / "7")
    assert found is not None
    assert found.facts["number"] == 2
    assert found.array("rows")[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["7"]


@pytest.mark.parametrize("text", ["", "[]", "7", "null", '{"facts.json": "7"}', '{"../7/facts.json": 5, "no": 1}'])
def test_sizes_that_make_no_sense_are_no_result(tmp_path: Path, text: str) -> None:
    make(tmp_path / "7")
    (tmp_path / "7" / "sizes.json").write_text(text)
    assert read_result(tmp_path / "7") is None


def test_a_half_written_folder_is_passed_over(tmp_path: Path) -> None:
    make(tmp_path / "8")
    shutil.copytree(tmp_path / "8", tmp_path / ".7.12.ab.part")
    assert read_result(tmp_path / "7") is None
    make(tmp_path / "7")
    assert is_whole(tmp_path / "7")
