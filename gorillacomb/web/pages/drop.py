"""Drop: which files are here already, and keep the new ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from gorillacomb.api.server import drops
from gorillacomb.api.vault import Vault
from gorillacomb.errors import GorillaCombError
from gorillacomb.web.answers import missing_as_404
from gorillacomb.web.pages.jobs.jobs import follow
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.access import Drop, OwnForm, ReadIndex
from gorillacomb.web.site import GivenSite

router = APIRouter()
writing = APIRouter()
_Spool = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
_PIECE = 1 << 20
_SHOWN = 200
"""Files of a kind that a page names."""


@router.get("/drop")
def drop(request: Request, site: GivenSite, session: ReadIndex) -> Response:
    """Show where files can be dropped."""
    places = _places(site.vault)
    return render_page(request, "drop.html", title="Drop", places=places, most=drops.MOST_FILE)


@writing.post("/drop")
def send(site: GivenSite, session: Drop, form: OwnForm, files: list[UploadFile]) -> Response:
    """Take files from a form, and show what is known of them."""
    spool = drops.create_spool(site.vault)
    try:
        left_out = [why for each in files if each.filename for why in _store(spool, each)]
        if not spool.entries() and not left_out:
            raise Problem(422, "No file was chosen.", "Choose some, and send them again.")
        spool.note_left_out(left_out)
    except BaseException:
        spool.remove()
        raise
    return RedirectResponse(f"/drop/{spool.id}", 303)


def _store(spool: drops.DropSpool, file: UploadFile) -> Iterator[tuple[bytes, str]]:
    """Store a file of a form; yield its name and why not, if it is not stored."""
    name = (file.filename or "").encode(errors="replace")
    why = drops.why_unsafe(name)
    if why is not None:
        yield name, why
        return
    received = spool.receive(name)
    try:
        while piece := file.file.read(_PIECE):
            received.write(piece)
        received.finish(file.size, None)
    except drops.NameTaken as taken:
        yield name, taken.cause
    finally:
        received.close()


@router.get("/drop/{spool}")
def found(request: Request, site: GivenSite, session: ReadIndex, spool: _Spool) -> Response:
    """Show which of the files that were sent are known."""
    with missing_as_404():
        place = drops.find_spool(site.vault, spool)
    result = drops.look_up_spool(site.vault, place)
    return render_page(
        request,
        "dropped.html",
        title="Drop",
        spool=spool,
        result=result,
        left_out=[*place.left_out(), *((each.name, each.cause) for each in result.left_out)],
        places=_places(site.vault),
        shown=_SHOWN,
    )


@writing.post("/drop/{spool}/keep")
def keep(
    site: GivenSite,
    session: Drop,
    form: OwnForm,
    spool: _Spool,
    root: Annotated[str, Form(max_length=64)],
) -> Response:
    """Start a job that keeps the new files, and show it."""
    with missing_as_404():
        place = drops.find_spool(site.vault, spool)
    into = next((each.path for each in _places(site.vault) if each.id == root), None)
    if into is None:
        raise Problem(422, "That folder is not there.", "Choose one of those on the page.")
    return follow(drops.keep_spool(site.vault, place, into))


@writing.post("/drop/{spool}/forget")
def forget(site: GivenSite, session: Drop, form: OwnForm, spool: _Spool) -> Response:
    """Remove what was sent, without keeping it."""
    with missing_as_404():
        drops.find_spool(site.vault, spool).remove()
    return RedirectResponse("/drop", 303)


def _places(vault: Vault) -> list[drops.PlaceToKeep]:
    try:
        return drops.places_to_keep(vault)
    except GorillaCombError:
        return []  # nothing was scanned yet
