"""What became of a path that is not where it was: set aside, deleted, moved, or gone."""

from __future__ import annotations

import os
import shlex
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gorillacomb.api.dedupe.history import traced_quarantines, traced_runs
from gorillacomb.api.documents.dedupe import run_item_document
from gorillacomb.api.lookup import PathLookup, look_up_path
from gorillacomb.cli.output import render
from gorillacomb.dedupe.quarantine.inventory import RecordedRun, recorded_runs
from gorillacomb.dedupe.quarantine.items import ItemState, RunItem, items_at, items_kept_for
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.fs.paths import join, relative_path
from gorillacomb.index.content_queries import files_with
from gorillacomb.index.database import Index
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.roots import all_roots
from gorillacomb.json_paths import path_to_json
from gorillacomb.vaultmesh.history import (
    Departure,
    departure_from,
    former_places,
    is_named,
    path_history,
)
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
    kept_for: list[RunItem]
    """What waits in quarantines and was set aside because this path had a copy; only looked for
    where nothing is at the path."""
    entries: list[dict[str, Any]]
    """The entries of the trace about it, oldest first."""
    left: Departure | None
    place: bytes | None
    """The absolute path of where it left to; None where that is not known."""
    copies: list[bytes]
    """The other files with its content that the index knows, where that left."""
    is_known: bool
    """Whether a run, the trace or the index knows that something was at the path itself."""


def fate_of(index: Index, found: PathLookup, trace: bool = True) -> PathFate:
    """Find out what became of a path, from the quarantines and, unless not wanted, the trace.

    Raises VaultError.
    """
    runs = list(recorded_runs(live_roots_of(index, suspect=True)))
    items = [item for run in runs for item in items_at(run, found.path)]
    entries: list[dict[str, Any]] = []
    names = {found.path}
    left = place = None
    named = False
    tops = {root.uid: root.path for root in all_roots(index.connection)}
    if trace and index.vault.trace.exists():
        if not items:  # perhaps its root was forgotten
            warnings: list[str] = []
            traced = traced_runs(index.vault, warnings)
            render.print_warnings(warnings)
            runs = list(recorded_runs((), traced_quarantines(traced))) or runs
            items = [item for run in runs for item in items_at(run, found.path)]
        if found.root is not None:
            uid, inner = found.root.uid, relative_path(found.path, found.root.path)
            with open_trace_for_reading(index.vault) as ledger:
                entries = path_history(ledger, uid, inner)
                left = departure_from(ledger, uid, inner, entries)
                named = bool(entries) and is_named(ledger, uid, inner)
            places = former_places(entries, uid, inner)
            names |= {join(tops[root], path) for root, path in places if root in tops}
    items.sort(key=lambda item: item.set_aside_ns)
    if left is not None and left.place is not None and left.place[0] in tops:
        place = join(tops[left.place[0]], left.place[1])
    named = named or (left is not None and _was_there(index, place, left))
    if left is not None and (not named or _was_away(items, found.path, left)):
        left = place = None  # what the trace tells is of the folder around it
    copies = [] if left is None else _copies(index, left.digest, found.path)
    kept_for = [] if os.path.lexists(found.path) else _kept_for(runs, names)
    return PathFate(
        found.path, items, kept_for, entries, left, place, copies, named or bool(items or kept_for)
    )


def _was_away(items: Sequence[RunItem], path: bytes, left: Departure) -> bool:
    """Return whether a run had set a path itself aside when its folder, or its content, left."""
    left_ns = int(left.entry["time_ns"])
    return any(
        item.path == path
        and item.state is not ItemState.NOT_DONE
        and item.set_aside_ns <= left_ns
        and (item.ended_ns is None or item.state is ItemState.PURGED or item.ended_ns > left_ns)
        for item in items
    )


def _was_there(index: Index, place: bytes | None, left: Departure) -> bool:
    """Return whether the index has a file at a new place that was read before it moved there."""
    file = None if place is None or not left.is_move else look_up_path(index, place).file
    return file is not None and 0 < file.checked_ns <= int(left.entry["time_ns"])


def _copies(index: Index, digest: bytes | None, but: bytes) -> list[bytes]:
    """Return the paths of the files with a content that the index knows."""
    if digest is None:
        return []
    roots = {root.id: root for root in all_roots(index.connection)}
    files = files_with(index.connection, FolderPaths(index.connection, roots), digest)
    return [file.path for file in files if file.path != but]


def _kept_for(runs: Sequence[RecordedRun], names: set[bytes]) -> list[RunItem]:
    """Return what waits and was set aside for a file with one of these names.

    What was kept for one thing may itself have been set aside for another later.
    """
    found: dict[bytes, RunItem] = {}
    asked, left = set(names), list(names)
    while left:
        name = left.pop()
        for item in (item for run in runs for item in items_kept_for(run, name)):
            if item.state is ItemState.WAITING:
                found[item.aside] = item
            if item.state is not ItemState.NOT_DONE and item.path not in asked:
                asked.add(item.path)
                left.append(item.path)
    return sorted(found.values(), key=lambda item: (item.set_aside_ns, item.path))


def fate_object(fate: PathFate) -> dict[str, object]:
    """What became of a path in JSON."""
    moved = fate.left is not None and fate.left.is_move and fate.place is not None
    return {
        "runs": list(map(_item_object, fate.items)),
        "kept_for": list(map(_item_object, fate.kept_for)),
        "moved_to": path_to_json(fate.place) if moved and fate.place is not None else None,
        "left_ns": None if fate.left is None else fate.left.entry["time_ns"],
    }


def _item_object(item: RunItem) -> dict[str, object]:
    return {**run_item_document(item), "undo": undo_command(item)}


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
    yield from _item_lines(fate.items, fate.path)
    if fate.kept_for:
        yield "  it was the copy that was kept for what waits in quarantine:"
        yield from _item_lines(fate.kept_for, b"")
    if fate.left is not None:
        yield _departure_line(fate, fate.left)
    elif not fate.items and not fate.kept_for:
        yield "  not in the index any more; gorillacomb trace show PATH lists its entries"


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
            yield f"    waits in {render.printable_path(item.aside)}"
        if item.keep:
            yield f"    kept for it: {_shown(item.keep)}"
        command = undo_command(item)
        if command is not None:
            yield f"    to put it back: {command}"
    if len(items) > _SHOWN:
        yield f"  and {len(items) - _SHOWN:,} more; --json names them all"


def _departure_line(fate: PathFate, left: Departure) -> str:
    when = render.format_time(int(left.entry["time_ns"]))
    if fate.place is not None:
        how = "moved to" if left.is_move else "gone; its content is now in"
        return f"  {how} {_shown(fate.place)}, which a scan found {when}"
    gone = f"  gone, which a scan found {when}"
    if fate.copies:
        more = f" and {len(fate.copies) - 1:,} more" if len(fate.copies) > 1 else ""
        return f"{gone}; its content is in {_shown(fate.copies[0])}{more}"
    if left.digest is None or fate.kept_for:
        return gone
    return f"{gone}; no other file with its content is known"


def _shown(path: bytes) -> str:
    """A path, and whether nothing is there now."""
    return render.printable_path(path) + ("" if os.path.lexists(path) else " (not there now)")
