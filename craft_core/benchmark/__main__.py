"""One run in a process of its own: what to do as JSON in, what was found as JSON out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict

from craft_core.benchmark.in_memory import in_memory
from craft_core.benchmark.methods import compared
from craft_core.benchmark.record import Case, Contest, Run

WORK: Mapping[str, Callable[..., Run | Contest]] = {"memory": in_memory, "methods": compared}

if __name__ == "__main__":
    kind, job = sys.argv[1], json.loads(sys.argv[2])
    print(json.dumps(asdict(WORK[kind](**{**job, "case": Case(**job["case"])}))))
