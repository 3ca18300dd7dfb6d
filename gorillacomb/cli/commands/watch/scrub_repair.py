"""`gorillacomb scrub --repair`: replace damaged files with good copies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gorillacomb.api.next_step.upkeep import after_repair
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
    """Replace damaged files with good copies."""
    result = repair_damage(
        vault,
        paths,
        suspects=suspects,
        untested_macos=untested_macos,
        progress=progress_for(progress),
    )
    render.print_warnings(result.warnings)
    render.print_result(result, _story(result, vault), as_json)
    return ExitCode.DONE if result.is_complete else ExitCode.INCOMPLETE


def _story(result: RepairResult, vault: Vault) -> Iterator[str]:
    run = result.run
    yield from problem_lines("From an interrupted run", run.recovered)
    yield f"Repaired: {render.format_count(len(run.done), 'file')}"
    for step in run.done:
        yield "  " + render.printable_path(step.path)
        yield "    from " + render.printable_path(step.keep)
    if run.done_before:
        yield f"Already good: {render.format_count(run.done_before, 'file')}"
    yield from problem_lines("Not repaired", run.skipped)
    yield from problem_lines("Failed", run.failed)
    if result.suspects:
        able = [file for file in result.suspects if file.copies]
        many = render.format_count(len(result.suspects), "suspect")
        yield f"Left as it is: {many}, {len(able):,} with a good copy"
    if run.done:
        yield f"The damaged files are in quarantine: {render.format_size(run.bytes_set_aside)}"
    yield from render.next_lines(after_repair(result), vault)
