"""The documents about jobs, and the lines of a file of ``--events``: how far a command is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

from gorillacomb.progress import ProgressEvent

if TYPE_CHECKING:
    from gorillacomb.api.server.jobs import Job

__all__ = [
    "EndEventDocument",
    "JobDocument",
    "JobsDocument",
    "ProgressEventDocument",
    "end_document",
    "job_document",
    "progress_document",
]


class ProgressEventDocument(TypedDict):
    """How far a command is: its stage, and what has been done in that since it began."""

    event: Literal["progress"]
    time_ns: str
    """When it was written, ns since the epoch, as decimal text."""
    stage: str
    """What is being done."""
    files: int
    """Files done in this stage."""
    bytes: int
    """Bytes done in this stage."""
    total_files: int | None
    """Null if unknown."""
    total_bytes: int | None
    """Null if unknown."""
    seconds_left: float | None
    """Until the end of this stage, at its speed so far; null if unknown."""


class EndEventDocument(TypedDict):
    """The last line: the command has ended, in whatever way."""

    event: Literal["end"]
    time_ns: str
    """When it was written, ns since the epoch, as decimal text."""


def progress_document(event: ProgressEvent, time_ns: int) -> ProgressEventDocument:
    """Return the progress at a moment as a document."""
    left = event.seconds_left
    return {
        "event": "progress",
        "time_ns": str(time_ns),
        "stage": event.stage,
        "files": event.files,
        "bytes": event.bytes,
        "total_files": event.total_files,
        "total_bytes": event.total_bytes,
        "seconds_left": None if left is None else round(left, 1),
    }


def end_document(time_ns: int) -> EndEventDocument:
    """Return the end of a command as a document."""
    return {"event": "end", "time_ns": str(time_ns)}


class JobDocument(TypedDict):
    """A command that runs, or ran, on its own."""

    id: str
    """The job's name; those of earlier jobs sort before it."""
    kind: str
    """``scan``, ``plan``, ``apply`` and the like."""
    options: dict[str, Any]
    """What was asked for; a path is an object with ``path`` or ``path_b64``."""
    state: str
    """``queued``, ``running``, ``done``, ``cancelled`` or ``died``."""
    started_ns: str | None
    """When its command was started, ns since the epoch, as decimal text; null if it was not."""
    ended_ns: str | None
    """When it ended, in the same form; null if it has not, or died."""
    exit_code: int | None
    """Of the command; null if it has not ended by itself."""
    meaning: str | None
    """What that exit code means."""
    error: str | None
    """What the command reported, or why it did not start; null if nothing."""
    progress: ProgressEventDocument | None
    """The last that is known; null before the first."""


class JobsDocument(TypedDict):
    """The jobs of a vault, the latest first."""

    jobs: list[JobDocument]


def job_document(job: Job) -> JobDocument:
    """Return a job as a document."""
    return {
        "id": job.id,
        "kind": job.kind,
        "options": job.options,
        "state": str(job.state),
        "started_ns": None if job.started_ns is None else str(job.started_ns),
        "ended_ns": None if job.ended_ns is None else str(job.ended_ns),
        "exit_code": job.exit_code,
        "meaning": job.meaning,
        "error": job.error or None,
        "progress": job.progress,
    }
