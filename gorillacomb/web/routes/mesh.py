"""The mesh: the nodes, what they cosigned, and the proof that the trace only grew."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from gorillacomb.api.documents.jobs import JobDocument
from gorillacomb.api.documents.mesh.checks import ConsistencyDocument
from gorillacomb.api.documents.mesh.nodes import MeshNodesDocument
from gorillacomb.api.mesh.consistency import prove_consistency
from gorillacomb.api.mesh.nodes import read_mesh
from gorillacomb.api.mesh.pulse import ServedPulseDocument, serve_pulse
from gorillacomb.api.server.jobs import JobRequest, start
from gorillacomb.api.watch.pulse import PulseState
from gorillacomb.web.answers import answers, missing_as_404
from gorillacomb.web.routes.jobs import started
from gorillacomb.web.security.access import ReadIndex, UseMesh
from gorillacomb.web.site import GivenSite

router = APIRouter(tags=["mesh"])
writing = APIRouter(tags=["mesh"])
TreeSize = Annotated[int, Query(ge=1, lt=1 << 53)]


@router.get("/nodes", **answers(MeshNodesDocument))
def nodes(site: GivenSite, session: ReadIndex) -> Response:
    """Return the nodes of the mesh, what was last seen of each, and the forks that were found."""
    return JSONResponse(read_mesh(site.vault).to_dict())


@router.get("/trace/consistency", **answers(ConsistencyDocument))
def consistency(site: GivenSite, session: ReadIndex, old: TreeSize, new: TreeSize) -> Response:
    """Return the proof that the trace only grew between two sizes (RFC 6962, section 2.1.2)."""
    with missing_as_404():
        return JSONResponse(prove_consistency(site.vault, old, new))


@router.get("/pulse", **answers(ServedPulseDocument, also={503: ServedPulseDocument}))
def pulse(site: GivenSite, session: ReadIndex) -> Response:
    """Return the watcher's newest pulse, and what is active; 503 with the causes if it is dead."""
    found, document = serve_pulse(site.vault)
    return JSONResponse(document, 503 if found.state is PulseState.DEAD else 200)


@writing.post("/nodes/sync", **answers(JobDocument, 202))
def sync(site: GivenSite, session: UseMesh) -> Response:
    """Start a job that has the nodes cosign the newest checkpoint."""
    return started(start(site.vault, JobRequest("mesh-sync")))


@writing.post("/nodes/check", **answers(JobDocument, 202))
def check(site: GivenSite, session: UseMesh) -> Response:
    """Start a job that compares what the witnesses of each known log hold."""
    return started(start(site.vault, JobRequest("mesh-check")))
