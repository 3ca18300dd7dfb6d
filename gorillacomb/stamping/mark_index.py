"""Read the user's marks from index and trace, and find what they are about.

The trace is what counts; the index remembers what it says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gorillacomb.classify.names import NOISE
from gorillacomb.errors import VaultError
from gorillacomb.fs.paths import join, join_relative, relative_path
from gorillacomb.index.content_queries import file_at
from gorillacomb.index.database import Index
from gorillacomb.index.folder_queries import files_below
from gorillacomb.index.marks.table import MarkRow, mark_rows, synced_marks
from gorillacomb.index.paths import FolderPaths, find_folder
from gorillacomb.index.roots import all_roots
from gorillacomb.json_paths import path_from_json
from gorillacomb.marks.rules import Mark, MarkKind, MarkRules, MarkState, PlacedMark
from gorillacomb.model import READ, IndexedFile, Root

MARK_EVENTS = (b'"event":"mark"', b'"event":"unmark"')
"""As they are in RFC 8785's form, in which no string contains a bare quotation mark."""


def marks_in(index: Index) -> MarkRules:
    """Return the user's marks, as far as the trace has them, and where they are now."""
    rows = _current_rows(index)
    return MarkRules(MarkPlaces(index).placed(rows)) if rows else MarkRules()


def digest_of_folder(index: Index, folder: int) -> str:
    """Return the digest of the files in a folder, by path and content, without noise."""
    from gorillacomb.vaultmesh.entries import tree_digest  # most marks are not about folders

    return tree_digest(
        (path, digest or b"")
        for path, digest in files_below(index.connection, folder)
        if os.path.basename(path) not in NOISE
    )


def _current_rows(index: Index) -> list[MarkRow]:
    """Return the marks with what the trace has beyond the index: a killed command left that."""
    from gorillacomb.vaultmesh.store import TraceStore

    connection = index.connection
    state, rows = synced_marks(connection), mark_rows(connection)
    try:
        store = TraceStore.read(index.vault.trace)
    except VaultError:
        return rows  # there is none, or it is damaged, which other commands report
    try:
        size = store.count()
        if not size or state == (log := str(json.loads(store.entry(0))["log"]), size):
            return rows
        is_same = state is not None and state[0] == log and state[1] <= size
        start = state[1] if state is not None and is_same else 0
        found = replayed(rows, store.entries_with(MARK_EVENTS, start))
    except (VaultError, ValueError, KeyError, TypeError):
        return rows
    finally:
        store.close()
    places = MarkPlaces(index)
    return [places.found(row) for row in found]


def replayed(rows: Iterable[MarkRow], entries: Iterable[tuple[int, bytes]]) -> list[MarkRow]:
    """Return marks after some more entries of the trace. Raises ValueError, KeyError, TypeError."""
    found = {row.mark.seq: row for row in rows}
    for seq, entry in entries:
        fields = json.loads(entry)
        former = found.pop(int(fields.get("replaces", -1)), None)
        if fields["event"] == "mark" and fields["mark"] in set(MarkKind):  # else a newer version's
            mark = _read(seq, fields)
            found[seq] = replace(former or MarkRow(mark), mark=mark)
    return list(found.values())


def _read(seq: int, fields: Mapping[str, Any]) -> Mark:
    is_folder, note = fields.get("kind") == "folder", fields.get("note")
    return Mark(
        seq,
        MarkKind(fields["mark"]),
        str(fields["set"]),
        str(fields["root"]),
        path_from_json(fields, strict=False),
        is_folder,
        str(fields.get("folder_digest" if is_folder else "blake3", "")),
        None if note is None else str(note),
        int(fields["marked_ns"]),
    )


class MarkPlaces:
    """Finds what marks are about in an index."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._connection = index.connection
        roots = all_roots(index.connection)
        self._roots: dict[int, Root] = {root.id: root for root in roots}
        self._by_uid: dict[str, Root] = {root.uid: root for root in roots}
        self.paths = FolderPaths(index.connection, self._roots)

    def found(self, row: MarkRow) -> MarkRow:
        """Return a mark with its folder in the index, found by its path if not yet known."""
        if row.folder is not None:
            return row
        root, mark = self._by_uid.get(row.mark.root), row.mark
        if root is None:
            return row
        if mark.is_folder:
            return replace(row, folder=find_folder(self._connection, root, mark.path))
        above, _, name = mark.path.rpartition(b"/")
        folder = find_folder(self._connection, root, above)
        file = None if folder is None else self.file(folder, name)
        return row if file is None else replace(row, folder=folder, name=name, inode=file.inode)

    def of(self, row: MarkRow) -> tuple[str, bytes] | None:
        """Return root and path below it where a mark is now; None if it is missing."""
        place = None if row.folder is None else self.paths.place(row.folder)
        if place is None or row.folder is None:
            return None
        root = self._roots[place[0]]
        path = relative_path(place[1], root.path)
        if row.mark.is_folder:
            return root.uid, path
        if self.file(row.folder, row.name) is None:
            return None
        return root.uid, join_relative(path, row.name)

    def placed(self, rows: Iterable[MarkRow]) -> list[PlacedMark]:
        """Return marks with their paths and states."""
        found = []
        for row in rows:
            at = self.of(row)
            uid, inner = at or (row.mark.root, row.mark.path)
            root = self._by_uid.get(uid)
            path = join(root.path, inner) if root is not None else inner
            state = MarkState.MISSING if at is None else self._state(row)
            found.append(PlacedMark(row.mark, path, state))
        return found

    def _state(self, row: MarkRow) -> MarkState:
        mark, folder = row.mark, row.folder
        if not mark.digest or folder is None:
            return MarkState.CURRENT
        if mark.is_folder:
            now = digest_of_folder(self._index, folder)
        else:
            file = self.file(folder, row.name)
            known = file is not None and file.digest is not None and file.state in READ
            now = file.digest.hex() if known and file and file.digest else mark.digest
        return MarkState.CURRENT if now == mark.digest else MarkState.CHANGED

    def file(self, folder: int, name: bytes) -> IndexedFile | None:
        """Return an entry of the index by its folder and name."""
        return file_at(self._connection, self.paths, folder, name)
