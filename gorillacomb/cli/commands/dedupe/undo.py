"""`gorillacomb dedupe --undo`: take back a run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from gorillacomb.api.dedupe.runs import BlockedItem, RunRemainder
from gorillacomb.api.dedupe.undo import RunResult, undo_run
from gorillacomb.api.next_step.dedupe import after_undo
from gorillacomb.api.next_step.step import shell_word
from gorillacomb.api.vault import Vault
from gorillacomb.cli.commands.dedupe.runs import problem_lines
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode

_BLOCKED = 5
"""Items with something in the way that are shown."""


def undo(
    vault: Vault, named: str | None, only: Sequence[bytes], progress: bool | None, as_json: bool
) -> ExitCode:
    """Take back a run, or ``only`` some of its paths: the last run, or one by its id or folder."""
    result = undo_run(vault, named, only=only, progress=progress_for(progress))
    render.print_warnings(result.warnings)
    render.print_result(result, _story(result, named, vault), as_json)
    return ExitCode.DONE if result.is_complete else ExitCode.INCOMPLETE


def _story(result: RunResult, named: str | None, vault: Vault) -> Iterator[str]:
    files = render.format_count(result.files, "file")
    emptied = render.format_count(result.emptied_folders, "folder")
    empty = result.empty_folder_steps
    steps = len(result.done) - empty
    if empty:
        yield f"Put back: {render.format_count(empty, 'empty folder')}"
    if steps or not (empty or result.dropped):
        yield f"Put back: {files} in {render.format_count(steps, 'step')}" + (
            f", and {emptied} that contained nothing else" if result.emptied_folders else ""
        )
    if result.copied:
        files = render.format_count(sum(each.files for each in result.copied), "file")
        yield f"Removed again from shelves and kept trees: {files}"
    if result.dropped:
        files = render.format_count(len(result.dropped), "file")
        yield f"Removed again, as it was dropped: {files}"
    yield from problem_lines("From an interrupted run", result.recovered)
    left = result.left
    blocked = () if left is None else left.blocked
    paths = {each.path for each in blocked}
    others = [each for each in result.failed if each.path not in paths]
    yield from problem_lines("Not put back", others)
    yield from _blocked_lines(blocked)
    if left is not None and left.steps:
        yield _left_line(left)
    if result.other_runs:
        many = render.format_count(len(result.other_runs), "other run")
        yield f"{many} can still be undone, the last of them: {result.other_runs[0]}"
    yield from render.next_lines(after_undo(result, named), vault)


def _left_line(left: RunRemainder) -> str:
    files = render.format_count(left.files, "file")
    steps = render.format_count(left.steps, "step")
    return (
        f"Still in the quarantine of this run: {files} in {steps}, {render.format_size(left.bytes)}"
    )


def _blocked_lines(blocked: Sequence[BlockedItem]) -> Iterator[str]:
    """Say what is in the way, that nothing is lost, and how to make room."""
    if not blocked:
        return
    count = render.format_count(len(blocked), "item", "items")
    yield f"Not put back, because something else is there now: {count}"
    width = render.terminal_width()
    for each in blocked[:_BLOCKED]:
        yield f"  {render.path_from_here(each.path, width and width - 2)}"
        where = ""
        if each.in_the_way != each.path:
            where = f" {render.path_from_here(each.in_the_way, width and width - 48)}"
        size = f", {render.format_size(each.size)}" if each.kind == "file" else ""
        what = {"file": "a file", "folder": "a folder"}.get(each.kind, "something else")
        changed = render.format_time(each.mtime_ns)
        yield f"    there now: {what}{where}{size}, last changed {changed}"
        if each.quarantine is not None:
            room = width and width - 18
            yield f"    in quarantine: {render.path_from_here(each.quarantine, room)}"
    if len(blocked) > _BLOCKED:
        yield f"  and {len(blocked) - _BLOCKED:,} more; --json names them all"
    yield "Nothing is lost: what is there now is unchanged, and the rest is in the quarantine."
    yield "Move or rename what is there, for example:"
    for each in blocked[:_BLOCKED]:
        old, new = shell_word(each.in_the_way), shell_word(_free_name(each.in_the_way))
        yield f"  mv {old} {new}"
    yield "Then run the same undo once more."


def _free_name(path: bytes) -> bytes:
    names = (path + b".mine", *(b"%b.mine%d" % (path, number) for number in range(2, 100)))
    return next((name for name in names if not os.path.lexists(name)), path + b".NEW")
