"""Keep the index's marks in line with the trace, and record where what was marked has moved.

The index remembers which folder and inode each mark is about, so that it follows what was moved.
"""

from __future__ import annotations

from dataclasses import replace

from gorillacomb.errors import VaultRolledBack
from gorillacomb.index import file_records, stamps
from gorillacomb.index.database import Index
from gorillacomb.index.marks.table import MarkRow, mark_rows, put_marks, synced_marks
from gorillacomb.marks.rules import Mark, key_of
from gorillacomb.sqlite import Connection
from gorillacomb.stamping.mark_index import MARK_EVENTS, MarkPlaces, replayed
from gorillacomb.stamping.run_log import append_beside_stamps
from gorillacomb.vaultmesh.entries import EntryBody, MarkEntry, mark_entry
from gorillacomb.vaultmesh.ledger import Ledger


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
        found = replayed(rows if is_same else (), ledger.tables.entries_with(MARK_EVENTS, start))
        if not is_same:
            known = {key_of(row.mark) for row in found}
            left = [as_entry(row.mark) for row in rows if key_of(row.mark) not in known]
            append_beside_stamps(index, ledger, [mark_entry(mark) for mark in left])
            found = replayed((), ledger.tables.entries_with(MARK_EVENTS, 0))
    except (ValueError, KeyError, TypeError) as error:
        raise VaultRolledBack(
            f"The trace {ledger.path} is not as it was written: a mark lacks {error}.",
            "For details: gorillacomb trace verify. Restore the trace from a backup.",
        ) from None
    places = MarkPlaces(index)
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
    places = MarkPlaces(index)
    now = [_followed(places, connection, row) for row in rows]
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


def _followed(places: MarkPlaces, connection: Connection, row: MarkRow) -> MarkRow:
    """Return a mark with the folder in which a scan found what it is about."""
    place = None if row.folder is None else places.paths.place(row.folder)
    if row.folder is None or places.paths.row(row.folder) is None:
        return places.found(replace(row, folder=None, name=b"", inode=0))
    if place is None or row.mark.is_folder:
        return row  # of a folder without a place the next scan finds out where it is
    file = places.file(row.folder, row.name)
    if file is not None and (file.digest is None or file.digest.hex() == row.mark.digest):
        return replace(row, inode=file.inode)
    other = _moved(places, connection, row)
    if other is not None:
        return replace(row, folder=other[0], name=other[1])
    return row if file is None else replace(row, inode=file.inode)


def _moved(places: MarkPlaces, connection: Connection, row: MarkRow) -> tuple[int, bytes] | None:
    """Return where a file is now that is no longer where it was: the same content and inode."""
    if not row.mark.digest or not row.inode:
        return None
    for folder, name, _ in sorted(stamps.holders_of(connection, bytes.fromhex(row.mark.digest))):
        key = file_records.move_key(connection, folder, name)
        if key is not None and key[0] == row.inode and places.paths.place(folder) is not None:
            return folder, name
    return None
