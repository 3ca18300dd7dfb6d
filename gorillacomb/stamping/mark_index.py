"""Keep the index's marks in line with the trace, and find where what was marked is now.

The trace is what counts. The index only remembers it, and which folder and inode each mark is
about, so that a mark follows what was moved.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gorillacomb.classify.names import NOISE
from gorillacomb.errors import VaultError, VaultRolledBack
from gorillacomb.fs.paths import join, join_relative, relative_path
from gorillacomb.index import file_records, stamps
from gorillacomb.index.content_queries import file_at
from gorillacomb.index.database import Index
from gorillacomb.index.folder_queries import files_below
from gorillacomb.index.paths import FolderPaths, find_folder
from gorillacomb.index.roots import all_roots
from gorillacomb.marks.rules import Mark, MarkKind, MarkRules, MarkState, PlacedMark, key_of
from gorillacomb.marks.table import MarkRow, mark_rows, put_marks, synced_marks
from gorillacomb.model import READ, IndexedFile, Root
from gorillacomb.stamping.run_log import append_beside_stamps
from gorillacomb.vaultmesh.entries import EntryBody, MarkEntry, entry_path, mark_entry, tree_digest
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.store import TraceStore

_EVENTS = (b'"event":"mark"', b'"event":"unmark"')
"""As they are in RFC 8785's form, in which no string contains a bare quotation mark."""


def marks_in(index: Index) -> MarkRules:
    """Return the user's marks, as far as the trace has them, and where they are now."""
    rows = _current_rows(index)
    return MarkRules(_Places(index).placed(rows)) if rows else MarkRules()


def sync_marks(index: Index, ledger: Ledger) -> None:
    """Bring the index's marks in line with the trace, if they differ. Raises VaultError.

    Marks of a trace that was given up for a new one (`adopt`) are appended to the new one.
    """
    connection = index.connection
    state, rows = synced_marks(connection), mark_rows(connection)
    if state == (ledger.log, ledger.size):
        return
    is_same = state is not None and state[0] == ledger.log and state[1] <= ledger.size
    start = state[1] if state is not None and is_same else 0
    try:
        found = replayed(rows if is_same else (), ledger.tables.entries_with(_EVENTS, start))
        if not is_same:
            known = {key_of(row.mark) for row in found}
            left = [as_entry(row.mark) for row in rows if key_of(row.mark) not in known]
            append_beside_stamps(index, ledger, [mark_entry(mark) for mark in left])
            found = replayed((), ledger.tables.entries_with(_EVENTS, 0))
    except (ValueError, KeyError, TypeError) as error:
        raise VaultRolledBack(
            f"The trace {ledger.path} is not as it was written: a mark lacks {error}.",
            "For details: gorillacomb trace verify. Restore the trace from a backup.",
        ) from None
    places = _Places(index)
    with index.atomic():
        put_marks(connection, map(places.found, found), ledger.log, ledger.size)
    index.commit()


def follow_marks(index: Index, ledger: Ledger) -> None:
    """Append to the trace where marked files and folders have moved. Raises VaultError."""
    connection = index.connection
    sync_marks(index, ledger)
    rows = mark_rows(connection)
    if not rows:
        return
    places = _Places(index)
    now = [places.followed(row) for row in rows]
    bodies: list[EntryBody] = []
    for row in now:
        place = places.of(row)
        if place is not None and place != (row.mark.root, row.mark.path):
            moved = replace(row.mark, root=place[0], path=place[1])
            bodies.append(mark_entry(as_entry(moved), row.mark.seq, row.mark.root, row.mark.path))
    if bodies:
        append_beside_stamps(index, ledger, bodies)
    if now != rows:
        with index.atomic():
            put_marks(connection, now, *(synced_marks(connection) or (ledger.log, 0)))
        index.commit()
    if bodies:
        sync_marks(index, ledger)


def as_entry(mark: Mark) -> MarkEntry:
    """Return a mark as the trace records it."""
    return MarkEntry(
        *(mark.kind, mark.set, mark.root, mark.path, mark.is_folder),
        *(mark.digest, mark.note, mark.marked_ns),
    )


def digest_of_folder(index: Index, folder: int) -> str:
    """Return the digest of the files in a folder, by path and content, without noise."""
    return tree_digest(
        (path, digest or b"")
        for path, digest in files_below(index.connection, folder)
        if os.path.basename(path) not in NOISE
    )


def _current_rows(index: Index) -> list[MarkRow]:
    """Return the marks with what the trace has beyond the index: a killed command left that."""
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
        found = replayed(rows, store.entries_with(_EVENTS, start))
    except (VaultError, ValueError, KeyError, TypeError):
        return rows
    finally:
        store.close()
    places = _Places(index)
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
        entry_path(fields),
        is_folder,
        str(fields.get("folder_digest" if is_folder else "blake3", "")),
        None if note is None else str(note),
        int(fields["marked_ns"]),
    )


class _Places:
    """Finds what marks are about in an index."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._connection = index.connection
        roots = all_roots(index.connection)
        self._roots: dict[int, Root] = {root.id: root for root in roots}
        self._by_uid: dict[str, Root] = {root.uid: root for root in roots}
        self._paths = FolderPaths(index.connection, self._roots)

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
        file = None if folder is None else self._file(folder, name)
        return row if file is None else replace(row, folder=folder, name=name, inode=file.inode)

    def followed(self, row: MarkRow) -> MarkRow:
        """Return a mark with the folder in which a scan found what it is about."""
        place = None if row.folder is None else self._paths.place(row.folder)
        if place is None:
            return self.found(replace(row, folder=None, name=b"", inode=0))
        if row.mark.is_folder or row.folder is None:
            return row
        file = self._file(row.folder, row.name)
        if file is not None and (file.digest is None or file.digest.hex() == row.mark.digest):
            return replace(row, inode=file.inode)
        other = self._moved(row)
        if other is not None:
            return replace(row, folder=other[0], name=other[1])
        return row if file is None else replace(row, inode=file.inode)

    def _moved(self, row: MarkRow) -> tuple[int, bytes] | None:
        """Return where a file is now that is no longer where it was: the same content and inode."""
        if not row.mark.digest or not row.inode:
            return None
        for folder, name, _ in sorted(
            stamps.holders_of(self._connection, bytes.fromhex(row.mark.digest))
        ):
            key = file_records.move_key(self._connection, folder, name)
            if key is not None and key[0] == row.inode and self._paths.place(folder) is not None:
                return folder, name
        return None

    def of(self, row: MarkRow) -> tuple[str, bytes] | None:
        """Return root and path below it where a mark is now; None if it is missing."""
        place = None if row.folder is None else self._paths.place(row.folder)
        if place is None or row.folder is None:
            return None
        root = self._roots[place[0]]
        path = relative_path(place[1], root.path)
        if row.mark.is_folder:
            return root.uid, path
        if self._file(row.folder, row.name) is None:
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
            file = self._file(folder, row.name)
            known = file is not None and file.digest is not None and file.state in READ
            now = file.digest.hex() if known and file and file.digest else mark.digest
        return MarkState.CURRENT if now == mark.digest else MarkState.CHANGED

    def _file(self, folder: int, name: bytes) -> IndexedFile | None:
        return file_at(self._connection, self._paths, folder, name)
