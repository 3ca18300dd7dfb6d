"""`gorillacomb scrub --repair`: good copies take the place of damaged files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from gorillacomb.api.vault import Vault
from gorillacomb.api.watch.repair import RepairResult, repair_damage
from gorillacomb.cli.commands.dedupe.runs import problem_lines
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode


def run_repair(
    vault: Vault,
    paths: Sequence[bytes],
    suspects: bool,
    untested_macos: bool,
    progress: bool | None,
    as_json: bool,
) -> ExitCode:
    """Put good copies in the place of files that are damaged."""
    result = repair_damage(
        vault,
        paths,
        suspects=suspects,
        untested_macos=untested_macos,
        progress=progress_for(progress),
    )
    render.print_warnings(result.warnings)
    with render.tolerate_closed_pipe():
        if as_json:
            render.print_json(result.to_dict())
        else:
            for line in _story(result):
                click.echo(line)
    return ExitCode.DONE if result.is_complete else ExitCode.INCOMPLETE


def _story(result: RepairResult) -> Iterator[str]:
    run = result.run
    yield from problem_lines("Of a run that was cut short", run.recovered)
    yield f"Repaired: {render.format_count(len(run.done), 'file')}"
    for step in run.done:
        yield "  " + render.printable_path(step.path)
        yield "    from " + render.printable_path(step.keep)
    if run.done_before:
        yield f"Good by now: {render.format_count(run.done_before, 'file')}"
    yield from problem_lines("Not repaired", run.skipped)
    yield from problem_lines("Failed", run.failed)
    if result.suspects:
        able = [file for file in result.suspects if file.copies]
        many = render.format_count(len(result.suspects), "suspect")
        yield f"Left as it is: {many}, {len(able):,} with a good copy"
        if able:
            yield "  gorillacomb scrub --repair FILE         repairs one of them, as"
            yield f"    {render.printable_path(able[0].path)}"
            yield "  gorillacomb scrub --repair --suspects   repairs all of them"
    if run.done:
        yield f"What stood there waits in quarantine: {render.format_size(run.bytes_set_aside)}"
        yield f"  gorillacomb dedupe --undo {run.id}              takes it back"
        yield f"  gorillacomb dedupe --empty-quarantine {run.id}  deletes it"
