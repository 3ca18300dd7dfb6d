"""`gorillacomb dedupe --empty-quarantine`: deleting what was set aside."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack

import click

from gorillacomb.cli.commands.dedupe.runs import (
    drive_errors_as_cut_short,
    interruption_told,
    log_run,
    outcome_object,
    problem_lines,
    require_index,
    steps_done,
    tree_comparer,
)
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.dedupe.apply import runs
from gorillacomb.dedupe.model import RunOutcome, StepProblem
from gorillacomb.dedupe.quarantine.inventory import QuarantinedRun, quarantined_runs
from gorillacomb.dedupe.quarantine.run import run_folder
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.errors import ExitCode, RefusedForSafety, UsageError
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.stamping.run_log import RunLog
from gorillacomb.vault.vault import Vault

_SUSPECT = "is in a folder that may not be what it was (gorillacomb status says why)"


def purge(
    vault: Vault, named: str, older_than_ns: int, yes: bool, progress: bool | None, as_json: bool
) -> ExitCode:
    """Delete what was set aside, where its other copy still stands."""
    require_index(vault)
    shown = progress_for(progress)
    total, names = RunOutcome(""), list[str]()
    with ExitStack() as stack:
        stack.enter_context(interruption_told(lambda: _interrupted(total, names)))
        stack.enter_context(translate_errors(vault))
        stack.enter_context(drive_errors_as_cut_short())
        index = stack.enter_context(Index.write(vault))
        notes = stack.enter_context(RunLog(index))
        roots = live_roots_of(index)
        chosen, total.skipped = _chosen(index, named, older_than_ns)
        _confirm_purge(chosen, yes)

        def ended(outcome: RunOutcome) -> None:
            names.append(outcome.run)
            log_run(notes, "purged", outcome, "empty-quarantine", roots)
            total.done += outcome.done
            total.add_freed(outcome.bytes_freed, outcome.unknown)
            total.skipped += outcome.skipped
            total.failed += outcome.failed
            total.recovered += outcome.recovered

        shown.stage("Comparing and deleting", None, sum(each.size for each in chosen) or None)
        try:
            runs.purge_runs(
                [(each.base, each.run) for each in chosen],
                roots,
                tree_comparer(shown),
                older_than_ns,
                shown,
                ended,
            )
        finally:
            shown.close()
    with render.tolerate_closed_pipe():
        if as_json:
            render.print_json({**outcome_object(total), "run": named or None})
        else:
            _tell(total)
    return ExitCode.INCOMPLETE if total.skipped or total.failed else ExitCode.DONE


def _chosen(
    index: Index, named: str, older_than_ns: int
) -> tuple[list[QuarantinedRun], list[StepProblem]]:
    """The runs whose quarantines are emptied, and why others stay. Raises UsageError."""
    everywhere = quarantined_runs(live_roots_of(index, suspect=True))
    sure = {(each.base, each.run) for each in quarantined_runs(live_roots_of(index))}
    chosen: list[QuarantinedRun] = []
    stay: list[StepProblem] = []
    for each in everywhere:
        if named not in ("", each.run):
            continue
        cause = None if (each.base, each.run) in sure else _SUSPECT
        if older_than_ns and each.age_ns is None:
            cause = cause or _of_no_age(each)
        if cause is not None:
            stay.append(StepProblem(run_folder(each.base, each.run), cause))
        elif _is_older(each, older_than_ns):
            chosen.append(each)
    if named and not (chosen or stay):
        raise UsageError(
            f"Nothing waits in a quarantine of run {named!r}"
            + (" that is old enough." if older_than_ns else "."),
            "`gorillacomb dedupe --history` names the runs.",
        )
    return chosen, stay


def _interrupted(total: RunOutcome, names: Sequence[str]) -> tuple[str, str]:
    """Say what was deleted; ``names`` are the runs of which something may have been."""
    if not names:
        return "Interrupted: nothing was deleted.", ""
    runs_named = " and ".join(dict.fromkeys(names))
    message = (
        f"Interrupted: of run {runs_named}, {steps_done(total)} were deleted for good"
        f" ({render.format_size(total.bytes_freed)})."
    )
    back = f"To put back what is left: gorillacomb dedupe --undo {names[-1]}"
    return message, f"To go on: gorillacomb dedupe --empty-quarantine   {back}"


def _is_older(run: QuarantinedRun, than_ns: int) -> bool:
    return not than_ns or (run.age_ns is not None and run.age_ns >= than_ns)


def _of_no_age(run: QuarantinedRun) -> str:
    """Why a run is not known to be old enough."""
    when = render.format_time(run.started_ns)
    return (
        f"was set aside at a time to come ({when}), by a clock that was ahead, so that its age is"
        f" not known (gorillacomb dedupe --empty-quarantine {run.run} deletes it)"
    )


def _tell(total: RunOutcome) -> None:
    files = sum(step.files for step in total.done)
    click.echo(
        f"Deleted: {render.format_count(files, 'file')}, "
        f"{'at least ' if total.unknown else ''}{render.format_size(total.bytes_freed)} freed"
    )
    for cause in total.unknown:
        click.echo(f"Unknown is what was freed of the files that were {cause}.")
    for line in (
        *problem_lines("Of a run that was cut short", total.recovered),
        *problem_lines("Stays in the quarantine", total.skipped),
        *problem_lines("Not emptied", total.failed),
    ):
        click.echo(line)


def _confirm_purge(chosen: list[QuarantinedRun], yes: bool) -> None:
    files, size = sum(each.files for each in chosen), sum(each.size for each in chosen)
    if yes or not chosen:
        return
    what = (
        f"{render.format_count(files, 'file')} ({render.format_size(size)}) set aside would "
        "be deleted"
    )
    if not sys.stdin.isatty():
        raise RefusedForSafety(f"{what}, and nobody is there to confirm it.", "To go on: --yes")
    if not click.confirm(f"{what} for good. Go on?", err=True):
        raise RefusedForSafety("Nothing was deleted.")
