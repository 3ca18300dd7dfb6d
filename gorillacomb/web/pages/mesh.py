"""The nodes of the mesh: who cosigns the trace, and what was found wrong."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from gorillacomb.api.mesh.standing import mesh_standing
from gorillacomb.api.server.jobs import JobRequest, start
from gorillacomb.web.pages.jobs.jobs import follow
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.security.access import OwnForm, ReadIndex, UseMesh
from gorillacomb.web.site import GivenSite

router = APIRouter()
writing = APIRouter()


@router.get("/nodes")
def nodes(request: Request, site: GivenSite, session: ReadIndex) -> Response:
    """Show the nodes, how far each has cosigned the trace, and the forks that were found."""
    found = mesh_standing(site.vault)
    return render_page(
        request,
        "nodes.html",
        title="Nodes",
        twin=True,
        mesh=found.mesh,
        size=found.size,
        head=found.head,
    )


@writing.post("/nodes/sync")
def sync(site: GivenSite, session: UseMesh, form: OwnForm) -> Response:
    """Start to have the nodes cosign the newest checkpoint."""
    return follow(start(site.vault, JobRequest("mesh-sync")))


@writing.post("/nodes/check")
def check(site: GivenSite, session: UseMesh, form: OwnForm) -> Response:
    """Start to compare what the witnesses of each known log hold."""
    return follow(start(site.vault, JobRequest("mesh-check")))
