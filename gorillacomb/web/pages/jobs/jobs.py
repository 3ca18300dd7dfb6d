"""Jobs: what runs and ran, one that is followed and what it did, a scan, an end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from gorillacomb.api.server import jobs as use
from gorillacomb.api.server.plans.kept import plan_of_job
from gorillacomb.web.answers import missing_as_404
from gorillacomb.web.pages.jobs.names import label_of, name_of
from gorillacomb.web.pages.jobs.outcomes import outcome_of
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.security.access import OwnForm, ReadIndex, RunScans
from gorillacomb.web.site import GivenSite

router = APIRouter()
writing = APIRouter()


@router.get("/jobs")
def jobs(request: Request, site: GivenSite, session: ReadIndex) -> Response:
    """Show the jobs, the latest first."""
    found = [(job, label_of(job)) for job in use.list_jobs(site.vault)]
    return render_page(request, "jobs.html", title="Jobs", twin=True, jobs=found)


@router.get("/jobs/{job}")
def job(
    request: Request,
    site: GivenSite,
    session: ReadIndex,
    job: str,
    then: Literal["plan"] | None = None,
) -> Response:
    """Show one job: how far it is, or what it did; ``then`` goes on to the plan that it made."""
    with missing_as_404():
        found = use.find_job(site.vault, job)
        plan = plan_of_job(site.vault, found)
        if then is not None and plan is not None:
            return RedirectResponse(f"/plans/{plan}", 303)
        outcome = result = None
        if not found.state.is_live:
            result = use.read_job_result(site.vault, job)
            outcome = outcome_of(found, result, plan)
    title = name_of(found)
    return render_page(
        request,
        "job.html",
        title=title,
        twin=True,
        job=found,
        outcome=outcome,
        named=title,
        again=None if result is not None else _scan_again(found),
    )


class ScanForm(NamedTuple):
    """A form that starts a scan once more."""

    action: str
    paths: Sequence[str]
    """What to scan; empty for all known roots."""


def _scan_again(job: use.Job) -> ScanForm | None:
    """Return the form that starts a scan once more; None for another job.

    That is also None for what no form names: several folders, or one whose name is no text.
    """
    if job.kind != "scan":
        return None
    asked = job.options.get("paths") or []
    if not asked:
        return ScanForm("/scan", ())
    paths = [each["path"] for each in asked if "path" in each]
    return ScanForm("/roots", paths) if len(paths) == len(asked) == 1 else None


def follow(job: use.Job) -> Response:
    """Return the answer to a form that has started a job: its page, and after that its plan."""
    return RedirectResponse(f"/jobs/{job.id}{'?then=plan' if job.kind == 'plan' else ''}", 303)


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
