"""`gorillacomb dedupe --undo`: take back a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gorillacomb.api.dedupe.undo import RunResult, undo_run
from gorillacomb.api.next_step.dedupe import after_undo
from gorillacomb.api.vault import Vault
from gorillacomb.cli.commands.dedupe.runs import problem_lines
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode


def undo(
    vault: Vault, named: str | None, only: Sequence[bytes], progress: bool | None, as_json: bool
) -> ExitCode:
    """Take back a run, or ``only`` some of its paths: the last run, or one by its id or folder."""
    result = undo_run(vault, named, only=only, progress=progress_for(progress))
    render.print_warnings(result.warnings)
    render.print_result(result, _story(result, vault), as_json)
    return ExitCode.DONE if result.is_complete else ExitCode.INCOMPLETE


def _story(result: RunResult, vault: Vault) -> Iterator[str]:
    files = render.format_count(result.files, "file")
    emptied = render.format_count(result.emptied_folders, "folder")
    yield f"Put back: {files} in {render.format_count(len(result.done), 'step')}" + (
        f", and {emptied} that contained nothing else" if result.emptied_folders else ""
    )
    yield from problem_lines("From an interrupted run", result.recovered)
    yield from problem_lines("Not put back", result.failed)
    yield from render.next_lines(after_undo(result), vault)
