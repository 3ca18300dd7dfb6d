"""The content of a file, which a browser may show but not run."""

from __future__ import annotations

import os
import unicodedata
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from gorillacomb.api.server.preview import open_preview
from gorillacomb.web.answers import PROBLEMS, missing_as_404
from gorillacomb.web.inputs import PathQuery, named_path
from gorillacomb.web.security.access import ReadContent
from gorillacomb.web.site import GivenSite

router = APIRouter(tags=["find"])
_ACTIVE = (".svg", ".svgz", ".html", ".htm", ".xhtml", ".xml", ".pdf", ".mht", ".mhtml")
"""Names of what a browser might run or render: it is only downloaded, whatever its content is."""


@router.get(
    "/preview",
    response_model=None,
    response_class=Response,
    responses={200: {"content": {"*/*": {}}}, **PROBLEMS},
)
def preview(
    site: GivenSite, session: ReadContent, query: Annotated[PathQuery, Query()]
) -> Response:
    """Return a file: pictures and texts to be shown, everything else to be saved."""
    with missing_as_404():
        found = open_preview(site.vault, named_path(query))
    name = os.path.basename(found.path)
    kind = None if name.lower().endswith(tuple(map(str.encode, _ACTIVE))) else found.kind
    return StreamingResponse(
        found.pieces(),
        media_type=kind or "application/octet-stream",
        headers={
            "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
            "content-disposition": _disposition(name, is_shown=kind is not None),
        },
    )


def _disposition(name: bytes, *, is_shown: bool) -> str:
    """Return how a file is called when it is saved (RFC 6266), without what could mislead.

    Control characters, and those that turn text around, are replaced.
    """
    text = "".join(
        "_" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") else char
        for char in name.decode("utf-8", "replace")
    )
    plain = "".join(char if char.isascii() and char not in '"\\%' else "_" for char in text)
    what = "inline" if is_shown else "attachment"
    return f"{what}; filename=\"{plain}\"; filename*=UTF-8''{quote(text, safe='')}"
