"""How a job ended, at a glance: what its exit code says, in words for its kind."""

from __future__ import annotations

from typing import NamedTuple

from gorillacomb.api.server.jobs import Job
from gorillacomb.errors import ExitCode

_FOUND = {
    "compare": ("keep", "done: the two differ"),
    "unique": ("keep", "done: something is only there"),
    "drop": ("keep", "done: some files are new"),
    "scan": ("only", "a file may be damaged"),
    "scrub": ("only", "a file may be damaged"),
    "verify": ("only", "something differs from the manifest"),
    "trace-verify": ("only", "it is not as it was signed"),
    "mesh-sync": ("only", "a node is at fault, or the trace forked"),
    "mesh-check": ("only", "a log forked, or was not proven"),
}
"""By kind of job: how an exit code that means "found" is shown, and its words."""
_WRITES = ("apply", "undo", "purge", "drop")
_NOT_ALL = ("decide", "done in part: it says what was left")


class Ending(NamedTuple):
    """How a job ended, at a glance."""

    style: str
    """The class of the words."""
    words: str


def ending_of(job: Job) -> Ending:
    """Return how a job ended that was not cancelled: in words for its kind."""
    if job.exit_code == ExitCode.DONE:
        return Ending("keep", "done")
    if job.exit_code == ExitCode.FOUND and job.kind in _FOUND:
        return Ending(*_FOUND[job.kind])
    if job.exit_code == ExitCode.INCOMPLETE and job.kind in _WRITES:
        return Ending(*_NOT_ALL)
    return Ending("decide", job.meaning or "ended by a signal")
