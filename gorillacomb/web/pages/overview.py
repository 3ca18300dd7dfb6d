"""The first page: what is on the drives, what may be removed, and what needs a decision."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from gorillacomb.api.server.findings import families_of, find_or_start, last_finding
from gorillacomb.api.server.jobs import JobRequest, list_jobs
from gorillacomb.api.status import FILE_CAUSES, VaultStatus, vault_status
from gorillacomb.errors import VaultError
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.security.access import ReadIndex
from gorillacomb.web.site import GivenSite

router = APIRouter()
_FAMILIES = 8


@router.get("/")
def overview(request: Request, site: GivenSite, session: ReadIndex) -> Response:
    """Show what is on the drives, and what becomes of what is there more than once."""
    try:
        status = vault_status(site.vault)
    except VaultError as error:
        return render_page(request, "empty.html", title="Overview", error=error)
    asked, jobs = JobRequest("overview"), list_jobs(site.vault)
    found = find_or_start(site.vault, asked, jobs) if status.has_groups else None
    old = last_finding(site.vault, asked, jobs) if found and found.document is None else None
    shown = old or found
    return render_page(
        request,
        "overview.html",
        title="Overview",
        twin=True,
        job=None if found is None or found.document is not None else found.job,
        as_of=None if old is None else old.job.ended_ns,
        running=[job for job in jobs if job.state.is_live and job.kind != "overview"],
        **overview_values(status, None if shown is None else shown.document),
    )


def overview_values(status: VaultStatus, document: Any) -> dict[str, Any]:
    """Return what the template is given about a vault; ``document`` is None if not yet known."""
    known = document is not None
    return {
        "status": status,
        "known": _known(status),
        "files": sum(root.facts.files for root in status.roots),
        "bytes": sum(root.facts.bytes for root in status.roots),
        "overview": document,
        "parts": _parts(document) if known else [],
        "families": families_of(document)[:_FAMILIES] if known else [],
        "roots": {each["root"]: each for each in document["roots"]} if known else {},
    }


def _known(status: VaultStatus) -> list[dict[str, Any]]:
    """Return what is not known, by state: its name for an address, its words, how much."""
    return [
        {"state": state.name.lower(), "words": FILE_CAUSES[state], "files": it[0], "bytes": it[1]}
        for state, it in status.files_by_state.items()
        if state in FILE_CAUSES and it[0]
    ]


def _parts(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parts of what is on disk: each with its class, its words, files and bytes."""
    fates = {part["fate"]: part for part in document["surplus"]}
    total = sum(kind["disk_bytes"] for kind in document["kinds"])
    once = max(total - document["redundant_bytes"], 0)
    none = {"files": 0, "bytes": 0}
    removable, decision = fates.get("removable", none), fates.get("decision", none)
    stays = fates.get("stays", none)
    words = (
        ("once", "Only one copy", {"files": None, "bytes": once}, "nothing to do"),
        ("keep", "Can go now", removable, "each with an equal copy that stays"),
        ("decide", "Needs a decision", decision, "in copies that drifted apart, or are protected"),
        ("offline", "Stays", stays, "needed where it is, or nothing proves the contrary"),
    )
    before, found = 0.0, []
    for name, title, part, why in words:
        share = 1000 * part["bytes"] / total if total else 0.0
        said = {"name": name, "title": title, "why": why}
        found.append({**said, **part, "at": before, "wide": share})
        before += share
    return found
