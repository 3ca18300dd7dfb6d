"""`gorillacomb dedupe --empty-quarantine`: delete what is in the quarantine."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import click

from gorillacomb.api.dedupe.expected import Expected
from gorillacomb.api.dedupe.purge import (
    QuarantinedRun,
    RunResult,
    purge_quarantine,
    what_is_purged,
)
from gorillacomb.api.next_step.dedupe import after_purge
from gorillacomb.api.vault import Vault
from gorillacomb.cli.commands.dedupe.runs import problem_lines
from gorillacomb.cli.options import forget_typed_ahead
from gorillacomb.cli.output import render
from gorillacomb.cli.output.collapsed_trees import sum_of_proofs_lines
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode


def purge(
    vault: Vault,
    named: str | None,
    expected: Expected,
    older_than_ns: int,
    including_unique: int | None,
    yes: bool,
    untested_macos: bool,
    progress: bool | None,
    as_json: bool,
) -> ExitCode:
    """Delete quarantined items whose other copy still exists."""

    def is_agreed(chosen: Sequence[QuarantinedRun]) -> bool:
        expected.check_quarantine(chosen)
        return yes or _is_agreed(chosen)

    result = purge_quarantine(
        vault,
        named,
        confirm=is_agreed if yes or sys.stdin.isatty() else False,
        older_than_ns=older_than_ns,
        including_unique=including_unique,
        untested_macos=untested_macos,
        progress=progress_for(progress),
    )
    render.print_warnings(result.warnings)
    render.print_result(result, _story(result, vault), as_json)
    return ExitCode.DONE if result.is_complete else ExitCode.INCOMPLETE


def _is_agreed(chosen: Sequence[QuarantinedRun]) -> bool:
    forget_typed_ahead()
    return click.confirm(f"{what_is_purged(chosen)} for good. Continue?", err=True)


def _story(result: RunResult, vault: Vault) -> Iterator[str]:
    empty = result.empty_folder_steps
    if empty:
        yield f"Deleted: {render.format_count(empty, 'empty folder')}"
    if empty < len(result.done) or not empty:
        yield (
            f"Deleted: {render.format_count(result.files, 'file')}, "
            f"{'at least ' if result.unknown else ''}{render.format_size(result.bytes_freed)} freed"
        )
    yield from sum_of_proofs_lines(result.proofs)
    for cause in result.unknown:
        yield f"It is unknown how much space was freed by files that were {cause}."
    yield from problem_lines("From an interrupted run", result.recovered)
    yield from problem_lines("Kept in the quarantine", result.skipped)
    if result.unique_files:
        yield f"Kept nowhere else: {render.format_count(result.unique_files, 'file')} of those"
    yield from problem_lines("Not deleted", result.failed)
    yield from render.next_lines(after_purge(result), vault)
