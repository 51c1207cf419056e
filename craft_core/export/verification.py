"""Say whether an export is still what it was, and whether its recipe gives the same again."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from craft_core.config import ExperimentConfig
from craft_core.corpus import file_digest
from craft_core.errors import DataError
from craft_core.experiment import Files, Report, open_files, parts_of, run
from craft_core.export.folder import write_outputs
from craft_core.export.inputs import InputRecord, beside, input_records, vector_records, with_data
from craft_core.export.manifest import (
    MANIFEST,
    Manifest,
    compare_inputs,
    manifest_text,
    output_records,
    platform_record,
    read_manifest,
    versions,
)
from craft_core.progress import Progress, part, silent
from craft_core.vectorize import Precomputed

__all__ = ["Verification", "verify", "verify_against"]

Again = Callable[[ExperimentConfig, Files, Progress], Report]
"""Runs a config on its files."""

_SHOWN = 10
_VARYING = ("created", "seconds", "versions", "platform")  # sections of a manifest that may differ from run to run


@dataclass(frozen=True)
class Verification:
    """Hold what a verification found.

    Attributes
    ----------
    differences : tuple of str
        One sentence a difference; none where everything is identical.
    notes : tuple of str
        What may explain a difference (other versions, another machine), and files that the manifest does not list.
    """

    differences: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything is identical."""
        return not self.differences


def verify(
    folder: Path,
    pool: Sequence[str] | None = None,
    validation: str | None = None,
    test: str | None = None,
    progress: Progress = silent,
    again: Again = run,
) -> Verification:
    """Compare the files of an export with its manifest, then its inputs; if these are the same, run it again and compare the results.

    The results are the files and what the manifest says of the run; date, seconds, versions and machine are not compared.

    Parameters
    ----------
    folder : Path
        The export.
    pool, validation, test : sequence of str, str, str or None
        Where inputs that moved are now, seen from the current folder; None for where the manifest says, seen from the export.
    progress : Progress
        Called between chunks; raising from it cancels.
    again : callable
        What runs the config again: in memory, unless another way is given.

    Raises
    ------
    DataError
        If the folder has no manifest, or a damaged one.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise DataError(f"There is no {MANIFEST} in '{folder}'. Give the folder of an export.")
    manifest = read_manifest(path.read_bytes())
    config = with_data(beside(manifest.config, folder, Path()), pool, validation, test)
    differences = _changed_outputs(folder, manifest)
    changed = _changed_inputs(manifest, config)
    unlisted = _unlisted(folder, manifest, config)
    if changed:
        not_run = "It was not run again, as its inputs are not the same."
        return Verification((*differences, *changed), (*_elsewhere(manifest), *unlisted, not_run))
    # under the names its inputs have in the manifest, as these stand in the recipe and the card
    report = again(config, open_files(config.data), part(progress, 0.0, 0.95))
    differences += _compare(report, manifest.config, manifest, progress=part(progress, 0.95, 1.0))
    return Verification(tuple(differences), (*(_elsewhere(manifest) if differences else ()), *unlisted))


def verify_against(report: Report, manifest: Manifest, progress: Progress = silent) -> Verification:
    """Compare a finished run with a manifest: its inputs, its choices, and the files it would write."""
    inputs = input_records(report.config, report.data)
    differences = list(compare_inputs(manifest.inputs, inputs))
    told = ["inputs"] if differences else []
    config = _placed(report.config, manifest.config, [one.role for one in inputs] == [one.role for one in manifest.inputs])
    for section in (one.name for one in fields(ExperimentConfig) if one.name != "data"):
        here, there = getattr(config, section), getattr(manifest.config, section)
        if repr(here) != repr(there):
            differences.append(f"The {section.replace('_', ' ')} of this run, {here!r}, is not the manifest's, {there!r}.")
    told += ["config", "command"] if differences else []
    differences += _compare(report, config, manifest, told, progress)
    return Verification(tuple(differences), _elsewhere(manifest) if differences else ())


def _placed(config: ExperimentConfig, there: ExperimentConfig, same_inputs: bool) -> ExperimentConfig:
    """Call the inputs as another config does: where they lie makes no difference to what is chosen."""
    if same_inputs and len(config.data.pool) == len(there.data.pool):
        config = replace(config, data=there.data)
    if isinstance(config.vectorizer, Precomputed) and isinstance(there.vectorizer, Precomputed) and config.vectorizer.folder:
        config = replace(config, vectorizer=replace(config.vectorizer, folder=there.vectorizer.folder))
    return config


def _compare(
    report: Report, config: ExperimentConfig, manifest: Manifest, told: Sequence[str] = (), progress: Progress = silent
) -> list[str]:
    """Write a run again and compare its files and its manifest; sections already `told` of are left out."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        outputs = output_records(folder, write_outputs(report, config, folder, progress))
    found = {str(one["name"]): str(one["sha256"]) for one in outputs}
    expected = manifest.outputs
    files = [_difference(name, found, expected) for name in {**expected, **found} if found.get(name) != expected.get(name)]
    fresh = json.loads(manifest_text(report, config, outputs))  # as it is once written and read
    left_out = {*_VARYING, *told, *(["outputs"] if files else [])}
    sections = [section for section in {**manifest.record, **fresh} if section not in left_out]
    changed = [section for section in sections if fresh.get(section) != manifest.record.get(section)]
    return [*files, *(_changed_section(section, fresh.get(section), manifest.record.get(section)) for section in changed)]


