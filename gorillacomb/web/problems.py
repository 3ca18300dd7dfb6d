"""Answers that say what went wrong, as problem documents (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gorillacomb.errors import (
    GorillaCombError,
    KeyMissing,
    RefusedForSafety,
    UntrustedInput,
    UsageError,
    VaultError,
    VaultLocked,
)
from gorillacomb.web.journal import journal
from gorillacomb.web.security.headers import HEADERS

MEDIA_TYPE = "application/problem+json"
_STATUSES: tuple[tuple[type[GorillaCombError], int], ...] = (
    (RefusedForSafety, 409),
    (VaultLocked, 409),
    (VaultError, 503),
    (KeyMissing, 503),
    (UntrustedInput, 422),
    (UsageError, 422),
)
"""The status of an error: that of the first class that it belongs to, else 500."""


class Problem(Exception):
    """Ends a request with a problem document."""

    def __init__(self, status: int, detail: str, hint: str = "", **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.hint = hint
        self.more = more
        self.headers: dict[str, str] = {}
        """What is sent with it."""
        self.way = ("/", "To the overview")
        """Where a page that shows it leads to: an address, and its name."""

    @classmethod
    def of(cls, error: GorillaCombError, status: int | None = None) -> Problem:
        """Return an error of ours as a problem."""
        usual = next((code for kind, code in _STATUSES if isinstance(error, kind)), 500)
        found = cls(status or usual, error.message, error.hint)
        if "config.toml" in error.message:
            found.way = ("/settings", "To the settings")
        return found

    def with_way(self, path: str, name: str) -> Problem:
        """Return the problem with another way on."""
        self.way = (path, name)
        return self

    def document(self) -> dict[str, Any]:
        """Return the problem document."""
        hint = {"hint": self.hint} if self.hint else {}
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **hint,
            **self.more,
        }

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """Return the answer."""
        data = json.dumps(self.document(), ensure_ascii=True).encode()
        return Response(data, self.status, {**self.headers, **(headers or {})}, MEDIA_TYPE)


def answer_problems(app: FastAPI) -> None:
    """Let an app answer every error with a problem document, also those of the framework."""
    app.exception_handler(Problem)(_of_problem)
    app.exception_handler(GorillaCombError)(_of_error)
    app.exception_handler(HTTPException)(_of_status)
    app.exception_handler(RequestValidationError)(_of_request)
    app.exception_handler(Exception)(_of_fault)


async def _of_problem(request: Request, error: Problem) -> Response:
    return _answer(request, error)


async def _of_error(request: Request, error: GorillaCombError) -> Response:
    return _answer(request, Problem.of(error))


async def _of_status(request: Request, error: HTTPException) -> Response:
    known = {404: "There is no such page.", 405: "This cannot be done with what is there."}
    detail = known.get(error.status_code, str(error.detail))
    return _answer(request, Problem(error.status_code, detail), error.headers)


def _answer(
    request: Request, problem: Problem, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a problem as the client takes it: as a page for a browser, outside the API."""
    is_page = not request.url.path.startswith("/api/")
    if is_page and (problem.status == 401 or "text/html" in request.headers.get("accept", "")):
        shown: Response = request.app.state.show_problem(request, problem)
        return shown
    return problem.response(headers)


async def _of_request(request: Request, error: RequestValidationError) -> Response:
    """Say what was wrong where; what was sent is not repeated."""
    found = [
        {"where": ".".join(map(str, each["loc"]))[:200], "what": str(each["msg"])[:200]}
        for each in error.errors()[:20]
    ]
    return _answer(request, Problem(422, "The request is not valid.", errors=found))


async def _of_fault(request: Request, error: Exception) -> Response:
    journal.error("a request failed", exc_info=error)
    answer = _answer(request, Problem(500, "The server has a fault: its log says which."))
    answer.headers.update(HEADERS)  # it does not pass the guard
    return answer
