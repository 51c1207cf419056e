"""Imports point down only: the floors of the house, from the ground up."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = [
    {"errors", "arrays", "progress", "threads", "machine"},
    {"params", "store", "workers"},
    {"corpus"},
    {"vectorize"},
    {"cluster", "allocate"},
    {"problem"},
    {"draws", "herd", "importance", "joint", "ridge", "score", "whatif"},
    {"alignment", "vector_importance"},
    {"selectors"},
    {"bound", "discrepancy", "holdout", "umap_layout", "describe", "ledger"},
    {"telling_words"},
    {"project", "budgets"},
    {"measure", "finetune", "explore"},
    {"sweep", "stability", "toy", "yardsticks"},
    {"config"},
    {"files"},
    {"compare"},
    {"experiment"},
    {"stream"},
    {"estimate"},
    {"figures", "export"},
    {"benchmark", "cli_options", "contest"},
    {"cli_select"},
    {"cli"},
    {"__init__", "__main__"},
]
FLOOR = {room: number for number, floor in enumerate(FLOORS) for room in floor}
ONLY = {"plotly": {"craft_core/figures"}, "streamlit": {"app.py", "pages"}}


def files() -> list[Path]:
    return sorted([ROOT / "app.py", *(ROOT / "pages").rglob("*.py"), *(ROOT / "craft_core").rglob("*.py")])


def imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [node.module or ""] + [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def room(path: Path) -> str:
    return path.relative_to(ROOT / "craft_core").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    inside = path.is_relative_to(ROOT / "craft_core")
    for name in imports(path):
        parts = name.split(".")
        assert not (inside and parts[0] in {"app", "pages"}), f"{path} imports {name}"
        if inside and parts[0] == "craft_core" and len(parts) > 1 and parts[1] in FLOOR:
            own, other = room(path), parts[1]
            assert own == other or FLOOR[other] < FLOOR[own], f"{path.name}: {own} imports {other}, which is not below it"


@pytest.mark.parametrize("package", ONLY)
def test_faces_stay_outside_the_core(package: str) -> None:
    for path in files():
        if any(name.split(".")[0] == package for name in imports(path)):
            place = path.relative_to(ROOT).as_posix()
            assert any(place == allowed or place.startswith(allowed + "/") for allowed in ONLY[package]), f"{place} imports {package}"


def test_every_room_has_a_floor() -> None:
    rooms = {room(path) for path in (ROOT / "craft_core").rglob("*.py")}
    assert rooms <= set(FLOOR)


@pytest.mark.parametrize("heavy", ["torch", "tokenizers", "umap", "sentence_transformers", "transformers", "faiss", "sklearn"])
def test_heavy_packages_are_imported_inside_functions(heavy: str) -> None:
    for path in files():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            assert heavy not in [name.split(".")[0] for name in names], f"{path} imports {heavy} at its top"
