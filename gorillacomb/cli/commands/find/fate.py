"""Show what became of a path that is no longer where it was."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from gorillacomb.api.find.fate import Departure, ItemState, PathFate, RunItem, undo_command
from gorillacomb.cli.output import render

_SHOWN = 10
_STATES = {
    ItemState.WAITING: "quarantined",
    ItemState.PUT_BACK: "quarantined, then put back",
    ItemState.PURGED: "quarantined, then deleted for good",
    ItemState.NOT_DONE: "was to be quarantined, but was not",
    ItemState.MISSING: "quarantined, but no longer in the quarantine",
}


def fate_lines(fate: PathFate) -> Iterator[str]:
    """Describe what became of a path."""
    yield from _item_lines(fate.items, fate.path)
    if fate.kept_for:
        yield "  it was the copy kept for these quarantined items:"
        yield from _item_lines(fate.kept_for, b"")
    if fate.left is not None:
        yield _departure_line(fate, fate.left)
    elif not fate.items and not fate.kept_for:
        yield "  no longer in the index; gorillacomb trace show PATH lists its entries"


def _item_lines(items: Sequence[RunItem], path: bytes) -> Iterator[str]:
    for item in items[-_SHOWN:]:
        when = render.format_time(item.set_aside_ns)
        if item.path != path:
            yield f"  {render.printable_path(item.path)}"
        yield f"  {_STATES[item.state]}: {when}, run {item.run}"
        if item.ended_ns is not None:
            yield f"    {item.state}: {render.format_time(item.ended_ns)}"
        if item.cause is not None:
            yield from render.wrapped_paragraph(item.cause, "    ")
        if item.state is ItemState.WAITING:
            yield f"    now in {render.printable_path(item.aside)}"
        if item.keep and not item.kept_in:
            yield f"    kept for it: {_shown(item.keep)}{render.object_note(item.kept_object)}"
        for place in item.kept_in:
            files = render.format_count(place.files, "file")
            yield f"    kept for it: {files} in {_shown(place.path)}"
        command = undo_command(item)
        if command is not None:
            yield f"    to put it back: {command}"
    if len(items) > _SHOWN:
        yield f"  and {len(items) - _SHOWN:,} more; --json names them all"


def _departure_line(fate: PathFate, left: Departure) -> str:
    when = render.format_time(int(left.entry["time_ns"]))
    if fate.place is not None:
        how = "moved to" if left.is_move else "missing; its content is now in"
        return f"  {how} {_shown(fate.place)}, as the scan of {when} found"
    gone = f"  missing, as the scan of {when} found"
    if fate.copies:
        more = f" and {len(fate.copies) - 1:,} more" if len(fate.copies) > 1 else ""
        return f"{gone}; its content is in {_shown(fate.copies[0])}{more}"
    if left.digest is None or fate.kept_for:
        return gone
    return f"{gone}; no other file with its content is known"


def _shown(path: bytes) -> str:
    """Return a path as text, with a note if nothing exists there now."""
    return render.printable_path(path) + ("" if os.path.lexists(path) else " (does not exist now)")
