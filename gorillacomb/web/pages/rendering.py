"""Render a page from its template, with what all pages have in common."""

from __future__ import annotations

import functools
import os
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.responses import RedirectResponse, Response

from gorillacomb.api.paths import (
    path_from_json,
    path_to_json,
    printable,
    printable_path,
    relative_path,
)
from gorillacomb.api.server.preview import is_picture
from gorillacomb.api.text import format_count, format_size
from gorillacomb.api.watch.pulse import check_watcher
from gorillacomb.errors import GorillaCombError
from gorillacomb.model import SECOND
from gorillacomb.web.pages.advice import advice
from gorillacomb.web.pages.jobs.endings import ending_of
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.guard import LOGIN_PATH
from gorillacomb.web.security.sessions import form_token
from gorillacomb.web.site import Site


class Link(NamedTuple):
    """A page in the navigation."""

    path: str
    name: str


NAVIGATION = (
    (
        Link("/", "Overview"),
        Link("/families", "Families"),
        Link("/groups", "Duplicates"),
        Link("/unique", "What would be lost"),
        Link("/map", "Map"),
    ),
    (
        Link("/plans", "Plans"),
        Link("/runs", "Runs"),
        Link("/marks", "Marks"),
        Link("/integrity", "Integrity"),
        Link("/trace", "Trace"),
        Link("/nodes", "Nodes"),
        Link("/manifests", "Manifests"),
        Link("/scrolls", "Scrolls"),
        Link("/jobs", "Jobs"),
    ),
    (Link("/drop", "Drop"), Link("/settings", "Settings"), Link("/docs", "Help")),
)
"""The pages that every page links to, in groups."""


_BRIEF = 240
"""Characters of a path in a list."""


def render_page(
    request: Request,
    template: str,
    code: int = 200,
    *,
    title: str,
    twin: bool | Collection[str] = False,
    **values: Any,
) -> Response:
    """Return a page; ``values`` are what its template is given, besides what all are given.

    ``twin`` says whether the page is there as JSON too (`twins`), or which part of the query its
    document takes.
    """
    token = request.scope["state"]["token"]
    site: Site = request.app.state.site
    text = (
        environment()
        .get_template(template)
        .render(
            title=title,
            here=request.url.path,
            twin="" if twin is False else _twin(request, twin),
            navigation=NAVIGATION,
            form=None if token is None else form_token(token),
            watcher="" if token is None else _watcher(site),
            is_read_only=site.options.read_only,
            style="",
            **values,
        )
    )
    return Response(text, code, media_type="text/html; charset=utf-8")


def show_problem(request: Request, problem: Problem) -> Response:
    """Return a page that says what went wrong; without a session, the way to log in."""
    if problem.status == 401 and request.method == "GET":
        return RedirectResponse(LOGIN_PATH, 303)
    return render_page(request, "problem.html", problem.status, title="Problem", problem=problem)


@functools.cache
def environment() -> Environment:
    """Return what loads the templates; every value in them is escaped."""
    made = Environment(
        loader=PackageLoader("gorillacomb.web"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        path=lambda path, key="path": printable_path(_bytes(path, key)),
        brief=_brief,
        relative=lambda path, top: printable_path(relative_path(path, top) or path),
        query=lambda path, name="path", key="path": urlencode(address_of(path, name, key)),
        printable=printable,
        name=lambda path, key="path": printable_path(_name(_bytes(path, key))),
        fields=lambda path, name="path", key="path": address_of(path, name, key).items(),
        size=format_size,
        ending=ending_of,
        advice=advice,
        count=format_count,
        number="{:,}".format,
        moment=_moment,
        moment_text=lambda time_ns: _moment(time_ns)[:16].replace("T", " ") + " UTC",
    )
    made.tests.update(picture=lambda path, key="path": is_picture(_bytes(path, key)))
    return made


def address_of(path: Any, name: str = "path", key: str = "path") -> dict[str, str]:
    """Return what names a path in the query of an address: as text, or as base64.

    ``path`` is a path, or a document that has one under ``key``.
    """
    return path_to_json(_bytes(path, key), name)


def _twin(request: Request, twin: bool | Collection[str]) -> str:
    path = "/overview" if request.url.path == "/" else request.url.path
    # A form sends what was left empty, too.
    given = parse_qsl(request.url.query)
    query = [pair for pair in given if twin is True or (twin and pair[0] in twin)]
    return f"{path}.json{'?' if query else ''}{urlencode(query)}"


def _watcher(site: Site) -> str:
    try:
        found = check_watcher(site.vault)
    except GorillaCombError as error:
        return error.message
    if found.pulse is None:
        return "No watcher has run."
    age = "" if found.age_ns is None else f", last pulse {found.age_ns // SECOND} s ago"
    return f"Watcher {found.state.value}{age}."


def _bytes(path: Any, key: str) -> bytes:
    return path if isinstance(path, bytes) else path_from_json(path, key)


def _name(path: bytes) -> bytes:
    return os.path.basename(path) or path


def _brief(path: Any, key: str = "path") -> str:
    """Return a path as text; of a very long one, its beginning and its end."""
    text = printable_path(_bytes(path, key))
    return text if len(text) <= _BRIEF else f"{text[: _BRIEF // 3]} … {text[-_BRIEF // 2 :]}"


def _moment(time_ns: int | str | None) -> str:
    """Return a moment as ISO 8601 in UTC, which the script turns into the reader's time."""
    if time_ns is None:
        return ""
    return datetime.fromtimestamp(int(time_ns) // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
