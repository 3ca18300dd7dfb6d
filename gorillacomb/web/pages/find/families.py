"""Families of copied folders: the list, one family, two of its copies beside each other."""

from __future__ import annotations

import os
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from gorillacomb.api.paths import path_from_json, relative_path
from gorillacomb.api.server.families import CopyDrift, FamilyState, ListedFamily, list_families
from gorillacomb.api.server.marks import read_marks
from gorillacomb.web.pages.find.asked import FamiliesAsked, FormQuery, Place, with_query
from gorillacomb.web.pages.questions import ask
from gorillacomb.web.pages.rendering import address_of, render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.access import ReadIndex
from gorillacomb.web.site import GivenSite, Site

router = APIRouter()
FamilyId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
_MOST_SHOWN = 100
"""Copies on the page of a family."""


class PairAsked(FormQuery):
    """Two copies of a family, by their place in its list: the one to keep is 0."""

    a: Place
    b: Place


@router.get("/families")
def families(
    request: Request, site: GivenSite, session: ReadIndex, query: Annotated[FamiliesAsked, Query()]
) -> Response:
    """Show families of copied folders, the one with the largest folder first."""
    document = ask(site, "folders")
    everything = list_families(site.vault, document)
    found = list_families(site.vault, document, query.name, query.state)
    last = query.after + query.limit
    return render_page(
        request,
        "families.html",
        title="Families",
        twin=("name", "state"),
        query=query,
        states=list(FamilyState),
        everything=everything,
        to_decide=sum(each.state is FamilyState.DECIDE for each in everything),
        found=found,
        shown=found[query.after : last],
        next=with_query(request, after=last) if last < len(found) else None,
    )


@router.get("/families/{family}")
def family(request: Request, site: GivenSite, session: ReadIndex, family: FamilyId) -> Response:
    """Show one family: each copy, how far apart it is, which one stays and why."""
    found = _family(site, family)
    return render_page(
        request,
        "family.html",
        title=os.fsdecode(found.name).encode("utf-8", "replace").decode(),
        twin=True,
        marks=read_marks(site.vault),
        **family_values(found),
    )


def family_values(family: ListedFamily) -> dict[str, Any]:
    """Return what the template of a family is given, besides the marks."""
    around = os.path.commonpath([os.path.dirname(path) for path in family.paths])
    copies = family.document["others"]
    return {
        "family": family,
        "around": around,
        "copies": [_shown(each, around) for each in copies[:_MOST_SHOWN]],
        "keep_name": relative_path(family.keep, around),
        "more": max(len(copies) - _MOST_SHOWN, 0),
        "alike": sum(CopyDrift.of([each]).is_none for each in copies),
    }


@router.get("/families/{family}/compare")
def compare(
    site: GivenSite, session: ReadIndex, family: FamilyId, query: Annotated[PairAsked, Query()]
) -> Response:
    """Lead to the comparison of two copies."""
    paths = _family(site, family).paths
    if max(query.a, query.b) >= len(paths):
        raise Problem(404, "The family has no such copy any more.", "Load its page again.")
    sides = address_of(paths[query.a], "a") | address_of(paths[query.b], "b")
    return RedirectResponse(f"/compare?{urlencode(sides)}", 303)


def _family(site: Site, family: str) -> ListedFamily:
    for each in list_families(site.vault, ask(site, "folders")):
        if each.id == family:
            return each
    raise Problem(
        404,
        "There is no such family any more.",
        "Its folder to keep is another one by now, or you marked it as intended.",
    )


def _shown(copy: dict[str, Any], around: bytes) -> dict[str, Any]:
    """Return a copy with what its row shows besides what its document says."""
    path = path_from_json(copy)
    return {
        **copy,
        "place": path,
        "name": relative_path(path, around),
        "drift": CopyDrift.of([copy]),
    }
