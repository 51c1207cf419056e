"""What the README says is run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(after: str, language: str) -> str:
    """The first code block of a language after some words of the README."""
    found = re.search(rf"{re.escape(after)}.*?```{language}\n(.*?)```", README, re.DOTALL)
    assert found, f"the README has no {language} block after '{after}'"
    return found[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def shell(command: str, folder: Path) -> str:
    done = subprocess.run(command, shell=True, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)  # noqa: S602
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_of_the_command_line_run_in_their_order(folder: Path) -> None:
    commands = block("## On the command line", "sh").replace("\\\n", " ").strip().split("\n")
    assert len(commands) == 5
    for command in commands:
        assert command.startswith(".venv/bin/python -m craft_core")
        shell(command.replace(".venv/bin/python", sys.executable), folder)
    assert (folder / "out" / "indices.npy").read_bytes() == (folder / "out-again" / "indices.npy").read_bytes()
    (out_of_core,) = block("## Pools that do not fit into memory", "sh").replace("\\\n", " ").strip().split("\n")
    shell(out_of_core.replace(".venv/bin/python", sys.executable), folder)
    for path in (folder / "out").iterdir():
        if path.name != "manifest.json":
            assert (folder / "out-of-core" / path.name).read_bytes() == path.read_bytes(), path.name
    assert not (folder / "out-of-core.work").exists()
    named = set(re.findall(r"^\| `([\w.]+)`", README.split("`out` then holds")[1].split("`verify`")[0], re.MULTILINE))
    assert named == {path.name for path in (folder / "out").iterdir()}


def test_the_python_code_runs(folder: Path) -> None:
    code = folder / "code.py"
    code.write_text(block("## From Python", "python"), encoding="utf-8")
    printed = shell(f"{sys.executable} code.py", folder)
    assert printed.startswith("600 ")


def test_the_two_commands_name_files_that_exist() -> None:
    start, test = block("<!-- start command -->", "sh"), block("<!-- test command -->", "sh")
    for command in (start, test):
        for name in re.findall(r"-r (\S+)", command):
            assert (ROOT / name).is_file()
    assert "streamlit run app.py" in start
    assert "pytest" in test


def test_every_link_inside_the_project_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_every_page_the_readme_names_exists_and_the_other_way_round() -> None:
    named = re.findall(r"^\| (\d) ([\w ]+) \|", README, re.MULTILINE)
    assert {f"{number}_{name.replace(' ', '_')}.py" for number, name in named} == {path.name for path in (ROOT / "pages").glob("[0-9]*.py")}
