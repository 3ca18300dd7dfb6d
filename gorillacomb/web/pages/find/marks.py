"""Marks: what was marked, and the forms of all pages that mark something or clear its mark."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from gorillacomb.api.server.duplicates import group_of_content
from gorillacomb.api.server.jobs import Job, JobRequest, find_job, start
from gorillacomb.api.server.marks import SeenMarks, read_marks
from gorillacomb.web.answers import missing_as_404
from gorillacomb.web.pages.find.asked import PAGE, FormQuery, Place, typed_path, with_query
from gorillacomb.web.pages.questions import Waiting
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.access import Mark, OwnForm, ReadIndex
from gorillacomb.web.site import GivenSite, Site

router = APIRouter()
writing = APIRouter()
_MOST_BACK = 8192
_OWN_PAGE = r"^/($|[^/\\\x00-\x20][^\x00-\x20]*$)"
"""The address of a page of ours, without a host."""
Kind = Literal["keep", "intended", "not-duplicates", "clear"]
TypedPaths = Annotated[list[str], Form(max_length=1000)]


class MarksAsked(FormQuery):
    """The job that marks, the page that it was asked for on, and a place in the list."""

    job: str | None = Field(None, max_length=64)
    back: str | None = Field(None, max_length=_MOST_BACK, pattern=_OWN_PAGE)
    after: Place = 0
    limit: int = Field(PAGE, ge=1, le=200)


@router.get("/marks")
def marks(
    request: Request, site: GivenSite, session: ReadIndex, query: Annotated[MarksAsked, Query()]
) -> Response:
    """Show what is marked; after a form, wait for its job, and lead back to its page."""
    job = None
    if query.job is not None:
        with missing_as_404():
            job = find_job(site.vault, query.job)
        if job.state.is_live:
            raise Waiting(job, "The mark is being written.")
        if query.back is not None and not job.exit_code and job.state == "done":
            return RedirectResponse(query.back, 303)
    found = read_marks(site.vault)
    last = query.after + query.limit
    return render_page(
        request,
        "marks.html",
        title="Marks",
        twin=(),
        marks=found,
        shown=found.marks[query.after : last],
        first=query.after,
        next=with_query(request, after=last, job=None) if last < len(found.marks) else None,
        failed=job,
        back=query.back,
    )


@writing.post("/marks")
def mark(
    site: GivenSite,
    session: Mark,
    form: OwnForm,
    kind: Annotated[Kind, Form()],
    seen: Annotated[str, Form(max_length=64)],
    path: TypedPaths = [],  # noqa: B006 (FastAPI copies it)
    path_b64: TypedPaths = [],  # noqa: B006
    blake3: Annotated[str | None, Form(pattern=r"^[0-9a-f]{64}$")] = None,
    back: Annotated[str, Form(max_length=_MOST_BACK, pattern=_OWN_PAGE)] = "/marks",
) -> Response:
    """Start a job that marks what was ticked, or clears its marks, and show how it ends.

    ``blake3`` is the content whose copies were shown: all of them are meant if none was ticked,
    where that can only mean one thing.
    """
    found = read_marks(site.vault)
    if seen != found.digest:
        raise Problem(412, "Something was marked since this page was made.", "Load it again.")
    paths = [typed_path(text, None) or b"" for text in path]
    paths += [typed_path(None, text) or b"" for text in path_b64]
    if not paths and blake3 is not None and kind != "keep":
        paths = _all_copies(site, bytes.fromhex(blake3), found if kind == "clear" else None)
    if not paths:
        raise Problem(422, "Nothing is ticked.", "Go back, and tick the files that you mean.")
    return _follow(start(site.vault, JobRequest(f"mark-{kind}", {"paths": tuple(paths)})), back)


def _all_copies(site: Site, digest: bytes, marked: SeenMarks | None) -> list[bytes]:
    """Return the paths of all copies of a content, or of those that have marks of their own."""
    with missing_as_404():
        paths = [file.path for file in group_of_content(site.vault, digest).files]
    if marked is not None:
        own = {mark.path for mark in marked.marks}
        paths = [path for path in paths if path in own]
    return paths


def _follow(job: Job, back: str) -> Response:
    return RedirectResponse(f"/marks?{urlencode({'job': job.id, 'back': back})}", 303)
