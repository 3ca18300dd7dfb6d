"""Plans: those that are kept, one to be made, what one removes, and how it is applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from gorillacomb.api.dedupe.collapse import CollapsedTree, SpaceNeeded
from gorillacomb.api.dedupe.plan import DedupePlan, SkippedCopy
from gorillacomb.api.server import jobs
from gorillacomb.api.server.plans import kept as plans
from gorillacomb.api.server.plans.summaries import summarize_plans
from gorillacomb.api.words.actions import PLANNED
from gorillacomb.api.words.collapse import NOT_BROUGHT
from gorillacomb.api.words.left_alone import reason
from gorillacomb.web.answers import missing_as_404
from gorillacomb.web.pages.decide.plan_form import PlanForm
from gorillacomb.web.pages.decide.typed import is_typed
from gorillacomb.web.pages.jobs.jobs import follow
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.access import ApplyPlans, MakePlans, OwnForm, ReadIndex
from gorillacomb.web.site import GivenSite, Site

router = APIRouter()
writing = APIRouter()
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Position = Annotated[int, Query(ge=0, le=10_000_000)]
_PAGE = 50
_LEFT_PAGE = 20
_PLANS_PAGE = 20


@router.get("/plans")
def show_plans(
    request: Request, site: GivenSite, session: ReadIndex, after: Position = 0
) -> Response:
    """Show the plans that are kept, and the form for another one; the address may fill it in."""
    return _show_plans(request, site, PlanForm.of(request.query_params), after)


def _show_plans(
    request: Request, site: Site, filled: PlanForm, after: int = 0, code: int = 200
) -> Response:
    every = plans.list_plans(site.vault)
    shown = summarize_plans(site.vault, every[after : after + _PLANS_PAGE])
    more = after + _PLANS_PAGE
    return render_page(
        request,
        "plans.html",
        code,
        title="Plans",
        twin=request.method == "GET",
        plans=shown,
        total=len(every),
        applied=plans.latest_runs(site.vault),
        next=more if more < len(every) else None,
        filled=filled,
        is_open=bool(filled.wrong) or (request.method == "GET" and _fills(request)),
    )


def _fills(request: Request) -> bool:
    return any(name != "after" for name in request.query_params)


async def _sent(request: Request) -> FormData:
    return await request.form()


@writing.post("/plans")
def make_plan(
    request: Request,
    site: GivenSite,
    session: MakePlans,
    form: OwnForm,
    sent: Annotated[FormData, Depends(_sent)],
) -> Response:
    """Start a job that makes a plan; nothing is changed by it."""
    filled = PlanForm.of(sent)
    asked = filled.read()
    if asked is None:
        return _show_plans(request, site, filled, code=422)
    return follow(jobs.start(site.vault, jobs.JobRequest("plan", asked.options())))


@dataclass(frozen=True, slots=True)
class LeftByRule:
    """What a plan leaves alone by one rule."""

    why: str
    places: int
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class TreeShown:
    """A tree that is kept, with words for what is not brought into it."""

    tree: CollapsedTree
    not_brought: Sequence[tuple[str, int]]

    @property
    def files(self) -> int:
        """Files in the copies that leave."""
        return sum(step.files for step in self.tree.leaving)

    @property
    def size(self) -> int:
        """Bytes on disk of those."""
        return sum(step.size for step in self.tree.leaving)


@router.get("/plans/{digest}")
def show_plan(
    request: Request,
    site: GivenSite,
    session: ReadIndex,
    digest: Digest,
    by: Literal["pair", "step"] = "pair",
    after: Position = 0,
    left: Position = 0,
) -> Response:
    """Show what a plan removes according to the answers to it, why, and how it is applied."""
    with missing_as_404():
        return _show_plan(request, site, digest, by, after, left)


def _show_plan(
    request: Request,
    site: Site,
    digest: str,
    by: str = "pair",
    after: int = 0,
    left: int = 0,
    wrong: str = "",
    code: int = 200,
) -> Response:
    with plans.review_plan(site.vault, digest) as kept:
        whole = kept.plan
        is_by_step = by == "step" or whole.is_of_empty_folders
        rows: list[tuple[object, object]]
        if is_by_step:
            total = len(whole.steps)
            rows = [(None, step) for step in whole.steps[after : after + _PAGE]]
        else:
            units = kept.units()
            total = len(units)
            shown = units[after : after + _PAGE]
            rows = [(kept.review.answer(unit), unit) for unit in shown]
        progress = kept.progress
        found = plans.find_plan(site.vault, digest)
    return render_page(
        request,
        "plan.html",
        code,
        title="Plan",
        twin=code == 200,
        digest=digest,
        kept=found,
        by="step" if is_by_step else "pair",
        rows=rows,
        after=after,
        total=total,
        page=_PAGE,
        pairs=progress.total,
        decided=progress.decided,
        bytes=found.bytes,
        left_shown=whole.left_alone[left : left + _LEFT_PAGE],
        left=left,
        runs=plans.runs_of_plan(site.vault, found),
        wrong=wrong,
        **plan_values(found.plan, whole),
    )


def plan_values(plan: DedupePlan, whole: DedupePlan) -> dict[str, Any]:
    """Return what the template of a plan is given about it: according to the answers, and whole."""
    return {
        "plan": plan,
        "whole": whole,
        "count": count_to_type(plan),
        "verb": PLANNED[plan.action],
        "files": plan.files,
        "whole_files": whole.files,
        "whole_bytes": sum(step.size for step in whole.steps),
        "trees": _trees(plan),
        "space": _space(plan),
        "left_by_rule": _left_by_rule(whole.left_alone),
        "left_page": _LEFT_PAGE,
        "reason": reason,
    }


def count_to_type(plan: DedupePlan) -> int:
    """Return the number that a person types to apply a plan: its files, or its empty folders."""
    if plan.is_of_empty_folders:
        return sum(step.folders for step in plan.steps)
    return plan.files


def _trees(plan: DedupePlan) -> list[TreeShown]:
    if not plan.is_collapse:
        return []
    return [
        TreeShown(tree, [(NOT_BROUGHT[rule], files) for rule, files in tree.not_brought.items()])
        for tree in plan.trees
    ]


def _space(plan: DedupePlan) -> list[SpaceNeeded] | None:
    """Return the room that copies need; None if it cannot be told."""
    try:
        return plan.space_needed() if plan.is_collapse else []
    except (OSError, StopIteration):
        return None


def _left_by_rule(left: Sequence[SkippedCopy]) -> list[LeftByRule]:
    """Return what is left alone by each rule, the most first."""
    places: Counter[str] = Counter()
    files: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for each in left:
        why = reason(each.rule)
        places[why] += 1
        files[why] += each.files
        sizes[why] += each.size
    found = [LeftByRule(why, places[why], files[why], sizes[why]) for why in places]
    return sorted(found, key=lambda each: (-each.size, -each.places, each.why))


@writing.post("/plans/{digest}/apply")
def apply_plan(
    request: Request,
    site: GivenSite,
    session: ApplyPlans,
    form: OwnForm,
    digest: Digest,
    files: Annotated[int, Form(ge=0)],
    bytes: Annotated[int, Form(ge=0)],
    shown: Annotated[str, Form(max_length=64)],
    runs: Annotated[int, Form(ge=0)],
    count: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Apply a plan as it was shown, if the number of its files was typed."""
    with missing_as_404():
        found = plans.find_plan(site.vault, digest)
        wanted = count_to_type(found.plan)
        if found.answers == shown and not is_typed(count, wanted):
            wrong = f"That is not the number: type {wanted:,}. Nothing was done."
            return _show_plan(request, site, digest, wrong=wrong, code=422)
        try:
            job = plans.apply_shown(site.vault, digest, files, bytes, shown, runs)
        except plans.ChangedSinceShown as error:
            raise changed(error, f"/plans/{digest}", "To the plan as it is now") from error
    return follow(job)


def changed(error: plans.ChangedSinceShown, path: str, name: str) -> Problem:
    """Return the problem for what is not what was shown, with the way back."""
    return Problem.of(error, 412).with_way(path, name)
