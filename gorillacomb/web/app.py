"""Assemble the app: routes, guard, answers to errors, and its description (OpenAPI)."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.responses import Response

import gorillacomb
from gorillacomb.api.tokens.checker import ADMIN_KEYS
from gorillacomb.web.answers import SCHEMAS, answers
from gorillacomb.web.health import HealthDocument, health_of
from gorillacomb.web.pages import docs, files, integrity, overview, settings, twins
from gorillacomb.web.pages import drop as drop_pages
from gorillacomb.web.pages import map as map_page
from gorillacomb.web.pages import mesh as mesh_pages
from gorillacomb.web.pages import scrolls as scroll_pages
from gorillacomb.web.pages import session as session_pages
from gorillacomb.web.pages.decide import plans, review, run_files, runs
from gorillacomb.web.pages.find import FORMS as FIND_FORMS
from gorillacomb.web.pages.find import PAGES as FIND_PAGES
from gorillacomb.web.pages.jobs import jobs as job_pages
from gorillacomb.web.pages.questions import answer_waiting
from gorillacomb.web.pages.rendering import show_problem
from gorillacomb.web.problems import answer_problems
from gorillacomb.web.routes import (
    dedupe,
    drop,
    find,
    jobs,
    manifests,
    mesh,
    preview,
    scrolls,
    session,
    slow,
    tokens,
    trace,
)
from gorillacomb.web.security.access import Access
from gorillacomb.web.security.guard import HEALTH_PATH, Guard
from gorillacomb.web.site import GivenSite, Site
from gorillacomb.web.streams import Streams

_PREFIX = "/api/v1"
READING = (
    *(session.router, find.router, preview.router, slow.router),
    *(jobs.router, dedupe.router, drop.router, mesh.router, trace.router, manifests.router),
    scrolls.router,
)
"""The mesh before the trace: an entry's number would be ``consistency``."""
WRITING = (
    *(jobs.writing, dedupe.writing, drop.writing, trace.writing, mesh.writing),
    scrolls.writing,
)
_DECIDE = (plans, review, runs)
PAGES = (
    *(twins.router, session_pages.router, overview.router, map_page.router, files.router),
    *(integrity.router, job_pages.router, settings.router, docs.router, *FIND_PAGES),
    *(drop_pages.router, mesh_pages.router, scroll_pages.router),
    *(module.router for module in _DECIDE),
    run_files.router,
)
"""Twins first: for the page of one job, ``ID.json`` is an id, too."""
FORMS = (
    *(session_pages.writing, job_pages.writing, integrity.writing, settings.writing),
    *FIND_FORMS,
    *(drop_pages.writing, mesh_pages.writing, scroll_pages.writing),
    *(module.writing for module in _DECIDE),
)


_SCHEMES = {
    "session": {"type": "apiKey", "in": "cookie", "name": "gc_session"},
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}
"""How a request says whose it is, for OpenAPI."""


def create_app(site: Site) -> FastAPI:
    """Return the app of one vault's server; a read-only one has no route that writes."""
    app = FastAPI(
        title="Gorilla Comb",
        version=gorillacomb.__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{_PREFIX}/openapi.json",
        redirect_slashes=False,
    )
    app.state.site, app.state.streams = site, Streams()
    app.state.show_problem = show_problem
    app.add_api_route(HEALTH_PATH, health, **answers(HealthDocument), tags=["health"])
    app.include_router(tokens.router)
    api = APIRouter(prefix=_PREFIX)
    for router in (*READING, *(() if site.options.read_only else WRITING)):
        api.include_router(router)
    app.include_router(api)
    for router in (*PAGES, *(() if site.options.read_only else FORMS)):
        app.include_router(router, include_in_schema=False)
    answer_problems(app)
    answer_waiting(app)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    app.add_middleware(Guard, names=site.names, sessions=site.sessions, tokens=site.tokens)
    return app


def health(site: GivenSite) -> Response:
    """Return whether the server answers: it says nothing about what is in the vault."""
    return health_of(site.vault)


def _described(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, with a schema of each document that routes answer with."""
    if app.openapi_schema is None:
        found = FastAPI.openapi(app)
        components = found.setdefault("components", {})
        components.setdefault("schemas", {}).update(SCHEMAS)
        components["securitySchemes"] = _SCHEMES
        scopes = _scopes()
        examples = json.loads((resources.files("gorillacomb.web") / "examples.json").read_bytes())
        for path, operations in found["paths"].items():
            for method, operation in operations.items():
                operation["responses"].pop("422", None)  # FastAPI's own form; ours is among 4XX
                operation["security"] = _security(scopes.get((method.upper(), path)))
                _add_example(operation["responses"], examples.get(f"{method.upper()} {path}"))
        app.openapi_schema = found
    return app.openapi_schema


def _scopes() -> dict[tuple[str, str], str]:
    """Return the scope of each route of the API that has one, by method and path."""
    return {
        (method, _PREFIX + route.path): each.call.scope
        for router in (*READING, *WRITING)
        for route in router.routes
        if isinstance(route, APIRoute)
        for each in route.dependant.dependencies
        if isinstance(each.call, Access)
        for method in route.methods or ()
    }


def _security(scope: str | None) -> list[dict[str, list[str]]]:
    """Return what a route of a scope requires: a session, or a token that has the scope."""
    if scope is None:
        return []
    found: list[dict[str, list[str]]] = [{"token": [scope]}]
    return found if scope == ADMIN_KEYS else [{"session": []}, *found]


def _add_example(responses: dict[str, Any], example: Any) -> None:
    """Add an answer of a real server to the one that it is: the first that says it was done."""
    if example is not None:
        done = "202" if {"id", "kind", "state"} <= set(example) and "202" in responses else "200"
        responses[done]["content"]["application/json"]["example"] = example
