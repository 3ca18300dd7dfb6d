"""One file or folder: its copies, which one to keep and why, and what became of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gorillacomb.api.find.explain import (
    Explained,
    ExplainedFile,
    ExplainedFolder,
    explain_path,
)
from gorillacomb.api.paths import path_to_json
from gorillacomb.api.server.findings import family_id
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
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.access import ReadIndex
from gorillacomb.web.security.sessions import Session
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
            return _explained(request, site, session, explain_path(site.vault, path))
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


def _explained(request: Request, site: Site, session: Session, found: Explained) -> Response:
    return render_page(
        request,
        _template(found),
        title="Explain",
        twin=("path", "path_b64"),
        found=found,
        problem=None,
        around=folders_around(found.path, [root.path for root in scanned_places(site.vault)]),
        marks=read_marks(site.vault),
        this=with_query(request, after=None),
        most=_MOST_ENTRIES,
        **_content(site, session, found),
        **_family(found),
    )


def _template(found: Explained) -> str:
    if isinstance(found, ExplainedFile):
        return "explain_file.html"
    return "explain_folder.html" if isinstance(found, ExplainedFolder) else "explain.html"


def _content(site: Site, session: Session, found: Explained) -> dict[str, Any]:
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


def _family(found: Explained) -> dict[str, Any]:
    """Return the family of a folder as its document has it, with the id of its page."""
    if not isinstance(found, ExplainedFolder) or found.family is None:
        return {"family": None, "family_id": None}
    keep = path_to_json(found.family.keep)
    return {"family": found.family.to_dict(), "family_id": family_id(keep)}
