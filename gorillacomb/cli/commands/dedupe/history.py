"""`gorillacomb dedupe --history`: every run, and why some of its items were not done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import click

from gorillacomb.api.dedupe.history import (
    ItemState,
    RunDetails,
    RunEvent,
    RunItem,
    read_history,
    read_run_details,
)
from gorillacomb.api.dedupe.pairs import pairs_of_items
from gorillacomb.api.dedupe.plan import DedupeAction
from gorillacomb.api.next_step.dedupe import after_history, after_run_details
from gorillacomb.api.vault import Vault
from gorillacomb.api.words.actions import Verb
from gorillacomb.cli.commands.dedupe.runs import problem_lines
from gorillacomb.cli.output import render
from gorillacomb.cli.output.collapsed_trees import proof_lines
from gorillacomb.cli.output.folder_pairs import pairs_lines
from gorillacomb.errors import ExitCode

_WORDS = {
    "applied": "quarantined",
    "repaired": "repaired",
    "dropped": "kept",
    "undone": "put back",
    "purged": "deleted",
}
_STATES = {
    ItemState.WAITING: Verb("is in quarantine", "are in quarantine"),
    ItemState.PUT_BACK: Verb("was put back", "were put back"),
    ItemState.PURGED: Verb("was deleted", "were deleted"),
}
"""What became of most items; the others are shown one by one."""


def history(vault: Vault, named: str | None, single: bool, as_json: bool) -> ExitCode:
    """Show every run, the latest first, or everything known about one run."""
    if named is not None:
        _show_run(read_run_details(vault, named), single, as_json, vault)
        return ExitCode.DONE
    known = read_history(vault)
    render.print_warnings(known.warnings)
    with render.tolerate_closed_pipe():
        if as_json:
            render.print_json(known.to_dict())
        elif not known.events:
            click.echo("No plan has been applied yet.")
        for event in () if as_json else known.events:
            for line in _event_lines(event):
                click.echo(line)
        waiting = next((event.run for event in known.events if event.is_waiting), None)
        for line in () if as_json else render.next_lines(after_history(waiting), vault):
            click.echo(line)
    return ExitCode.DONE


def _show_run(run: RunDetails, single: bool, as_json: bool, vault: Vault) -> None:
    render.print_warnings(run.warnings)
    with render.tolerate_closed_pipe():
        if as_json:
            render.print_json_with_list(run.head(), "items", run.item_documents())
            return
        for event in reversed(run.events):
            for line in _event_lines(event):
                click.echo(line)
        moves_nothing = run.action == DedupeAction.REFLINK
        for line in () if moves_nothing else _run_lines(run, single, vault):
            click.echo(line)


def _event_lines(event: RunEvent) -> Iterator[str]:
    word = _WORDS[event.event]
    frees_at_once = event.action in (DedupeAction.REFLINK, DedupeAction.DELETE)
    if frees_at_once and event.event == "applied":
        word = "freed"
    size = render.format_size(event.bytes_set_aside or event.bytes_freed)
    shown = "" if event.event in ("undone", "dropped") else f", {size}"
    if event.seq is None:
        shown += "  (not in the trace: interrupted, or from another vault)"
    files = render.format_count(event.files, "file")
    yield f"{render.format_time(event.time_ns)}  {event.run}  {word} {files}{shown}"
    if event.is_waiting:
        files = render.format_count(event.waiting_files, "file")
        if event.waiting_files > event.files:
            files += " (with system files such as .DS_Store)"
        yield f"  still in quarantine: {files}, {render.format_size(event.waiting_bytes)}"
    for name, problems, total in (
        ("skipped", event.skipped, event.skipped_count),
        ("failed", event.failed, event.failed_count),
    ):
        yield from ("  " + line for line in problem_lines(name, problems[:3], total))
        if total > 3:
            yield f"    and {total - 3:,} more"


def _run_lines(run: RunDetails, single: bool, vault: Vault) -> Iterator[str]:
    """Describe the items of a run as text, one by one or by pair of folders."""
    waits = False
    for quarantine in run.quarantines:
        yield f"Quarantine {render.printable_path(quarantine)}"
        items = list(run.items(quarantine))
        waits |= any(item.state is ItemState.WAITING for item in items)
        yield from _items_lines(items) if single else _pair_lines(items)
    yield from proof_lines(run.proofs)
    if not run.quarantines:
        yield "Its items are not known here: no connected drive has a quarantine of it."
    yield from render.next_lines(after_run_details(run.id, waits), vault)


def _pair_lines(items: Sequence[RunItem]) -> Iterator[str]:
    """Describe items by pair of folders, and one by one those with something else to say."""
    usual = [item for item in items if item.state in _STATES and not _is_special(item)]
    for state, verb in _STATES.items():
        same = [item for item in usual if item.state is state]
        if same:
            yield from pairs_lines(pairs_of_items(same), verb)
    yield from _items_lines([item for item in items if item not in usual])


def _is_special(item: RunItem) -> bool:
    return item.is_part or item.cause is not None or not item.keep


def _items_lines(items: Iterable[RunItem]) -> Iterator[str]:
    """Describe items one by one."""
    for item in items:
        yield from item_lines(item)


def item_lines(item: RunItem) -> Iterator[str]:
    """Describe one item of a run as text."""
    width = render.terminal_width()
    when = "" if item.ended_ns is None else f" {render.format_time(item.ended_ns)}"
    yield f"  {render.path_from_here(item.path, width and width - 2)}"
    yield f"    {item.state}{when}" + ("" if item.cause is None else f": {item.cause}")
    if item.state is ItemState.WAITING:
        yield f"    in {render.path_from_here(item.aside, width and width - 7)}"
    if item.keep and not item.kept_in:
        note = render.object_note(item.kept_object)
        room = width and width - 17 - len(note)
        yield f"    kept for it: {render.path_from_here(item.keep, room)}{note}"
    for place in item.kept_in:
        label = f"    kept for it: {render.format_count(place.files, 'file')} in "
        yield label + render.path_from_here(place.path, width and width - len(label))
