"""`gorillacomb dedupe --apply`: carrying a plan out, or saying what that would do."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from gorillacomb.api.rescan import rescan_changed
from gorillacomb.cli.commands.dedupe.runs import (
    drive_errors_as_cut_short,
    interruption_told,
    log_run,
    outcome_object,
    problem_lines,
    problem_object,
    require_index,
    steps_done,
    tree_comparer,
)
from gorillacomb.cli.options import take_terminal_after
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.dedupe.apply import runs
from gorillacomb.dedupe.model import DedupeAction, Plan, RunOutcome
from gorillacomb.dedupe.plan.serialize import known_bytes, read_plan
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.dedupe.safety.environment import safety_policy_for
from gorillacomb.errors import ExitCode, RefusedForSafety
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.json_paths import path_to_json
from gorillacomb.progress import Progress
from gorillacomb.stamping.run_log import RunLog
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault


def apply(
    vault: Vault,
    file: Path,
    dry_run: bool,
    yes_delete: int | None,
    progress: bool | None,
    as_json: bool,
) -> ExitCode:
    """Carry a plan out, or say what that would do."""
    plan = read_plan(file)
    shown = progress_for(progress)
    if dry_run:
        with Index.read(vault) as index, translate_errors(vault):
            return _rehearse(index, plan, shown, as_json)
    require_index(vault)
    if plan.options.action is DedupeAction.DELETE:
        take_terminal_after(file)
        _confirm_delete(plan, yes_delete)
    begun: list[RunOutcome] = []
    with interruption_told(lambda: _interrupted(begun, plan, file)):
        outcome = _carry_out(vault, plan, begun, shown)
    with render.tolerate_closed_pipe():
        if as_json:
            render.print_json(outcome_object(outcome))
        else:
            for line in _applied_story(plan, outcome, len(plan.steps)):
                click.echo(line)
    if outcome.failed or outcome.skipped:
        return ExitCode.INCOMPLETE
    return ExitCode.DONE


def _carry_out(vault: Vault, plan: Plan, begun: list[RunOutcome], shown: Progress) -> RunOutcome:
    """Carry a plan out and have the index follow; ``begun`` gets the outcome also after Ctrl-C."""
    with (
        translate_errors(vault),
        drive_errors_as_cut_short(),
        Index.write(vault) as index,
        RunLog(index) as notes,
    ):
        roots = live_roots_of(index)
        guard = safety_policy_for(index, plan.options, load_settings())

        def ended(outcome: RunOutcome) -> None:
            begun.append(outcome)
            log_run(notes, "applied", outcome, str(plan.options.action), roots, plan.uid)

        outcome = runs.apply_plan(plan, roots, guard, tree_comparer(shown), shown, ended)
    shown.close()
    # What stays is looked at too: a hard link made it one with what went.
    folders = [os.path.dirname(path) for step in outcome.done for path in (step.path, step.keep)]
    taken = tuple(pair.path for step in outcome.done for pair in step.pairs)
    render.print_warnings(rescan_changed(vault, roots, folders, shown, taken))
    return outcome


def _interrupted(begun: list[RunOutcome], plan: Plan, file: Path) -> tuple[str, str]:
    again = f"To go on: gorillacomb dedupe --apply {file}"
    if not begun or not begun[0].done:
        return "Interrupted: nothing was done.", again
    [outcome] = begun
    message = (
        f"Interrupted: run {outcome.run} did {steps_done(outcome)}, of {len(plan.steps):,}; that"
        " is kept."
    )
    if plan.options.action.frees_at_once:
        return message, again
    return message, f"{again}   To take it back: gorillacomb dedupe --undo {outcome.run}"


def _confirm_delete(plan: Plan, yes_delete: int | None) -> None:
    """Have the number of files typed, which somebody who reads it knows."""
    files = sum(step.files for step in plan.steps)
    if yes_delete is not None:
        if yes_delete != files:
            raise RefusedForSafety(
                f"The plan deletes {files:,} files, not {yes_delete:,}.",
                f"If that is what you want: --yes-delete {files}",
            )
        return
    if not sys.stdin.isatty():
        raise RefusedForSafety(
            f"The plan deletes {files:,} files, and nobody is there to confirm it.",
            f"If that is what you want: --yes-delete {files}",
        )
    typed = click.prompt(f"This deletes {files:,} files. Type their number to go on", err=True)
    if typed.replace(",", "").strip() != str(files):
        raise RefusedForSafety("That is not the number of files: nothing was done.")


def _rehearse(index: Index, plan: Plan, shown: Progress, as_json: bool) -> ExitCode:
    guard = safety_policy_for(index, plan.options, load_settings())
    done, skipped = [], []
    for step, trouble in runs.dry_run(
        plan, live_roots_of(index), guard, tree_comparer(shown), shown
    ):
        if trouble is None:
            done.append(step)
        else:
            skipped.append(trouble)
    shown.close()
    size = sum(step.size for step in done)
    with render.tolerate_closed_pipe():
        if as_json:
            freed = plan.options.action.frees_at_once
            unknown = dict.fromkeys(cause for step in done for cause in step.unknown)
            render.print_json(
                {
                    "run": None,
                    "done": len(done),
                    "bytes_set_aside": 0 if freed else size,
                    **known_bytes("bytes_freed", size if freed else 0, unknown),
                    "steps": [{"id": step.id, **path_to_json(step.path)} for step in done],
                    "skipped": list(map(problem_object, skipped)),
                    "failed": [],
                }
            )
        else:
            for step in done:
                what = f"{plan.options.action} {step.kind}"
                click.echo(f"{what} {render.printable_path(step.path)}")
            files = sum(step.files for step in done)
            many = render.format_count(files, "file")
            click.echo(
                f"Would be done: {render.format_count(len(done), 'step')}, {many}, "
                f"{render.format_size(size)}"
            )
            for line in problem_lines("Would be skipped", skipped):
                click.echo(line)
    return ExitCode.INCOMPLETE if skipped else ExitCode.DONE


def _applied_story(plan: Plan, outcome: RunOutcome, steps: int) -> Iterator[str]:
    files = sum(step.files for step in outcome.done)
    yield from problem_lines("Of a run that was cut short", outcome.recovered)
    if outcome.before:
        yield f"Done before: {render.format_count(outcome.before, 'step')}"
    many = f"{render.format_count(files, 'file')} in {len(outcome.done):,} of {steps:,} steps"
    if outcome.bytes_set_aside or not outcome.bytes_freed:
        yield f"Set aside: {many}, {render.format_size(outcome.bytes_set_aside)} on disk"
    if outcome.bytes_freed:
        yield f"Freed: {render.format_size(outcome.bytes_freed)}" + (
            "" if outcome.bytes_set_aside else f", {many}"
        )
    for cause in outcome.unknown:
        yield f"Unknown is what was freed of the files that were {cause}."
    if outcome.folders:
        many = render.format_count(outcome.folders, "folder")
        yield f"Set aside with them: {many} that held nothing else"
    if outcome.emptied:
        many = render.format_count(outcome.emptied, "folder is", "folders are")
        yield f"{many} empty now, and left where nothing but copies stood."
    if outcome.unknown_use:
        yield (
            f"Of {render.format_count(outcome.unknown_use, 'file')} nobody can tell here whether a"
            " program has them open for writing."
        )
    yield from problem_lines("Skipped", outcome.skipped)
    yield from problem_lines("Failed", outcome.failed)
    if outcome.done and not plan.options.action.frees_at_once:
        yield f"To take it back:  gorillacomb dedupe --undo {outcome.run}"
        yield f"To free the space: gorillacomb dedupe --empty-quarantine {outcome.run}"
