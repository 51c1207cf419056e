"""Say whether an export is still what it was, and whether its recipe gives the same again."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from craft_core.config import ExperimentConfig
from craft_core.corpus import file_digest
from craft_core.errors import DataError
from craft_core.experiment import Report, open_files, parts_of, run
from craft_core.export.folder import write_outputs
from craft_core.export.inputs import InputRecord, beside, input_records, vector_records, with_data
from craft_core.export.manifest import MANIFEST, Manifest, compare_inputs, platform_record, read_manifest, versions
from craft_core.progress import Progress, silent
from craft_core.vectorize import Precomputed

__all__ = ["Verification", "verify", "verify_against"]


@dataclass(frozen=True)
class Verification:
    """Hold what a verification found.

    Attributes
    ----------
    differences : tuple of str
        One sentence a difference; none where everything is identical.
    notes : tuple of str
        What may explain a difference: other versions, another machine.
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
) -> Verification:
    """Compare the files of an export with its manifest, then its inputs; if these are the same, run it again and compare the results.

    Parameters
    ----------
    folder : Path
        The export.
    pool, validation, test : sequence of str, str, str or None
        Where inputs that moved are now, seen from the current folder; None for where the manifest says, seen from the export.
    progress : Progress
        Called between chunks; raising from it cancels.

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
    notes = _notes(manifest)
    if changed:
        return Verification((*differences, *changed), (*notes, "It was not run again, as its inputs are not the same."))
    # under the names its inputs have in the manifest, as these stand in the recipe and the card
    again = _compare(run(config, open_files(config.data), progress), manifest.config, manifest)
    return Verification((*differences, *again), notes)


def verify_against(report: Report, manifest: Manifest) -> Verification:
    """Compare a finished run with a manifest: its inputs, its choices, and the files it would write."""
    inputs = input_records(report)
    differences = list(compare_inputs(manifest.inputs, inputs))
    config = _placed(report.config, manifest.config, [one.role for one in inputs] == [one.role for one in manifest.inputs])
    for section in ("budget", "seed", "columns", "limits", "cleaning", "vectorizer", "clustering", "selector", "export"):
        here, there = getattr(config, section), getattr(manifest.config, section)
        if repr(here) != repr(there):
            differences.append(f"The {section} of this run, {here!r}, is not the manifest's, {there!r}.")
    return Verification((*differences, *_compare(report, config, manifest)), _notes(manifest))


def _placed(config: ExperimentConfig, there: ExperimentConfig, same_inputs: bool) -> ExperimentConfig:
    """Call the inputs as another config does: where they lie makes no difference to what is chosen."""
    if same_inputs:
        config = replace(config, data=there.data)
    if isinstance(config.vectorizer, Precomputed) and isinstance(there.vectorizer, Precomputed) and config.vectorizer.folder:
        config = replace(config, vectorizer=replace(config.vectorizer, folder=there.vectorizer.folder))
    return config


def _compare(report: Report, config: ExperimentConfig, manifest: Manifest) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as name:
        written = write_outputs(report, config, Path(name))
        found = {one: file_digest(Path(name) / one) for one in written}
    return tuple(
        _difference(one, found, manifest.outputs) for one in {**manifest.outputs, **found} if found.get(one) != manifest.outputs.get(one)
    )


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
        for path in (Path(part) for entry in names for part in parts_of(entry)):
            if path.is_file():
                found.append(InputRecord(role, path.as_posix(), path.stat().st_size, file_digest(path)))
            else:
                missing.append(f"The {role} file '{path}' is missing. Put it there, or point to it with --{role}.")
    if missing:
        return tuple(missing)
    return compare_inputs(manifest.inputs, (*found, *vector_records(config.vectorizer)))


def _notes(manifest: Manifest) -> tuple[str, ...]:
    """Say where versions or the machine differ from the manifest's: the last bits of floating-point numbers may differ then."""
    here = versions(manifest.config.vectorizer.name) | platform_record()
    there = {**manifest.versions, **manifest.platform}
    changed = [f"{name} {there.get(name, 'unknown')} then, {here[name]} now" for name in here if here[name] != there.get(name)]
    if not changed:
        return ()
    return (f"It was made elsewhere, so the last bits of floating-point numbers may differ: {'; '.join(changed)}.",)
