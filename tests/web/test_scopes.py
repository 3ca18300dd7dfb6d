"""Every route of the API with a token of every scope: the one that it names opens it, alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from starlette.routing import Mount

from gorillacomb.api.tokens.tokens import SCOPES, create_token
from gorillacomb.vault.vault import Vault
from gorillacomb.web.app import create_app
from gorillacomb.web.security.access import Access
from gorillacomb.web.security.guard import API, SESSION_PATH
from gorillacomb.web.security.hosts import HostNames
from gorillacomb.web.security.sessions import SCOPES as OF_SESSIONS
from gorillacomb.web.security.sessions import Sessions
from gorillacomb.web.site import ServerOptions, Site
from tests.docs.example import DOCS
from tests.support.run import run
from tests.support.server import Answer, Server, serving
from tests.support.trees import make_tree, settle

VALUES = {
    "job": "20260101T000000.000000-00000000",
    "run": "r",
    "digest": "0" * 64,
    "blake3": "0" * 64,
    "family": "0" * 32,
    "spool": "0" * 32,
    "seq": "0",
    "scroll": "0" * 64,
}
PUBLIC = {"/health", "/.well-known/jwks.json", "/login", "/api/v1/openapi.json"}
"""What is for everyone."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The app, whose routes are walked; nobody asks it anything."""
    folder = tmp_path_factory.mktemp("app")
    names = HostNames.of("gc-0123456789abcdef.localhost", (), None)
    vault = Vault(folder / "vault")
    return create_app(Site(vault, ServerOptions(), names, Sessions(folder / "sessions.json")))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own: what is asked of it starts jobs."""
    folder = tmp_path_factory.mktemp("asked")
    tree = make_tree(folder / "tree", {"a": "one", "b": "one"})
    settle(tree)
    assert run("scan", tree, vault=folder / "vault").code == 0
    with serving(folder / "vault") as server:
        yield server


@pytest.fixture(scope="module")
def tokens(asked: Server) -> dict[str, str]:
    """A token of each scope."""
    return {scope: create_token(Vault(asked.vault), [scope]).token for scope in SCOPES}


def with_token(token: str) -> dict[str, str | None]:
    return {"Authorization": f"Bearer {token}", "Cookie": None, "Sec-Fetch-Site": None}


def all_routes(routes: Iterable[Any]) -> Iterator[Any]:
    """Every route of an app, whatever routers it is in."""
    for route in routes:
        if hasattr(route, "effective_candidates"):
            yield from all_routes(route.effective_candidates())
        else:
            yield route


def scope_of(route: Any) -> str:
    """The scope that a route names; each has to name one."""
    [scope] = [
        each.call.scope for each in route.dependant.dependencies if isinstance(each.call, Access)
    ]
    return scope


def filled(path: str) -> str:
    """An address of a route, with something for each of its parts."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: VALUES[found[1]], path)


def api_routes(app: FastAPI) -> list[tuple[str, Any]]:
    found = [
        (method, route)
        for route in all_routes(app.routes)
        if route.path.startswith(API) and route.path not in (SESSION_PATH, *PUBLIC)
        for method in sorted(route.methods or ())
    ]
    assert len(found) > 40
    return found


def challenge(answer: Answer) -> str:
    return answer.headers.get("www-authenticate", "")


def test_exactly_the_scope_of_a_route_opens_it(
    app: FastAPI, asked: Server, tokens: dict[str, str]
) -> None:
    opened = set()
    for method, route in api_routes(app):
        needed, path = scope_of(route), filled(route.path)
        for scope, token in tokens.items():
            answer = asked.send(method, path, headers=with_token(token))
            what = (method, path, scope, answer.status, answer.body[:300])
            if scope == needed:
                assert answer.status not in (401, 403), what
                assert "scope" not in challenge(answer), what
                opened.add(scope)
            else:
                assert answer.status == 403, what
                expected = f'Bearer error="insufficient_scope", scope="{needed}"'
                assert challenge(answer) == expected, what
    assert {"read:index", "read:content", "plan", "apply", "purge"} <= opened


def test_nothing_opens_without_a_token(app: FastAPI, asked: Server) -> None:
    for method, route in api_routes(app):
        path = filled(route.path)
        program: dict[str, str | None] = {"Cookie": None, "Sec-Fetch-Site": None}
        answer = asked.send(method, path, headers=program)
        is_write = method not in ("GET", "HEAD")
        assert answer.status == (403 if is_write else 401), (method, path, answer.body)
        assert is_write or challenge(answer) == "Bearer"
        for given in ("Bearer", "Bearer ", "bearer x", "Bearer a.b.c", "Bearer x y"):
            sent: dict[str, str | None] = {"Authorization": given, "Cookie": asked.cookie}
            answer = asked.send(method, path, headers=sent)
            assert answer.status == 401, (method, path, given, answer.body)
            assert challenge(answer) == 'Bearer error="invalid_token"'


