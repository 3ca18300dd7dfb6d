"""Each route names what a session must be allowed to do, and forms carry their token."""

from __future__ import annotations

from fastapi.routing import APIRoute

from gorillacomb.web.app import READING, WRITING
from gorillacomb.web.security.access import Access
from gorillacomb.web.security.sessions import SCOPES

WITHOUT = {"/session"}
"""Logging in and out."""
_SAFE = {"GET", "HEAD"}
_ASKS = {"/scrolls/verify"}
"""What is asked by sending something, and changes nothing."""


def scopes_of(route: APIRoute) -> list[str]:
    calls = [each.call for each in route.dependant.dependencies]
    return [call.scope for call in calls if isinstance(call, Access)]


def routes(routers: object) -> list[APIRoute]:
    assert isinstance(routers, tuple)
    return [each for router in routers for each in router.routes if isinstance(each, APIRoute)]


def test_every_route_names_one_scope() -> None:
    found = [each for each in routes((*READING, *WRITING)) if each.path not in WITHOUT]
    assert len(found) > 30
    for route in found:
        scopes = scopes_of(route)
        assert len(scopes) == 1 and scopes[0] in SCOPES, route.path


def test_what_writes_is_apart_from_what_reads() -> None:
    reading = [each for each in routes(READING) if each.path not in WITHOUT]
    assert all((each.methods or set()) <= _SAFE or each.path in _ASKS for each in reading)
    assert all(not (each.methods or set()) & _SAFE for each in routes(WRITING))
    assert {scope for each in reading for scope in scopes_of(each)} == {
        "read:index",
        "read:content",
    }
    assert not {scope for each in routes(WRITING) for scope in scopes_of(each)} & {
        "read:index",
        "read:content",
    }
