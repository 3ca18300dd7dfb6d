"""Marks: what is to be kept, which copies are meant to be, what only looks alike."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from gorillacomb.api.dedupe.marks import MarkedPath, list_marks
from gorillacomb.api.server.jobs import JobRequest, start
from gorillacomb.api.server.marks import marks_digest
from gorillacomb.web.inputs import PathQuery, named_path
from gorillacomb.web.pages.decide.plans import Position
from gorillacomb.web.pages.jobs import follow
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.access import Mark, OwnForm, ReadIndex
from gorillacomb.web.site import GivenSite, Site

router = APIRouter()
writing = APIRouter()
_PAGE = 50
_WORDS = {
    "keep": "always kept",
    "intended": "meant to be there",
    "not-duplicates": "not the same thing",
}
_Path = Annotated[list[str], Form(max_length=1000)]


@router.get("/marks")
def show_marks(
    request: Request,
    site: GivenSite,
    session: ReadIndex,
    after: Position = 0,
    kind: Literal["keep", "intended", "not-duplicates"] | None = None,
) -> Response:
    """Show what was marked, the latest first."""
    every = list_marks(site.vault)
    chosen = [each for each in reversed(every) if kind in (None, each.kind.value)]
    return render_page(
        request,
        "marks.html",
        title="Marks",
        twin=True,
        marks=chosen[after : after + _PAGE],
        total=len(chosen),
        every=len(every),
        kind=kind,
        kinds=_WORDS,
        after=after,
        page=_PAGE,
        seen=marks_digest(every),
        others=_others(every),
    )


def _others(marks: tuple[MarkedPath, ...]) -> dict[str, int]:
    """Return how many marks were made together, by what they have in common."""
    found: dict[str, int] = {}
    for each in marks:
        found[each.set] = found.get(each.set, 0) + 1
    return found


@writing.post("/marks")
def mark(
    site: GivenSite,
    session: Mark,
    form: OwnForm,
    kind: Annotated[Literal["keep", "intended", "not-duplicates"], Form()],
    path: _Path = [],  # noqa: B006 - a form's default
    path_b64: _Path = [],  # noqa: B006
    note: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Start a job that marks paths."""
    paths = _named(path, path_b64)
    more = {"note": note.strip()} if note.strip() else {}
    return follow(start(site.vault, JobRequest(f"mark-{kind}", {"paths": paths, **more})))


@writing.post("/marks/clear")
def clear(
    site: GivenSite,
    session: Mark,
    form: OwnForm,
    seen: Annotated[str, Form(max_length=64)],
    path: _Path = [],  # noqa: B006
    path_b64: _Path = [],  # noqa: B006
) -> Response:
    """Start a job that clears the marks of paths, if the marks are those that were shown."""
    paths = _named(path, path_b64)
    _check_seen(site, seen)
    return follow(start(site.vault, JobRequest("mark-clear", {"paths": paths})))


def _named(texts: list[str], encoded: list[str]) -> tuple[bytes, ...]:
    given = [{"path": text} for text in texts] + [{"path_b64": text} for text in encoded]
    try:
        found = tuple(named_path(PathQuery(**each)) for each in given)
    except ValueError as error:
        raise Problem(422, "A path cannot be read: it is not an absolute path.") from error
    if not found:
        raise Problem(422, "No path was named.")
    return found


def _check_seen(site: Site, seen: str) -> None:
    if seen != marks_digest(list_marks(site.vault)):
        raise Problem(
            412, "The marks are not those that were shown: nothing was done.", "Look at them again."
        ).with_way("/marks", "To the marks as they are now")
