"""Questions that take a while: 202 with the job that answers, then its answer."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from fastapi import APIRouter, Path, Query
from starlette.responses import JSONResponse, Response

from gorillacomb.api.documents.contents import MapDocument
from gorillacomb.api.documents.folders import CompareDocument, FamilyDocument
from gorillacomb.api.documents.jobs import JobDocument
from gorillacomb.api.documents.overview import OverviewDocument
from gorillacomb.api.documents.unique import UniqueDocument
from gorillacomb.api.server.families import list_families
from gorillacomb.api.server.findings import Finding, families_of, find_or_start
from gorillacomb.api.server.jobs import JobRequest
from gorillacomb.web.answers import answers, continue_token, position_of
from gorillacomb.web.inputs import ComparedQuery, FamiliesQuery, PathQuery, named_path, path_of
from gorillacomb.web.problems import Problem
from gorillacomb.web.routes.jobs import started
from gorillacomb.web.security.access import ReadIndex
from gorillacomb.web.site import GivenSite, Site

router = APIRouter(tags=["find"])
FamilyId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
_LATER = {202: JobDocument}


class FamilyItemDocument(FamilyDocument):
    """Copies of one tree, with the name under which the server knows them."""

    id: str


class FamiliesPageDocument(TypedDict):
    """Some families, the one with the largest folder first."""

    items: list[FamilyItemDocument]
    next: str | None
    """What ``after`` takes to continue; null if no more follow."""


@router.get("/overview", **answers(OverviewDocument, also=_LATER))
def overview(site: GivenSite, session: ReadIndex) -> Response:
    """Return what is known about everything that was scanned, in figures."""
    return _answer(_found(site, "overview"))


@router.get("/families", **answers(FamiliesPageDocument, also=_LATER))
def families(
    site: GivenSite, session: ReadIndex, query: Annotated[FamiliesQuery, Query()]
) -> Response:
    """Return families of copied folders."""
    found = _found(site, "folders")
    if found.document is None:
        return started(found.job)
    at = 0
    if query.after is not None:
        (at,) = position_of(query.after, (int,), found.job.id)
    everything = list_families(site.vault, found.document, query.name, query.state)
    items = [each.document for each in everything[max(at, 0) :][: query.limit]]
    more = at + len(items) < len(everything)
    token = continue_token(found.job.id, (at + len(items),) if more and items else None)
    return JSONResponse({"items": items, "next": token})


@router.get("/families/{family}", **answers(FamilyItemDocument, also=_LATER))
def family(site: GivenSite, session: ReadIndex, family: FamilyId) -> Response:
    """Return one family of copied folders."""
    found = _found(site, "folders")
    if found.document is None:
        return started(found.job)
    for each in families_of(found.document):
        if each["id"] == family:
            return JSONResponse(each)
    raise Problem(404, "There is no such family, or its folder to keep is another one by now.")


@router.get("/unique", **answers(UniqueDocument, also=_LATER))
def unique(site: GivenSite, session: ReadIndex, query: Annotated[PathQuery, Query()]) -> Response:
    """Return what would be lost if a folder were deleted."""
    return _answer(_found(site, "unique", path=named_path(query)))


@router.get("/map", **answers(MapDocument, also=_LATER))
def space_map(
    site: GivenSite, session: ReadIndex, query: Annotated[PathQuery, Query()]
) -> Response:
    """Return where the space is, in a folder or in everything that was scanned."""
    has_path = query.path is not None or query.path_b64 is not None
    return _answer(_found(site, "map", **({"path": named_path(query)} if has_path else {})))


@router.get("/compare", **answers(CompareDocument, also=_LATER))
def compare(
    site: GivenSite, session: ReadIndex, query: Annotated[ComparedQuery, Query()]
) -> Response:
    """Return how two folders differ."""
    paths = path_of(query.a, query.a_b64), path_of(query.b, query.b_b64)
    return _answer(_found(site, "compare", paths=paths))


def _found(site: Site, kind: str, **options: Any) -> Finding:
    return find_or_start(site.vault, JobRequest(kind, options))


def _answer(found: Finding) -> Response:
    return started(found.job) if found.document is None else JSONResponse(found.document)
