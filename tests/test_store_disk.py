"""A folder that forgets what was used longest ago, and never gives back anything but what was put there."""

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from craft_core.errors import ParameterError
from craft_core.store import Store, code_fingerprint, open_store, why_off
from craft_core.store import disk as disk_module
from craft_core.store import entry as entry_module
from craft_core.store import place as place_module

BIG = 1 << 30


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", BIG)


def files_of(store: Store, kind: str) -> list[Path]:
    return [path for path in store.root.glob(f"{kind}*/*/*") if path.is_file()]


def used(store: Store, kind: str, key: str, seconds_ago: float) -> None:
    when = time.time() - seconds_ago
    os.utime(store._place(kind, key) / "meta.json", (when, when))


def test_what_is_put_is_found_under_its_kind_and_key(store: Store) -> None:
    assert store.get("Vectors", "key") is None
    assert store.put("Vectors", "key", {"a": (1, 2.5)})
    assert store.get("Vectors", "key") == {"a": (1, 2.5)}
    assert store.has("Vectors", "key")
    assert not store.has("Vectors", "other")
    assert not store.has("Clusters", "key")
    assert Store(store.root, BIG).get("Vectors", "key") == {"a": (1, 2.5)}


def test_none_can_be_wrapped_and_what_is_there_stays_unless_replaced(store: Store) -> None:
    assert store.put("a", "k", [None])
    assert store.put("a", "k", [1])
    assert store.get("a", "k") == [None]
    assert store.put("a", "k", [1], replace=True)
    assert store.get("a", "k") == [1]
    assert len(store.entries()) == 1
    assert not list((store.root / ".parts").iterdir())


def test_deleting_and_clearing(store: Store) -> None:
    for key in "abc":
        store.put("kind", key, key)
    store.delete("kind", "a")
    store.delete("kind", "never")
    assert [store.get("kind", key) for key in "abc"] == [None, "b", "c"]
    store.clear()
    assert store.size() == 0
    assert store.entries() == []
    assert store.put("kind", "a", "again")


