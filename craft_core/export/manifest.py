"""The manifest: what went in, what was decided, what came out; enough to run it again and to see that it is the same."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from craft_core.config import ExperimentConfig, from_record, to_record
from craft_core.corpus import file_digest
from craft_core.errors import DataError
from craft_core.experiment import Report
from craft_core.export.command import command_line
from craft_core.export.inputs import ROLES, InputRecord, input_records
from craft_core.export.metrics import counts_record, metrics_record, notes_record

__all__ = ["MANIFEST", "Manifest", "compare_inputs", "manifest_text", "output_records", "platform_record", "read_manifest", "versions"]

MANIFEST = "manifest.json"

_KIND, _VERSION = "craft-manifest", 1
_PACKAGES = ("numpy", "scipy", "scikit-learn", "faiss-cpu", "pyarrow", "polars", "pandas")
_MODEL_PACKAGES = ("sentence-transformers", "transformers", "torch")


@dataclass(frozen=True, eq=False)
class Manifest:
    """Hold what a manifest says.

    Attributes
    ----------
    config : ExperimentConfig
        What decided the run; paths are relative to the manifest's folder.
    inputs : tuple of InputRecord
        The files it was made from.
    outputs : Mapping of str to str
        The sha256 of every file it wrote, by name.
    versions, platform : Mapping of str to str
        What it ran on.
    record : Mapping
        Everything, as read: also counts, metrics, warnings, notes and seconds.
    """

    config: ExperimentConfig
    inputs: tuple[InputRecord, ...]
    outputs: Mapping[str, str]
    versions: Mapping[str, str]
    platform: Mapping[str, str]
    record: Mapping[str, Any] = field(repr=False)


def manifest_text(report: Report, config: ExperimentConfig, outputs: Sequence[Mapping[str, Any]]) -> str:
    """Return the manifest of a run as JSON.

    Parameters
    ----------
    report : Report
        The run.
    config : ExperimentConfig
        The run's config with paths relative to the folder of the manifest.
    outputs : sequence of mappings
        Of `output_records`.

    Notes
    -----
    Two runs on one machine differ in "created" and "seconds" only.
    """
    record = {
        "kind": _KIND,
        "version": _VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command_line(config, "again"),
        "config": to_record(config),
        "inputs": [one.record() for one in input_records(report.config, report.data, config)],
        "outputs": list(outputs),
        "counts": counts_record(report),
        "metrics": metrics_record(report),
        "warnings": list(report.warnings),
        "notes": list(notes_record(report, config)),
        "seconds": dict(report.seconds),
        "versions": versions(config.vectorizer.name),
        "platform": platform_record(),
    }
    return json.dumps(record, ensure_ascii=False, indent=2) + "\n"


def read_manifest(text: str | bytes) -> Manifest:
    """Read a manifest, from wherever it comes.

    Raises
    ------
    DataError
        For text that is no manifest of this version.
    ParameterError
        For a config that is refused.
    """
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"This is no manifest: {error}. Give the {MANIFEST} of an export.") from error
    if not isinstance(record, dict) or record.get("kind") != _KIND:
        raise DataError(f"This is no manifest: it does not say that it is one. Give the {MANIFEST} of an export.")
    if record.get("version") != _VERSION:
        raise DataError(f"This manifest has version {record.get('version')!r}; this program reads version {_VERSION}.")
    try:
        inputs = tuple(_input(one) for one in record["inputs"])
        outputs = {_plain_name(one["name"]): _text(one["sha256"]) for one in record["outputs"]}
        ran_on = [{_text(key): _text(value) for key, value in record[part].items()} for part in ("versions", "platform")]
        config = record["config"]
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"The manifest is damaged: its inputs, outputs or versions are not as they were written ({error}).") from error
    if not isinstance(config, dict):
        raise DataError("The manifest is damaged: its config is not as it was written.")
    return Manifest(from_record(config), inputs, outputs, ran_on[0], ran_on[1], record)


def compare_inputs(expected: Sequence[InputRecord], found: Sequence[InputRecord]) -> tuple[str, ...]:
    """Return a sentence for each input that is missing, differs or is one too many; files are compared by their content, in order."""
    differences = []
    for role in (*ROLES, "vectors"):
        wanted = [one for one in expected if one.role == role]
        given = [one for one in found if one.role == role]
        if len(wanted) != len(given):
            names = ", ".join(f"'{one.name}'" for one in wanted) or "none"
            differences.append(f"The manifest has {len(wanted)} {role} files ({names}), but {len(given)} are here.")
        for one, other in zip(wanted, given, strict=False):
            if one.sha256 != other.sha256:
                shorts = f"sha256 {other.sha256[:12]}…, not {one.sha256[:12]}…"
                differences.append(f"The {role} file '{other.name}' differs from the manifest's '{one.name}' ({shorts}).")
    return tuple(differences)


def output_records(folder: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return name, size and sha256 of files in a folder."""
    return [{"name": name, "bytes": (folder / name).stat().st_size, "sha256": file_digest(folder / name)} for name in names]


def versions(vectorizer: str) -> dict[str, str]:
    """Return the versions of Python and of the packages that may change a result."""
    wanted = _PACKAGES + (_MODEL_PACKAGES if vectorizer == "sentence-transformers" else ())
    found = {"craft": _craft_version(), "python": platform.python_version()}
    for name in wanted:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _craft_version() -> str:
    from craft_core import __version__

    return __version__


def platform_record() -> dict[str, str]:
    """Return what may change the last bit of a floating-point number; the number of threads does not."""
    import faiss  # noqa: F401 - each brings its own linear algebra, which is listed once it is loaded
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    found = [one for one in threadpool_info() if one["user_api"] == "blas"]
    libraries = {f"{one['internal_api']} {one['version']} {one.get('architecture', '')}".rstrip() for one in found}
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "implementation": sys.implementation.name,
        "linear algebra": "; ".join(sorted(libraries)),
    }


def _input(record: Mapping[str, Any]) -> InputRecord:
    return InputRecord(_text(record["role"]), _text(record["path"]), int(record["bytes"]), _text(record["sha256"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _plain_name(value: Any) -> str:
    name = _text(value)
    if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise TypeError(f"{name!r} is not a file name")
    return name
