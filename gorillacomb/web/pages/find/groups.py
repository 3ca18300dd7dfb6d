"""Groups of identical files: the list, and one group."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gorillacomb.api.server.duplicates import (
    ContentKind,
    GroupOrder,
    GroupPosition,
    GroupsPage,
    group_of_content,
    group_totals,
    read_groups_page,
)
from gorillacomb.api.server.marks import read_marks
from gorillacomb.errors import UsageError
from gorillacomb.web.answers import missing_as_404, position_of
from gorillacomb.web.pages.find.asked import (
    GroupsAskedFor,
    PathAsked,
    may_show_content,
    with_query,
)
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.routes.find import POSITION, Digest, continue_groups
from gorillacomb.web.security.access import ReadIndex
from gorillacomb.web.site import GivenSite, Site

router = APIRouter()
_LEAST = (0, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
"""Bytes that the form offers."""
_ASKED = ("sort", "min_reclaimable", "kind", "within", "within_b64", "after", "limit")
"""What the document takes of the query: all but what was marked on the page."""
_FILES = 5
"""Files of a group that the list names: with more, a page would have too many elements."""


@router.get("/groups")
def groups(
    request: Request, site: GivenSite, session: ReadIndex, query: Annotated[GroupsAskedFor, Query()]
) -> Response:
    """Show groups of identical files."""
    page, problem, folder = GroupsPage((), None, ""), None, None
    try:
        folder = query.asked().within
        page = _page(site, query)
    except UsageError as error:
        problem = Problem.of(error, 404)
    except Problem as refused:
        problem = refused
    following = continue_groups(page, query.sort)
    return render_page(
        request,
        "groups.html",
        200 if problem is None else problem.status,
        title="Duplicates",
        twin=_ASKED,
        query=query,
        problem=problem,
        folder=None if problem else folder,
        page=page,
        marked_is_shown=query.marked in {group.digest.hex() for group in page.groups},
        most_files=_FILES,
        least=sorted({*_LEAST, query.min_reclaimable}),
        kinds=list(ContentKind),
        orders=list(GroupOrder),
        totals=group_totals(site.vault),
        marks=read_marks(site.vault),
        next=None if following is None else with_query(request, after=following, marked=None),
        first=None if query.after is None else with_query(request, after=None, marked=None),
        this=lambda digest: f"{with_query(request, marked=digest)}#g-{digest}",
        may_preview=may_show_content(session),
    )


def _page(site: Site, query: GroupsAskedFor) -> GroupsPage:
    after = None
    if query.after is not None:
        after = GroupPosition(*position_of(query.after, POSITION, None))
    return read_groups_page(site.vault, after, query.limit, query.asked())


@router.get("/groups/{blake3}")
def group(
    request: Request,
    site: GivenSite,
    session: ReadIndex,
    blake3: Digest,
    query: Annotated[PathAsked, Query()],
) -> Response:
    """Show the files with one content: which one to keep, why, and where the others are."""
    with missing_as_404():
        found = group_of_content(site.vault, bytes.fromhex(blake3))
    last = query.after + query.limit
    return render_page(
        request,
        "group.html",
        title="Identical files",
        twin=(),
        group=found,
        shown=found.files[query.after : last],
        first=query.after,
        next=with_query(request, after=last) if last < len(found.files) else None,
        marks=read_marks(site.vault),
        this=with_query(request),
        may_preview=may_show_content(session),
    )