def _changed_section(section: str, here: Any, there: Any) -> str:
    where = ""
    if isinstance(here, dict) and isinstance(there, dict):
        where = f" (see {_listed([key for key in {**there, **here} if here.get(key) != there.get(key)])})"
    return f"The manifest's '{section}' is not what the run now gives{where}."


def _listed(names: Sequence[str]) -> str:
    left = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {left:,} more" if left > 0 else "")


def _difference(name: str, found: Mapping[str, str], expected: Mapping[str, str]) -> str:
    if name not in found:
        return f"The run now does not write '{name}', which the manifest has."
    if name not in expected:
        return f"The run now writes '{name}', which the manifest has not."
    return f"The run now gives another '{name}' (sha256 {found[name][:12]}…, the manifest has {expected[name][:12]}…)."


def _changed_outputs(folder: Path, manifest: Manifest) -> list[str]:
    differences = []
    for name, digest in manifest.outputs.items():
        if not (folder / name).is_file():
            differences.append(f"The output '{name}' is missing.")
        elif file_digest(folder / name) != digest:
            differences.append(f"The output '{name}' was changed: its sha256 is not the manifest's.")
    return differences


def _changed_inputs(manifest: Manifest, config: ExperimentConfig) -> tuple[str, ...]:
    """Compare the input files with the manifest; a missing one is named with the way to point to it."""
    data, found, missing = config.data, [], []
    entries = {"pool": data.pool, "validation": (data.validation,), "test": () if data.test is None else (data.test,)}
    for role, names in entries.items():
        for path in (Path(file) for entry in names for file in parts_of(entry)):
            if path.is_file():
                found.append(InputRecord(role, path.as_posix(), path.stat().st_size, file_digest(path)))
            else:
                missing.append(f"The {role} file '{path}' is missing. Put it there, or point to it with --{role}.")
    if missing:
        return tuple(missing)
    return compare_inputs(manifest.inputs, (*found, *vector_records(config.vectorizer)))


def _unlisted(folder: Path, manifest: Manifest, config: ExperimentConfig) -> tuple[str, ...]:
    """Name files of the folder that are neither the export's nor inputs."""
    entries = [*config.data.pool, config.data.validation, *([] if config.data.test is None else [config.data.test])]
    known = {Path(file).resolve() for entry in entries for file in parts_of(entry)}
    known |= {(folder / name).resolve() for name in (MANIFEST, *manifest.outputs)}
    others = sorted(f"'{path.name}'" for path in folder.iterdir() if path.is_file() and path.resolve() not in known)
    return (f"Not listed in the manifest, though in its folder: {_listed(others)}.",) if others else ()


def _elsewhere(manifest: Manifest) -> tuple[str, ...]:
    """Say where versions or the machine differ from the manifest's: the last bits of floating-point numbers may differ then."""
    here = versions(manifest.config.vectorizer.name) | platform_record()
    there = {**manifest.versions, **manifest.platform}
    changed = [f"{name} {there.get(name, 'unknown')} then, {here[name]} now" for name in here if here[name] != there.get(name)]
    if not changed:
        return ()
    return (f"It was made elsewhere, so the last bits of floating-point numbers may differ: {'; '.join(changed)}.",)
