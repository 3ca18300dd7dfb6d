"""Writing what workers found into the index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gorillacomb.index.database import Index
from gorillacomb.index.driver import Connection
from gorillacomb.index.schema import DIGEST_INDEX
from gorillacomb.model import DIGEST, FolderState, HashedRow, Row, State

_PUT_HASHED = (
    "INSERT OR REPLACE INTO files (folder, name, state, mode, size, mtime_ns, ctime_ns, inode,"
    f" links, blocks, checked_ns, digest) VALUES (?, ?, {State.HASHED:d}{', ?' * 9})"
)
"""Without the columns that are NULL: to bind None costs Python's sqlite3 as much as a number."""
_PUT_FILE = f"INSERT OR REPLACE INTO files VALUES ({', '.join('?' * 15)})"
_PUT_FOLDER = (
    "INSERT INTO folders (id, root, parent, name, inode, state, marker, cause)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
AWAY = -1
"""The parent of folders that left their place, until they are found elsewhere or dropped."""
_BELOW = (
    "WITH RECURSIVE below (id) AS (SELECT ? UNION ALL"
    " SELECT folders.id FROM folders JOIN below ON folders.parent = below.id)"
)


class FolderChange(NamedTuple):
    """A folder to write, and its entries: the fields are those of the worker's result."""

    folder: int
    """0 for a new one."""
    parent: int
    name: bytes
    inode: int
    state: FolderState | None
    cause: str | None
    marker: str | None
    moved: bool
    hashed: Sequence[HashedRow]
    rows: Sequence[Row]
    gone: Sequence[bytes]
    gone_folders: Sequence[tuple[int, bytes]]
    old_digests: Sequence[bytes]


class Store:
    """The writing side of the index during one scan; call it inside `Index.atomic`."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._connection = index.connection
        self._next_folder: int = (
            1 + (self._connection.execute("SELECT coalesce(max(id), 0) FROM folders").fetchone()[0])
        )
        self._keeps_groups = has_groups(self._connection)

    def new_folder(self, root: int, parent: int, name: bytes, inode: int) -> int:
        """Write a folder whose listing is still to come; returns its id."""
        number = self._next_folder
        self._next_folder += 1
        values = (number, root, parent, name, inode, FolderState.UNLISTED, None, None)
        self._connection.execute(_PUT_FOLDER, values)
        return number

    def put_folders(self, root: int, changes: Iterable[FolderChange]) -> list[int]:
        """Write folders and their entries; a parent of -n is the n-th of these. Returns the ids."""
        ids: list[int] = []
        new_folders, hashed, rows = [], [], []
        for change in changes:
            parent = change.parent if change.parent >= 0 else ids[-change.parent - 1]
            if change.folder:
                number = change.folder
                self._update_folder(root, parent, change)
            else:
                number = self._next_folder
                self._next_folder += 1
                new_folders.append(
                    (number, root, parent, *change[2:5], change.marker, change.cause)
                )
            ids.append(number)
            if change.gone_folders:
                self._send_away(number, change.gone_folders)
            hashed += [(number, *row) for row in change.hashed]
            rows += [(number, *row) for row in change.rows]
            if change.gone:
                self._connection.executemany(
                    "DELETE FROM files WHERE folder = ? AND name = ?",
                    [(number, name) for name in change.gone],
                )
            new = [row[-1] for row in change.hashed]
            self._touch(new + [row[DIGEST] for row in change.rows], change.old_digests)
        self._connection.executemany(_PUT_FOLDER, new_folders)
        self._connection.executemany(_PUT_HASHED, hashed)
        self._connection.executemany(_PUT_FILE, rows)
        return ids

    def put_rows(self, rows: Sequence[tuple[int, Row]], gone: Sequence[tuple[int, bytes]]) -> None:
        """Write entries of any folders."""
        self._connection.executemany(_PUT_FILE, [(folder, *row) for folder, row in rows])
        self._connection.executemany("DELETE FROM files WHERE folder = ? AND name = ?", gone)
        self._touch([row[DIGEST] for _, row in rows], ())

    def _touch(self, new: Sequence[bytes | None], old: Sequence[bytes]) -> None:
        """Note contents whose groups are to be made anew."""
        if self._keeps_groups and (new or old):
            self._connection.executemany(
                "INSERT INTO touched VALUES (?, ?, ?)",
                [(digest, 1, 0) for digest in new if digest is not None]
                + [(digest, 0, 1) for digest in old],
            )

    def _update_folder(self, root: int, parent: int, change: FolderChange) -> None:
        if change.moved:
            self._move(change.folder, root, parent, change.name)
        if change.state is not None:
            self._connection.execute(
                "UPDATE folders SET inode = ?, state = ?, marker = ?, cause = ? WHERE id = ?",
                (change.inode, change.state, change.marker, change.cause, change.folder),
            )
        if change.state == FolderState.EXCLUDED:
            self._exclude_below(change.folder)

    def _exclude_below(self, folder: int) -> None:
        """An excluded folder keeps its rows, as excluded ones: neither missing nor counted."""
        self._touch_below(folder)
        self._connection.execute(
            f"{_BELOW} UPDATE files SET state = ? WHERE folder IN below AND state <> ?",
            (folder, State.EXCLUDED, State.EXCLUDED),
        )
        self._connection.execute(
            f"{_BELOW} UPDATE folders SET state = ? WHERE id IN below",
            (folder, FolderState.EXCLUDED),
        )

    def _touch_below(self, folder: int) -> None:
        if self._keeps_groups:
            self._connection.execute(
                f"{_BELOW} INSERT INTO touched SELECT digest, 0, 1 FROM files"
                " WHERE folder IN below AND digest IS NOT NULL",
                (folder,),
            )

    def adopt_folder(self, folder: int, root: int, parent: int, name: bytes) -> bool:
        """Put a known folder, with all below it, where it stands now; False if it is there."""
        if self._place(folder) in (None, (parent, name)):
            return False
        self._move(folder, root, parent, name)
        return True

    def _move(self, folder: int, root: int, parent: int, name: bytes) -> None:
        self._connection.execute(
            f"{_BELOW} UPDATE folders SET root = ? WHERE id IN below AND root <> ?",
            (folder, root, root),
        )
        self._connection.execute(
            "UPDATE folders SET parent = ?, name = ? WHERE id = ?", (parent, name, folder)
        )

    def _place(self, folder: int) -> tuple[int | None, bytes] | None:
        row: tuple[int | None, bytes] | None = self._connection.execute(
            "SELECT parent, name FROM folders WHERE id = ?", (folder,)
        ).fetchone()
        return row

    def set_listed(self, folder: int) -> None:
        """All parts of a huge folder have been looked at."""
        self._connection.execute(
            "UPDATE folders SET state = ? WHERE id = ? AND state = ?",
            (FolderState.LISTED, folder, FolderState.UNLISTED),
        )

    def _send_away(self, parent: int, gone: Sequence[tuple[int, bytes]]) -> None:
        """Take folders out of their place, unless they have been found elsewhere already."""
        self._connection.executemany(
            f"UPDATE folders SET parent = {AWAY}, name = CAST(id AS BLOB)"
            " WHERE id = ? AND parent = ? AND name = ?",
            [(folder, parent, name) for folder, name in gone],
        )

    def away(self) -> list[int]:
        """The folders that left their place and were not found elsewhere."""
        rows = self._connection.execute(f"SELECT id FROM folders WHERE parent = {AWAY}")
        return [folder for (folder,) in rows]

    def remove_folder(self, folder: int) -> int:
        """Drop a folder with all below it; returns how many entries went with it."""
        self._touch_below(folder)
        gone = self._connection.execute(
            f"{_BELOW} DELETE FROM files WHERE folder IN below", (folder,)
        ).rowcount
        self._connection.execute(f"{_BELOW} DELETE FROM folders WHERE id IN below", (folder,))
        return max(gone, 0)

    def moved_files(self, empty: bytes) -> int:
        """How many contents both went and came: files that moved. ``empty`` is not counted."""
        if not self._keeps_groups:
            return 0
        found = self._connection.execute(
            "SELECT coalesce(sum(least), 0) FROM (SELECT min(sum(came), sum(went)) AS least"
            " FROM touched WHERE digest <> ? GROUP BY digest)",
            (empty,),
        ).fetchone()
        return int(found[0])

    def refresh_groups(self) -> None:
        """Make the groups true again: all of them after a first scan, else those touched."""
        if not self._keeps_groups:
            self._connection.execute(DIGEST_INDEX)
            rebuild_groups(self._connection)
            self._keeps_groups = True
        elif self._connection.execute("SELECT 1 FROM touched LIMIT 1").fetchone() is not None:
            self._connection.execute(
                "DELETE FROM groups WHERE digest IN (SELECT digest FROM touched)"
            )
            for statement in _group_statements("AND digest IN (SELECT digest FROM touched)"):
                self._connection.execute(statement)
            self._connection.execute("DELETE FROM touched")

    @property
    def first_groups_missing(self) -> bool:
        """Whether no scan of this vault has come to its groups yet."""
        return not self._keeps_groups


def has_groups(connection: Connection) -> bool:
    """Whether the groups have been made once, and are kept up to date since."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'file_by_digest'")
    return found.fetchone() is not None


