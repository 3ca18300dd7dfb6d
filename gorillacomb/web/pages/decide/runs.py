"""What was done, how it is undone, and what is in the quarantine."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from gorillacomb.api.dedupe.history import ItemState, RunDetails, RunEvent, RunItem, read_history
from gorillacomb.api.dedupe.history import read_run_details as read_run
from gorillacomb.api.dedupe.plan import DedupeAction
from gorillacomb.api.dedupe.runs import sum_of_proofs
from gorillacomb.api.drop.kept_files import files_of_drop, is_drop
from gorillacomb.api.paths import printable_path
from gorillacomb.api.server import quarantine as use
from gorillacomb.api.text import format_count
from gorillacomb.api.words.collapse import HELD_BY
from gorillacomb.errors import RefusedForSafety
from gorillacomb.web.answers import missing_as_404
from gorillacomb.web.inputs import path_of
from gorillacomb.web.pages.decide.plans import Position
from gorillacomb.web.pages.decide.typed import is_typed
from gorillacomb.web.pages.jobs.jobs import follow
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.routes.dedupe import Run
from gorillacomb.web.security.access import ApplyPlans, OwnForm, Purge, ReadIndex
from gorillacomb.web.site import GivenSite, Site

router = APIRouter()
writing = APIRouter()
_PAGE = 50
_DAY = 86_400 * 1_000_000_000
_RunName = Annotated[str, Query(pattern=r"^([A-Za-z0-9_.-]{1,64})?$")]
_RunField = Annotated[str, Form(pattern=r"^([A-Za-z0-9_.-]{1,64})?$")]


def event_words(event: RunEvent, is_of_drop: bool = False) -> str:
    """Return what was done with files, after their number; an undo of a drop puts none back."""
    if event.event == "undone" and is_of_drop:
        return "removed again"
    if event.event == "applied" and event.action in (DedupeAction.REFLINK, DedupeAction.DELETE):
        return "share blocks now" if event.action == DedupeAction.REFLINK else "deleted"
    words = {
        "applied": "into the quarantine",
        "repaired": "repaired",
        "dropped": "new, kept",
        "undone": "put back",
        "purged": "deleted for good",
    }
    return words[event.event]


@router.get("/runs")
def show_runs(
    request: Request, site: GivenSite, session: ReadIndex, after: Position = 0
) -> Response:
    """Show what was done, the latest first."""
    history = read_history(site.vault)
    drops = {event.run for event in history.events if event.event == "dropped"}
    return render_page(
        request,
        "runs.html",
        title="Runs",
        twin=True,
        events=history.events[after : after + _PAGE],
        total=len(history.events),
        runs=len({event.run for event in history.events}),
        waiting=sum(event.waiting_files for event in history.events),
        waiting_size=sum(event.waiting_bytes for event in history.events),
        warnings=history.warnings,
        after=after,
        page=_PAGE,
        words=lambda event: event_words(event, event.run in drops),
    )


@router.get("/runs/{run}")
def show_run(
    request: Request,
    site: GivenSite,
    session: ReadIndex,
    run: Run,
    after: Position = 0,
    q: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Show what a run moved where, and what became of it."""
    with missing_as_404():
        found = read_run(site.vault, run)
    return _show_run(request, found, after, q.strip())


def _show_drop(request: Request, run: RunDetails, after: int, wrong: str) -> Response:
    files = files_of_drop(run)
    there = [each for each in files if each.is_there]
    return render_page(
        request,
        "run_of_drop.html",
        422 if wrong else 200,
        title="Run",
        twin=not wrong,
        run=run,
        files=files[after : after + _PAGE],
        total=len(files),
        there=len(there),
        size=sum(each.size for each in there),
        after=after,
        page=_PAGE,
        words=lambda event: event_words(event, is_of_drop=True),
        wrong=wrong,
    )


def _show_run(
    request: Request,
    run: RunDetails,
    after: int = 0,
    q: str = "",
    wrong: str = "",
    typed: str = "",
) -> Response:
    if is_drop(run):
        return _show_drop(request, run, after, wrong)
    states = Counter(item.state for item in run.items())
    items = _found(run, q.casefold())
    skipped = list(islice(items, after))
    shown = list(islice(items, _PAGE))
    proofs = run.proofs
    return render_page(
        request,
        "run.html",
        422 if wrong else 200,
        title="Run",
        twin=not wrong,
        run=run,
        states=[(state, states[state]) for state in ItemState if states[state]],
        items=shown,
        total=len(skipped) + len(shown) + sum(1 for _ in items),
        after=after,
        page=_PAGE,
        q=q,
        words=event_words,
        latest=run.events[-1],
        first=run.events[0],
        proofs=[(each, _held(sum_of_proofs([each]))) for each in proofs[:50]],
        proven=_held(sum_of_proofs(proofs)),
        total_proofs=len(proofs),
        wrong=wrong,
        typed=typed,
    )


