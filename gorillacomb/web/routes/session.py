"""Log in with a one-time token, list sessions, log out."""

from __future__ import annotations

from typing import TypedDict

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from gorillacomb.web.answers import answers
from gorillacomb.web.inputs import LoginInput
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.access import ReadIndex
from gorillacomb.web.security.guard import Origin
from gorillacomb.web.security.hosts import HostKind
from gorillacomb.web.security.sessions import LONGEST_SECONDS, Session
from gorillacomb.web.site import GivenSite, Site

router = APIRouter(tags=["session"])


class LoggedInDocument(TypedDict):
    """A session has begun: its token is in the cookie."""

    secret: str | None
    """What the header X-GorillaComb-Secret has to contain; null if the cookie is enough."""


class SessionDocument(TypedDict):
    """A browser or program that has logged in."""

    id: str
    host: str
    """The name that it logged in under."""
    agent: str
    """What it calls itself."""
    created: int
    """Seconds since the epoch."""
    used: int
    """Seconds since the epoch."""
    is_this: bool
    """Whether it is the one that asks."""


class SessionsDocument(TypedDict):
    """Who has logged in, the last one active first."""

    items: list[SessionDocument]


@router.post("/session", **answers(LoggedInDocument))
def log_in(request: Request, sent: LoginInput, site: GivenSite) -> Response:
    """Begin a session with a one-time token, whose cookie is set."""
    token, secret = begin_session(request, site, sent.token)
    answer = JSONResponse({"secret": secret})
    set_cookie(request, answer, token)
    return answer


@router.delete("/session", status_code=204, responses=answers(None, 204)["responses"])
def log_out(request: Request, site: GivenSite) -> Response:
    """End the session that asks; without one there is nothing to do."""
    session = request.scope["state"]["session"]
    if session is not None:
        site.sessions.end(session.digest)
    answer = Response(status_code=204)
    set_cookie(request, answer, "")
    return answer


@router.get("/sessions", **answers(SessionsDocument))
def sessions(site: GivenSite, session: ReadIndex) -> Response:
    """List who has logged in."""
    items = [
        {
            "id": each.id,
            "host": each.host,
            "agent": each.agent,
            "created": each.created,
            "used": each.used,
            "is_this": isinstance(session, Session) and each.digest == session.digest,
        }
        for each in site.sessions.all()
    ]
    return JSONResponse({"items": items})


def begin_session(request: Request, site: Site, login: str) -> tuple[str, str | None]:
    """Return the token of a new session, and its secret if it needs one. Raises Problem."""
    if not site.logins.use(login):
        raise Problem(
            401,
            "That token was used already, or is older than ten minutes.",
            "gorillacomb serve link prints a new address.",
        )
    origin: Origin = request.scope["state"]["origin"]
    return site.sessions.create(
        origin.host,
        request.headers.get("user-agent", ""),
        needs_secret=origin.kind is HostKind.SHARED,
    )


def set_cookie(request: Request, answer: Response, token: str) -> None:
    """Set the session's cookie, or remove it if the token is empty."""
    origin: Origin = request.scope["state"]["origin"]
    answer.set_cookie(
        origin.cookie,
        token,
        max_age=LONGEST_SECONDS if token else 0,
        secure=origin.is_secure,
        httponly=True,
        samesite="strict",
    )
