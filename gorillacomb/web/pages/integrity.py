"""Whether what was read is still so: damage, checks of files, of the trace, and of manifests."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from gorillacomb.api.server.files import GapName, files_page_document, read_files_page
from gorillacomb.api.server.jobs import JobRequest, list_jobs, start
from gorillacomb.api.server.manifests import list_manifests
from gorillacomb.api.server.trace import read_trace_entry, read_trace_page
from gorillacomb.api.status import trace_totals
from gorillacomb.api.vault import Vault
from gorillacomb.api.watch.pulse import check_watcher
from gorillacomb.web.answers import missing_as_404
from gorillacomb.web.inputs import TraceQuery, TypedPath, TypedPathOrNone
from gorillacomb.web.pages.jobs.jobs import follow
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.routes.trace import Seq
from gorillacomb.web.security.access import OwnForm, ReadIndex, RunScans
from gorillacomb.web.site import GivenSite

router = APIRouter()
writing = APIRouter()
_DAMAGED = 50
_LATEST = 30
_CHECKS = ("scrub", "trace-verify", "verify")


@router.get("/integrity")
def integrity(request: Request, site: GivenSite, session: ReadIndex) -> Response:
    """Show what is damaged, and how the last checks ended."""
    jobs = [job for job in list_jobs(site.vault) if job.kind in _CHECKS]
    return render_page(
        request,
        "integrity.html",
        title="Integrity",
        damaged=_in_state(site.vault, "damaged"),
        suspect=_in_state(site.vault, "suspect"),
        trace=trace_totals(site.vault),
        pulse=check_watcher(site.vault),
        checks=[next((job for job in jobs if job.kind == kind), None) for kind in _CHECKS],
    )


def _in_state(vault: Vault, state: GapName) -> list[dict[str, object]]:
    page = read_files_page(vault, state, None, _DAMAGED)
    return [dict(each) for each in files_page_document(page, None)["items"]]


@router.get("/trace")
def trace(
    request: Request, site: GivenSite, session: ReadIndex, query: Annotated[TraceQuery, Query()]
) -> Response:
    """Show entries of the trace; without a number, the last ones."""
    _, size = read_trace_page(site.vault, 0, 1)
    start_at = query.start if "start" in query.model_fields_set else max(size - _LATEST, 0)
    items, size = read_trace_page(site.vault, start_at, min(query.limit, _LATEST))
    return render_page(
        request,
        "trace.html",
        title="Trace",
        twin=True,
        items=items,
        size=size,
        first=start_at,
        before=max(start_at - _LATEST, 0),
        after=start_at + len(items),
    )


@router.get("/trace/{seq}")
def entry(request: Request, site: GivenSite, session: ReadIndex, seq: Seq) -> Response:
    """Show one entry of the trace, as it was signed."""
    with missing_as_404():
        found = read_trace_entry(site.vault, seq)
    return render_page(request, "entry.html", title=f"Entry {seq:,}", twin=True, entry=found)


@router.get("/manifests")
def manifests(request: Request, site: GivenSite, session: ReadIndex) -> Response:
    """Show the manifests that jobs have made, and how to make or check one."""
    items = [each.to_dict() for each in list_manifests(site.vault)]
    return render_page(request, "manifests.html", title="Manifests", twin=True, items=items)


@writing.post("/scrub")
def scrub(site: GivenSite, session: RunScans, form: OwnForm) -> Response:
    """Start to read files again."""
    return follow(start(site.vault, JobRequest("scrub")))


@writing.post("/trace/verify")
def verify_trace(site: GivenSite, session: RunScans, form: OwnForm) -> Response:
    """Start to check the trace."""
    return follow(start(site.vault, JobRequest("trace-verify")))


@writing.post("/manifests")
def make_manifest(
    site: GivenSite, session: RunScans, form: OwnForm, path: Annotated[TypedPath, Form()]
) -> Response:
    """Start to list what a folder contains."""
    return follow(start(site.vault, JobRequest("manifest", {"path": path})))


@writing.post("/manifests/verify")
def verify_manifest(
    site: GivenSite,
    session: RunScans,
    form: OwnForm,
    manifest: Annotated[TypedPath, Form()],
    root: Annotated[TypedPathOrNone, Form()] = None,
) -> Response:
    """Start to check a folder against a manifest."""
    place = {} if root is None else {"root": root}
    return follow(start(site.vault, JobRequest("verify", {"manifest": manifest, **place})))
