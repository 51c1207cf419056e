"""A comparison of methods run on files and written to a folder, with the downstream check if it is asked for."""

from craft_core.contest.job import Job, Outcome, run_job
from craft_core.contest.write import write_outcome

__all__ = ["Job", "Outcome", "run_job", "write_outcome"]
