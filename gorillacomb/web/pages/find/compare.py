"""Two folders beside each other, sorted by what differs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gorillacomb.api.paths import join, path_from_json
from gorillacomb.api.server.seen_files import SeenFile, read_seen_files
from gorillacomb.errors import UsageError
from gorillacomb.web.pages.find.asked import (
    ComparisonAsked,
    Part,
    may_show_content,
    with_query,
)
from gorillacomb.web.pages.questions import ask
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.access import ReadIndex
from gorillacomb.web.site import GivenSite, Site

router = APIRouter()


class ComparedSide(NamedTuple):
    """What one of two folders has at a path."""

    name: bytes
    """Relative to the folder."""
    path: bytes
    facts: SeenFile | None
    """None if the index does not have it."""


class ComparedRow(NamedTuple):
    """What differs at one path, or at two that belong together."""

    part: Part
    a: ComparedSide | None
    """None if that folder has nothing of it."""
    b: ComparedSide | None
    note: str


@router.get("/compare")
def compare(
    request: Request,
    site: GivenSite,
    session: ReadIndex,
    query: Annotated[ComparisonAsked, Query()],
) -> Response:
    """Show how two folders differ, or ask which ones."""
    try:
        sides = query.sides()
        if sides is None:
            return _form(request, query, None)
        document = ask(site, "compare", paths=sides)
    except UsageError as error:
        return _form(request, query, Problem.of(error, 404))
    except Problem as problem:
        return _form(request, query, problem)
    pairs = list(_pairs(document))
    wanted = [pair for pair in pairs if query.show in (None, pair[0])]
    last = query.after + query.limit
    return render_page(
        request,
        "compare.html",
        title="Compare",
        twin=("a", "a_b64", "b", "b_b64"),
        query=query,
        problem=None,
        sides=sides,
        document=document,
        total=len(wanted),
        differ=len(pairs),
        rows=_rows(site, sides, wanted[query.after : last]),
        first=query.after,
        next=with_query(request, after=last) if last < len(wanted) else None,
        show={part: with_query(request, show=part, after=None) for part in (None, *_PARTS)},
        may_preview=may_show_content(session),
    )


def _form(request: Request, query: ComparisonAsked, problem: Problem | None) -> Response:
    return render_page(
        request,
        "compare.html",
        200 if problem is None else problem.status,
        title="Compare",
        query=query,
        problem=problem,
        sides=None,
    )


_PARTS: tuple[Part, ...] = ("changed", "only-a", "only-b", "moved", "unknown")
"""In the order in which they are shown."""
_Pair = tuple[Part, bytes | None, bytes | None, str]


def _pairs(document: Any) -> Iterator[_Pair]:
    """Yield what differs: its part, its name in each of the two folders, and a note."""
    respelled = {
        path_from_json(each["from"]): path_from_json(each["to"]) for each in document["respelled"]
    }
    damaged = set(map(path_from_json, document["perhaps_damaged"]))
    for path in map(path_from_json, document["changed"]):
        note = "same size and time, other content: one may be damaged" if path in damaged else ""
        yield "changed", path, respelled.get(path, path), note
    yield from (("only-a", path_from_json(each), None, "") for each in document["only_a"])
    yield from (("only-b", None, path_from_json(each), "") for each in document["only_b"])
    for each in document["moved"]:
        yield "moved", path_from_json(each["from"]), path_from_json(each["to"]), each["cause"]
    for path in map(path_from_json, document["unknown"]):
        yield "unknown", path, respelled.get(path, path), ""


def _rows(site: Site, tops: tuple[bytes, bytes], pairs: list[_Pair]) -> list[ComparedRow]:
    paths = [
        [
            None if name is None else join(top, name)
            for top, name in zip(tops, pair[1:3], strict=True)
        ]
        for pair in pairs
    ]
    facts = read_seen_files(
        site.vault, [path for both in paths for path in both if path is not None]
    )

    def side(name: bytes | None, path: bytes | None) -> ComparedSide | None:
        return None if name is None or path is None else ComparedSide(name, path, facts.get(path))

    return [
        ComparedRow(pair[0], side(pair[1], both[0]), side(pair[2], both[1]), pair[3])
        for pair, both in zip(pairs, paths, strict=True)
    ]
