"""Log in and out, and the files that pages are made with."""

from __future__ import annotations

import mimetypes
from importlib import resources
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.routes.session import begin_session, set_cookie
from gorillacomb.web.security.access import OwnForm
from gorillacomb.web.security.guard import LOGIN_PATH, LOGOUT_PATH
from gorillacomb.web.site import GivenSite

router = APIRouter()
writing = APIRouter()
_STATIC = Path(str(resources.files("gorillacomb.web"))) / "static"


@router.get("/static/{name}")
def static(name: str) -> Response:
    """Return a style sheet or script of ours."""
    known = {file.name: file for file in _STATIC.iterdir() if file.is_file()}
    if name not in known:
        raise Problem(404, "There is no such file.")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(known[name].read_bytes(), media_type=kind)


@router.get(LOGIN_PATH)
def login(request: Request) -> Response:
    """Show how to log in; the script takes the token out of the address."""
    return render_page(request, "login.html", title="Log in", problem="")


@router.post(LOGIN_PATH)
def log_in(
    request: Request, site: GivenSite, token: Annotated[str, Form(max_length=300)]
) -> Response:
    """Begin a session with a token that was pasted, and show the first page."""
    try:
        session, _ = begin_session(request, site, token.strip().rpartition("#")[2])
    except Problem as problem:
        detail = problem.detail
        return render_page(request, "login.html", problem.status, title="Log in", problem=detail)
    answer = RedirectResponse("/", 303)
    set_cookie(request, answer, session)
    return answer


@writing.post(LOGOUT_PATH)
def log_out(request: Request, site: GivenSite, form: OwnForm) -> Response:
    """End the session."""
    site.sessions.end(form.digest)
    answer = RedirectResponse(LOGIN_PATH, 303)
    set_cookie(request, answer, "")
    return answer
