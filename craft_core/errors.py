"""Every mistake a user can make.

    CraftError(ValueError)
    ├── DataError         something in a file, a table or a text
    └── ParameterError    a value the user chose

A message is one sentence or two: what is wrong, where, the value, and what to do. These errors are caught in two places only: the page
guard and ``cli.main``. Anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

__all__ = ["CraftError", "DataError", "ParameterError"]


class CraftError(ValueError):
    """Report a mistake the user can correct."""


class DataError(CraftError):
    """Report data that cannot be used as they are."""


class ParameterError(CraftError):
    """Report a parameter outside what it may be."""
