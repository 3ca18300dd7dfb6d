"""`gorillacomb dedupe --apply`: apply a plan, or show what applying it would do."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import click

from gorillacomb.api.dedupe.answered_plan import AnsweredPlan, read_answered_plan
from gorillacomb.api.dedupe.apply import DryRunResult, RunResult, apply_plan, dry_run
from gorillacomb.api.dedupe.collapse import collapsed_trees
from gorillacomb.api.dedupe.expected import Expected
from gorillacomb.api.dedupe.pairs import pairs_of_plan
from gorillacomb.api.dedupe.plan import DedupeAction, DedupePlan, PlanStep
from gorillacomb.api.next_step.dedupe import after_apply, after_dry_run
from gorillacomb.api.vault import Vault
from gorillacomb.api.words.actions import DONE, PLANNED, Verb
from gorillacomb.cli.commands.dedupe.runs import answers_text, problem_lines
from gorillacomb.cli.options import take_terminal_after
from gorillacomb.cli.output import render
from gorillacomb.cli.output.collapsed_trees import sum_of_proofs_lines, tree_lines
from gorillacomb.cli.output.folder_pairs import pairs_lines
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode, RefusedForSafety

_PAIRS_SHOWN = 8


def apply(
    vault: Vault,
    file: Path,
    expected: Expected,
    only_say: bool,
    yes_delete: int | None,
    untested_macos: bool,
    single: bool,
    progress: bool | None,
    as_json: bool,
) -> ExitCode:
    """Apply a plan, or show what applying it would do."""
    answered, shown = read_answered_plan(file), progress_for(progress)
    plan = answered.plan
    expected.check_plan(plan)
    told = list(_answers_lines(answered, as_json))
    for line in told if as_json else ():
        click.echo(line, err=True)
    result: DryRunResult | RunResult
    if only_say:
        result = dry_run(vault, plan, progress=shown)
        lines = _dry_run_story(plan, result, file, single, vault)
    else:
        if plan.action is DedupeAction.DELETE:
            take_terminal_after(file)
        asked = _is_number_typed if sys.stdin.isatty() else None
        result = apply_plan(
            vault,
            plan,
            confirm=asked if yes_delete is None else yes_delete,
            untested_macos=untested_macos,
            progress=shown,
        )
        render.print_warnings(result.warnings)
        lines = _applied_story(plan, result, single, vault)
    render.print_result(result, chain(told, lines), as_json)
    return ExitCode.DONE if result.is_complete else ExitCode.INCOMPLETE


def _answers_lines(answered: AnsweredPlan, as_json: bool) -> Iterator[str]:
    """Say what the answers of a review decided; or that there are none, lest they were lost."""
    if answered.counts is None:
        may_be_reviewed = not (as_json or answered.plan.is_of_empty_folders)
        if answered.answers is not None and may_be_reviewed:
            name = render.printable(answered.answers.name)
            text = f"No answers of a review in {name}: this is the whole plan."
            yield from render.wrapped_paragraph(text, "")
        return
    yield f"By the answers in {answered.answers}: {answers_text(answered.counts)}."
    if answered.torn:
        yield "The last answer was not written to its end, and does not count."
    yield from problem_lines("These answers do not count", answered.stale, rest="")


def _is_number_typed(plan: DedupePlan) -> bool:
    """Ask the user to type the number of files, which shows that they read it."""
    question = f"This deletes {plan.files:,} files. Type that number to continue"
    typed = click.prompt(question, err=True)
    if typed.replace(",", "").strip() != str(plan.files):
        raise RefusedForSafety("That is not the number of files: nothing was done.")
    return True


def _dry_run_story(
    plan: DedupePlan, result: DryRunResult, file: Path, single: bool, vault: Vault
) -> Iterator[str]:
    if single or plan.is_of_empty_folders:
        yield from _single_lines(plan, result)
    else:
        yield from _by_place(plan, result.done, PLANNED[plan.action], None)
    steps = render.format_count(len(result.done), "step")
    files = render.format_count(result.files, "file")
    yield f"Would be done: {steps}, {files}, {render.format_size(result.size)}"
    yield from problem_lines("Would be skipped", result.skipped)
    yield from render.next_lines(after_dry_run(result, file), vault)


def _by_place(
    plan: DedupePlan, steps: Sequence[PlanStep], verb: Verb, most: int | None
) -> Iterator[str]:
    """Describe steps by the trees whose copies leave, or else by pairs of folders."""
    if plan.is_collapse:
        trees = collapsed_trees(steps, plan.contents.copies)
        yield from tree_lines(trees, verb, is_all=False)
    else:
        yield from pairs_lines(pairs_of_plan(plan, steps), verb, most)


def _single_lines(plan: DedupePlan, result: DryRunResult | RunResult) -> Iterator[str]:
    for step in result.done:
        kind = "empty folder" if step.kind == "empty" else step.kind
        yield f"{plan.action} {kind} {render.printable_path(step.path)}"


def _applied_story(
    plan: DedupePlan, result: RunResult, single: bool, vault: Vault
) -> Iterator[str]:
    yield from problem_lines("From an interrupted run", result.recovered)
    if result.done_before:
        yield f"Already done: {render.format_count(result.done_before, 'step')}"
    files, steps = render.format_count(result.files, "file"), len(plan.steps)
    many = f"{files} in {len(result.done) - result.empty_folder_steps:,} of {steps:,} steps"
    empty = result.empty_folder_steps
    if empty:
        yield f"Quarantined: {render.format_count(empty, 'empty folder')}"
    if result.bytes_set_aside or not (result.bytes_freed or empty):
        yield f"Quarantined: {many}, {render.format_size(result.bytes_set_aside)} on disk"
    if result.bytes_freed:
        yield f"Freed: {render.format_size(result.bytes_freed)}" + (
            "" if result.bytes_set_aside else f", {many}"
        )
    if single or plan.is_of_empty_folders:
        yield from _single_lines(plan, result) if single else ()
    else:
        yield from _by_place(plan, result.done, DONE[plan.action], _PAIRS_SHOWN)
    if result.copied:
        files = render.format_count(sum(each.files for each in result.copied), "file")
        size = render.format_size(sum(each.size for each in result.copied))
        yield f"Copied to shelves and kept trees: {files}, {size}"
    yield from sum_of_proofs_lines(result.proofs)
    for cause in result.unknown:
        yield f"It is unknown how much space was freed by files that were {cause}."
    if result.emptied_folders:
        many = render.format_count(result.emptied_folders, "folder")
        yield f"Quarantined with them: {many} that contained nothing else"
    yield from problem_lines("Folders that are empty now and were left in place", result.left_empty)
    if result.unknown_use_files:
        files = render.format_count(result.unknown_use_files, "file")
        yield f"For {files}, it is unknown whether a program has them open for writing."
    yield from problem_lines("Skipped", result.skipped)
    yield from problem_lines("Failed", result.failed)
    yield from render.next_lines(after_apply(result, plan.action.frees_at_once), vault)
