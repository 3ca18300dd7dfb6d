"""One file or folder: its copies, which one to keep and why, and what became of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gorillacomb.api.find.explain import (
    Explained,
    ExplainedFile,
    ExplainedFolder,
)
from gorillacomb.api.find.fate import trace_path
from gorillacomb.api.paths import path_from_json
from gorillacomb.api.server.explained import explain_or_start
from gorillacomb.api.server.findings import Finding, family_id
from gorillacomb.api.server.marks import read_marks
from gorillacomb.api.server.preview import is_picture, read_text
from gorillacomb.api.server.tree import scanned_places
from gorillacomb.errors import UsageError
from gorillacomb.web.pages.find.asked import (
    PathAsked,
    folders_around,
    may_show_content,
    with_query,
)
from gorillacomb.web.pages.questions import Waiting
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.access import Caller, ReadIndex
from gorillacomb.web.site import GivenSite, Site

router = APIRouter()
_MOST_ENTRIES = 50
"""Copies, items of runs and entries of the trace that are shown."""


@router.get("/explain")
def explain(
    request: Request, site: GivenSite, session: ReadIndex, query: Annotated[PathAsked, Query()]
) -> Response:
    """Explain a file or folder, or what is no longer there, or ask for one."""
    problem: Problem | None = None
    try:
        path = query.named()
        if path is not None:
            return _explained(request, site, session, path)
    except UsageError as error:
        problem = Problem.of(error, 404)
    except Problem as refused:
        problem = refused
    return render_page(
        request,
        "explain.html",
        200 if problem is None else problem.status,
        title="Explain",
        query=query,
        problem=problem,
        found=None,
    )


def _explained(request: Request, site: Site, session: Caller, path: bytes) -> Response:
    found = explain_or_start(site.vault, path)
    if isinstance(found, Finding):
        if found.document is None:
            raise Waiting(found.job)
        return _folder(request, site, path_from_json(found.document), found.document, ())
    if isinstance(found, ExplainedFolder):
        return _folder(request, site, found.path, found.to_dict(), found.warnings)
    return _page(
        request,
        site,
        "explain_file.html" if isinstance(found, ExplainedFile) else "explain.html",
        found.path,
        found=found,
        fate=found.fate,
        **_content(site, session, found),
    )


def _folder(
    request: Request, site: Site, path: bytes, document: Any, warnings: tuple[str, ...]
) -> Response:
    """Show a folder as its document has it."""
    members = list(map(path_from_json, document["copies"]))
    canonical = document["canonical"]
    return _page(
        request,
        site,
        "explain_folder.html",
        path,
        document=document,
        warnings=warnings,
        fate=trace_path(site.vault, path),
        is_member=path in members,
        family_id=None if canonical is None else family_id(canonical),
    )


def _page(request: Request, site: Site, template: str, path: bytes, **values: Any) -> Response:
    places = scanned_places(site.vault)
    around = folders_around(path, [place.path for place in places])
    top = around[0] if around else path
    return render_page(
        request,
        template,
        title="Explain",
        twin=("path", "path_b64"),
        problem=None,
        path=path,
        around=around,
        is_offline=not all(place.is_online for place in places if place.path == top),
        marks=read_marks(site.vault),
        this=with_query(request, after=None),
        most=_MOST_ENTRIES,
        **values,
    )


def _content(site: Site, session: Caller, found: Explained) -> dict[str, Any]:
    """Return what is shown of the content of a file."""
    is_shown = (
        isinstance(found, ExplainedFile)
        and found.kind == "file"
        and not found.is_offline
        and may_show_content(session)
    )
    as_picture = is_shown and is_picture(found.path)
    text = read_text(site.vault, found.path) if is_shown and not as_picture else None
    return {"is_shown": is_shown, "as_picture": as_picture, "text": text}
