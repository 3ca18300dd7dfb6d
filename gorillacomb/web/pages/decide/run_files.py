"""What is in a folder that a run moved, to put back a file of it by a click."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gorillacomb.api.server.quarantine import list_quarantined_folder
from gorillacomb.web.answers import missing_as_404
from gorillacomb.web.pages.find.asked import PathAsked, folders_around, with_query
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.routes.dedupe import Run
from gorillacomb.web.security.access import ReadIndex
from gorillacomb.web.site import GivenSite

router = APIRouter()


@router.get("/runs/{run}/files")
def show_files(
    request: Request,
    site: GivenSite,
    session: ReadIndex,
    run: Run,
    query: Annotated[PathAsked, Query()],
) -> Response:
    """Show what was directly in a folder that is in the quarantine, to put back some of it."""
    path = query.named()
    if path is None:
        raise Problem(404, "The address names no folder.").with_way(f"/runs/{run}", "To the run")
    with missing_as_404():
        found = list_quarantined_folder(site.vault, run, path, query.after, query.limit)
    last = query.after + len(found.entries)
    return render_page(
        request,
        "run_files.html",
        title="Run",
        run=run,
        path=path,
        found=found,
        around=folders_around(path, [found.top]),
        first=query.after,
        to_first=with_query(request, after=None) if query.after else None,
        next=with_query(request, after=last) if last < found.total else None,
    )
