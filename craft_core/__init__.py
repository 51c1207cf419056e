"""Choose, out of a large pool of text pairs, the ones worth fine-tuning on.

>>> from craft_core import Data, ExperimentConfig, open_files, run
>>> config = ExperimentConfig(Data(("pool.tsv",), "validation.tsv"), budget=2_000)  # doctest: +SKIP
>>> report = run(config, open_files(config.data))  # doctest: +SKIP
>>> report.rows  # doctest: +SKIP

The names below are loaded when they are first used, so that the command line answers at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from craft_core.cluster import KMeans
    from craft_core.config import Data, ExperimentConfig, Export, from_toml, to_toml
    from craft_core.corpus import Cleaning, Columns, Limits, on_disk, uploaded
    from craft_core.describe import ClusterNames
    from craft_core.errors import CraftError, DataError, ParameterError
    from craft_core.experiment import Files, Report, open_files, run
    from craft_core.export import bundle, export_folder, read_manifest, verify, verify_against
    from craft_core.selectors import SELECTORS, Craft, CraftWeighted, Herding
    from craft_core.stability import Repeats
    from craft_core.vectorize import VECTORIZERS, Hashing, Precomputed, SentenceTransformers, Tfidf

__version__ = "0.1.0"

_PLACES = {
    "cluster": ("KMeans",),
    "config": ("Data", "ExperimentConfig", "Export", "from_toml", "to_toml"),
    "corpus": ("Cleaning", "Columns", "Limits", "on_disk", "uploaded"),
    "describe": ("ClusterNames",),
    "errors": ("CraftError", "DataError", "ParameterError"),
    "experiment": ("Files", "Report", "open_files", "run"),
    "export": ("bundle", "export_folder", "read_manifest", "verify", "verify_against"),
    "selectors": ("SELECTORS", "Craft", "CraftWeighted", "Herding"),
    "stability": ("Repeats",),
    "vectorize": ("VECTORIZERS", "Hashing", "Precomputed", "SentenceTransformers", "Tfidf"),
}
_PLACE = {name: place for place, names in _PLACES.items() for name in names}

__all__ = [
    "SELECTORS",
    "VECTORIZERS",
    "Cleaning",
    "ClusterNames",
    "Columns",
    "Craft",
    "CraftError",
    "CraftWeighted",
    "Data",
    "DataError",
    "ExperimentConfig",
    "Export",
    "Files",
    "Hashing",
    "Herding",
    "KMeans",
    "Limits",
    "ParameterError",
    "Precomputed",
    "Repeats",
    "Report",
    "SentenceTransformers",
    "Tfidf",
    "__version__",
    "bundle",
    "export_folder",
    "from_toml",
    "on_disk",
    "open_files",
    "read_manifest",
    "run",
    "to_toml",
    "uploaded",
    "verify",
    "verify_against",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACE:
        raise AttributeError(f"module 'craft_core' has no attribute '{name}'")
    return getattr(import_module(f"craft_core.{_PLACE[name]}"), name)
