"""Jobs: what runs and ran, one that is followed, a scan, an end."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from gorillacomb.api.server import jobs as use
from gorillacomb.web.answers import missing_as_404
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.security.access import OwnForm, ReadIndex, RunScans
from gorillacomb.web.site import GivenSite

router = APIRouter()
writing = APIRouter()


@router.get("/jobs")
def jobs(request: Request, site: GivenSite, session: ReadIndex) -> Response:
    """Show the jobs, the latest first."""
    return render_page(
        request, "jobs.html", title="Jobs", twin=True, jobs=use.list_jobs(site.vault)
    )


@router.get("/jobs/{job}")
def job(request: Request, site: GivenSite, session: ReadIndex, job: str) -> Response:
    """Show one job; the script follows it."""
    with missing_as_404():
        found = use.find_job(site.vault, job)
    return render_page(request, "job.html", title=found.kind.title(), twin=True, job=found)


def follow(job: use.Job) -> Response:
    """Return the answer to a form that has started a job: its page."""
    return RedirectResponse(f"/jobs/{job.id}", 303)


@writing.post("/scan")
def scan(site: GivenSite, session: RunScans, form: OwnForm) -> Response:
    """Start a scan of all known roots, and show it."""
    return follow(use.start(site.vault, use.JobRequest("scan")))


@writing.post("/cancel")
def cancel(
    site: GivenSite,
    session: RunScans,
    form: OwnForm,
    job: Annotated[str, Form(max_length=64)],
) -> Response:
    """Ask a job to end, and show it."""
    with missing_as_404():
        return follow(use.cancel(site.vault, job))
