"""A read-only view of the index, for workers that compare folders with the disk."""

from __future__ import annotations

from typing import NamedTuple

from gorillacomb.fs.paths import join
from gorillacomb.index.folder_digest import EntryFacts
from gorillacomb.index.paths import path_below_root
from gorillacomb.index.rows import SQL_PROVISIONAL, EntryRow
from gorillacomb.model import EntryState, FolderState
from gorillacomb.sqlite import open_reader

_FOLDER = "id, parent, name, inode, state, marker, cause, seal"
_FINGERPRINT = "name, state, mode, size, mtime_ns, ctime_ns, inode, links, blocks"
_LISTED = _FINGERPRINT.replace(
    "state",
    f"CASE WHEN state = {EntryState.HASHED:d} AND {SQL_PROVISIONAL}"
    f" THEN {EntryState.FRESH:d} ELSE state END",
)
_ROW = f"{_FINGERPRINT}, checked_ns, digest, probe, target, cause"


class SnapshotFolder(NamedTuple):
    """A folder's row."""

    id: int
    parent: int | None
    name: bytes
    inode: int
    state: FolderState
    marker: str | None
    cause: str | None
    seal: bytes | None
    """See `folder_digest`; None if entries must be compared."""


_NONE: dict[bytes, SnapshotFolder] = {}
"""The subfolders of most folders; never modified."""
_AHEAD = 24
"""Folders whose subfolders are fetched together, as a query for each would cost more. A scan
numbers folders in the order of its walk, and the next scan walks in that order too."""


class IndexSnapshot:
    """A worker's own read-only view of the index; open it after the fork, close it at the end."""

    def __init__(self, path: str) -> None:
        self._connection = open_reader(path)
        self._children_ahead: dict[int, dict[bytes, SnapshotFolder]] = {}

    def refresh(self) -> None:
        """Discard what was fetched ahead: the main process has written since."""
        self._children_ahead.clear()

    def folder(self, folder: int) -> SnapshotFolder | None:
        """Return the row of one folder."""
        row = self._connection.execute(
            f"SELECT {_FOLDER} FROM folders WHERE id = ?", (folder,)
        ).fetchone()
        return None if row is None else SnapshotFolder._make(row)

    def children(self, folder: int) -> dict[bytes, SnapshotFolder]:
        """Return the subfolders of a folder, by name."""
        ahead = self._children_ahead
        if folder not in ahead:
            ahead.update(dict.fromkeys(range(folder, folder + _AHEAD), _NONE))
            for row in self._connection.execute(
                f"SELECT {_FOLDER} FROM folders WHERE parent BETWEEN ? AND ?",
                (folder, folder + _AHEAD - 1),
            ):
                if ahead[row[1]] is _NONE:
                    ahead[row[1]] = {}
                ahead[row[1]][row[2]] = SnapshotFolder._make(row)
        return ahead.pop(folder)

    def fingerprints(self, folder: int, names: tuple[bytes, bytes] | None) -> list[EntryFacts]:
        """Return its entries' fingerprints, sorted by name, between two names if given.

        Those with provisional digests are FRESH, so that they equal no fingerprint just taken.
        """
        return self._entries(_LISTED, folder, names)

    def rows(self, folder: int, names: tuple[bytes, bytes] | None) -> dict[bytes, EntryRow]:
        """Return its entries by name, between two names if given."""
        return {row[0]: row for row in self._entries(_ROW, folder, names)}

    def names(self, folder: int) -> list[bytes]:
        """Return the names of its entries."""
        return [name for (name,) in self._entries("name", folder, None)]

    def _entries(self, columns: str, folder: int, names: tuple[bytes, bytes] | None) -> list[tuple]:  # type: ignore[type-arg]
        sql = f"SELECT {columns} FROM files WHERE folder = ?"
        if names is None:
            return self._connection.execute(f"{sql} ORDER BY name", (folder,)).fetchall()
        return self._connection.execute(
            f"{sql} AND name BETWEEN ? AND ? ORDER BY name", (folder, *names)
        ).fetchall()

    def places_of_inode(self, volume: str, inode: int) -> list[tuple[int, bytes]]:
        """Return folders with this inode on this volume: (id, absolute path where last seen).

        Excludes the tops of roots, which move only together with their root.
        """
        found = self._connection.execute(
            "SELECT folders.id, roots.path FROM folders JOIN roots ON roots.id = folders.root"
            " WHERE folders.inode = ? AND roots.volume = ? AND NOT roots.weak"
            " AND folders.parent IS NOT NULL",
            (inode, volume),
        ).fetchall()
        return [
            (folder, join(root, path_below_root(self._connection, folder)))
            for folder, root in found
        ]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