def _found(run: RunDetails, text: str) -> Iterator[RunItem]:
    for item in run.items():
        if not text or any(text in printable_path(it).casefold() for it in (item.path, item.keep)):
            yield item


def _held(files: dict[str, int] | object) -> Sequence[tuple[int, str]]:
    assert isinstance(files, dict)
    return [(number, HELD_BY.get(name, name)) for name, number in files.items()]


@writing.post("/runs/{run}/undo")
def undo(
    request: Request,
    site: GivenSite,
    session: ApplyPlans,
    form: OwnForm,
    run: Run,
    part: Annotated[str, Form(max_length=8)] = "",
    path: Annotated[str, Form(max_length=65536)] = "",
    path_b64: Annotated[str, Form(max_length=131072)] = "",
    count: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Put back a whole run, or one path of it (``part``); remove a drop if its number was typed."""
    with missing_as_404():
        found = read_run(site.vault, run)
        if is_drop(found):
            wanted = sum(each.is_there for each in files_of_drop(found))
            if not is_typed(count, wanted):
                wrong = f"That is not the number: type {wanted:,}. Nothing was removed."
                return _show_run(request, found, wrong=wrong)
        if not part:
            return follow(use.undo(site.vault, run))
        if not path_b64 and not path.startswith("/"):
            wrong = "That is not a full path: such a path begins with /. Nothing was done."
            return _show_run(request, found, wrong=wrong, typed=path)
        place = path_of(None, path_b64) if path_b64 else path_of(path, None)
        why = use.why_not_waiting(found, place)
        if why is not None:
            return _show_run(request, found, wrong=why, typed=path)
        return follow(use.undo(site.vault, run, [place]))


@router.get("/quarantine")
def show_quarantine(
    request: Request, site: GivenSite, session: ReadIndex, run: _RunName = "", after: Position = 0
) -> Response:
    """Show what is in the quarantine, the oldest first, of all runs or of one."""
    return _show_quarantine(request, site, run, after)


def _show_quarantine(
    request: Request, site: Site, run: str, after: int = 0, wrong: str = ""
) -> Response:
    found = use.list_quarantine(site.vault, run or None)
    runs = sorted(found.runs, key=lambda each: (each.started_ns, each.run, each.base))
    return render_page(
        request,
        "quarantine.html",
        422 if wrong else 200,
        title="Quarantine",
        twin=not wrong,
        run=run,
        found=found,
        runs=runs[after : after + _PAGE],
        total=len(runs),
        after=after,
        page=_PAGE,
        count=_to_type(found),
        is_empty_folders=not found.files and bool(found.runs),
        age=_age,
        wrong=wrong,
    )


def _to_type(found: use.QuarantineList) -> int:
    """Return the number that a person types: files, or else the empty folders."""
    return found.files or sum(run.steps for run in found.runs)


def _age(started_ns: int) -> str:
    """Return how long ago something began, in words."""
    days = (time.time_ns() - started_ns) // _DAY
    if days < 0:
        return "at a time to come"
    return "today" if days == 0 else f"{format_count(days, 'day')} ago"


@writing.post("/quarantine/purge")
def purge(
    request: Request,
    site: GivenSite,
    session: Purge,
    form: OwnForm,
    digest: Annotated[str, Form(pattern=r"^[0-9a-f]{64}$")],
    files: Annotated[int, Form(ge=0)],
    bytes: Annotated[int, Form(ge=0)],
    run: _RunField = "",
    count: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Delete what is in the quarantine, as it was shown, if its number was typed."""
    found = use.list_quarantine(site.vault, run or None)
    wanted = _to_type(found)
    if found.digest == digest and found.runs and not is_typed(count, wanted):
        wrong = f"That is not the number: type {wanted:,}. Nothing was deleted."
        return _show_quarantine(request, site, run, wrong=wrong)
    way = f"/quarantine{f'?run={run}' if run else ''}", "To the quarantine as it is now"
    try:
        with missing_as_404():
            return follow(use.purge_shown(site.vault, run or None, digest, files, bytes))
    except RefusedForSafety as error:
        raise Problem.of(error, 412).with_way(*way) from error
