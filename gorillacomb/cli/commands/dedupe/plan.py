"""Making a dedupe plan and showing what it holds."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click

from gorillacomb.api.lookup import folders_of
from gorillacomb.canonical.groups import GroupReader
from gorillacomb.cli.commands.dedupe.options import PlanRequest
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.dedupe.model import (
    DedupeAction,
    Plan,
    PlanOptions,
    PlanStep,
    SafetyRule,
    SkippedCopy,
)
from gorillacomb.dedupe.plan.planner import Planner
from gorillacomb.dedupe.plan.scope import PlanScope
from gorillacomb.dedupe.plan.serialize import plan_document, plan_header, plan_lines
from gorillacomb.dedupe.safety.environment import safety_policy_for
from gorillacomb.dedupe.safety.named_paths import NamedPaths
from gorillacomb.errors import ExitCode
from gorillacomb.fs.output_file import write_file
from gorillacomb.fs.volumes import is_online
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.model import Root
from gorillacomb.progress import Progress
from gorillacomb.vault.settings import Settings, load_settings
from gorillacomb.vault.vault import Vault

_SHOWN = 8
_LEFT_SHOWN = 6


def plan(
    vault: Vault,
    wishes: PlanRequest,
    planning: bool,
    output: Path | None,
    progress: bool | None,
    as_json: bool,
) -> ExitCode:
    """Make a plan; write it, or show what it holds."""
    settings, options, scope = load_settings(), wishes.options, wishes.scope
    shown = progress_for(progress)
    with Index.read(vault) as index, translate_errors(vault):
        named = NamedPaths(index)
        settings = replace(
            settings,
            prefer=(
                *named.patterns(settings.prefer, "prefer in config.toml"),
                *named.patterns(wishes.prefer, "--prefer"),
            ),
            protect=named.patterns(settings.protect, "protect in config.toml"),
        )
        options = replace(
            options,
            protect=(*settings.protect, *named.patterns(options.protect, "--protect")),
            retire=named.folders(options.retire, "--retire"),
            not_a_project=named.folders(options.not_a_project, "--not-a-project"),
        )
        scope = replace(scope, within=named.folders(scope.within, "--within"))
        render.print_warnings(named.warnings)
        try:
            made = _made(index, options, scope, settings, shown)
        finally:
            shown.close()
    if as_json and not planning:
        with render.tolerate_closed_pipe():
            render.print_json(
                {
                    **plan_header(made),
                    "step_list": [plan_document(s) for s in made.steps],
                    "warnings": named.warnings,
                }
            )
        return ExitCode.DONE
    to_stdout = output is not None and str(output) == "-"
    to_file = output is not None and not to_stdout
    if planning and not to_file and (to_stdout or as_json or not sys.stdout.isatty()):
        with render.tolerate_closed_pipe():
            render.write_bytes(b"".join(plan_lines(made)))
        return ExitCode.DONE
    if output is not None and not to_stdout:
        write_plan(made, output)
        if as_json:
            render.print_json({**plan_header(made), "warnings": named.warnings})
            return ExitCode.DONE
    with render.tolerate_closed_pipe():
        for line in plan_summary_lines(made):
            click.echo(line)
        for line in _next(made, output):
            click.echo(line)
    return ExitCode.DONE


def _made(
    index: Index, options: PlanOptions, scope: PlanScope, settings: Settings, progress: Progress
) -> Plan:
    online: dict[int, bool] = {}

    def is_there(root: Root) -> bool:
        if root.id not in online:
            online[root.id] = is_online(root)
        return online[root.id]

    groups = GroupReader(index, is_there, settings.preferred, settings.machine_names)
    folders = folders_of(index, settings=settings)
    guard = safety_policy_for(index, options, settings)
    planner = Planner(folders, groups, guard, scope, online, progress)
    return planner.plan(time.time_ns())


def write_plan(made: Plan, output: Path) -> None:
    """Write a plan, whole, to a file that is not there yet. Raises Refused, UsageFault."""
    write_file(os.fsencode(output), b"".join(plan_lines(made)))


def plan_summary_lines(made: Plan) -> Iterator[str]:
    """What a plan holds, for people."""
    if not made.steps:
        yield render.styled("Nothing", bold=True) + " may go by this plan."
    else:
        yield from _totals(made)
        for kind, title in (("folder", "Whole folders"), ("file", "Single files")):
            steps = [step for step in made.steps if step.kind == kind]
            if steps:
                total = sum(step.size for step in steps)
                yield f"{title}: {len(steps):,}, {render.format_size(total)}"
                for step in steps[:_SHOWN]:
                    yield from step_lines(step)
                if len(steps) > _SHOWN:
                    rest = sum(step.size for step in steps[_SHOWN:])
                    yield f"  and {len(steps) - _SHOWN:,} more, {render.format_size(rest)}"
    for cause in made.unknown:
        yield f"Unknown is what is freed of the files that are {cause}."
    for note in made.notes:
        yield from render.wrapped_paragraph(f"Note: {note}", "")
    yield from _left_lines(made.left_alone)


def _totals(made: Plan) -> Iterator[str]:
    files = sum(step.files for step in made.steps)
    what = {
        DedupeAction.QUARANTINE: "set aside",
        DedupeAction.HARDLINK: "replaced by hard links, and set aside",
        DedupeAction.SYMLINK: "replaced by symbolic links, and set aside",
        DedupeAction.REFLINK: "made to share blocks",
        DedupeAction.DELETE: "deleted",
    }[made.options.action]
    size = made.bytes_set_aside + made.bytes_freed
    least = "at least " if made.unknown else ""
    yield render.styled(
        f"{render.format_count(files, 'file')}, {least}{render.format_size(size)}", bold=True
    ) + (f" on disk would be {what}, in {render.format_count(len(made.steps), 'step')}")


def step_lines(step: PlanStep) -> Iterator[str]:
    """A step in lines: what goes, what goes with it, what stays."""
    width = render.terminal_width()
    label = f"  {render.format_size(step.size):>9}  "
    yield label + render.path_from_here(step.path, width and width - len(label))
    if step.sidecars:
        yield f"      with: {render.format_count(len(step.sidecars), 'more file')} beside it"
    yield "     stays: " + render.path_from_here(step.keep, width and width - 12)


def _left_lines(left: tuple[SkippedCopy, ...]) -> Iterator[str]:
    if not left:
        return
    width = render.terminal_width()
    rules = Counter(each.rule for each in left)
    yield f"Left alone: {', '.join(f'{number:,} {rule}' for rule, number in rules.most_common())}"
    for each in left[:_LEFT_SHOWN]:
        label = f"  {render.format_size(each.size):>9}  "
        yield label + render.path_from_here(each.path, width and width - len(label))
        yield render.shorten_path(f"             {render.printable(each.cause)}", width)
    if len(left) > _LEFT_SHOWN:
        yield f"  and {len(left) - _LEFT_SHOWN:,} more; the plan's first line names them all"


def _next(made: Plan, output: Path | None) -> Iterator[str]:
    drifted = next((each for each in made.left_alone if each.rule is SafetyRule.UNIQUE), None)
    if drifted is not None and not made.options.retire:
        path = render.path_from_here(drifted.path, None)
        yield from render.wrapped_paragraph(
            f"To take the duplicates out of a copy that has files of its own: --retire '{path}'", ""
        )
    if not made.steps:
        return
    if output is None:
        yield "Nothing was written or changed. To keep the plan: the same with --plan -o FILE"
    else:
        yield f"Written to {output}. Nothing else was changed. Next, one of these:"
        yield f"  gorillacomb dedupe --review {output}   go through it first; writes another plan"
        yield f"  gorillacomb dedupe --apply {output}    carry it out as it is"
