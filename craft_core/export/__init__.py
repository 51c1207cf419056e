"""What a run leaves behind: the subset in every format, its manifest and card; and the way back from there."""

from craft_core.export.brief import summary
from craft_core.export.clusters import CLUSTERS
from craft_core.export.command import command_line, python_snippet
from craft_core.export.data_card import card
from craft_core.export.folder import bundle, check_folder, export_folder, new_folder, pairs_bytes, subset_bytes
from craft_core.export.formats import subset_names, subset_table, write_subset
from craft_core.export.inputs import InputRecord, beside, by_name, input_records
from craft_core.export.manifest import MANIFEST, Manifest, compare_inputs, platform_record, read_manifest, versions
from craft_core.export.metrics import counts_record, label_table, metrics_record
from craft_core.export.verification import Verification, verify, verify_against

__all__ = [
    "CLUSTERS",
    "MANIFEST",
    "InputRecord",
    "Manifest",
    "Verification",
    "beside",
    "bundle",
    "by_name",
    "card",
    "check_folder",
    "command_line",
    "compare_inputs",
    "counts_record",
    "export_folder",
    "input_records",
    "label_table",
    "metrics_record",
    "new_folder",
    "pairs_bytes",
    "platform_record",
    "python_snippet",
    "read_manifest",
    "subset_bytes",
    "subset_names",
    "subset_table",
    "summary",
    "verify",
    "verify_against",
    "versions",
    "write_subset",
]
