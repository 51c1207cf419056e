"""Texts from files, in pairs: read exactly, cleaned with a report."""

from craft_core.corpus.clean import Cleaning, CleaningReport, Dropped, Example, clean_pool, clean_reference
from craft_core.corpus.columns import Columns, Limits
from craft_core.corpus.files import InputFile, ParallelText, file_digest, on_disk, server_file, uploaded
from craft_core.corpus.pairs import Corpus, corpus_from_texts
from craft_core.corpus.preview import Preview, guess_columns, preview
from craft_core.corpus.read import FileReport, ReadReport, read_corpus

__all__ = [
    "Cleaning",
    "CleaningReport",
    "Columns",
    "Corpus",
    "Dropped",
    "Example",
    "FileReport",
    "InputFile",
    "Limits",
    "ParallelText",
    "Preview",
    "ReadReport",
    "clean_pool",
    "clean_reference",
    "corpus_from_texts",
    "file_digest",
    "guess_columns",
    "on_disk",
    "preview",
    "read_corpus",
    "server_file",
    "uploaded",
]
