"""The pages: plain links and forms that work without scripts, rendered from the same use cases."""

from __future__ import annotations

import functools
import mimetypes
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.responses import RedirectResponse, Response

from gorillacomb.api.paths import path_from_json, printable_path
from gorillacomb.api.server import jobs as use
from gorillacomb.api.status import vault_status
from gorillacomb.api.text import format_count, format_size
from gorillacomb.api.watch.pulse import check_watcher
from gorillacomb.errors import GorillaCombError, UsageError, VaultError
from gorillacomb.model import SECOND
from gorillacomb.web.problems import Problem
from gorillacomb.web.routes.session import begin_session, set_cookie
from gorillacomb.web.security.access import check_form
from gorillacomb.web.security.guard import LOGIN_PATH, LOGOUT_PATH
from gorillacomb.web.security.sessions import form_token
from gorillacomb.web.site import GivenSite, Site

router = APIRouter(include_in_schema=False)
writing = APIRouter(include_in_schema=False)
_STATIC = Path(str(resources.files("gorillacomb.web"))) / "static"
_FormToken = Annotated[str, Form(max_length=200)]
_Token = Annotated[str, Form(max_length=300)]
_JobId = Annotated[str, Form(max_length=64)]


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
    return _page(request, "login.html", title="Log in", problem="")


@router.post(LOGIN_PATH)
def log_in(request: Request, site: GivenSite, token: _Token) -> Response:
    """Begin a session with a token that was pasted, and show the first page."""
    try:
        session, _ = begin_session(request, site, token.strip().rpartition("#")[2])
    except Problem as problem:
        return _page(request, "login.html", problem.status, title="Log in", problem=problem.detail)
    answer = RedirectResponse("/", 303)
    set_cookie(request, answer, session)
    return answer


@router.get("/")
def overview(request: Request, site: GivenSite) -> Response:
    """Show what is on the drives, and what is there twice."""
    if not _is_logged_in(request):
        return RedirectResponse(LOGIN_PATH, 303)
    try:
        status = vault_status(site.vault)
    except VaultError as error:
        return _page(request, "empty.html", title="Overview", error=error)
    running = [job for job in use.list_jobs(site.vault) if job.state.is_live]
    return _page(
        request,
        "overview.html",
        title="Overview",
        status=status,
        files=sum(root.facts.files for root in status.roots),
        bytes=sum(root.facts.bytes for root in status.roots),
        running=running,
    )


@router.get("/jobs")
def jobs(request: Request, site: GivenSite) -> Response:
    """Show the jobs, the latest first."""
    if not _is_logged_in(request):
        return RedirectResponse(LOGIN_PATH, 303)
    return _page(request, "jobs.html", title="Jobs", jobs=use.list_jobs(site.vault))


@router.get("/jobs/{job}")
def job(request: Request, site: GivenSite, job: str) -> Response:
    """Show one job; the script follows it."""
    if not _is_logged_in(request):
        return RedirectResponse(LOGIN_PATH, 303)
    try:
        found = use.find_job(site.vault, job)
    except UsageError as error:
        raise Problem.of(error, 404) from error
    return _page(request, "job.html", title=found.kind.title(), job=found)


@writing.post("/scan")
def scan(request: Request, site: GivenSite, form: _FormToken) -> Response:
    """Start a scan of all known roots, and show it."""
    check_form(request, form)
    started = use.start(site.vault, use.JobRequest("scan"))
    return RedirectResponse(f"/jobs/{started.id}", 303)


@writing.post("/cancel")
def cancel(request: Request, site: GivenSite, form: _FormToken, job: _JobId) -> Response:
    """Ask a job to end, and show it."""
    check_form(request, form)
    try:
        found = use.cancel(site.vault, job)
    except UsageError as error:
        raise Problem.of(error, 404) from error
    return RedirectResponse(f"/jobs/{found.id}", 303)


@writing.post(LOGOUT_PATH)
def log_out(request: Request, site: GivenSite, form: _FormToken) -> Response:
    """End the session."""
    check_form(request, form)
    site.sessions.end(request.scope["state"]["session"].digest)
    answer = RedirectResponse(LOGIN_PATH, 303)
    set_cookie(request, answer, "")
    return answer


def show_problem(request: Request, problem: Problem) -> Response:
    """Return a page that says what went wrong."""
    return _page(request, "problem.html", problem.status, title="Problem", problem=problem)


def _is_logged_in(request: Request) -> bool:
    return request.scope["state"]["session"] is not None


def _watcher(site: Site) -> str:
    try:
        found = check_watcher(site.vault)
    except GorillaCombError as error:
        return error.message
    if found.pulse is None:
        return "No watcher has run."
    age = "" if found.age_ns is None else f", last pulse {found.age_ns // SECOND} s ago"
    return f"Watcher {found.state.value}{age}."


def _page(request: Request, name: str, code: int = 200, **values: Any) -> Response:
    token = request.scope["state"]["token"]
    site: Site = request.app.state.site
    text = (
        _environment()
        .get_template(name)
        .render(
            here=request.url.path,
            form=None if token is None else form_token(token),
            watcher="" if token is None else _watcher(site),
            is_read_only=site.options.read_only,
            **values,
        )
    )
    return Response(text, code, media_type="text/html; charset=utf-8")


@functools.cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("gorillacomb.web"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        path=lambda path: printable_path(_bytes(path)),
        size=format_size,
        count=format_count,
        moment=_moment,
    )
    return made


def _bytes(path: Any) -> bytes:
    return path if isinstance(path, bytes) else path_from_json(path)


def _moment(time_ns: int | None) -> str:
    """Return a moment as ISO 8601 in UTC, which the script turns into the reader's time."""
    if time_ns is None:
        return ""
    return datetime.fromtimestamp(time_ns // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
