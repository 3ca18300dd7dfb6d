"""Manifests that jobs have made, and their signatures, as files to keep."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from gorillacomb.api.server.manifests import (
    ManifestsDocument,
    list_manifests,
    read_kept_manifest,
)
from gorillacomb.web.answers import answers, missing_as_404
from gorillacomb.web.routes.jobs import JobId
from gorillacomb.web.security.access import ReadIndex
from gorillacomb.web.site import GivenSite

router = APIRouter(tags=["share"])


@router.get("/manifests", **answers(ManifestsDocument))
def manifests(site: GivenSite, session: ReadIndex) -> Response:
    """Return the manifests that jobs have made."""
    return JSONResponse({"items": [each.to_dict() for each in list_manifests(site.vault)]})


@router.get("/manifests/{job}", **answers(dict[str, Any]))
def manifest(site: GivenSite, session: ReadIndex, job: JobId) -> Response:
    """Return a manifest as it was written: an in-toto Statement, byte for byte as it was signed."""
    with missing_as_404():
        return _file(read_kept_manifest(site.vault, job), "manifest.json")


@router.get("/manifests/{job}/signature", **answers(dict[str, Any]))
def signature(site: GivenSite, session: ReadIndex, job: JobId) -> Response:
    """Return the envelope with the signature of a manifest (DSSE)."""
    with missing_as_404():
        found = read_kept_manifest(site.vault, job, signature=True)
    return _file(found, "manifest.json.dsse")


def _file(data: bytes, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type="application/json", headers=headers)
