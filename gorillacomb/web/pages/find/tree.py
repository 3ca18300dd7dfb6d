"""Folders, one at a time, as of their last scan: the way to a file or folder by clicking."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gorillacomb.api.server.tree import read_tree_page, scanned_places, tree_page_document
from gorillacomb.errors import UsageError
from gorillacomb.web.answers import continue_token, position_of
from gorillacomb.web.pages.find.asked import TreeAsked, folders_around, typed_path, with_query
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.access import ReadIndex
from gorillacomb.web.site import GivenSite

router = APIRouter()


@router.get("/tree")
def tree(
    request: Request, site: GivenSite, session: ReadIndex, query: Annotated[TreeAsked, Query()]
) -> Response:
    """Show what is directly in a folder; without a path, the scanned places."""
    roots = scanned_places(site.vault)
    problem: Problem | None = None
    try:
        path = typed_path(query.path, query.path_b64)
        if path is not None:
            after = b"" if query.after is None else position_of(query.after, (bytes,), None)[0]
            page = read_tree_page(site.vault, path, after, query.limit)
            token = continue_token(page.generation, None if page.next is None else (page.next,))
            return render_page(
                request,
                "tree.html",
                title="Browse",
                twin=True,
                problem=None,
                folder=page.path,
                around=folders_around(page.path, [root.path for root in roots]),
                document=tree_page_document(page, token),
                next=None if token is None else with_query(request, after=token),
                first=None if query.after is None else with_query(request, after=None),
            )
    except UsageError as error:
        problem = Problem.of(error, 404)
    except Problem as refused:
        problem = refused
    return render_page(
        request,
        "tree.html",
        200 if problem is None else problem.status,
        title="Browse",
        problem=problem,
        query=query,
        folder=None,
        roots=roots,
    )