def test_a_token_has_only_its_scopes(asked: Server) -> None:
    both = create_token(Vault(asked.vault), ["read:index", "plan"]).token
    assert asked.get("/api/v1/status", with_token(both)).status == 200
    assert asked.post("/api/v1/plans", {"within": []}, with_token(both)).status in (202, 422)
    answer = asked.post("/api/v1/jobs", {"kind": "scan"}, with_token(both))
    assert answer.status == 403 and answer.json()["scope"] == "jobs:scan"


def test_pages_are_for_sessions(app: FastAPI, asked: Server, tokens: dict[str, str]) -> None:
    """Whatever its scope, and whatever cookie comes with it."""
    pages = [
        each
        for each in all_routes(app.routes)
        if not each.path.startswith(API) and each.path not in PUBLIC
    ]
    assert len(pages) > 40
    everything = create_token(Vault(asked.vault), SCOPES).token
    values = {name: "x" for each in pages for name in re.findall(r"\{(\w+)", each.path)} | VALUES
    for page in pages:
        path = re.sub(r"\{(\w+)(:\w+)?\}", lambda found: values[found[1]], page.path)
        if path.startswith("/static/"):
            continue
        for method in sorted(page.methods or ()):
            for cookie in (None, asked.cookie):
                sent = {**with_token(everything), "Cookie": cookie}
                answer = asked.send(method, path, headers=sent)
                to_login = answer.status == 303 and answer.headers["location"] == "/login"
                assert to_login or answer.status in (401, 403), (method, path, answer.status)
    assert not [each for each in app.routes if isinstance(each, Mount)]


def test_a_token_begins_and_ends_no_session(asked: Server, tokens: dict[str, str]) -> None:
    one_time = asked.token()
    for token in (*tokens.values(), "wrong"):
        answer = asked.post(SESSION_PATH, {"token": one_time}, with_token(token))
        assert answer.status == 403 and "set-cookie" not in answer.headers
        sent = {**with_token(token), "Cookie": asked.cookie}
        assert asked.send("DELETE", SESSION_PATH, headers=sent).status == 403
        assert asked.post("/login", f"token={one_time}".encode(), with_token(token)).status == 403
    assert asked.get("/api/v1/status").status == 200  # its session goes on
    assert asked.post(SESSION_PATH, {"token": one_time}).status == 200


def test_sessions_have_all_but_one() -> None:
    assert set(SCOPES) - OF_SESSIONS == {"admin:keys"}
    assert len(set(SCOPES)) == len(SCOPES) == 12


def test_a_session_opens_no_route_of_keys(tmp_path: Path) -> None:
    """None is there yet; this one is made up."""
    from starlette.requests import Request

    from gorillacomb.web.problems import Problem
    from gorillacomb.web.security.sessions import Session

    session = Session("0" * 64, "localhost", None, "agent", 0, 0)
    needs_keys = Depends(Access("admin:keys")).dependency
    assert needs_keys is not None
    request = Request({"type": "http", "state": {"caller": session}})
    import asyncio

    with pytest.raises(Problem) as error:
        asyncio.run(needs_keys(request))
    assert error.value.status == 403


def test_openapi_says_the_same(app: FastAPI, asked: Server) -> None:
    described = asked.get("/api/v1/openapi.json").json()
    schemes = described["components"]["securitySchemes"]
    assert schemes["token"] == {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    for method, route in api_routes(app):
        if not route.include_in_schema:
            continue
        said = described["paths"][route.path][method.lower()]["security"]
        scope = scope_of(route)
        expected = [{"token": [scope]}]
        assert said == ([{"session": []}, *expected] if scope in OF_SESSIONS else expected)
    for path in ("/health", "/.well-known/jwks.json"):
        assert described["paths"][path]["get"]["security"] == []


def test_the_topic_says_what_each_scope_is_for(app: FastAPI) -> None:
    rows = re.findall(r"^\| (`.*`) \| (.*) \|$", (DOCS / "tokens.md").read_text(), re.MULTILINE)
    said = {name: text for names, text in rows for name in re.findall("`([a-z:]+)`", names)}
    taken = {scope_of(route) for _, route in api_routes(app)}
    assert {scope: said[scope].startswith("nothing: ") for scope in SCOPES} == {
        scope: scope not in taken for scope in SCOPES
    }
