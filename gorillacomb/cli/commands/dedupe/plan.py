"""Make a dedupe plan and show what it contains."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import click

from gorillacomb.api.dedupe.pairs import pairs_of_plan
from gorillacomb.api.dedupe.plan import (
    DedupeAction,
    DedupePlan,
    FreeGoal,
    PlanKeywords,
    SafetyRule,
    SkippedCopy,
    make_plan,
)
from gorillacomb.api.next_step.dedupe import after_plan
from gorillacomb.api.paths import join
from gorillacomb.api.vault import Vault
from gorillacomb.api.words.actions import PLANNED
from gorillacomb.api.words.left_alone import reason
from gorillacomb.cli.html_file import write_page
from gorillacomb.cli.output import render
from gorillacomb.cli.output.collapsed_trees import space_lines, tree_lines
from gorillacomb.cli.output.empty_folders import left_lines, removable_lines
from gorillacomb.cli.output.folder_pairs import pairs_lines, step_lines
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode

_SHOWN = 8
_LEFT_SHOWN = 6


def plan(
    vault: Vault,
    wanted: PlanKeywords,
    typed: tuple[str | bytes, ...],
    planning: bool,
    files: tuple[Path | None, bytes | None],
    untested_macos: bool,
    verbose: bool,
    single: bool,
    progress: bool | None,
    as_json: bool,
) -> ExitCode:
    """Make a plan, then write it or show what it contains.

    ``typed`` are the options that say what it may contain, as they were typed; ``files`` are those
    to write it to, as a plan and as a page.
    """
    output, html_file = files
    planning = planning or output is not None
    gc.disable()  # what is known of 100,000s of files stays: looking for cycles takes time
    made = make_plan(
        vault, untested_macos=untested_macos, progress=progress_for(progress), **wanted
    )
    render.print_warnings(made.warnings)
    write_page(html_file, lambda pages: pages.plan_file(made))
    if as_json and not planning:
        with render.tolerate_closed_pipe():
            render.print_json(made.to_dict())
        return ExitCode.DONE
    to_stdout = output is not None and str(output) == "-"
    to_file = output is not None and not to_stdout
    if planning and not to_file and (to_stdout or as_json or not sys.stdout.isatty()):
        with render.tolerate_closed_pipe():
            render.write_bytes(b"".join(made.lines()))
        return ExitCode.DONE
    if output is not None and not to_stdout:
        made.save(output)
        if as_json:
            render.print_json(made.saved_document())
            return ExitCode.DONE
    with render.tolerate_closed_pipe():
        for line in _summary_lines(made, verbose, single):
            click.echo(line)
        for line in _ending(made, output):
            click.echo(line)
        written = output if to_file else None
        for line in render.next_lines(after_plan(made, written, typed), vault):
            click.echo(line)
    return ExitCode.DONE


def _summary_lines(made: DedupePlan, verbose: bool, single: bool) -> Iterator[str]:
    """Describe as text what a plan contains; ``verbose`` leaves out nothing."""
    if made.is_of_empty_folders:
        yield from _empty_folder_lines(made, verbose)
        return
    if not made.steps:
        yield render.styled("Nothing", bold=True) + " can be removed."
    else:
        yield from _totals(made)
        if made.is_collapse and not single:
            yield from tree_lines(made.trees, PLANNED[made.action], verbose)
            yield from space_lines(made.space_needed())
        else:
            yield from _steps_by_kind(made, verbose) if single else _steps_by_pair(made, verbose)
    if made.free is not None:
        yield from render.wrapped_paragraph(_free_text(made.free, made.action), "")
    for cause in made.contents.unknown:
        yield f"It is unknown how much space is freed by files that are {cause}."
    for note in made.contents.notes:
        yield from render.wrapped_paragraph(f"Note: {note}", "")
    yield from _left_lines(made.left_alone, verbose)


def _steps_by_pair(made: DedupePlan, verbose: bool) -> Iterator[str]:
    pairs = pairs_of_plan(made)
    most = None if verbose else _SHOWN
    many = render.format_count(len(pairs), "pair")
    yield f"By folder, in {many}" + (", the largest first:" if len(pairs) > 1 else ":")
    yield from pairs_lines(pairs, PLANNED[made.action], most)


def _steps_by_kind(made: DedupePlan, verbose: bool) -> Iterator[str]:
    yield from _copy_lines(made, verbose)
    titles = {"folder": "Whole folders", "file": "Single files", "empty": "Empty folders"}
    for kind, title in titles.items():
        steps = [step for step in made.steps if step.kind == kind]
        if steps:
            total = sum(step.size for step in steps)
            yield f"{title}: {len(steps):,}, {render.format_size(total)}"
            for step in steps if verbose else steps[:_SHOWN]:
                yield from step_lines(step)
            if len(steps) > _SHOWN and not verbose:
                rest = sum(step.size for step in steps[_SHOWN:])
                yield f"  and {len(steps) - _SHOWN:,} more, {render.format_size(rest)}"


def _copy_lines(made: DedupePlan, verbose: bool) -> Iterator[str]:
    """Name what is copied before anything leaves."""
    copies = made.contents.copies
    if not copies:
        return
    files = render.format_count(sum(each.files for each in copies), "file")
    yield f"Copied first: {files}, {render.format_size(sum(each.size for each in copies))}"
    names = [
        (join(each.source, item), join(each.target, item), why)
        for each in copies
        for item, why in zip_longest(each.items or (b"",), each.not_brought)
    ]
    width = render.terminal_width()
    for source, target, why in names if verbose else names[:_SHOWN]:
        yield "  " + render.path_from_here(source, width and width - 2)
        yield "        to: " + render.path_from_here(target, width and width - 12)
        if why is not None:
            text = f"not brought: it {why.cause}"
            yield from render.wrapped_paragraph(text, "        ")
    if len(names) > _SHOWN and not verbose:
        yield f"  and {len(names) - _SHOWN:,} more; --verbose names them all"


def _empty_folder_lines(made: DedupePlan, verbose: bool) -> Iterator[str]:
    """Describe a plan that removes empty folders, and nothing else."""
    count = sum(step.folders for step in made.steps)
    folders = render.styled(render.format_count(count, "empty folder"), bold=True)
    steps = render.format_count(len(made.steps), "step")
    yield f"{folders} would be quarantined, in {steps}" if count else "Nothing can be removed."
    yield from removable_lines([(step.path, step.folders) for step in made.steps], verbose)
    yield from left_lines([(each.path, each.cause) for each in made.left_alone], verbose)


def _totals(made: DedupePlan) -> Iterator[str]:
    files = sum(step.files for step in made.steps)
    what = {
        DedupeAction.QUARANTINE: "quarantined",
        DedupeAction.HARDLINK: "quarantined and replaced by hard links",
        DedupeAction.SYMLINK: "quarantined and replaced by symbolic links",
        DedupeAction.REFLINK: "made to share blocks",
        DedupeAction.DELETE: "deleted",
    }[made.action]
    size = sum(step.size for step in made.steps)
    least = "at least " if made.contents.unknown else ""
    yield render.styled(
        f"{render.format_count(files, 'file')}, {least}{render.format_size(size)}", bold=True
    ) + (f" on disk would be {what}, in {render.format_count(len(made.steps), 'step')}")


def _free_text(goal: FreeGoal, action: DedupeAction) -> str:
    """Say whether the steps free what was wanted, and what is omitted."""
    when = "" if action.frees_at_once else " once the quarantine is emptied"
    wanted, freed = render.format_size(goal.wanted), render.format_size(goal.freed)
    if not goal.is_reached:
        return f"To free {wanted} is not possible: these steps free at least {freed}{when}."
    text = f"To free {wanted}, these are the safest steps: they free at least {freed}{when}."
    if not goal.omitted_steps:
        return f"{text} No other steps are possible."
    steps = render.format_count(goal.omitted_steps, "other step")
    return f"{text} Omitted: {steps}, {render.format_size(goal.omitted_size)} on disk."


def _left_lines(left: Sequence[SkippedCopy], verbose: bool) -> Iterator[str]:
    """Say what is left alone: for each rule how much, then the largest places, or all of them."""
    if not left:
        return
    width = render.terminal_width()
    yield f"{render.styled('Left alone', bold=True)}, although there is a copy:"
    by_rule: dict[SafetyRule, list[SkippedCopy]] = {}
    for each in left:
        by_rule.setdefault(each.rule, []).append(each)
    for rule, places in sorted(by_rule.items(), key=lambda item: -sum(it.size for it in item[1])):
        where = render.format_count(len(places), "place")
        number = sum(each.files for each in places)
        if number:
            size = render.format_size(sum(each.size for each in places))
            where = f"{render.format_count(number, 'file')}, {size}, in {where}"
        text = f"{where}: {reason(rule)}"
        yield from render.wrapped_paragraph(text, "  ") if width else [f"  {text}"]
    yield "All of these places:" if verbose else "The largest of these places:"
    for each in left if verbose else left[:_LEFT_SHOWN]:
        label = f"  {render.format_size(each.size):>9}  "
        yield label + render.path_from_here(each.path, width and width - len(label))
        cause = f"{render.printable(each.cause)} ({each.rule})"
        if "`" in cause and width:  # a command, which is of no use if it is cut
            yield from render.wrapped_paragraph(cause, " " * 13)
        else:
            yield render.shorten_path(f"             {cause}", None if verbose else width)
    if len(left) > _LEFT_SHOWN and not verbose:
        yield f"  and {len(left) - _LEFT_SHOWN:,} more: gorillacomb dedupe --verbose names them all"


def _ending(made: DedupePlan, output: Path | None) -> Iterator[str]:
    if not made.steps:
        return
    if output is None:
        yield "Nothing was written or changed."
    else:
        yield f"Written to {output}. Nothing else was changed."
