"""Plans, answers to them, runs and the quarantine: what changes files is a job."""

from __future__ import annotations

from typing import Annotated, TypedDict

from fastapi import APIRouter, Body, Path
from starlette.responses import JSONResponse, Response

from gorillacomb.api.dedupe.history import read_history, read_run_details
from gorillacomb.api.dedupe.review import ReviewAnswer
from gorillacomb.api.documents.dedupe import RunDetailsDocument, RunsDocument
from gorillacomb.api.documents.jobs import JobDocument
from gorillacomb.api.documents.plan import KeptPlanDocument
from gorillacomb.api.documents.status import QuarantineListDocument
from gorillacomb.api.server import jobs, quarantine
from gorillacomb.api.server.plans import kept as plans
from gorillacomb.web.answers import answers, missing_as_404
from gorillacomb.web.inputs import AnswerInput, PlanInput, PurgeInput, ShownInput, UndoInput
from gorillacomb.web.problems import Problem
from gorillacomb.web.routes.jobs import JobId, started
from gorillacomb.web.security.access import ApplyPlans, MakePlans, Purge, ReadIndex
from gorillacomb.web.site import GivenSite

router = APIRouter(tags=["dedupe"])
writing = APIRouter(tags=["dedupe"])
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Run = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class PlansDocument(TypedDict):
    """The plans that are kept, by name, the latest first."""

    items: list[str]


class PlanOfJobDocument(TypedDict):
    """The plan that a job has made."""

    plan: str
    """Its name."""


class AnswerDocument(TypedDict):
    """What was answered about a step of a plan."""

    step: str
    answer: str


class AnswersDocument(TypedDict):
    """The answers to a plan."""

    items: list[AnswerDocument]


@router.get("/plans", **answers(PlansDocument))
def list_plans(site: GivenSite, session: ReadIndex) -> Response:
    """Return the plans that are kept."""
    return JSONResponse({"items": plans.list_plans(site.vault)})


@writing.post("/plans", **answers(JobDocument, 202))
def make_plan(site: GivenSite, session: MakePlans, sent: PlanInput) -> Response:
    """Start a job that makes a plan; nothing is changed by it."""
    if sent.folders_only and sent.files_only:
        raise Problem(422, "folders_only and files_only cannot be combined.")
    return started(jobs.start(site.vault, jobs.JobRequest("plan", sent.options())))


@router.get("/jobs/{job}/plan", **answers(PlanOfJobDocument))
def plan_of_job(site: GivenSite, session: ReadIndex, job: JobId) -> Response:
    """Return the name of the plan that a job has made."""
    with missing_as_404():
        name = plans.plan_of_job(site.vault, jobs.find_job(site.vault, job))
    if name is None:
        raise Problem(404, "That job has made no plan, or not yet.")
    return JSONResponse({"plan": name})


@router.get("/plans/{digest}", **answers(KeptPlanDocument))
def show_plan(site: GivenSite, session: ReadIndex, digest: Digest) -> Response:
    """Return a plan according to the answers to it."""
    with missing_as_404():
        return JSONResponse(plans.find_plan(site.vault, digest).to_dict())


@router.get("/plans/{digest}/answers", **answers(AnswersDocument))
def show_answers(site: GivenSite, session: ReadIndex, digest: Digest) -> Response:
    """Return the answers to a plan."""
    with missing_as_404():
        found = plans.read_plan_answers(site.vault, digest)
        return JSONResponse({"items": [{"step": it, "answer": said} for it, said in found]})


@writing.post("/plans/{digest}/answers", **answers(KeptPlanDocument))
def answer(
    site: GivenSite,
    session: MakePlans,
    digest: Digest,
    sent: Annotated[list[AnswerInput], Body(max_length=10_000)],
) -> Response:
    """Record answers to steps of a plan; return it according to all answers."""
    given = [(each.step, ReviewAnswer(each.answer)) for each in sent]
    with missing_as_404():
        plans.find_plan(site.vault, digest)
    return JSONResponse(plans.answer_plan(site.vault, digest, given).to_dict())


@writing.post("/plans/{digest}/apply", **answers(JobDocument, 202))
def apply(site: GivenSite, session: ApplyPlans, digest: Digest, sent: ShownInput) -> Response:
    """Start a job that applies a plan as it was shown, with the answers to it."""
    with missing_as_404():
        return started(plans.apply_shown(site.vault, digest, sent.files, sent.bytes))


@router.get("/runs", **answers(RunsDocument))
def list_runs(site: GivenSite, session: ReadIndex) -> Response:
    """Return what was done with runs, the latest first."""
    return JSONResponse(read_history(site.vault).to_dict())


@router.get("/runs/{run}", **answers(RunDetailsDocument))
def show_run(site: GivenSite, session: ReadIndex, run: Run) -> Response:
    """Return one run, with every file and folder that it quarantined."""
    with missing_as_404():
        return JSONResponse(read_run_details(site.vault, run).to_dict())


@writing.post("/runs/{run}/undo", **answers(JobDocument, 202))
def undo(site: GivenSite, session: ApplyPlans, run: Run, sent: UndoInput) -> Response:
    """Start a job that takes back a run, or some paths of it."""
    with missing_as_404():
        return started(quarantine.undo(site.vault, run, sent.only))


@router.get("/quarantine", **answers(QuarantineListDocument))
def show_quarantine(site: GivenSite, session: ReadIndex, run: str | None = None) -> Response:
    """Return what is in quarantines, of all runs or of one."""
    return JSONResponse(quarantine.list_quarantine(site.vault, run).to_dict())


@writing.post("/quarantine/purge", **answers(JobDocument, 202))
def purge(site: GivenSite, session: Purge, sent: PurgeInput) -> Response:
    """Start a job that deletes what is in the quarantine, for good, if it is what was shown."""
    with missing_as_404():
        shown = sent.digest, sent.files, sent.bytes
        return started(quarantine.purge_shown(site.vault, sent.run, *shown))
