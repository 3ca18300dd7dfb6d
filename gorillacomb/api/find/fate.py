"""What became of a path that is not where it was: quarantined, deleted, moved, or missing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from gorillacomb.api.dedupe.history import traced_quarantines, traced_runs
from gorillacomb.api.documents.explain import (
    TracedPathDocument,
    traced_path_document,
    undo_command,
)
from gorillacomb.api.lookup import PathLookup, look_up_path, unknown_path_error
from gorillacomb.api.paths import PathInput
from gorillacomb.dedupe.quarantine.inventory import RecordedRun, recorded_runs
from gorillacomb.dedupe.quarantine.items import ItemState, RunItem, items_at, items_kept_for
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.fs.paths import join, relative_path
from gorillacomb.index.content_queries import files_with
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.roots import all_roots
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.error_text import translate_content_errors
from gorillacomb.vaultmesh.history import (
    Departure,
    departure_from,
    former_places,
    is_named,
    path_history,
)
from gorillacomb.vaultmesh.open import open_trace_for_reading

__all__ = [
    "Departure",
    "ItemState",
    "PathFate",
    "RunItem",
    "fate_of",
    "trace_path",
    "undo_command",
]


@dataclass(frozen=True, slots=True)
class PathFate:
    """What runs did with a path, and where scans found it afterwards."""

    path: bytes
    items: tuple[RunItem, ...]
    """Those of the earliest run first."""
    kept_for: tuple[RunItem, ...]
    """What is in quarantine because this path had a copy of it; only looked for if nothing is at
    the path now.
    """
    entries: tuple[dict[str, object], ...]
    """The entries of the trace about it, oldest first."""
    left: Departure | None
    place: bytes | None
    """The absolute path that it was moved to; None if unknown."""
    copies: tuple[bytes, ...]
    """The other files in the index with its content, if it is no longer there."""
    is_known: bool
    """Whether a run, the trace or the index knows that something was at the path itself."""
    warnings: tuple[str, ...]
    """Traces of the vault that cannot be read."""

    def to_dict(self) -> TracedPathDocument:
        """Return the document of ``trace show --json``."""
        return traced_path_document(self)


def fate_of(index: Index, found: PathLookup, trace: bool = True) -> PathFate:
    """Find out what became of a path, from the quarantines and, if wanted, the trace.

    Raises VaultError.
    """
    runs = list(recorded_runs(live_roots_of(index, suspect=True)))
    items = [item for run in runs for item in items_at(run, found.path)]
    entries: list[dict[str, object]] = []
    names = {found.path}
    left = place = None
    named = False
    warnings: list[str] = []
    tops = {root.uid: root.path for root in all_roots(index.connection)}
    if trace and index.vault.trace.exists():
        if not items:  # perhaps its root was forgotten
            traced = traced_runs(index.vault, warnings)
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
        left = place = None  # the trace's entry is about the folder around it
    copies = [] if left is None else _copies(index, left.digest, found.path)
    kept_for = [] if os.path.lexists(found.path) else _kept_for(runs, names)
    is_known = named or bool(items or kept_for)
    return PathFate(
        found.path,
        tuple(items),
        tuple(kept_for),
        tuple(entries),
        left,
        place,
        tuple(copies),
        is_known,
        tuple(warnings),
    )


def _was_away(items: Sequence[RunItem], path: bytes, left: Departure) -> bool:
    """Return whether a run had quarantined a path itself when its folder, or its content, moved."""
    left_ns = int(left.entry["time_ns"])
    return any(
        item.path == path
        and item.state is not ItemState.NOT_DONE
        and item.set_aside_ns <= left_ns
        and (item.ended_ns is None or item.state is ItemState.PURGED or item.ended_ns > left_ns)
        for item in items
    )


def _was_there(index: Index, place: bytes | None, left: Departure) -> bool:
    """Return whether a new place has a file that was read before it was moved there."""
    file = None if place is None or not left.is_move else look_up_path(index, place).file
    return file is not None and 0 < file.checked_ns <= int(left.entry["time_ns"])


def _copies(index: Index, digest: bytes | None, but: bytes) -> list[bytes]:
    """Return the paths of the files with a content in the index."""
    if digest is None:
        return []
    roots = {root.id: root for root in all_roots(index.connection)}
    files = files_with(index.connection, FolderPaths(index.connection, roots), digest)
    return [file.path for file in files if file.path != but]


def _kept_for(runs: Sequence[RecordedRun], names: set[bytes]) -> list[RunItem]:
    """Return what was quarantined for a file with one of these names and still is.

    What was kept for one item may itself have been quarantined for another later.
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


def trace_path(vault: Vault, path: PathInput) -> PathFate:
    """Read every entry of the trace about a path, and what became of it.

    Raises UsageError for a path about which nothing is known, and VaultError.
    """
    with Index.read(vault) as index, translate_errors(vault):
        found = look_up_path(index, path)
        with translate_content_errors(vault.trace):
            fate = fate_of(index, found)
        if found.root is None and not fate.is_known:
            raise unknown_path_error(found)
    return fate
