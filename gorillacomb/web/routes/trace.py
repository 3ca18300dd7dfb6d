"""The trace, and marks, which are entries of it."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import JSONResponse, Response

from gorillacomb.api.dedupe.marks import list_marks
from gorillacomb.api.documents.jobs import JobDocument
from gorillacomb.api.documents.marks import MarksDocument, marks_document
from gorillacomb.api.server.jobs import JobRequest, start
from gorillacomb.api.server.marks import marks_digest
from gorillacomb.api.server.trace import read_trace_entry, read_trace_page
from gorillacomb.web.answers import answers, missing_as_404
from gorillacomb.web.inputs import ClearInput, MarkInput, TraceQuery
from gorillacomb.web.problems import Problem
from gorillacomb.web.routes.jobs import started
from gorillacomb.web.security.access import Mark, ReadIndex
from gorillacomb.web.site import GivenSite, Site

router = APIRouter(tags=["trace"])
writing = APIRouter(tags=["trace"])
Seen = Annotated[str | None, Header(alias="If-Match", max_length=200)]
Seq = Annotated[int, Path(ge=0, lt=1 << 53)]


class TracePageDocument(TypedDict):
    """Some entries of the trace, the oldest first."""

    items: list[dict[str, Any]]
    """As they were signed."""
    size: int
    """Entries in all."""
    next: int | None
    """The number of the entry that follows; null if none does."""


@router.get("/trace", **answers(TracePageDocument))
def trace(site: GivenSite, session: ReadIndex, query: Annotated[TraceQuery, Query()]) -> Response:
    """Return entries of the trace from a number on."""
    items, size = read_trace_page(site.vault, query.start, query.limit)
    end = query.start + len(items)
    following = end if items and end < size else None
    return JSONResponse({"items": items, "size": size, "next": following})


@router.get("/trace/{seq}", **answers(dict[str, Any]))
def entry(site: GivenSite, session: ReadIndex, seq: Seq) -> Response:
    """Return one entry of the trace, as it was signed."""
    with missing_as_404():
        return JSONResponse(read_trace_entry(site.vault, seq))


@router.get("/marks", **answers(MarksDocument))
def marks(site: GivenSite, session: ReadIndex) -> Response:
    """Return what was marked; the header ETag names this state of it."""
    found = list_marks(site.vault)
    return JSONResponse(marks_document(found), headers={"etag": f'"{marks_digest(found)}"'})


@writing.put("/marks", **answers(JobDocument, 202))
def put_marks(site: GivenSite, session: Mark, sent: MarkInput, if_match: Seen = None) -> Response:
    """Start a job that marks paths, if the marks are those that were seen (If-Match)."""
    _check_seen(site, if_match)
    return started(start(site.vault, JobRequest(f"mark-{sent.kind}", sent.options())))


@writing.delete("/marks", **answers(JobDocument, 202))
def delete_marks(
    site: GivenSite, session: Mark, sent: ClearInput, if_match: Seen = None
) -> Response:
    """Start a job that clears the marks of paths, if the marks are those that were seen."""
    _check_seen(site, if_match)
    return started(start(site.vault, JobRequest("mark-clear", sent.options())))


def _check_seen(site: Site, if_match: str | None) -> None:
    if if_match is None:
        raise Problem(428, "Say which marks you saw: If-Match is the ETag of GET marks.")
    if if_match.strip() != f'"{marks_digest(list_marks(site.vault))}"':
        raise Problem(412, "The marks are not those that you saw.", "Read them again.")
