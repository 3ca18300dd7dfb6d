"""Apply a plan, or find what that would do."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from gorillacomb.api.dedupe.answered_plan import read_answered_plan
from gorillacomb.api.dedupe.marks import MarkKind, mark_paths
from gorillacomb.api.dedupe.plan import DedupePlan
from gorillacomb.api.dedupe.runs import (
    DryRunResult,
    RunResult,
    drive_errors_as_cut_short,
    interruption_told,
    log_run,
    policy_for,
    require_index,
    steps_done,
    tree_comparer,
)
from gorillacomb.api.paths import PathInput
from gorillacomb.api.rescan import rescan_changed
from gorillacomb.api.upkeep.examined import is_examined
from gorillacomb.dedupe.apply import runs
from gorillacomb.dedupe.model import DedupeAction, RunOutcome
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.errors import GorillaCombError, RefusedForSafety
from gorillacomb.fs.darwin.untested import refuse_untested
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.progress import Progress, ProgressCallback, as_progress
from gorillacomb.stamping.run_log import RunLog
from gorillacomb.vault.vault import Vault

__all__ = ["ConfirmDeletion", "DryRunResult", "RunResult", "apply_plan", "dry_run"]

ConfirmDeletion = int | Callable[[DedupePlan], bool] | None
"""What allows a plan with the action ``delete``: the number of files that it deletes, or a function
that is asked. None refuses.
"""


def dry_run(
    vault: Vault,
    plan: DedupePlan | PathInput,
    *,
    progress: Progress | ProgressCallback | None = None,
) -> DryRunResult:
    """Find what applying a plan would do, as `OpenVault.apply` says."""
    contents = _plan_of(plan).contents
    shown = as_progress(progress)
    try:
        with Index.read(vault) as index, translate_errors(vault):
            guard = policy_for(index, contents)
            roots = live_roots_of(index)
            found = list(runs.dry_run(contents, roots, guard, tree_comparer(shown), shown))
    finally:
        shown.close()
    return DryRunResult(
        tuple(step for step, problem in found if problem is None),
        tuple(problem for _, problem in found if problem is not None),
        contents.options.action.frees_at_once,
        contents.options.retire,
    )


def apply_plan(
    vault: Vault,
    plan: DedupePlan | PathInput,
    *,
    confirm: ConfirmDeletion = None,
    untested_macos: bool = False,
    progress: Progress | ProgressCallback | None = None,
) -> RunResult:
    """Apply a plan, as `OpenVault.apply` says of ``dry_run=False``."""
    refuse_untested("Applying a plan", untested_macos, lambda: is_examined(vault))
    plan = _plan_of(plan)
    require_index(vault)
    if plan.action is DedupeAction.DELETE:
        _refuse_unconfirmed(plan, confirm)
    begun: list[RunOutcome] = []
    with interruption_told(lambda: _interrupted(begun, plan)):
        return _carry_out(vault, plan, begun, as_progress(progress))


def _plan_of(plan: DedupePlan | PathInput) -> DedupePlan:
    return plan if isinstance(plan, DedupePlan) else read_answered_plan(plan).plan


def _refuse_unconfirmed(plan: DedupePlan, confirm: ConfirmDeletion) -> None:
    """Refuse to delete unless the number of files is given, or the callback agrees."""
    files = plan.files
    advice = f"If that is what you want: --yes-delete {files} (in Python: confirm={files})."
    if confirm is None or isinstance(confirm, bool):  # True would count as the number 1
        raise RefusedForSafety(
            f"The plan deletes {files:,} files, which was not confirmed.", advice
        )
    if callable(confirm):
        if not confirm(plan):
            raise RefusedForSafety(f"The plan deletes {files:,} files: nothing was done.")
    elif confirm != files:
        raise RefusedForSafety(f"The plan deletes {files:,} files, not {confirm:,}.", advice)


def _carry_out(
    vault: Vault, plan: DedupePlan, begun: list[RunOutcome], shown: Progress
) -> RunResult:
    """Apply a plan and update the index; ``begun`` gets the outcome also after Ctrl-C."""
    contents = plan.contents
    try:
        with (
            translate_errors(vault),
            drive_errors_as_cut_short(),
            Index.write(vault) as index,
            RunLog(index) as log,
        ):
            roots = live_roots_of(index)
            guard = policy_for(index, contents)

            def ended(outcome: RunOutcome) -> None:
                begun.append(outcome)
                log_run(log, "applied", outcome, str(plan.action), roots, contents.uid)

            outcome = runs.apply_plan(contents, roots, guard, tree_comparer(shown), shown, ended)
    finally:
        shown.close()
    # What is kept is scanned too: a hard link made it one with what was removed.
    paths = [path for step in outcome.done for path in (step.path, step.keep) if path]
    paths += [os.path.dirname(copy.target) for copy in outcome.copied]
    folders = list(map(os.path.dirname, paths))
    taken = tuple(pair.path for step in outcome.done for pair in step.pairs)
    warnings = [*rescan_changed(vault, roots, folders, shown, taken)]
    shelved = [copy.target for copy in outcome.copied if not copy.is_brought]
    if shelved:
        try:
            mark_paths(vault, MarkKind.KEEP, shelved, note="from copies of a tree")
        except GorillaCombError as error:
            warnings.append(f"{error.message} What is on the shelf is not marked 'keep'.")
    return replace(RunResult.of(outcome, warnings), retired=contents.options.retire)


def _interrupted(begun: list[RunOutcome], plan: DedupePlan) -> tuple[str, str]:
    """Say what was done until Ctrl-C, and how to continue."""
    again = "To continue: apply the plan again."
    if plan.file is not None:
        again = f"To continue: gorillacomb dedupe --apply {plan.file}"
    if not begun or not begun[0].done:
        return "Interrupted: nothing was done.", again
    [outcome] = begun
    message = (
        f"Interrupted: run {outcome.run} did {steps_done(outcome)}, of {len(plan.steps):,}; that"
        " is kept."
    )
    if plan.action.frees_at_once:
        return message, again
    return message, f"{again}   To take it back: gorillacomb dedupe --undo {outcome.run}"
