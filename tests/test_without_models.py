"""Everything but the sentence-transformers vectorizer works where its packages are not installed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ABSENT = """
import sys
from importlib.machinery import PathFinder

class Poorer(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = name.split(".")[0] in ("sentence_transformers", "transformers", "torch", "tokenizers")
        return None if absent else PathFinder.find_spec(name, path, target)

sys.meta_path = [Poorer if finder is PathFinder else finder for finder in sys.meta_path]
"""
SAMPLE = [f"--{role}=sample_data/{role}.tsv" for role in ("pool", "validation", "test")]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", ABSENT + code], cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_the_command_line_selects_with_tfidf(tmp_path: Path) -> None:
    words = ["select", "craft", *SAMPLE, "--budget=50", "--n-clusters=20", f"--out={tmp_path / 'out'}", "--quiet"]
    done = run(f"from craft_core.cli import main\nsys.exit(main({words!r}))")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "indices.npy").is_file()


def test_the_missing_vectorizer_says_what_to_install(tmp_path: Path) -> None:
    words = ["select", "craft", *SAMPLE, "--vectorizer=sentence-transformers", f"--out={tmp_path / 'out'}", "--quiet"]
    done = run(f"from craft_core.cli import main\nsys.exit(main({words!r}))")
    assert done.returncode == 2
    assert "pip install sentence-transformers" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_app_comes_to_life() -> None:
    code = """
from streamlit.testing.v1 import AppTest
at = AppTest.from_file("app.py", default_timeout=120).run()
next(one for one in at.button if one.label == "Explore the sample data").click()
at.run()
at.switch_page("pages/7_Export.py").run()
assert not at.exception, at.exception
assert [one for one in at.metric if one.label == "Chosen"][0].value == "600"
"""
    done = run(code)
    assert done.returncode == 0, done.stderr
