"""What a route requires: a session or token with a scope, and for a form the session's token."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Depends, Form, Request

from gorillacomb.web.problems import Problem
from gorillacomb.web.security.bearer import Bearer, lacks_scope
from gorillacomb.web.security.sessions import Session, form_token

Caller = Session | Bearer
"""Who asks: a browser or program that has logged in, or a program with a token."""


def no_session() -> Problem:
    """Return what a request without a session is answered."""
    problem = Problem(401, "There is no session.", "gorillacomb serve link prints an address.")
    problem.headers["www-authenticate"] = "Bearer"
    return problem


class Access:
    """Requires a session or token that has a scope; every route of the API depends on one."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Caller:
        caller: Caller | None = request.scope["state"]["caller"]
        if caller is None:
            raise no_session()
        if self.scope in caller.scopes:
            return caller
        if isinstance(caller, Bearer):
            raise lacks_scope(self.scope)
        raise Problem(403, f"A session may not do this: it takes a token with {self.scope}.")


ReadIndex = Annotated[Caller, Depends(Access("read:index"))]
ReadContent = Annotated[Caller, Depends(Access("read:content"))]
RunScans = Annotated[Caller, Depends(Access("jobs:scan"))]
MakePlans = Annotated[Caller, Depends(Access("plan"))]
ApplyPlans = Annotated[Caller, Depends(Access("apply"))]
Mark = Annotated[Caller, Depends(Access("marks"))]
Drop = Annotated[Caller, Depends(Access("drop"))]
UseMesh = Annotated[Caller, Depends(Access("mesh"))]
SignScroll = Annotated[Caller, Depends(Access("sign:scroll"))]
Purge = Annotated[Caller, Depends(Access("purge"))]


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