def test_folders_belong_to_their_owner_and_names_never_come_from_outside(store: Store) -> None:
    store.put("../../etc Ünïcode/\0", "../../key\ud800", "value")
    assert store.get("../../etc Ünïcode/\0", "../../key\ud800") == "value"
    folders = [path for path in store.root.rglob("*") if path.is_dir()]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o700 for path in [store.root, *folders])
    assert all(set(path.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.") for path in folders)
    assert store.entries()[0].kind == "../../etc Ünïcode/\0"


def test_an_empty_folder_that_is_given_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Store(tmp_path, BIG)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_kinds_that_look_alike_are_kept_apart(store: Store) -> None:
    for kind in ("My Map", "my map", "my-map", "my/map"):
        store.put(kind, "k", kind)
    assert [store.get(kind, "k") for kind in ("My Map", "my map", "my-map", "my/map")] == ["My Map", "my map", "my-map", "my/map"]


def test_entries_tell_size_and_times(store: Store) -> None:
    before = time.time()
    store.put("kind", "a", np.zeros(1000))
    used(store, "kind", "a", 100)
    (entry,) = store.entries()
    assert 8_000 < entry.bytes < 12_000
    assert entry.bytes == store.size()
    assert entry.created >= before
    assert entry.used < before - 90
    store.get("kind", "a")
    assert store.entries()[0].used >= before - 1


def test_the_entry_used_longest_ago_goes_first(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", 33_000)
    for key, seconds in (("a", 30.0), ("b", 20.0), ("c", 10.0)):
        store.put("kind", key, np.zeros(1_000))
        used(store, "kind", key, seconds)
    store.get("kind", "a")
    assert store.put("kind", "d", np.zeros(1_000))
    assert [store.has("kind", key) for key in "abcd"] == [True, False, True, True]
    assert store.size() <= 33_000


def test_sessions_outlive_results(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", 33_000)
    store.put("session", "visitor", np.zeros(1_000))
    used(store, "session", "visitor", 1e6)
    for key in "abcd":
        store.put("kind", key, np.zeros(1_000))
    assert store.has("session", "visitor")
    for key in "efgh":
        assert store.put("session", key, np.zeros(1_000))
    assert not store.has("session", "visitor")  # only sessions are left, so the oldest goes


def test_an_entry_above_the_limit_is_refused_and_removes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", 20_000)
    store.put("kind", "small", "value")
    assert not store.put("kind", "large", np.zeros(5_000))
    assert not store.put("kind", "wordy", ["x" * 30_000])
    assert store.keep_file(bytes(30_000))
    assert [entry.kind for entry in store.entries()] == ["kind"]
    assert not list((store.root / ".parts").iterdir())


def test_what_cannot_be_stored_is_refused(store: Store) -> None:
    assert not store.put("kind", "k", {"a": len})
    assert store.entries() == []
    assert not list((store.root / ".parts").iterdir())


def damaged(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "gone":
        path.unlink()
    elif how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        path.write_bytes(data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 0xFF]) + data[len(data) // 2 + 1 :])


@pytest.mark.parametrize("how", ["gone", "cut", "empty", "changed"])
@pytest.mark.parametrize("name", ["tree.json", "small.npy", "1.npy", "2.arrow"])
def test_a_damaged_entry_is_none_and_removed(how: str, name: str, store: Store) -> None:
    import pyarrow as pa

    value = {"large": np.zeros(200_000), "text": pa.array(["a", "b"]), "small": np.arange(5)}
    store.put("kind", "k", value)
    damaged(store._place("kind", "k") / name, how)
    assert store.get("kind", "k") is None
    assert not store._place("kind", "k").exists()
    assert store.put("kind", "k", value)
    assert store.get("kind", "k") is not None


@pytest.mark.parametrize("how", ["gone", "cut", "empty"])
def test_an_entry_with_a_damaged_description_is_none_and_makes_room(how: str, store: Store) -> None:
    store.put("kind", "k", "value")
    damaged(store._place("kind", "k") / "meta.json", how)
    assert store.get("kind", "k") is None
    assert store.entries() == []
    assert store.put("kind", "k", "new")
    assert store.get("kind", "k") == "new"


@pytest.mark.parametrize(
    "tree", ['{"is": "pickle"}', '{"is": "same", "number": 3}', "[1", '{"is": "dataclass", "class": "os:stat"}', "null{"]
)
def test_a_tree_of_another_kind_is_none(tree: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("kind", "k", "value")
    (store._place("kind", "k") / "tree.json").write_text(tree)
    monkeypatch.setattr(entry_module, "check_files", lambda *_: None)
    assert store.get("kind", "k") is None


def test_large_arrays_stay_readable_when_their_entry_is_removed(store: Store) -> None:
    array = np.arange(1_000_000)
    store.put("kind", "k", {"array": array})
    found = store.get("kind", "k")["array"]
    store.clear()
    assert (found == array).all()
    assert not found.flags.writeable


def test_results_of_other_code_are_not_taken_unless_asked_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("session", "k", "old")
    for module in (disk_module, entry_module):
        monkeypatch.setattr(module, "code_fingerprint", lambda: "other")
    assert store.get("session", "k") is None
    assert not store.has("session", "k")
    assert store.get("session", "k", any_code=True) == "old"
    assert store.keys("session") == []
    assert store.keys("session", any_code=True) == ["k"]
    assert store.put("session", "k", "new")
    assert store.get("session", "k") == "new"


def test_another_format_is_never_taken(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("session", "k", "old")
    monkeypatch.setattr(entry_module, "FORMAT", 2)
    assert store.get("session", "k", any_code=True) is None


def test_the_fingerprint_is_one_of_code_and_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    own = code_fingerprint.__wrapped__()
    assert own == code_fingerprint()
    monkeypatch.setattr("craft_core.store.fingerprint.version", lambda _: "0")
    assert code_fingerprint.__wrapped__() != own


def test_a_key_that_shares_a_place_is_not_taken_for_another(store: Store) -> None:
    store.put("kind", "k", "value")
    meta = store._place("kind", "k") / "meta.json"
    meta.write_text(json.dumps(json.loads(meta.read_text()) | {"key": "other"}))
    assert store.get("kind", "k") is None


def test_a_disk_that_refuses_makes_put_false(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    store.put("kind", "old", "value")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert not store.put("kind", "k", np.zeros(10))
        assert not store.put("kind", "old", "new", replace=True)
        store.keep_file(b"data")
    monkeypatch.setattr(disk_module, "_SPARE_BYTES", 1 << 60)
    assert not store.put("kind", "k", np.zeros(10))
    assert store.get("kind", "old") == "value"
    assert not list((store.root / ".parts").iterdir())


def test_what_killed_processes_left_is_removed_after_an_hour(store: Store) -> None:
    old, new = store.root / ".parts" / "old", store.root / ".parts" / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "1.npy").write_bytes(b"half")
    os.utime(old, (time.time() - 4_000, time.time() - 4_000))
    Store(store.root, BIG)
    assert not old.exists()
    assert new.exists()


def test_a_folder_that_somebody_removed_is_made_again(store: Store) -> None:
    shutil.rmtree(store.root)
    assert store.get("kind", "k") is None
    assert store.entries() == []
    assert store.put("kind", "k", "value")
    assert stat.S_IMODE(store.root.stat().st_mode) == 0o700


def test_an_entry_that_took_the_place_of_a_damaged_one_stays(store: Store) -> None:
    store.put("kind", "k", "value")
    store._discard(store._place("kind", "k"), (None, "another id"))
    assert store.get("kind", "k") == "value"


def test_files_are_known_by_their_content(store: Store) -> None:
    assert store.file("0" * 64) is None
    name = store.keep_file(b"some data")
    assert name == store.keep_file(b"some data")
    path = store.file(name)
    assert path is not None
    assert path.read_bytes() == b"some data"
    assert [entry.kind for entry in store.entries()] == ["files"]
    damaged(path, "cut")
    assert store.file(name) is None
    store.keep_file(b"some data")
    assert store.file(name) is not None
    assert store.file(store.keep_file(b"")).read_bytes() == b""
    assert store.file("../../../etc/passwd") is None


def test_an_idle_kind_is_trimmed(store: Store) -> None:
    for key, seconds in (("a", 300.0), ("b", 200.0), ("c", 10.0)):
        store.put("kind", key, np.zeros(1_000))
        used(store, "kind", key, seconds)
    store.put("other", "k", np.zeros(1_000))
    assert store.trim("kind", 40_000, 100.0)
    assert len(store.keys("kind")) == 3
    assert store.trim("kind", 20_000, 100.0)
    assert store.keys("kind") == ["b", "c"]
    assert not store.trim("kind", 5_000, 100.0)
    assert store.keys("kind") == ["c"]
    assert store.has("other", "k")


def test_threads_may_write_and_read_one_entry_at_once(store: Store) -> None:
    array = np.arange(200_000)
    store.put("kind", "k", {"of": -1, "array": array})
    wrong: list[object] = []

    def write(number: int) -> None:
        for _ in range(10):
            assert store.put("kind", "k", {"of": number, "array": array + number}, replace=True)

    def read() -> None:
        for _ in range(40):
            found = store.get("kind", "k")
            if found is None or found["array"][0] != max(found["of"], 0):
                wrong.append(found)

    threads = [*(threading.Thread(target=write, args=(number,)) for number in range(3)), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(store.entries()) == 1


def test_an_entry_replaced_while_it_is_read_is_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("kind", "k", "old")
    own, rounds = disk_module.read_entry, iter(range(3))

    def read(folder: Path, meta: dict[str, object]) -> tuple[object, bool]:
        if next(rounds) == 0:
            store.put("kind", "k", "new", replace=True)
            return "half of each", True
        return own(folder, meta)

    monkeypatch.setattr(disk_module, "read_entry", read)
    assert store.get("kind", "k") == "new"


def test_processes_may_write_one_entry_at_once(store: Store) -> None:
    code = """
import sys
from pathlib import Path
import numpy as np
from craft_core.store import Store
store = Store(Path(sys.argv[1]), 1 << 30)
for _ in range(30):
    assert store.put("kind", "k", {"of": int(sys.argv[2]), "array": np.full(1000, int(sys.argv[2]))}, replace=True)
    found = store.get("kind", "k")
    assert found is None or (found["array"] == found["of"]).all()
"""
    started = [subprocess.Popen([sys.executable, "-c", code, str(store.root), str(number)]) for number in range(2)]
    assert [one.wait(120) for one in started] == [0, 0]
    assert store.get("kind", "k")["of"] in (0, 1)
    assert not list((store.root / ".parts").iterdir())


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    place_module._store.cache_clear()
    monkeypatch.delenv("CRAFT_STORE", raising=False)
    monkeypatch.delenv("CRAFT_STORE_GB", raising=False)
    return monkeypatch


def test_the_environment_names_the_folder_and_the_limit(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("CRAFT_STORE", str(tmp_path / "deep" / "here"))
    store = open_store()
    assert store is not None
    assert (store.root, store.limit) == (tmp_path / "deep" / "here", 10_000_000_000)
    assert open_store() is store
    environment.setenv("CRAFT_STORE_GB", "0.5")
    assert open_store().limit == 500_000_000
    assert why_off() is None


def test_without_a_word_it_is_the_users_cache_folder(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert open_store().root == tmp_path / "craft-dashboard"


def test_off_keeps_nothing(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CRAFT_STORE", "off")
    assert open_store() is None
    assert why_off() == "Nothing is kept on disk: CRAFT_STORE is off."


def test_tests_keep_nothing() -> None:
    assert os.environ["CRAFT_STORE"] == "off"


@pytest.mark.parametrize("text", ["lots", "0", "-1", "nan", "inf"])
def test_a_size_that_is_none_is_refused(text: str, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CRAFT_STORE_GB", text)
    with pytest.raises(ParameterError, match=f"CRAFT_STORE_GB must be a positive number of gigabytes, such as 10. Got '{text}'."):
        open_store()


def test_a_folder_that_cannot_be_written_is_off_with_a_reason(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environment.setenv("CRAFT_STORE", str(tmp_path / "file" / "store"))
    assert open_store() is None
    assert why_off() == (
        f"Nothing is kept on disk: '{tmp_path / 'file' / 'store'}' cannot be written (Not a directory). Set CRAFT_STORE to another folder."
    )


def test_a_folder_with_other_files_is_left_alone(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    environment.setenv("CRAFT_STORE", str(tmp_path))
    assert open_store() is None
    assert "it holds other files" in str(why_off())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
