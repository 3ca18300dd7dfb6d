"""Decide which commands to suggest after plans, and after runs that applied them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gorillacomb.api.next_step.step import DEDUPE, STATUS, NextStep, NextSteps, Word

if TYPE_CHECKING:
    from gorillacomb.api.dedupe.marks import MarkedPath
    from gorillacomb.api.dedupe.plan import DedupePlan, SkippedCopy
    from gorillacomb.api.dedupe.runs import DryRunResult, RunResult

_RETIRED = {
    "unique": "a copy that has files of its own",
    "album": "an album that keeps other pictures",
}
"""By the rule that leaves a folder alone unless it is retired: what that is."""


def after_plan(plan: DedupePlan, output: Word | None, words: tuple[Word, ...] = ()) -> NextSteps:
    """Return the commands to suggest after a plan was written to a file, or shown.

    ``words`` are the options with which it was asked for.
    """
    if output is None:
        write = ("dedupe", *words, "--plan", "-o", _free_name())
        steps = (NextStep(write, "write this plan to a file"),) if plan.steps else ()
        return (*steps, *retire_drifted(plan))
    if not plan.steps:
        return ()
    return (
        NextStep(("dedupe", "--review", output), "answer it, by pair of folders"),
        NextStep(("dedupe", "--apply", output), "apply it; --undo puts it all back"),
    )


def retire_drifted(plan: DedupePlan) -> NextSteps:
    """Return the command that removes more: the duplicates in the largest folder that is kept."""
    largest = largest_to_retire(plan)
    if largest is None:
        return ()
    path = largest.path
    purpose = f"also the duplicates in {_RETIRED[largest.rule]}"
    return (NextStep(("dedupe", "--within", path, "--retire", path), purpose),)


def largest_to_retire(plan: DedupePlan) -> SkippedCopy | None:
    """Return the folder in which the most bytes are left alone until it is retired."""
    if plan.contents.options.retire:
        return None
    return next((each for each in plan.left_alone if each.rule in _RETIRED), None)


def _free_name() -> str:
    """Return the name of a new file for a plan in the current folder."""
    names = ("plan.jsonl", *(f"plan-{number}.jsonl" for number in range(2, 100)))
    return next((name for name in names if not os.path.lexists(name)), "FILE")


def after_review(plan: Word) -> NextSteps:
    """Return the commands to suggest after a plan was reviewed."""
    return (NextStep(("dedupe", "--apply", plan), "apply your answers; --undo puts it back"),)


def review_again(plan: Word) -> NextStep:
    """Return the command to continue a review."""
    return NextStep(("dedupe", "--review", plan), "go on with it")


def after_dry_run(result: DryRunResult, file: Word) -> NextSteps:
    """Return the commands to suggest after a dry run."""
    if not result.done or os.fspath(file) == "-":
        return ()
    return (NextStep(("dedupe", "--apply", file), "do it"),)


def after_apply(result: RunResult, frees_at_once: bool) -> NextSteps:
    """Return the commands to suggest after a plan was applied."""
    if not result.done:
        return (DEDUPE,) if not result.is_complete else ()
    if frees_at_once:
        return (STATUS,)
    return (
        NextStep(("dedupe", "--undo", result.id), "put everything back"),
        NextStep(("dedupe", "--empty-quarantine", result.id), "free space"),
    )


def after_undo(result: RunResult, named: str | None) -> NextSteps:
    """Return the commands to suggest after a run was taken back.

    ``named`` is what the user called it: its folder needs no vault.
    """
    run = named if named is not None and "/" in named else result.id
    steps: NextSteps = ()
    if result.left is not None and result.left.steps:
        purpose = "put back what is left of it"
        if result.left.blocked:
            purpose = "put back the rest, once its places are free"
        steps = (NextStep(("dedupe", "--undo", run), purpose),)
    if not result.is_complete:
        history = NextStep(("dedupe", "--history", result.id), "each of its items, and its state")
        return (*steps, history)
    return steps or ((DEDUPE,) if result.done else ())


def after_purge(result: RunResult) -> NextSteps:
    """Return the commands to suggest after the quarantine was emptied."""
    steps = (STATUS,) if result.done else ()
    purpose = "delete also what is kept nowhere else"
    for run, files in result.unique_by_run.items():
        words = ("dedupe", "--empty-quarantine", run, "--including-unique", str(files))
        steps = (*steps, NextStep(words, purpose))
    return steps


def after_run_details(run: str, waits: bool) -> NextSteps:
    """Return the commands to suggest after the items of one run."""
    if not waits:
        return ()
    return (
        NextStep(("dedupe", "--undo", run), "put everything back"),
        NextStep(("dedupe", "--undo", run, "--only", "PATH"), "put back one file or folder"),
        NextStep(("dedupe", "--history", run, "--steps"), "each of its items"),
    )


def after_marks(marks: Sequence[MarkedPath]) -> NextSteps:
    """Return the commands to suggest after marks were listed or made."""
    if not marks:
        return ()
    return (NextStep(("mark", "clear", marks[-1].path), "take a mark back"),)


def after_history(waiting: str | None) -> NextSteps:
    """Return the commands to suggest after the list of runs.

    ``waiting`` is the last one with quarantined items.
    """
    if waiting is None:
        return ()
    return (NextStep(("dedupe", "--history", waiting), "every item of that run"),)
