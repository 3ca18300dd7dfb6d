"""Run commands as jobs: start one, see how far it is, cancel it, read what it found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from gorillacomb.api.documents.jobs import JobDocument, ProgressEventDocument, job_document
from gorillacomb.errors import ExitCode, GorillaCombError, UsageError
from gorillacomb.jobs.folder import EVENTS, ID, PLAN, STDERR, JobFolder, JobState, jobs_in
from gorillacomb.jobs.request import JobRequest
from gorillacomb.jobs.start import MOST_LIVE, cancel_job, jobs_folder, start_job
from gorillacomb.vault.vault import Vault

__all__ = [
    "MOST_LIVE",
    "Job",
    "JobRequest",
    "JobState",
    "cancel",
    "find_job",
    "list_jobs",
    "open_job_result",
    "read_job_result",
    "start",
]

_SHOWN_ERROR = 2000
"""Characters of what a command reported: a scan may report a million files."""
_MOST_RESULT = 32 << 20
"""Bytes of a document that is read as a whole."""
_LAST_EVENTS = 16 << 10
"""Bytes that contain the last event."""


@dataclass(frozen=True, slots=True)
class Job:
    """A command that runs, or ran, on its own."""

    id: str
    kind: str
    options: dict[str, Any]
    """What was asked for, in the form of its document."""
    state: JobState
    started_ns: int | None
    """When its command was started; None if it was not."""
    ended_ns: int | None
    """When it ended; None if it has not, or died."""
    exit_code: int | None
    """Of the command; None if it has not ended by itself."""
    error: str
    """What the command reported, or why it did not start."""
    progress: ProgressEventDocument | None
    """The last that is known."""
    folder: Path

    @property
    def events(self) -> Path:
        """The file that the command appends its progress to."""
        return self.folder / EVENTS

    @property
    def plan(self) -> Path:
        """The plan that a job of that kind made."""
        return self.folder / PLAN

    @property
    def meaning(self) -> str | None:
        """What the exit code means; None for one that is not known."""
        return next((code.meaning for code in ExitCode if code == self.exit_code), None)

    def to_dict(self) -> JobDocument:
        """Return the job as a document."""
        return job_document(self)


def start(vault: Vault, request: JobRequest, dropped: Path | None = None) -> Job:
    """Start a job, which runs on its own from then on; one that writes waits for earlier ones.

    A folder with what was ``dropped`` becomes the job's own.

    Raises RefusedForSafety if too many are waiting, VaultUnwritable if the disk of the state folder
    is full or fails.
    """
    return _job(start_job(vault, request, dropped))


def list_jobs(vault: Vault) -> list[Job]:
    """Return the jobs of a vault, the latest first. It omits damaged ones."""
    found = []
    for folder in reversed(jobs_in(jobs_folder(vault))):
        try:
            found.append(_job(folder))
        except (GorillaCombError, OSError):
            continue  # removed in the meantime, or made by nobody of us
    return found


def find_job(vault: Vault, job: str) -> Job:
    """Return one job by its id. Raises UsageError if there is none, UntrustedInput if damaged."""
    return _job(_folder(vault, job))


def cancel(vault: Vault, job: str) -> Job:
    """Ask a job to end in good order, and asked again, at once. Raises as `find_job`."""
    folder = _folder(vault, job)
    cancel_job(folder)
    return _job(folder)


def open_job_result(vault: Vault, job: str) -> BinaryIO | None:
    """Open the document that a job's command printed, as JSON; None if it printed none.

    Raises as `find_job`.
    """
    return _folder(vault, job).open_result()


def read_job_result(vault: Vault, job: str) -> Any:
    """Return the document that a job's command printed; None if it printed none.

    None also for one that is too large to be read as a whole. Raises as `find_job`.
    """
    file = open_job_result(vault, job)
    if file is None:
        return None
    with file:
        data = file.read(_MOST_RESULT + 1)
    try:
        return json.loads(data) if len(data) <= _MOST_RESULT else None
    except ValueError:
        return None  # it was killed while it printed


def _folder(vault: Vault, job: str) -> JobFolder:
    path = jobs_folder(vault) / job
    if not ID.fullmatch(job) or not path.is_dir():
        raise UsageError(f"There is no job {job!r}.")
    return JobFolder(path)


def _job(folder: JobFolder) -> Job:
    request: Mapping[str, Any] = folder.request()
    state = folder.state()
    process, ended = folder.process(), folder.exit()
    said = folder.read_end(STDERR, 4 * _SHOWN_ERROR).decode("utf-8", "replace").strip()
    error = said if ended is None else ended.error or said
    return Job(
        id=folder.id,
        kind=str(request["kind"]),
        options=dict(request["options"]),
        state=state,
        started_ns=None if process is None else process.started_ns,
        ended_ns=None if ended is None else ended.ended_ns,
        exit_code=None if ended is None else ended.code,
        error=error[-_SHOWN_ERROR:],
        progress=_progress(folder),
        folder=folder.path,
    )


def _progress(folder: JobFolder) -> ProgressEventDocument | None:
    lines = folder.read_end(EVENTS, _LAST_EVENTS).splitlines()
    for line in reversed(lines[-3:]):
        try:
            found = json.loads(line)
        except ValueError:
            continue  # it is being written
        if isinstance(found, dict) and found.get("event") == "progress":
            return cast(ProgressEventDocument, found)
    return None
