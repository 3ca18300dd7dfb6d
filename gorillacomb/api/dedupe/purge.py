"""Free the space: delete what is quarantined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace

from gorillacomb.api.dedupe.runs import (
    RunResult,
    drive_errors_as_cut_short,
    interruption_told,
    log_run,
    require_index,
    steps_done,
    tree_comparer,
)
from gorillacomb.api.text import format_count, format_size, format_time
from gorillacomb.api.upkeep.examined import is_examined
from gorillacomb.dedupe.apply import runs
from gorillacomb.dedupe.model import RunOutcome, StepProblem
from gorillacomb.dedupe.quarantine.inventory import QuarantinedRun, quarantined_runs
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.errors import RefusedForSafety, UsageError, VaultUnwritable
from gorillacomb.fs.darwin.untested import refuse_untested
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.progress import Progress, ProgressCallback, as_progress
from gorillacomb.stamping.mark_index import marks_in
from gorillacomb.stamping.run_log import RunLog
from gorillacomb.vault.vault import Vault, has_room, is_full

__all__ = ["ConfirmPurge", "QuarantinedRun", "RunResult", "purge_quarantine", "what_is_purged"]

_SUSPECT = "is in a folder that may not be what it was (gorillacomb status says why)"

_NOT_IN_TRACE = (
    "The trace does not record what was deleted, as the vault's disk is still full. The journals of"
    " the quarantines do."
)

ConfirmPurge = bool | Callable[[Sequence[QuarantinedRun]], bool]
"""What allows a deletion: True, or a function that is asked about the runs. False refuses."""


def purge_quarantine(
    vault: Vault,
    run: str | None = None,
    *,
    confirm: ConfirmPurge = False,
    older_than_ns: int = 0,
    including_unique: int | None = None,
    untested_macos: bool = False,
    progress: Progress | ProgressCallback | None = None,
) -> RunResult:
    """Delete what runs quarantined, as `OpenVault.purge` says."""
    if including_unique is not None and run is None:
        raise UsageError(
            "What is kept nowhere else can be deleted from one run only.",
            "Name it: gorillacomb dedupe --empty-quarantine RUN --including-unique N",
        )
    refuse_untested("Emptying the quarantine", untested_macos, lambda: is_examined(vault))
    shown = as_progress(progress)
    total, names, unique = RunOutcome(""), list[str](), dict[str, int]()
    later: list[RunOutcome] = []
    with ExitStack() as stack:
        stack.enter_context(interruption_told(lambda: _interrupted(total, names)))
        stack.enter_context(translate_errors(vault))
        stack.enter_context(drive_errors_as_cut_short())
        stack.callback(_log_later, vault, later)
        index, log = _opened(vault, stack)
        roots = live_roots_of(index)
        chosen, total.skipped = _chosen(index, run, older_than_ns)
        _refuse_unconfirmed(chosen, confirm)

        def ended(outcome: RunOutcome) -> None:
            names.append(outcome.run)
            if log is None:
                later.append(outcome)
            else:
                log_run(log, "purged", outcome, "empty-quarantine", roots)
            _add(total, outcome)
            if outcome.unique:  # a run may have quarantines on several drives
                unique[outcome.run] = unique.get(outcome.run, 0) + outcome.unique

        shown.stage("Comparing and deleting", None, sum(each.size for each in chosen) or None)
        folders = [(each.base, each.run) for each in chosen]
        try:
            comparer, marks = tree_comparer(shown), marks_in(index)
            runs.purge_runs(
                folders,
                roots,
                comparer,
                older_than_ns,
                shown,
                ended,
                marks=marks,
                including_unique=including_unique,
            )
        finally:
            shown.close()
    warnings = (_NOT_IN_TRACE,) if later else ()
    result = RunResult.of(total)
    return replace(result, id=run or "", warnings=warnings, unique_by_run=unique)


def _opened(vault: Vault, stack: ExitStack) -> tuple[Index, RunLog | None]:
    """Open index and trace; without the trace if their disk is full, so that there is room first.

    Raises VaultError.
    """
    if not (vault.index.exists() and is_full(vault.folder)):
        with ExitStack() as both:
            try:
                require_index(vault)
                index = both.enter_context(Index.write(vault))
                log = both.enter_context(RunLog(index))
            except VaultUnwritable:
                if has_room(vault.folder):
                    raise
            else:
                stack.push(both.pop_all())
                return index, log
    return stack.enter_context(Index.read_alone(vault)), None


def _log_later(vault: Vault, outcomes: list[RunOutcome]) -> None:
    """Append to the trace what was deleted before there was room for it.

    What still does not fit is left in ``outcomes``. Raises VaultError.
    """
    if not outcomes or is_full(vault.folder):
        return
    with suppress(VaultUnwritable), Index.write(vault) as index, RunLog(index) as log:
        roots = live_roots_of(index)
        while outcomes:
            log_run(log, "purged", outcomes[0], "empty-quarantine", roots)
            del outcomes[0]


def _add(total: RunOutcome, outcome: RunOutcome) -> None:
    total.done += outcome.done
    total.add_freed(outcome.bytes_freed, outcome.unknown)
    total.skipped += outcome.skipped
    total.failed += outcome.failed
    total.recovered += outcome.recovered
    total.unique += outcome.unique
    total.proofs += outcome.proofs


def _chosen(
    index: Index, named: str | None, older_than_ns: int
) -> tuple[list[QuarantinedRun], list[StepProblem]]:
    """Return the runs to delete from, and why others are kept. Raises UsageError."""
    everywhere = quarantined_runs(live_roots_of(index, suspect=True))
    sure = {(each.base, each.run) for each in quarantined_runs(live_roots_of(index))}
    chosen: list[QuarantinedRun] = []
    stay: list[StepProblem] = []
    for each in everywhere:
        if named not in (None, each.run):
            continue
        cause = None if (each.base, each.run) in sure else _SUSPECT
        if older_than_ns and each.age_ns is None:
            cause = cause or _of_no_age(each)
        if cause is not None:
            stay.append(StepProblem(each.folder, cause))
        elif _is_older(each, older_than_ns):
            chosen.append(each)
    if named is not None and not (chosen or stay):
        raise UsageError(
            f"Run {named!r} has nothing in quarantine"
            + (" that is old enough." if older_than_ns else "."),
            "`gorillacomb dedupe --history` lists the runs.",
        )
    return chosen, stay


def _is_older(run: QuarantinedRun, than_ns: int) -> bool:
    return not than_ns or (run.age_ns is not None and run.age_ns >= than_ns)


def _of_no_age(run: QuarantinedRun) -> str:
    """Say why it is not known whether a run is old enough."""
    when = format_time(run.started_ns)
    return (
        f"was set aside at a time to come ({when}), by a clock that was ahead, so that its age is"
        f" not known (gorillacomb dedupe --empty-quarantine {run.run} deletes it)"
    )


def what_is_purged(chosen: Sequence[QuarantinedRun]) -> str:
    """Say what a confirmation is about, as the beginning of a sentence."""
    files, size = sum(each.files for each in chosen), sum(each.size for each in chosen)
    steps = sum(each.steps for each in chosen)
    if steps and not files:
        return f"{format_count(steps, 'quarantined empty folder')} would be deleted"
    return f"{format_count(files, 'quarantined file')} ({format_size(size)}) would be deleted"


def _refuse_unconfirmed(chosen: Sequence[QuarantinedRun], confirm: ConfirmPurge) -> None:
    """Refuse to delete anything unless it is confirmed."""
    if not chosen or confirm is True:
        return
    if not callable(confirm):
        raise RefusedForSafety(
            f"{what_is_purged(chosen)}, which was not confirmed.",
            "To continue: --yes (in Python: confirm=True).",
        )
    if not confirm(chosen):
        raise RefusedForSafety("Nothing was deleted.")


def _interrupted(total: RunOutcome, names: Sequence[str]) -> tuple[str, str]:
    """Say what was deleted; ``names`` are the runs that may have lost items."""
    if not names:
        return "Interrupted: nothing was deleted.", ""
    runs_named = " and ".join(dict.fromkeys(names))
    message = (
        f"Interrupted: of run {runs_named}, {steps_done(total)} were deleted for good"
        f" ({format_size(total.bytes_freed)})."
    )
    back = f"To put back what is left: gorillacomb dedupe --undo {names[-1]}"
    return message, f"To continue: gorillacomb dedupe --empty-quarantine   {back}"
