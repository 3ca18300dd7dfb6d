"""`gorillacomb dedupe --undo`: taking a run back."""

from __future__ import annotations

import os
from contextlib import ExitStack

import click

from gorillacomb.cli.commands.dedupe.runs import (
    live_roots_of,
    log_run,
    outcome_object,
    problem_lines,
    require_index,
    rescan_changed,
)
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.dedupe.apply import runs
from gorillacomb.dedupe.model import RunOutcome, StepProblem
from gorillacomb.dedupe.quarantine.inventory import quarantined_runs
from gorillacomb.dedupe.quarantine.run import base_of_run, is_empty_run
from gorillacomb.errors import ExitCode, GorillaCombError, UsageError, VaultError
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import is_below
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.roots import all_roots
from gorillacomb.progress import Progress
from gorillacomb.stamping.run_log import RunLog
from gorillacomb.vault.vault import Vault


def undo(vault: Vault, named: str, progress: bool | None, as_json: bool) -> ExitCode:
    """Take a run back: the last one, one by its name, or one by its folder."""
    shown = progress_for(progress)
    with ExitStack() as stack:
        name, bases, index = _chosen(vault, named)
        outcome = RunOutcome(name)
        notes, roots = None, []
        if index is not None:
            stack.callback(index.close)
            roots = live_roots_of(index)
            notes = _notes_if_any(stack, index)
        try:
            _undo_all(bases, outcome, shown)
        finally:
            shown.close()
            if notes is not None:
                with translate_errors(vault):
                    log_run(notes, "undone", outcome, "undo", roots)
    if index is not None:
        paths = [path for step in outcome.done for path in (step.path, step.keep)]
        folders = [os.path.dirname(path) for path in paths]
        rescan_changed(vault, roots, folders, shown)
    with render.tolerate_closed_pipe():
        if as_json:
            render.print_json(outcome_object(outcome))
        else:
            files = sum(step.files for step in outcome.done)
            steps = render.format_count(len(outcome.done), "step")
            lines = [f"Put back: {render.format_count(files, 'file')} in {steps}"]
            lines += problem_lines("Of a run that was cut short", outcome.recovered)
            lines += problem_lines("Not put back", outcome.failed)
            for line in lines:
                click.echo(line)
    return ExitCode.INCOMPLETE if outcome.failed else ExitCode.DONE


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


def _undo_all(bases: list[bytes], outcome: RunOutcome, shown: Progress) -> None:
    """Take back the parts of a run, one for each base, into one outcome."""
    for base in bases:
        shown.stage("Putting back", None, 0)
        try:
            runs.undo_runs_in_base(base, outcome, shown)
        except OSError as error:
            outcome.failed.append(StepProblem(base, os_error_text(error)))


def _chosen(vault: Vault, named: str) -> tuple[str, list[bytes], Index | None]:
    """The run to take back, its bases, and the vault's index if one knows of them."""
    if "/" in named or os.path.isdir(named):
        folder = os.path.realpath(os.fsencode(named))
        try:
            base, name = base_of_run(folder)
        except ValueError as error:
            raise UsageError(
                f"{render.printable_path(folder)} cannot be taken back: {error}.",
                "Name a folder .gorillacomb/quarantine/RUN.",
            ) from error
        if is_empty_run(base, name):
            raise UsageError(
                f"Nothing waits in {render.printable_path(folder)}.",
                "Its run was cut short before it set anything aside there.",
            )
        return name, [base], _index_about(vault, base)
    require_index(vault)
    index = Index.write(vault)
    try:
        known = list(quarantined_runs(live_roots_of(index)))
        names = {each.run for each in known}
        if named and named not in names:
            raise UsageError(
                f"There is no run {named!r} of which something could be taken back.",
                "`gorillacomb dedupe --history` names the runs.",
            )
        if not names:
            raise UsageError("Nothing waits in a quarantine that could be put back.")
        name = named or max(names)
        return name, [each.base for each in known if each.run == name], index
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
