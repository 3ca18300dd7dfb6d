"""What would be lost if a folder were deleted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gorillacomb.api.paths import join, path_from_json, relative_path
from gorillacomb.api.server.tree import scanned_places
from gorillacomb.api.text import format_count, format_size
from gorillacomb.errors import UsageError
from gorillacomb.web.pages.find.asked import PathAsked, with_query
from gorillacomb.web.pages.questions import ask
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.access import ReadIndex
from gorillacomb.web.site import GivenSite, Site

router = APIRouter()
_FOLDERS = 20
"""Rows of what is rolled up by folder, of what is unproven, and of where the copies are."""


@router.get("/unique")
def unique(
    request: Request, site: GivenSite, session: ReadIndex, query: Annotated[PathAsked, Query()]
) -> Response:
    """Show what exists in a folder and nowhere else, or ask for a folder."""
    try:
        path = query.named()
        if path is None:
            return _form(request, site, query, None)
        document = ask(site, "unique", path=path)
    except UsageError as error:
        return _form(request, site, query, Problem.of(error, 404))
    except Problem as problem:
        return _form(request, site, query, problem)
    everything = sorted(document["unique"], key=lambda each: -each["size"])
    last = query.after + query.limit
    return render_page(
        request,
        "unique.html",
        title="What would be lost",
        twin=("path", "path_b64"),
        query=query,
        problem=None,
        folder=path,
        document=document,
        most=_FOLDERS,
        rolled_up=[
            (each, join(path, path_from_json(each))) for each in document["rolled_up"][:_FOLDERS]
        ],
        shown=[
            (each, relative_path(path_from_json(each), path))
            for each in everything[query.after : last]
        ],
        first=query.after,
        next=with_query(request, after=last) if last < len(everything) else None,
        not_counted=", ".join(_not_counted(document)),
    )


def _form(request: Request, site: Site, query: PathAsked, problem: Problem | None) -> Response:
    return render_page(
        request,
        "unique.html",
        200 if problem is None else problem.status,
        title="What would be lost",
        query=query,
        problem=problem,
        folder=None,
        roots=scanned_places(site.vault),
    )


def _not_counted(document: dict[str, int]) -> list[str]:
    """Say what is in the folder besides files with content of the user's own."""
    words = {"empty_files": "empty file", "links": "symbolic link", "noise_files": "system file"}
    found = [format_count(document[key], word) for key, word in words.items() if document[key]]
    if document["quarantined_files"]:
        files = format_count(document["quarantined_files"], "file")
        found.append(f"{files} in its quarantine ({format_size(document['quarantined_bytes'])})")
    return found
