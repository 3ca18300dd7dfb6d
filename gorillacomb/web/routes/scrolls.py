"""Scrolls: what is known of them, whether one that was sent is valid; signing is a job."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal, TypedDict

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from gorillacomb.api.documents.jobs import JobDocument
from gorillacomb.api.documents.share.scrolls import (
    DamagedScrollDocument,
    ScrollVerifyDocument,
    SealDocument,
    TreatyDocument,
)
from gorillacomb.api.scrolls import status as use
from gorillacomb.api.scrolls.create import asked_scroll
from gorillacomb.api.scrolls.verify import MOST_BYTES, verify_scroll
from gorillacomb.api.server.jobs import Job, JobRequest, start
from gorillacomb.model import SECOND
from gorillacomb.web.answers import PROBLEMS, answers, missing_as_404
from gorillacomb.web.inputs import Body, Input
from gorillacomb.web.inputs import Path as SentPath
from gorillacomb.web.problems import Problem
from gorillacomb.web.routes.jobs import started
from gorillacomb.web.security.access import ReadIndex, SignScroll
from gorillacomb.web.site import GivenSite, Site

router = APIRouter(tags=["scrolls"])
writing = APIRouter(tags=["scrolls"])
ScrollId = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
_YEARS = 10 * 366 * 24 * 3600
_ENVELOPE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["payload", "payloadType", "signatures"],
                    "description": "The bytes of the envelope's file, as they are.",
                }
            }
        },
    }
}


class ScrollPageDocument(TypedDict):
    """Some scrolls of the vault, the latest first."""

    items: list[TreatyDocument | SealDocument]
    damaged: list[DamagedScrollDocument]
    unrecorded: list[str]
    """Envelopes without an entry in the trace, which are not scrolls: signing was interrupted."""
    next: str | None
    """What ``after`` takes for those that follow; null if none do."""


class AgeQuery(Input):
    """How old the last checks may be that count."""

    max_age: int = Field(use.MAX_AGE_NS // SECOND, ge=0, le=_YEARS)
    """Seconds."""


class ScrollsQuery(AgeQuery):
    """Which scrolls: those ``after`` one."""

    limit: int = Field(100, ge=1, le=1000)
    after: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")


class FundingInput(Body):
    """What a treaty is funded with."""

    amount: str = Field(pattern=r"^[1-9][0-9]{0,12}\.[0-9]{2}$")
    """At least 50000.00."""
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    """Its code in ISO 4217."""


class ScrollInput(Body):
    """What a client may say of a new scroll; all else is derived, and cannot be set."""

    kind: Literal["treaty", "seal"]
    manifest: SentPath
    claim_root_license: str = Field(min_length=1, max_length=2048, pattern=r"^[^-\x00][^\x00]*$")
    """An SPDX expression."""
    license_texts: dict[
        Annotated[str, Field(pattern=r"^LicenseRef-[A-Za-z0-9.-]{1,120}$")], SentPath
    ] = Field({}, max_length=64)
    """The file with the text of each ``LicenseRef-`` in it."""
    funding: FundingInput | None = None
    valid_until: str | None = Field(None, pattern=r"^[0-9][0-9TZ:-]{9,19}$")
    """``YYYY-MM-DD`` or ``YYYY-MM-DDTHH:MM:SSZ``, in UTC."""


@router.get("/scrolls", **answers(ScrollPageDocument))
def scrolls(
    site: GivenSite, session: ReadIndex, query: Annotated[ScrollsQuery, Query()]
) -> Response:
    """Return the scrolls of the vault, each with the reasons why it may not be released."""
    age = query.max_age * SECOND
    found = use.list_scrolls(limit=query.limit, after=query.after, max_age_ns=age, vault=site.vault)
    return JSONResponse({**found.to_dict(), "next": found.next})


@router.post("/scrolls/verify", **answers(ScrollVerifyDocument), openapi_extra=_ENVELOPE)
async def verify(request: Request, site: GivenSite, session: ReadIndex) -> Response:
    """Say whether a scroll that is sent is valid, by the keys of this vault."""
    sent = bytearray()
    try:
        async for piece in request.stream():
            sent += piece
            if len(sent) > MOST_BYTES:
                raise Problem(422, "The scroll is refused: it is larger than any scroll.")
    except ClientDisconnect as error:
        raise Problem(400, "The scroll did not come as a whole.") from error
    found = await run_in_threadpool(verify_scroll, bytes(sent), vault=site.vault)
    return JSONResponse(found.to_dict())


@router.get("/scrolls/{scroll}", **answers(TreatyDocument | SealDocument))
def scroll(
    site: GivenSite, session: ReadIndex, scroll: ScrollId, query: Annotated[AgeQuery, Query()]
) -> Response:
    """Return what is known of a scroll: its metadata, and whether it may be released."""
    with missing_as_404():
        found = use.scroll_status(scroll, max_age_ns=query.max_age * SECOND, vault=site.vault)
    return JSONResponse(found.to_dict())


@router.get("/scrolls/{scroll}/envelope", **answers(dict[str, Any]))
def envelope(site: GivenSite, session: ReadIndex, scroll: ScrollId) -> Response:
    """Return the envelope of a scroll (DSSE), byte for byte as it was signed."""
    with missing_as_404():
        data = use.read_scroll_envelope(scroll, vault=site.vault)
    return _file(data, f"{scroll}.dsse", "application/json")


@router.get(
    "/scrolls/{scroll}/proof",
    response_class=Response,
    response_model=None,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **PROBLEMS,
    },
)
def proof(site: GivenSite, session: ReadIndex, scroll: ScrollId) -> Response:
    """Return the proof that a scroll's entry is in the trace (C2SP tlog-proof)."""
    with missing_as_404():
        data = use.read_scroll_proof(scroll, vault=site.vault)
    return _file(data, f"{scroll}.tlog-proof", "text/plain")


