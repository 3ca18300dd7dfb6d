"""Scrolls: whether each may be released, why not, and what to do about that."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request
from pydantic import Field
from starlette.responses import Response

from gorillacomb.api.scrolls.status import (
    GateReason,
    ScrollStatus,
    list_scrolls,
    scroll_status,
)
from gorillacomb.web.answers import missing_as_404
from gorillacomb.web.inputs import Input, TypedPath
from gorillacomb.web.pages.jobs.jobs import follow
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.routes.scrolls import (
    FundingInput,
    ScrollId,
    ScrollInput,
    start_revocation,
    start_scroll,
)
from gorillacomb.web.security.access import OwnForm, ReadIndex, SignScroll
from gorillacomb.web.site import GivenSite

router = APIRouter()
writing = APIRouter()
_MOST = 50
_WORDS = {
    GateReason.MANIFEST: ("the manifest is not verified", "Compare the folder with the manifest."),
    GateReason.SIGNATURE: ("a signature is not valid", "Put the keys back that signed it."),
    GateReason.KEY: ("a key was not active", "Sign another scroll, with a key that is active."),
    GateReason.COMPROMISED: ("a key is compromised", "Sign another scroll, with other keys."),
    GateReason.SYNC: ("no quorum has witnessed it", "Let the witnesses of the mesh cosign."),
    GateReason.LICENSE: ("a licence is not known", "Sign another scroll, with its text."),
    GateReason.EXPIRED: ("it has expired", "Sign another scroll."),
    GateReason.REVOKED: ("it was revoked", "Sign another scroll, if it may be released after all."),
    GateReason.UNKNOWN: (
        "it may have been revoked",
        "Bring the trace back that was signed, or sign another scroll.",
    ),
    GateReason.TRACE: ("the trace is not sound", "Check the trace."),
    GateReason.STALE: ("a check is too old", "Check again."),
}
"""What each reason is called, and what to do about it."""


class _ListQuery(Input):
    """Which scrolls: those ``after`` one."""

    after: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")


@router.get("/scrolls")
def scrolls(
    request: Request, site: GivenSite, session: ReadIndex, query: Annotated[_ListQuery, Query()]
) -> Response:
    """Show the scrolls, and whether each may be released."""
    if not site.vault.trace.exists():
        found, items = None, []
    else:
        found = list_scrolls(limit=_MOST, after=query.after, vault=site.vault)
        items = [(each, _short(each)) for each in found.scrolls]
    return render_page(
        request, "scrolls.html", title="Scrolls", twin=True, found=found, items=items
    )


def _short(scroll: ScrollStatus) -> list[str]:
    return list(dict.fromkeys(_WORDS[each.reason][0] for each in scroll.reasons))


@router.get("/scrolls/{scroll}")
def scroll(request: Request, site: GivenSite, session: ReadIndex, scroll: ScrollId) -> Response:
    """Show one scroll: what it says, whether it may be released, and why not."""
    with missing_as_404():
        found = scroll_status(scroll, vault=site.vault)
    reasons = [(each, *_WORDS[each.reason]) for each in found.reasons]
    kinds = {each.reason for each in found.reasons}
    return render_page(
        request,
        "scroll.html",
        title=f"Scroll {scroll[:16]}",
        twin=True,
        scroll=found,
        reasons=reasons,
        wants_trace_check=bool(kinds & {GateReason.TRACE, GateReason.STALE}),
        wants_manifest_check=bool(kinds & {GateReason.MANIFEST, GateReason.STALE}),
    )


@writing.post("/scrolls")
def create(
    site: GivenSite,
    session: SignScroll,
    form: OwnForm,
    manifest: Annotated[TypedPath, Form()],
    kind: Annotated[Literal["treaty", "seal"], Form()],
    claim_root_license: Annotated[str, Form(min_length=1, max_length=2048)],
    amount: Annotated[str, Form(max_length=20)] = "",
    currency: Annotated[str, Form(max_length=3)] = "",
    valid_until: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Start to sign a scroll about a manifest."""
    money = None
    if kind == "treaty":
        money = FundingInput.model_construct(amount=amount.strip(), currency=currency.strip())
    elif amount.strip() or currency.strip():
        raise Problem(422, "A seal has no funding.", "With funding, it is a treaty.")
    sent = ScrollInput.model_construct(
        kind=kind,
        manifest=manifest,
        claim_root_license=claim_root_license.strip(),
        license_texts={},
        funding=money,
        valid_until=valid_until.strip() or None,
    )
    return follow(start_scroll(site, sent))


@writing.post("/scrolls/{scroll}/revoke")
def revoke(site: GivenSite, session: SignScroll, form: OwnForm, scroll: ScrollId) -> Response:
    """Start to revoke a scroll."""
    return follow(start_revocation(site, scroll))
