"""The review of a plan: one question a page, each answer kept as soon as it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from gorillacomb.api.dedupe.pairs import FolderPair
from gorillacomb.api.dedupe.review import ReviewAnswer
from gorillacomb.api.server.plans import kept as plans
from gorillacomb.errors import RefusedForSafety, UsageError
from gorillacomb.web.answers import missing_as_404
from gorillacomb.web.pages.decide.plans import Digest, changed
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.access import MakePlans, OwnForm, ReadIndex
from gorillacomb.web.site import GivenSite

router = APIRouter()
writing = APIRouter()
_ANSWERS = {each.value: each for each in ReviewAnswer if each in ("yes", "no", "swap", "skip")}
_SHOWN = 8
"""Entries of a folder that are named, unless all are asked for."""
_ALL_SHOWN = 1_000
"""Those that are named then: with more, a page would have too many elements."""
_MOST = 10_000_000


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of the questions are gone through: those in one pair, those that were found."""

    q: str = ""
    inside: int | None = None

    def query(self, **more: Any) -> str:
        """Return an address's query that keeps the choice."""
        known = {"q": self.q or None, "in": self.inside, **more}
        return urlencode({name: value for name, value in known.items() if value is not None})


_Text = Annotated[str, Query(max_length=200)]
_Inside = Annotated[int | None, Query(alias="in", ge=0, le=_MOST)]
_At = Annotated[int | None, Query(ge=0, le=_MOST)]


def _chosen(q: _Text = "", inside: _Inside = None) -> Choice:
    return Choice(q.strip(), inside)


def _chosen_in_form(
    q: Annotated[str, Form(max_length=200)] = "",
    inside: Annotated[str, Form(alias="in", max_length=12, pattern=r"^[0-9]*$")] = "",
) -> Choice:
    return Choice(q.strip(), int(inside) if inside else None)


_Chosen = Annotated[Choice, Depends(_chosen)]
_ChosenInForm = Annotated[Choice, Depends(_chosen_in_form)]
_Place = Annotated[int, Form(ge=0, le=_MOST)]


@router.get("/plans/{digest}/review")
def review(
    request: Request,
    site: GivenSite,
    session: ReadIndex,
    digest: Digest,
    chosen: _Chosen,
    at: _At = None,
    end: bool = False,
    all: bool = False,
) -> Response:
    """Show one question of the review; without a position, the first that is open.

    ``all`` names all that it is about, not the first few.
    """
    with missing_as_404(), plans.review_plan(site.vault, digest) as kept:
        units = kept.units(chosen.inside)
        shown = kept.matching(units, chosen.q)
        if at is None and not end:
            at = kept.next_open(units, shown, -1)
        if at is not None and at >= len(units):
            at = None
        if at is None or not shown:
            return _show_end(request, digest, kept, chosen, units, shown)
        listed = _ALL_SHOWN if all else _SHOWN
        return _show_unit(request, digest, kept, chosen, units, shown, at, listed=listed)


def _common(
    digest: str,
    kept: plans.KeptReview,
    chosen: Choice,
    units: Sequence[FolderPair],
    shown: Sequence[int],
) -> dict[str, Any]:
    """Return what every page of a review shows: what is asked about, and how far it is."""
    progress = kept.progress if chosen.inside is None else kept.progress_of(units)
    return {
        "digest": digest,
        "plan": kept.plan,
        "chosen": chosen,
        "found": len(shown),
        **progress._asdict(),
        "counts": kept.counts,
        "is_begun": kept.review.is_begun,
        "last": kept.last,
        "outer": None if chosen.inside is None else kept.units()[chosen.inside],
    }


def _show_unit(
    request: Request,
    digest: str,
    kept: plans.KeptReview,
    chosen: Choice,
    units: Sequence[FolderPair],
    shown: Sequence[int],
    at: int,
    problem: Problem | None = None,
    listed: int = _SHOWN,
) -> Response:
    unit = units[at]
    answer = kept.review.answer(unit)
    return render_page(
        request,
        "review.html",
        200 if problem is None else problem.status,
        title="Review",
        at=at,
        unit=unit,
        answer=answer,
        counts_of=kept.review.counts_of(unit) if answer is None else None,
        facts=kept.facts(unit),
        changes=kept.changes(unit),
        no_swap=kept.swap_refusal(unit),
        shown=kept.shown(unit.steps),
        number=sum(each < at for each in shown) + 1,
        previous=max((each for each in shown if each < at), default=None),
        next=min((each for each in shown if each > at), default=None),
        listed=listed,
        all_listed=_ALL_SHOWN,
        problem=problem,
        **_common(digest, kept, chosen, units, shown),
    )


def _show_end(
    request: Request,
    digest: str,
    kept: plans.KeptReview,
    chosen: Choice,
    units: Sequence[FolderPair],
    shown: Sequence[int],
) -> Response:
    left = [at for at in shown if not kept.is_decided(units[at])]
    return render_page(
        request,
        "review_end.html",
        title="Review",
        left=left,
        first=shown[0] if shown else None,
        answered=kept.answered(),
        **_common(digest, kept, chosen, units, shown),
    )


