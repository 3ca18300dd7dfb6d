"""The first page: what is on the drives, and what is there twice."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from gorillacomb.api.server.jobs import list_jobs
from gorillacomb.api.status import vault_status
from gorillacomb.errors import VaultError
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.security.access import ReadIndex
from gorillacomb.web.site import GivenSite

router = APIRouter()


@router.get("/")
def overview(request: Request, site: GivenSite, session: ReadIndex) -> Response:
    """Show what is on the drives, and what is there twice."""
    try:
        status = vault_status(site.vault)
    except VaultError as error:
        return render_page(request, "empty.html", title="Overview", error=error)
    return render_page(
        request,
        "overview.html",
        title="Overview",
        twin=True,
        status=status,
        files=sum(root.facts.files for root in status.roots),
        bytes=sum(root.facts.bytes for root in status.roots),
        running=[job for job in list_jobs(site.vault) if job.state.is_live],
    )