def rebuild_groups(connection: Connection) -> None:
    """Make all groups anew, inside the caller's transaction."""
    connection.execute("DELETE FROM groups")
    connection.execute("DELETE FROM touched")
    for statement in _group_statements(""):
        connection.execute(statement)


def _group_statements(some: str) -> Iterator[str]:
    """SQL that inserts groups: first as if every name were a copy, then those with hard links.

    A content whose names are all one inode is no duplicate and gets no group.
    """
    content = f"state <= 1 AND size > 0 {some}"
    yield (
        "INSERT INTO groups SELECT digest, min(size), count(*), count(*),"
        f" (sum(blocks) - max(blocks)) * 512 FROM files WHERE {content}"
        " GROUP BY digest HAVING count(*) > 1 AND max(links) = 1"
    )
    yield (
        "INSERT OR REPLACE INTO groups"
        " SELECT digest, min(size), sum(names), count(*), (sum(blocks) - max(blocks)) * 512"
        " FROM (SELECT files.digest, files.size, count(*) AS names, max(files.blocks) AS blocks"
        "  FROM files JOIN folders ON folders.id = files.folder JOIN roots ON roots.id = root"
        "  WHERE files.state <= 1 AND files.size > 0 AND files.digest IN"
        f"   (SELECT digest FROM files WHERE {content}"
        "    GROUP BY digest HAVING count(*) > 1 AND max(links) > 1)"
        "  GROUP BY files.digest, CASE WHEN files.links > 1"
        "   THEN roots.volume || ':' || files.inode"
        "   ELSE files.folder || '/' || hex(files.name) END)"
        " GROUP BY digest HAVING count(*) > 1"
    )
