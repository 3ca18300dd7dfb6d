"""`gorillacomb dedupe --apply`: carrying a plan out, or saying what that would do."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from gorillacomb.cli.commands.dedupe.runs import (
    bring_up_to_date,
    cut_short,
    live,
    outcome_object,
    record,
    refuse_no_index,
    trouble_lines,
    trouble_object,
    witness,
)
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.dedupe.apply import runs
from gorillacomb.dedupe.model import DedupeAction, Plan, RunOutcome
from gorillacomb.dedupe.plan.serialize import read_plan
from gorillacomb.dedupe.safety.environment import guard_for
from gorillacomb.errors import RefusedForSafety
from gorillacomb.index.database import Index, explaining
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
) -> int:
    """Carry a plan out, or say what that would do."""
    plan = read_plan(file)
    shown = progress_for(progress)
    if dry_run:
        with Index.read(vault) as index, explaining(vault):
            return _rehearse(index, plan, shown, as_json)
    refuse_no_index(vault)
    if plan.options.action is DedupeAction.DELETE:
        _confirm_delete(plan, yes_delete)
    with (
        explaining(vault),
        cut_short(),
        Index.write(vault) as index,
        RunLog(index) as notes,
    ):
        roots = live(index)
        guard = guard_for(index, plan.options, load_settings())
        outcome = runs.execute(
            plan,
            roots,
            guard,
            witness(shown),
            shown,
            lambda ended: record(
                notes, "applied", ended, str(plan.options.action), roots, plan.uid
            ),
        )
    shown.close()
    # What stays is looked at too: a hard link made it one with what went.
    folders = [os.path.dirname(path) for step in outcome.done for path in (step.path, step.keep)]
    bring_up_to_date(vault, roots, folders, shown)
    with render.reader_may_leave():
        if as_json:
            render.print_json(outcome_object(outcome))
        else:
            for line in _applied_story(plan, outcome, len(plan.steps)):
                click.echo(line)
    if outcome.failed or (outcome.skipped and outcome.done):
        return 3
    return 5 if outcome.skipped else 0


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


def _rehearse(index: Index, plan: Plan, shown: Progress, as_json: bool) -> int:
    guard = guard_for(index, plan.options, load_settings())
    done, skipped = [], []
    for step, trouble in runs.rehearse(plan, live(index), guard, witness(shown), shown):
        if trouble is None:
            done.append(step)
        else:
            skipped.append(trouble)
    shown.close()
    size = sum(step.size for step in done)
    with render.reader_may_leave():
        if as_json:
            aside = plan.options.action not in (DedupeAction.DELETE, DedupeAction.REFLINK)
            render.print_json(
                {
                    "run": None,
                    "done": len(done),
                    "bytes_set_aside": size if aside else 0,
                    "bytes_freed": 0 if aside else size,
                    "steps": [{"id": step.id, **render.path_object(step.path)} for step in done],
                    "skipped": list(map(trouble_object, skipped)),
                    "failed": [],
                }
            )
        else:
            for step in done:
                what = f"{plan.options.action} {step.kind}"
                click.echo(f"{what} {render.path_text(step.path)}")
            files = sum(step.files for step in done)
            many = render.count(files, "file")
            click.echo(
                f"Would be done: {render.count(len(done), 'step')}, {many}, {render.size(size)}"
            )
            for line in trouble_lines("Would be skipped", skipped):
                click.echo(line)
    return 5 if skipped and not done else 3 if skipped else 0


def _applied_story(plan: Plan, outcome: RunOutcome, steps: int) -> Iterator[str]:
    files = sum(step.files for step in outcome.done)
    yield from trouble_lines("Of a run that was cut short", outcome.recovered)
    if outcome.before:
        yield f"Done before: {render.count(outcome.before, 'step')}"
    many = f"{render.count(files, 'file')} in {len(outcome.done):,} of {steps:,} steps"
    if outcome.bytes_set_aside or not outcome.bytes_freed:
        yield f"Set aside: {many}, {render.size(outcome.bytes_set_aside)} on disk"
    if outcome.bytes_freed:
        yield f"Freed: {render.size(outcome.bytes_freed)}" + (
            "" if outcome.bytes_set_aside else f", {many}"
        )
    yield from trouble_lines("Skipped", outcome.skipped)
    yield from trouble_lines("Failed", outcome.failed)
    if outcome.done and plan.options.action not in (DedupeAction.DELETE, DedupeAction.REFLINK):
        yield f"To take it back:  gorillacomb dedupe --undo {outcome.run}"
        yield f"To free the space: gorillacomb dedupe --empty-quarantine {outcome.run}"
