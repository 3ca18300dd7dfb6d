"""What a route requires: a session with a scope, and for a form its token."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Depends, Form, Request

from gorillacomb.web.problems import Problem
from gorillacomb.web.security.sessions import SCOPES, Session, form_token


def no_session() -> Problem:
    """Return what a request without a session is answered."""
    return Problem(401, "There is no session.", "gorillacomb serve link prints an address.")


class Access:
    """Requires a session that has a scope; every route of the API depends on one."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Session:
        session = request.scope["state"]["session"]
        if session is None:
            raise no_session()
        if self.scope not in SCOPES:
            raise Problem(403, f"A session may not do this: it takes a token with {self.scope}.")
        found: Session = session
        return found


ReadIndex = Annotated[Session, Depends(Access("read:index"))]
ReadContent = Annotated[Session, Depends(Access("read:content"))]
RunScans = Annotated[Session, Depends(Access("jobs:scan"))]
MakePlans = Annotated[Session, Depends(Access("plan"))]
ApplyPlans = Annotated[Session, Depends(Access("apply"))]
Mark = Annotated[Session, Depends(Access("marks"))]
Drop = Annotated[Session, Depends(Access("drop"))]
SignScroll = Annotated[Session, Depends(Access("sign:scroll"))]
Purge = Annotated[Session, Depends(Access("purge"))]


def _own_form(request: Request, form: Annotated[str, Form(max_length=200)]) -> Session:
    """Return the session that a form is of. Raises Problem if it is of another one."""
    state = request.scope["state"]
    token, session = state["token"], state["session"]
    if token is None or not hmac.compare_digest(form_token(token).encode(), form.encode()):
        raise Problem(403, "This form is of a session that has ended.", "Load the page again.")
    found: Session = session
    return found


OwnForm = Annotated[Session, Depends(_own_form)]
"""Every form that writes depends on it: it carries the token of its session."""
