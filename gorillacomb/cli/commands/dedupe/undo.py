"""`gorillacomb dedupe --undo`: taking a run back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack

import click

from gorillacomb.api.lookup import look_up_path
from gorillacomb.api.rescan import rescan_changed
from gorillacomb.cli.commands.dedupe.chosen_run import ChosenRun, run_by_name, run_in_folder
from gorillacomb.cli.commands.dedupe.runs import (
    interruption_told,
    log_run,
    outcome_object,
    problem_lines,
    require_index,
    steps_done,
)
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.dedupe.apply import runs
from gorillacomb.dedupe.model import RunOutcome, StepProblem
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.errors import ExitCode, GorillaCombError, RefusedForSafety, VaultError
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import is_below
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.roots import all_roots
from gorillacomb.progress import Progress
from gorillacomb.stamping.run_log import RunLog
from gorillacomb.vault.vault import Vault


def undo(
    vault: Vault, named: str, only: Sequence[bytes], progress: bool | None, as_json: bool
) -> ExitCode:
    """Take a run back, or ``only`` some paths of it: the last one, one by its name or folder."""
    shown = progress_for(progress)
    outcome = RunOutcome("")
    with interruption_told(lambda: _interrupted(outcome)):
        _take_back(vault, named, only, outcome, shown)
    with render.tolerate_closed_pipe():
        if as_json:
            render.print_json(outcome_object(outcome))
        else:
            files = sum(step.files for step in outcome.done)
            steps = render.format_count(len(outcome.done), "step")
            emptied = render.format_count(outcome.folders, "folder")
            lines = [
                f"Put back: {render.format_count(files, 'file')} in {steps}"
                + (f", and {emptied} that held nothing else" if outcome.folders else "")
            ]
            lines += problem_lines("Of a run that was cut short", outcome.recovered)
            lines += problem_lines("Not put back", outcome.failed)
            for line in lines:
                click.echo(line)
    return ExitCode.INCOMPLETE if outcome.failed else ExitCode.DONE


def _take_back(
    vault: Vault, named: str, only: Sequence[bytes], outcome: RunOutcome, shown: Progress
) -> None:
    """Take a run back into ``outcome``, which is true also after Ctrl-C; have the index follow."""
    with ExitStack() as stack:
        chosen, index = _chosen(vault, named, only)
        outcome.run = chosen.name
        notes, roots = None, []
        if index is not None:
            stack.callback(index.close)
            roots = live_roots_of(index, suspect=True)
            notes = _notes_if_any(stack, index)
        try:
            _undo_all(chosen, outcome, shown)
        finally:
            shown.close()
            if notes is not None:
                with translate_errors(vault):
                    log_run(notes, "undone", outcome, "undo", roots)
        paths = (path for step in outcome.done for path in (step.path, step.keep))
        folders = list(map(os.path.dirname, paths))
        if index is not None and only:
            folders = [_known_folder(index, folder) for folder in folders]
    if index is not None:
        render.print_warnings(rescan_changed(vault, roots, folders, shown))


def _interrupted(outcome: RunOutcome) -> tuple[str, str]:
    if not outcome.run:
        return "Interrupted: nothing was done.", ""
    message = f"Interrupted: of run {outcome.run}, {steps_done(outcome)} are back and stay so."
    again = f"To put back the rest: gorillacomb dedupe --undo {outcome.run}"
    return message, f"{again}   To set it aside again: dedupe --apply with its plan"


def _known_folder(index: Index, folder: bytes) -> bytes:
    """The folder, or the innermost one around it that the index knows: that one is to be listed.

    Others around a file that was put back alone may have been made for it.
    """
    while look_up_path(index, folder).folder is None and folder != b"/":
        folder = os.path.dirname(folder)
    return folder


def _notes_if_any(stack: ExitStack, index: Index) -> RunLog | None:
    """The trace; None where it cannot be written, which must not keep anybody from an undo."""
    try:
        return stack.enter_context(RunLog(index))
    except GorillaCombError as error:
        _say_unrecorded(error)
        return None


def _say_unrecorded(error: GorillaCombError) -> None:
    click.echo(f"gorillacomb: {render.printable(error.message)}", err=True)
    click.echo("The undo goes on, and will not stand in the trace.", err=True)


def _undo_all(chosen: ChosenRun, outcome: RunOutcome, shown: Progress) -> None:
    """Take back the parts of a run, one for each base, into one outcome."""
    for base in chosen.bases:
        shown.stage("Putting back", None, 0)
        try:
            runs.undo_runs_in_base(base, outcome, shown, only=chosen.only)
        except RefusedForSafety as refused:  # as another run holds the lock
            if len(chosen.bases) == 1:
                raise
            outcome.failed.append(StepProblem(base, refused.message))
        except OSError as error:
            outcome.failed.append(StepProblem(base, os_error_text(error)))


def _chosen(vault: Vault, named: str, only: Sequence[bytes]) -> tuple[ChosenRun, Index | None]:
    """The run to take back, and the vault's index if one knows of it."""
    if "/" in named or os.path.isdir(named):
        chosen = run_in_folder(named, only)
        return chosen, _index_about(vault, chosen.bases[0])
    require_index(vault)
    index = Index.write(vault)
    try:
        return run_by_name(index, named, only), index
    except BaseException:
        index.close()
        raise


def _index_about(vault: Vault, base: bytes) -> Index | None:
    """The index of a vault that knows a folder; None for another one, or where there is none."""
    if not vault.index.exists():
        return None
    try:
        index = Index.write(vault)
    except VaultError as error:
        _say_unrecorded(error)
        return None
    if any(is_below(base, root.path) for root in all_roots(index.connection)):
        return index
    index.close()
    return None