@writing.post("/plans/{digest}/review")
def answer(
    request: Request,
    site: GivenSite,
    session: MakePlans,
    form: OwnForm,
    digest: Digest,
    chosen: _ChosenInForm,
    at: _Place,
    answer: Annotated[str, Form(pattern="^(yes|no|swap|skip)$")],
    shown: Annotated[str, Form(max_length=64)],
    sure: Annotated[str, Form(max_length=8)] = "",
    stay: Annotated[str, Form(max_length=8)] = "",
) -> Response:
    """Record an answer, and show the next question that is open."""
    with missing_as_404(), plans.review_plan(site.vault, digest) as kept:
        units = kept.units(chosen.inside)
        if at >= len(units):
            raise Problem(404, "The plan has no such question.")
        found = kept.matching(units, chosen.q)
        was_decided = kept.is_decided(units[at])
        try:
            changes = kept.give(units[at], _ANSWERS[answer], shown, bool(sure))
        except plans.ChangedSinceShown as error:
            way = f"/plans/{digest}/review?{chosen.query(at=at)}"
            raise changed(error, way, "Show it as it is now") from error
        except (UsageError, RefusedForSafety) as error:
            problem = Problem.of(error, 409)
            return _show_unit(request, digest, kept, chosen, units, found, at, problem)
        if changes:
            sent = {"at": at, "answer": answer, "shown": shown, "q": chosen.q, "stay": stay}
            return _ask_again(request, digest, kept, chosen, units[at], changes, sent)
        if stay:
            following: int | None = at
        elif was_decided:
            following = min((each for each in found if each > at), default=None)
        else:
            following = kept.next_open(units, found, at)
    return _go(digest, chosen, following)


def _ask_again(
    request: Request,
    digest: str,
    kept: plans.KeptReview,
    chosen: Choice,
    unit: FolderPair,
    changes: int,
    sent: dict[str, Any],
) -> Response:
    return render_page(
        request,
        "review_sure.html",
        title="Review",
        digest=digest,
        chosen=chosen,
        unit=unit,
        changes=changes,
        sent={**sent, "in": "" if chosen.inside is None else chosen.inside, "sure": "yes"},
    )


@writing.post("/plans/{digest}/review/undo")
def undo(
    site: GivenSite,
    session: MakePlans,
    form: OwnForm,
    digest: Digest,
    chosen: _ChosenInForm,
    moment: Annotated[str, Form(max_length=40)],
) -> Response:
    """Take back the last answer, and show what it was about."""
    with missing_as_404(), plans.review_plan(site.vault, digest) as kept:
        way = f"/plans/{digest}/review?{chosen.query()}"
        try:
            taken = {step.id for step in kept.undo(moment)}
        except plans.ChangedSinceShown as error:
            raise changed(error, way, "To the review as it is now") from error
        except (UsageError, RefusedForSafety) as error:
            raise Problem.of(error, 409).with_way(way, "To the review") from error
        for choice in dict.fromkeys((chosen, Choice(inside=chosen.inside), Choice())):
            units = kept.units(choice.inside)
            for at in kept.matching(units, choice.q):
                if any(step.id in taken for step in units[at].steps):
                    return _go(digest, choice, at)
    return _go(digest, Choice(), None)


@router.get("/plans/{digest}/review/all")
def ask_about_all(
    request: Request, site: GivenSite, session: ReadIndex, digest: Digest, chosen: _Chosen
) -> Response:
    """Name what a yes to all that was found would be about, before it is given."""
    with missing_as_404(), plans.review_plan(site.vault, digest) as kept:
        units = kept.units(chosen.inside)
        shown = kept.matching(units, chosen.q)
        for at in shown:
            kept.changes(units[at])
        named = kept.undecided([units[at] for at in shown])
        return render_page(
            request,
            "review_all.html",
            title="Review",
            digest=digest,
            chosen=chosen,
            total=len(units),
            found=len(shown),
            named=named,
            files=sum(unit.files for unit in named),
            bytes=sum(unit.size for unit in named),
        )


@writing.post("/plans/{digest}/review/all")
def yes_to_all(
    site: GivenSite,
    session: MakePlans,
    form: OwnForm,
    digest: Digest,
    chosen: _ChosenInForm,
    files: Annotated[int, Form(ge=0)],
    bytes: Annotated[int, Form(ge=0)],
) -> Response:
    """Answer yes to all that was found and shown, if it is still that."""
    with missing_as_404(), plans.review_plan(site.vault, digest) as kept:
        units = kept.units(chosen.inside)
        named = [units[at] for at in kept.matching(units, chosen.q)]
        way = f"/plans/{digest}/review/all?{chosen.query()}"
        try:
            kept.yes_to_all(named, files, bytes)
        except plans.ChangedSinceShown as error:
            raise changed(error, way, "Show them as they are now") from error
        except (UsageError, RefusedForSafety) as error:
            raise Problem.of(error, 409).with_way(way, "Back") from error
    return _go(digest, chosen, None)


def _go(digest: str, chosen: Choice, at: int | None) -> Response:
    query = chosen.query(end="true") if at is None else chosen.query(at=at)
    return RedirectResponse(f"/plans/{digest}/review?{query}", 303)
