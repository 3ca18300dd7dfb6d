"""The two requests of a witness: cosign a checkpoint, and show what was cosigned last.

Beside them, for other nodes of the mesh: how our watcher is, and the proof that our log only grew.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gorillacomb.api.mesh.consistency import prove_consistency
from gorillacomb.api.mesh.witness import MOST_BYTES, Witness, WitnessRefusal
from gorillacomb.api.vault import Vault
from gorillacomb.errors import GorillaCombError, UsageError
from gorillacomb.web.health import health_of
from gorillacomb.web.witness.problems import report_problem
from gorillacomb.web.witness.rate import RateLimiter

_TEXT = "text/plain; charset=utf-8"
_MOST_AT_ONCE = 4
"""Requests that are checked at the same time; of one witness, one at a time is recorded."""
_SIZE = re.compile("[1-9][0-9]{0,15}")
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

    async def health(request: Request) -> Response:
        return await anyio.to_thread.run_sync(health_of, witness.vault, limiter=threads)

    async def consistency(request: Request) -> Response:
        sizes = [_size(request.query_params.get(name, "")) for name in ("old", "new")]
        prove = functools.partial(_proof, witness.vault, *sizes)
        return await anyio.to_thread.run_sync(prove, limiter=threads)

    def bounded(handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            wait = rate.wait(request.client.host if request.client else "")
            if wait:
                answer = _answer(HTTPStatus.TOO_MANY_REQUESTS, b"Too many requests.\n", _TEXT)
                answer.headers["Retry-After"] = str(wait)
                return answer
            try:
                return await handler(request)
            except ClientDisconnect:
                return _answer(HTTPStatus.BAD_REQUEST, b"", _TEXT)  # to nobody
            except WitnessRefusal as error:
                return _answer(error.status, error.text.encode(), error.content_type)
            except GorillaCombError as error:
                text = report_problem(error)
                return _answer(HTTPStatus.SERVICE_UNAVAILABLE, text.encode(), _TEXT)

        return handle

    return Starlette(
        routes=[
            Route("/add-checkpoint", bounded(add_checkpoint), methods=["POST"]),
            Route("/health", bounded(health), methods=["GET"]),
            Route("/trace/consistency", bounded(consistency), methods=["GET"]),
            Route("/{name}/checkpoint", bounded(checkpoint), methods=["GET"]),
        ],
        exception_handlers={HTTPException: _of_status, Exception: _of_fault},
    )


def _size(text: str) -> int:
    """Read a number of entries. Raises WitnessRefusal."""
    if not _SIZE.fullmatch(text):
        raise WitnessRefusal(HTTPStatus.BAD_REQUEST, "Two sizes are needed: ?old=N&new=M\n")
    return int(text)


def _proof(vault: Vault, old: int, new: int) -> Response:
    """Return the proof that our own log only grew. Raises WitnessRefusal if it has no such size."""
    try:
        return JSONResponse(prove_consistency(vault, old, new))
    except UsageError as error:
        raise WitnessRefusal(HTTPStatus.NOT_FOUND, f"{error.message}\n") from error


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
