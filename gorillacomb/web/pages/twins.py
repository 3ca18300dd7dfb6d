"""Each page as JSON: the page at PATH is ``/api/v1/PATH`` for programs, with the same query."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import RedirectResponse, Response

from gorillacomb.web.security.access import ReadIndex

router = APIRouter()
_Word = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,80}$")]


@router.get("/{kind}.json")
def of_list(request: Request, session: ReadIndex, kind: _Word) -> Response:
    """Lead to the document that the page of a list is made of."""
    return _lead(request, kind)


@router.get("/{kind}/{name}.json")
def of_one(request: Request, session: ReadIndex, kind: _Word, name: _Word) -> Response:
    """Lead to the document that the page of one thing is made of."""
    return _lead(request, f"{kind}/{name}")


def _lead(request: Request, page: str) -> Response:
    query = request.url.query
    return RedirectResponse(f"/api/v1/{page}{'?' if query else ''}{query}", 307)
