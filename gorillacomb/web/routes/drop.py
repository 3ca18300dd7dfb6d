"""Drop: ask which files are known, send the new ones, have them kept by a job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypedDict

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from gorillacomb.api.documents.contents import (
    DropDocument,
    DropEntryDocument,
    drop_entry_document,
)
from gorillacomb.api.documents.jobs import JobDocument
from gorillacomb.api.server import drops
from gorillacomb.web.answers import answers, missing_as_404
from gorillacomb.web.inputs import DropInput, DroppedQuery, KeepInput, KeptQuery
from gorillacomb.web.problems import Problem
from gorillacomb.web.routes.jobs import started
from gorillacomb.web.security.access import Drop, ReadIndex
from gorillacomb.web.site import GivenSite

router = APIRouter(tags=["drop"])
writing = APIRouter(tags=["drop"])
Spool = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
_PIECE = 1 << 20
"""Bytes that are hashed and stored at once."""
_RAW = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string"}}},
    }
}


class DropAnswersDocument(TypedDict):
    """What is known of files, in the order in which they were asked about."""

    items: list[DropEntryDocument]


class DigestDocument(TypedDict):
    """What was sent."""

    path: str
    bytes: int
    blake3: str


class SpoolDocument(TypedDict):
    """A place for files that are to be kept."""

    id: str


@writing.post("/drop", **answers(DropAnswersDocument))
def ask(site: GivenSite, session: Drop, sent: DropInput) -> Response:
    """Say which files are known, by their digests."""
    asked = [
        (each.path.encode(errors="replace"), each.bytes, bytes.fromhex(each.blake3))
        for each in sent.files
    ]
    found = drops.look_up_digests(site.vault, asked)
    return JSONResponse({"items": [drop_entry_document(each) for each in found]})


@writing.post("/drop/files", **answers(DropEntryDocument | DigestDocument), openapi_extra=_RAW)
async def ask_about_file(
    request: Request, site: GivenSite, session: Drop, query: Annotated[DroppedQuery, Query()]
) -> Response:
    """Say whether a file is known; it is hashed as it comes, and not stored."""
    name = _safe(query.path)
    incoming = drops.IncomingFile(name)
    await _receive(request, incoming.write)
    found = incoming.found()
    if not query.look_up:
        return JSONResponse({"path": query.path, "bytes": found.size, "blake3": found.digest.hex()})
    one = [(name, found.size, found.digest)]
    [entry] = await run_in_threadpool(drops.look_up_digests, site.vault, one)
    return JSONResponse(drop_entry_document(entry))


@writing.post("/drop/spools", **answers(SpoolDocument, 201))
def create(site: GivenSite, session: Drop) -> Response:
    """Make a place for files that are to be kept; it is removed after six hours without any."""
    return JSONResponse({"id": drops.create_spool(site.vault).id}, 201)


@writing.post("/drop/spools/{spool}/files", **answers(DigestDocument, 201), openapi_extra=_RAW)
async def send(
    request: Request,
    site: GivenSite,
    session: Drop,
    spool: Spool,
    query: Annotated[KeptQuery, Query()],
) -> Response:
    """Store a file that is to be kept, if it is what it has to be. A zip is looked into later."""
    name = _safe(query.path)
    with missing_as_404():
        place = drops.find_spool(site.vault, spool)
    received = await run_in_threadpool(place.receive, name)
    try:
        await _receive(request, received.write)
        digest = None if query.blake3 is None else bytes.fromhex(query.blake3)
        found = await run_in_threadpool(received.finish, query.bytes, digest)
    finally:
        received.close()
    return JSONResponse(
        {"path": query.path, "bytes": found.size, "blake3": found.digest.hex()}, 201
    )


@router.get("/drop/spools/{spool}", **answers(DropDocument))
def show(site: GivenSite, session: ReadIndex, spool: Spool) -> Response:
    """Say which of the files that were sent are known, and what is in zips among them."""
    with missing_as_404():
        place = drops.find_spool(site.vault, spool)
    return JSONResponse(drops.look_up_spool(site.vault, place).to_dict())


@writing.post("/drop/spools/{spool}/keep", **answers(JobDocument, 202))
def keep(site: GivenSite, session: Drop, spool: Spool, sent: KeepInput) -> Response:
    """Start a job that keeps the new ones of the files that were sent."""
    with missing_as_404():
        place = drops.find_spool(site.vault, spool)
    return started(drops.keep_spool(site.vault, place, sent.into))


@writing.delete("/drop/spools/{spool}", **answers(None, 204))
def forget(site: GivenSite, session: Drop, spool: Spool) -> Response:
    """Remove what was sent, without keeping it."""
    with missing_as_404():
        drops.find_spool(site.vault, spool).remove()
    return Response(status_code=204)


def _safe(path: str) -> bytes:
    """Return the name of a file that is sent. Raises Problem for one that nothing may have."""
    name = path.encode(errors="surrogatepass")
    why = drops.why_unsafe(name)
    if why is not None:
        raise Problem(422, f"A file {why}: it is left out.")
    return name


async def _receive(request: Request, write: Callable[[bytes], None]) -> None:
    """Pass a body on in pieces, as it comes. Raises Problem if the sender went away."""
    pieces = bytearray()
    try:
        async for each in request.stream():
            pieces += each
            if len(pieces) >= _PIECE:
                await run_in_threadpool(write, bytes(pieces))
                pieces.clear()
    except ClientDisconnect as error:
        raise Problem(400, "The file did not come as a whole.") from error
    await run_in_threadpool(write, bytes(pieces))
