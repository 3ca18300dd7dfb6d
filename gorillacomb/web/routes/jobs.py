"""Jobs: start one, see how far it is, follow it, cancel it, read what it found."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path as FilePath
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from gorillacomb.api.documents.jobs import JobDocument, JobsDocument
from gorillacomb.api.server import jobs as use
from gorillacomb.api.vault import Vault
from gorillacomb.web.answers import PROBLEMS, answers, missing_as_404
from gorillacomb.web.inputs import JobInput
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.access import ReadIndex, RunScans
from gorillacomb.web.site import GivenSite
from gorillacomb.web.streams import Streams

router = APIRouter(tags=["jobs"])
writing = APIRouter(tags=["jobs"])
JobId = Annotated[str, Path(pattern=r"^[0-9]{8}T[0-9]{6}\.[0-9]{6}-[0-9a-f]{8}$")]
_PART = 256 << 10
"""Bytes of a result that are read at once."""
_LOOK = 0.25
"""Seconds between two looks at a job that is followed."""
_QUIET = 15.0
"""Seconds after which a stream says that it is still there."""


@router.get("/jobs", **answers(JobsDocument))
def jobs(site: GivenSite, session: ReadIndex) -> Response:
    """Return the jobs of the vault, the latest first."""
    return JSONResponse({"jobs": [job.to_dict() for job in use.list_jobs(site.vault)]})


@writing.post("/jobs", **answers(JobDocument, 202))
def start(site: GivenSite, session: RunScans, sent: JobInput) -> Response:
    """Start a job. Plans, and what changes files, have routes of their own."""
    return started(use.start(site.vault, use.JobRequest(sent.kind, sent.options())))


def started(job: use.Job) -> Response:
    """Return the answer that a job has been started."""
    return JSONResponse(job.to_dict(), 202, {"location": f"/api/v1/jobs/{job.id}"})


@router.get("/jobs/{job}", **answers(JobDocument))
def show(site: GivenSite, session: ReadIndex, job: JobId) -> Response:
    """Return one job."""
    with missing_as_404():
        return JSONResponse(use.find_job(site.vault, job).to_dict())


@writing.delete("/jobs/{job}", **answers(JobDocument, 202))
def cancel(site: GivenSite, session: RunScans, job: JobId) -> Response:
    """Ask a job to end in good order; asked again, it ends at once."""
    with missing_as_404():
        return JSONResponse(use.cancel(site.vault, job).to_dict(), 202)


@router.get("/jobs/{job}/result", **answers(dict[str, Any]))
def result(site: GivenSite, session: ReadIndex, job: JobId) -> Response:
    """Return the document that the job's command printed, as with ``--json``."""
    with missing_as_404():
        found = use.find_job(site.vault, job)
    if found.state.is_live:
        raise Problem(409, "The job has not ended yet.")
    file = use.open_job_result(site.vault, job)
    if file is None:
        raise Problem(404, "The job has no result.", found.error)
    return StreamingResponse(_parts(file), media_type="application/json")


def _parts(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while part := file.read(_PART):
            yield part


@router.get(
    "/jobs/{job}/events",
    response_class=Response,
    response_model=None,
    responses={
        200: {"content": {"text/event-stream": {}}},
        204: {"description": "Too many streams are open."},
        **PROBLEMS,
    },
)
async def events(request: Request, site: GivenSite, session: ReadIndex, job: JobId) -> Response:
    """Follow a job: a ``job`` event with its document whenever that changes, the last at its end.

    The id of an event is the size of what is known so far, in bytes: sent back as Last-Event-ID, it
    keeps what was seen from being sent again.
    """
    with missing_as_404():
        found = await run_in_threadpool(use.find_job, site.vault, job)
    streams: Streams = request.app.state.streams
    last = request.headers.get("last-event-id", "")
    seen = int(last[:19]) if last.isdecimal() else -1
    changes = _changes(site.vault, found, seen, lambda: site.is_alive(session))
    return streams.open(session.id, changes) or Response(status_code=204)


async def _changes(
    vault: Vault, job: use.Job, seen: int, may_go_on: Callable[[], bool]
) -> AsyncIterator[bytes]:
    quiet = 0.0
    while await run_in_threadpool(may_go_on):
        size = await run_in_threadpool(_size, job.events)
        is_live = job.state.is_live
        if size > seen or not is_live:
            seen, quiet = size, 0.0
            data = json.dumps(job.to_dict())
            yield b"event: job\nid: %d\ndata: %s\n\n" % (size, data.encode())
        if not is_live:
            return
        await asyncio.sleep(_LOOK)
        quiet += _LOOK
        if quiet >= _QUIET:
            quiet = 0.0
            yield b": still there\n\n"
        job = await run_in_threadpool(use.find_job, vault, job.id)


def _size(file: FilePath) -> int:
    try:
        return os.stat(file).st_size
    except FileNotFoundError:
        return 0
