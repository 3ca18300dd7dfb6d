"""Files in one state, such as those that could not be read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gorillacomb.api.server.duplicates import index_generation
from gorillacomb.api.server.files import (
    GAP_TEXTS,
    FilePosition,
    files_page_document,
    read_files_page,
)
from gorillacomb.web.answers import continue_token, position_of
from gorillacomb.web.inputs import FilesQuery
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.routes.find import FILE_POSITION
from gorillacomb.web.security.access import ReadIndex
from gorillacomb.web.site import GivenSite

router = APIRouter()


@router.get("/files")
def files(
    request: Request, site: GivenSite, session: ReadIndex, query: Annotated[FilesQuery, Query()]
) -> Response:
    """Show files of the index: all of them, or those in one state, the largest first."""
    after = None
    if query.after is not None:
        generation = index_generation(site.vault)
        after = FilePosition(*position_of(query.after, FILE_POSITION, generation))
    page = read_files_page(site.vault, query.state, after, query.limit)
    token = continue_token(page.generation, page.next)
    return render_page(
        request,
        "files.html",
        title="Files",
        twin=True,
        page=files_page_document(page, token),
        state=query.state,
        words="" if query.state is None else GAP_TEXTS[query.state],
        limit=query.limit,
    )
