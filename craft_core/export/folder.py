"""The export of a run: a folder, or the same files in one zip; written whole or not at all."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from craft_core.config import ExperimentConfig, Export, to_toml
from craft_core.corpus import Corpus
from craft_core.errors import DataError, ParameterError
from craft_core.experiment import Report
from craft_core.export.clusters import CLUSTERS, clusters_text
from craft_core.export.data_card import card
from craft_core.export.formats import write_subset
from craft_core.export.inputs import beside, by_name
from craft_core.export.manifest import MANIFEST, manifest_text, output_records, read_manifest
from craft_core.progress import Progress, silent

__all__ = ["bundle", "check_folder", "export_folder", "new_folder", "pairs_bytes", "subset_bytes", "write_outputs"]


def export_folder(
    report: Report, folder: Path, here: Path = Path(), overwrite: bool = False, progress: Progress = silent
) -> tuple[str, ...]:
    """Write a run into a new folder: the subset, its rows and scores, the clusters, recipe, manifest and data card.

    Parameters
    ----------
    report : Report
        The run.
    folder : Path
        Where to; it must not exist, or be empty. A failure leaves nothing behind.
    here : Path
        What the paths of the run's config are relative to. In the folder they are written relative to it.
    overwrite : bool
        Whether an earlier export in the folder is replaced.
    progress : Progress
        Called between blocks of texts whose words are counted, unless the report has them.

    Returns
    -------
    tuple of str
        The names of the files.

    Raises
    ------
    ParameterError
        If the folder holds anything else.
    DataError
        If the format cannot hold a text, or the disk refuses.
    """
    folder = folder.resolve()
    check_folder(folder, overwrite)
    config = beside(report.config, here, folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with new_folder(folder) as fresh:
            return _write_all(report, config, fresh, progress)
    except OSError as error:
        raise DataError(f"The folder '{folder}' cannot be written: {error.strerror or error}. Choose another with --out.") from error


def check_folder(folder: Path, overwrite: bool = False) -> None:
    """Raise ParameterError unless a folder can be written: it is new, or empty, or an earlier export that may be overwritten."""
    if folder.exists() and not folder.is_dir():
        raise ParameterError(f"'{folder}' is a file. Choose a folder that does not exist yet.")
    present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if not present:
        return
    if not overwrite:
        raise ParameterError(f"The folder '{folder}' is not empty. Choose another, or give --overwrite to replace an earlier export.")
    if MANIFEST not in present:
        raise ParameterError(f"The folder '{folder}' has no {MANIFEST}, so it is no earlier export and is not overwritten. Choose another.")
    others = sorted(present - {MANIFEST, *read_manifest((folder / MANIFEST).read_bytes()).outputs})
    if others:
        raise ParameterError(f"The folder '{folder}' also holds '{others[0]}', which no export wrote. Choose another, or move that away.")


def bundle(report: Report, progress: Progress = silent) -> bytes:
    """Return the files of `export_folder` in one zip.

    Inputs are called by their file names (see `by_name`): unpack it into the folder where they lie, or move them into it, and
    `verify` finds them. Apart from the manifest, the same run gives the same bytes.

    Raises
    ------
    DataError
        If the format cannot hold a text.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = _write_all(report, by_name(report.config), folder, progress)
        return _zipped(folder, names)


def subset_bytes(report: Report, export: Export | None = None) -> tuple[str, bytes]:
    """Return a file name and the chosen pairs in a format, by default the run's; line-aligned text as a zip of its two files."""
    return pairs_bytes(report.data.pool.take(report.selection.indices), report.config.export if export is None else export)


def pairs_bytes(pairs: Corpus, export: Export) -> tuple[str, bytes]:
    """Return a file name and any pairs in a format; line-aligned text as a zip of its two files.

    Raises
    ------
    DataError
        If the format cannot hold a text.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = write_subset(pairs, export, folder)
        if len(names) == 1:
            return names[0], (folder / names[0]).read_bytes()
        return "subset.zip", _zipped(folder, names)


def write_outputs(report: Report, config: ExperimentConfig, folder: Path, progress: Progress = silent) -> tuple[str, ...]:
    """Write everything but the manifest; the same run gives the same bytes.

    Parameters
    ----------
    report : Report
        The run.
    config : ExperimentConfig
        Its config with paths relative to the folder.
    folder : Path
        Where to; it exists.
    progress : Progress
        Called between blocks of texts.
    """
    chosen = report.data.pool.take(report.selection.indices)
    names = write_subset(chosen, config.export, folder)
    clusters = report.problem.clustering.pool_labels[report.selection.indices]
    table = {
        "rank": np.arange(1, len(chosen) + 1, dtype=np.int64),
        "row": chosen.rows,
        "id": chosen.ids,
        "cluster": clusters,
        "score": report.selection.scores,
        "weight": report.selection.weights,
    }
    if report.stability is not None:
        table["frequency"] = report.stability.frequency[report.selection.indices]
    pyarrow.parquet.write_table(pa.table(table), folder / "selection.parquet", compression="zstd")
    np.save(folder / "indices.npy", np.ascontiguousarray(report.rows, dtype="<i8"))
    (folder / CLUSTERS).write_bytes(clusters_text(report, config, progress).encode())
    (folder / "recipe.toml").write_bytes(to_toml(config).encode())
    (folder / "README.md").write_bytes(card(report, config, names).encode())
    return (*names, "selection.parquet", CLUSTERS, "indices.npy", "recipe.toml", "README.md")


def _write_all(report: Report, config: ExperimentConfig, folder: Path, progress: Progress) -> tuple[str, ...]:
    names = write_outputs(report, config, folder, progress)
    (folder / MANIFEST).write_bytes(manifest_text(report, config, output_records(folder, names)).encode())
    return (*names, MANIFEST)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside the wanted one; rename it when all went well, remove it otherwise."""
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        yield fresh
        _replace(folder, fresh)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _replace(folder: Path, fresh: Path) -> None:
    if not folder.exists():
        fresh.rename(folder)
        return
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    folder.rename(old)
    try:
        fresh.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old)


def _zipped(folder: Path, names: tuple[str, ...]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            # a fixed time and mode, so that the same files give the same zip
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, (folder / name).read_bytes())
    return packed.getvalue()
