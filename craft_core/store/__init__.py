"""Results kept on disk under a key of what they were made of."""

from __future__ import annotations

from craft_core.store.codec import Unstorable
from craft_core.store.disk import Store
from craft_core.store.entry import Entry
from craft_core.store.fingerprint import code_fingerprint
from craft_core.store.place import open_store, why_off
from craft_core.store.text_vectors import TextVectors

__all__ = ["Entry", "Store", "TextVectors", "Unstorable", "code_fingerprint", "open_store", "why_off"]