@writing.post("/scrolls", **answers(JobDocument, 202))
def create(site: GivenSite, session: SignScroll, sent: ScrollInput) -> Response:
    """Start a job that signs a scroll about a manifest, and records it in the trace."""
    return started(start_scroll(site, sent))


@writing.post("/scrolls/{scroll}/revoke", **answers(JobDocument, 202))
def revoke(site: GivenSite, session: SignScroll, scroll: ScrollId) -> Response:
    """Start a job that revokes a scroll, for good."""
    return started(start_revocation(site, scroll))


def start_scroll(site: Site, sent: ScrollInput) -> Job:
    """Start a job that signs a scroll. Raises UsageError for what no scroll may say."""
    money = sent.funding
    asked = asked_scroll(
        sent.kind,
        sent.claim_root_license,
        # Their files are read by the job.
        license_texts=dict.fromkeys(sent.license_texts, "0" * 64),
        funding=None if money is None else money.amount,
        currency=None if money is None else money.currency,
        valid_until=sent.valid_until,
    )
    texts = tuple(f"{name}={os.fsdecode(file)}" for name, file in sent.license_texts.items())
    options: dict[str, Any] = {
        "manifest": sent.manifest,
        "kind": sent.kind,
        "license": asked.claim_root_license,
        "license_text": texts,
        "valid_until": asked.valid_until,
    }
    if money is not None:
        options |= {"funding": money.amount, "currency": money.currency}
    given = {name: value for name, value in options.items() if value is not None}
    return start(site.vault, JobRequest("scroll", given))


def start_revocation(site: Site, scroll: str) -> Job:
    """Start a job that revokes a scroll. Raises Problem if there is none."""
    with missing_as_404():
        use.full_id(scroll, vault=site.vault)
    return start(site.vault, JobRequest("scroll-revoke", {"scroll": scroll}))


def _file(data: bytes, name: str, media_type: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type=media_type, headers=headers)
