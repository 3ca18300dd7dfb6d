"""How a route answers: with which document, on which page of a list, in which form."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from starlette.responses import JSONResponse, Response

from gorillacomb.errors import UsageError
from gorillacomb.web.problems import MEDIA_TYPE, Problem
from gorillacomb.web.schema import PROBLEM, schema_of

SCHEMAS: dict[str, Any] = {"Problem": PROBLEM}
"""Those of all documents that routes answer with, by name."""
_PROBLEM = {"$ref": "#/components/schemas/Problem"}


PROBLEMS: dict[int | str, Any] = {
    "4XX": {
        "description": "It was refused.",
        "content": {
            MEDIA_TYPE: {"schema": _PROBLEM},
            "text/plain": {"schema": {"type": "string", "description": "It was not HTTP."}},
        },
    },
    "503": {
        "description": "The vault cannot be used.",
        "content": {MEDIA_TYPE: {"schema": _PROBLEM}},
    },
}
"""What every route may answer."""


def answers(
    document: Any, status: int = 200, *, also: Mapping[int, Any] | None = None
) -> dict[str, Any]:
    """Return the arguments of a route that say with which document it answers.

    ``also`` are those of other statuses. Their schemas are added to `SCHEMAS`.
    """
    kinds = {status: document, **(also or {})}
    found: dict[int | str, Any] = {
        code: {
            "description": "Done." if code != 202 else "A job has been started.",
            "content": {}
            if kind is None
            else {"application/json": {"schema": schema_of(kind, SCHEMAS)}},
        }
        for code, kind in kinds.items()
    }
    for code, problem in PROBLEMS.items():
        content = {**problem["content"], **found.get(code, problem)["content"]}
        found[code] = {**problem, "content": content}
    return {
        "responses": found,
        "response_model": None,
        "response_class": JSONResponse,
        "status_code": status,
    }


@contextmanager
def missing_as_404() -> Iterator[None]:
    """Answer 404 where the block says that it does not know what it was asked about."""
    try:
        yield
    except UsageError as error:
        raise Problem.of(error, 404) from error


def continue_token(generation: str, position: Sequence[Any] | None) -> str | None:
    """Return what ``after`` takes to continue from a position of the index; None at the end."""
    if position is None:
        return None
    plain = [each.hex() if isinstance(each, bytes) else each for each in position]
    data = json.dumps([generation, *plain], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def position_of(token: str, kinds: Sequence[type], generation: str | None) -> list[Any]:
    """Return the position that `continue_token` was given. Raises Problem.

    409 if the index has changed since then: what follows is not what would have followed. A page
    for people goes on in the changed one; it gives None.
    """
    try:
        data = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        read_from, *found = data
        position = [
            bytes.fromhex(each) if kind is bytes else each
            for each, kind in zip(found, kinds, strict=True)
        ]
        is_valid = all(type(each) is kind for each, kind in zip(position, kinds, strict=True))
    except (ValueError, TypeError, RecursionError):
        is_valid = False
    if not is_valid:
        raise Problem(422, "`after` is not what `next` of a page was.")
    if any(isinstance(each, int) and abs(each) >= 1 << 63 for each in position):
        raise Problem(422, "`after` is not what `next` of a page was.")
    if generation is not None and read_from != generation:
        raise Problem(
            409,
            "The index or the order has changed since that page.",
            "Begin again, without after.",
        )
    return position


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """Return rows as CSV (RFC 4180); a cell that a spreadsheet would compute begins with ``'``."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])
    return Response(text.getvalue().encode(), media_type="text/csv; charset=utf-8")


def _harmless(cell: Any) -> Any:
    is_formula = isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{cell}" if is_formula else cell
