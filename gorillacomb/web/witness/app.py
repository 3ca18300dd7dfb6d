"""The two requests of a witness: cosign a checkpoint, and show what was cosigned last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gorillacomb.api.mesh.witness import MOST_BYTES, Witness, WitnessRefusal
from gorillacomb.errors import GorillaCombError
from gorillacomb.web.witness.problems import report_problem
from gorillacomb.web.witness.rate import RateLimiter

_TEXT = "text/plain; charset=utf-8"
_MOST_AT_ONCE = 4
"""Requests that are checked at the same time; of one witness, one at a time is recorded."""
Handler = Callable[[Request], Awaitable[Response]]


def create_witness_app(witness: Witness, limiter: RateLimiter | None = None) -> Starlette:
    """Return the app of a witness."""
    threads = anyio.CapacityLimiter(_MOST_AT_ONCE)
    rate = limiter or RateLimiter()

    async def add_checkpoint(request: Request) -> Response:
        body = await _body(request)
        lines = await anyio.to_thread.run_sync(witness.add_checkpoint, body, limiter=threads)
        return _answer(HTTPStatus.OK, lines, _TEXT)

    async def checkpoint(request: Request) -> Response:
        name = request.path_params["name"]
        note = await anyio.to_thread.run_sync(witness.checkpoint, name, limiter=threads)
        return _answer(HTTPStatus.OK, note, _TEXT)

    def bounded(handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            wait = rate.wait(request.client.host if request.client else "")
            if wait:
                answer = _answer(HTTPStatus.TOO_MANY_REQUESTS, b"Too many requests.\n", _TEXT)
                answer.headers["Retry-After"] = str(wait)
                return answer
            try:
                return await handler(request)
            except WitnessRefusal as error:
                return _answer(error.status, error.text.encode(), error.content_type)
            except GorillaCombError as error:
                text = report_problem(error)
                return _answer(HTTPStatus.SERVICE_UNAVAILABLE, text.encode(), _TEXT)

        return handle

    return Starlette(
        routes=[
            Route("/add-checkpoint", bounded(add_checkpoint), methods=["POST"]),
            Route("/{name}/checkpoint", bounded(checkpoint), methods=["GET"]),
        ],
        exception_handlers={HTTPException: _of_status, Exception: _of_fault},
    )


async def _body(request: Request) -> bytes:
    """Read a request's body, no further than it may be long. Raises WitnessRefusal."""
    body = bytearray()
    announced = request.headers.get("content-length", "0")
    is_long = announced.isdecimal() and int(announced[:20]) > MOST_BYTES
    if not is_long:
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BYTES:
                is_long = True
                break
    if is_long:
        text = f"The request is refused: it is over {MOST_BYTES:,} bytes long.\n"
        raise WitnessRefusal(HTTPStatus.BAD_REQUEST, text)
    return bytes(body)


def _answer(status: HTTPStatus, body: bytes, content_type: str) -> Response:
    """Return an answer with exactly this content type: Starlette would add a charset to text."""
    answer = Response(body, status)
    answer.headers["Content-Type"] = content_type
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def _of_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    answer = _answer(status, f"{status.phrase}.\n".encode(), _TEXT)
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


async def _of_fault(request: Request, error: Exception) -> Response:
    text = report_problem(error)
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, text.encode(), _TEXT)
