"""CRAFT out of core: pools of any size, in bounded memory, on one machine or a cluster, with the results of a run in memory."""

from __future__ import annotations

from craft_core.stream.run import can_stream, stream
from craft_core.stream.settings import Streaming, memory_bytes

__all__ = ["Streaming", "can_stream", "memory_bytes", "stream"]
