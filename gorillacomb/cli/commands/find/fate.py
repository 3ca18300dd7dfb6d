"""What became of a path that is not where it was: set aside, deleted, moved, or gone."""

from __future__ import annotations

import shlex
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gorillacomb.cli.commands.dedupe.known_runs import (
    item_object,
    traced_quarantines,
    traced_runs,
)
from gorillacomb.cli.lookup import PathLookup
from gorillacomb.cli.output import render
from gorillacomb.dedupe.quarantine.inventory import recorded_runs
from gorillacomb.dedupe.quarantine.items import ItemState, RunItem, items_at
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.fs.paths import join, relative_path
from gorillacomb.index.database import Index
from gorillacomb.index.roots import all_roots
from gorillacomb.json_paths import path_to_json
from gorillacomb.vaultmesh.history import Departure, departure_from, path_history
from gorillacomb.vaultmesh.open import open_trace_for_reading

_SHOWN = 10
_PLAIN = frozenset(string.ascii_letters.encode() + string.digits.encode() + b"/._-")
_STATES = {
    ItemState.WAITING: "was set aside",
    ItemState.PUT_BACK: "was set aside, and put back",
    ItemState.PURGED: "was set aside, and deleted for good",
    ItemState.NOT_DONE: "was to be set aside, which was not done",
    ItemState.MISSING: "was set aside, and is not in the quarantine any more",
}


@dataclass(frozen=True, slots=True)
class PathFate:
    """What runs did with a path, and where scans found it afterwards."""

    path: bytes
    items: list[RunItem]
    """Of the run that was first, first."""
    entries: list[dict[str, Any]]
    """The entries of the trace about it, oldest first."""
    left: Departure | None
    place: bytes | None
    """The absolute path of where it left to; None where that is not known."""

    @property
    def is_known(self) -> bool:
        """Whether anything is known of it."""
        return bool(self.items or self.entries)


def fate_of(index: Index, found: PathLookup, trace: bool = True) -> PathFate:
    """Find out what became of a path, from the quarantines and, unless not wanted, the trace.

    Raises VaultError.
    """
    roots = live_roots_of(index, suspect=True)
    items = [item for run in recorded_runs(roots) for item in items_at(run, found.path)]
    entries: list[dict[str, Any]] = []
    left = place = None
    if trace and index.vault.trace.exists():
        if not items:  # perhaps its root was forgotten
            runs = recorded_runs((), traced_quarantines(traced_runs(index.vault)))
            items = [item for run in runs for item in items_at(run, found.path)]
        if found.root is not None:
            inner = relative_path(found.path, found.root.path)
            with open_trace_for_reading(index.vault) as ledger:
                entries = path_history(ledger, found.root.uid, inner)
                left = departure_from(ledger, found.root.uid, inner, entries)
    if left is not None and left.place is not None:
        tops = {root.uid: root.path for root in all_roots(index.connection)}
        top = tops.get(left.place[0])
        place = None if top is None else join(top, left.place[1])
    items.sort(key=lambda item: item.set_aside_ns)
    return PathFate(found.path, items, entries, left, place)


def fate_object(fate: PathFate) -> dict[str, object]:
    """What became of a path in JSON."""
    moved = fate.left is not None and fate.left.is_move and fate.place is not None
    return {
        "runs": [{**item_object(item), "undo": undo_command(item)} for item in fate.items],
        "moved_to": path_to_json(fate.place) if moved and fate.place is not None else None,
        "left_ns": None if fate.left is None else fate.left.entry["time_ns"],
    }


def undo_command(item: RunItem) -> str | None:
    """The command that puts an item back; None where nothing waits."""
    if item.state is not ItemState.WAITING:
        return None
    return f"gorillacomb dedupe --undo {item.run} --only {_shell_word(item.path)}"


def _shell_word(path: bytes) -> str:
    """A path as a shell takes it; what cannot be printed in escapes that bash and zsh know."""
    text = path.decode("utf-8", "replace")
    if text.isprintable() and text.encode() == path:
        return shlex.quote(text)
    letters = (chr(each) if each in _PLAIN else f"\\x{each:02x}" for each in path)
    return f"$'{''.join(letters)}'"


def fate_lines(fate: PathFate) -> Iterator[str]:
    """What became of a path for people."""
    for item in fate.items[-_SHOWN:]:
        when = render.format_time(item.set_aside_ns)
        if item.path != fate.path:
            yield f"  {render.printable_path(item.path)}"
        yield f"  {_STATES[item.state]}: {when}, run {item.run}"
        if item.ended_ns is not None:
            yield f"    {item.state}: {render.format_time(item.ended_ns)}"
        if item.cause is not None:
            yield from render.wrapped_paragraph(item.cause, "    ")
        if item.state is ItemState.WAITING:
            yield f"    waits in {render.printable_path(item.aside)}"
        if item.keep:
            yield f"    kept for it: {render.printable_path(item.keep)}"
        command = undo_command(item)
        if command is not None:
            yield f"    to put it back: {command}"
    if len(fate.items) > _SHOWN:
        yield f"  and {len(fate.items) - _SHOWN:,} more; --json names them all"
    if fate.left is None:
        if not fate.items:
            yield "  not in the index any more; gorillacomb trace show PATH lists its entries"
        return
    when = render.format_time(int(fate.left.entry["time_ns"]))
    if fate.place is not None:
        how = "moved to" if fate.left.is_move else "gone; its content is now in"
        yield f"  {how} {render.printable_path(fate.place)}, which a scan found {when}"
    else:
        yield f"  gone, which a scan found {when}; no other file with its content is known"
