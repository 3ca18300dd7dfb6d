"""Write the workers' findings to the index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from gorillacomb.fs.paths import join
from gorillacomb.index import duplicate_groups
from gorillacomb.index.database import Index
from gorillacomb.index.folder_digest import clear_folder_digests, set_first_digests
from gorillacomb.index.folder_queries import REGULAR
from gorillacomb.index.paths import AWAY, BELOW, UNUSED_FOLDER
from gorillacomb.index.rows import DIGEST, HASHED_WIDTH, SHORT_DIGEST, EntryRow, MoveKey
from gorillacomb.index.schema import DIGEST_INDEX
from gorillacomb.index.stamps import note_changed_folders
from gorillacomb.model import EntryState, FolderState
from gorillacomb.sqlite import IntegrityError, external_sort, insert

_PUT_HASHED = (
    "INSERT OR REPLACE INTO files (folder, name, state, mode, size, mtime_ns, ctime_ns, inode,"
    f" links, blocks, checked_ns, digest) VALUES (?, ?, {EntryState.HASHED:d}{', ?' * 9})"
)
"""Without the columns that are NULL: binding None costs Python's sqlite3 as much as a number."""
_PUT_LATER = (
    "INSERT OR REPLACE INTO files (folder, name, state, mode, size, mtime_ns, ctime_ns, inode,"
    f" links, blocks, checked_ns) VALUES (?, ?, {EntryState.PENDING:d}{', ?' * 7}, 0)"
)
_PUT_FILE = f"INSERT OR REPLACE INTO files VALUES ({', '.join('?' * 15)})"
_PUT_FOLDER = (
    "INSERT INTO folders (id, root, parent, name, inode, state, marker, cause, seal)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_MOVE_AWAY = (
    f"parent = {AWAY}, name = CAST(id || '/' || parent || '/' || CAST(name AS TEXT) AS BLOB)"
)
"""SQL that detaches a folder; its new name is unique and records where it was."""
_AT_ONCE = 10_000
"""Rows."""
NewFolderRow = tuple[int, int, int, bytes, int, int, str | None, str | None, bytes | None]
"""id, root, parent, name, inode, state, marker, cause, seal."""


@dataclass(slots=True)
class IndexChanges:
    """What a worker found that the index does not know: rows as they are written."""

    away: list[tuple[int, int, bytes]] = field(default_factory=list)
    """id, parent, name of folders that left that place."""
    moved: list[tuple[int, int, bytes]] = field(default_factory=list)
    """id, parent, name of known folders that are now at that place."""
    new_folders: list[NewFolderRow] = field(default_factory=list)
    folders: list[tuple[int, FolderState, str | None, str | None, int]] = field(
        default_factory=list
    )
    """inode, state, marker, cause, id of known folders."""
    sealed: list[tuple[bytes, int]] = field(default_factory=list)
    """seal, id of known folders all of whose entries are written here for the first time."""
    unsealed: list[int] = field(default_factory=list)
    """Known folders with entries that change in more than the time when they were read."""
    excluded: list[int] = field(default_factory=list)
    """Known folders that are excluded from now on, with everything below them."""
    ours: list[tuple[int]] = field(default_factory=list)
    """Folders that contain a ``.gorillacomb``: there may be a quarantine."""
    hashed: list[Any] = field(default_factory=list)
    """The values of `HashedRow`s, concatenated: pickling them costs a third of pickling tuples, and
    they are bound as they are."""
    later: list[Any] = field(default_factory=list)
    """The values of `DeferredRow`s, likewise."""
    rows: list[tuple[int, EntryRow]] = field(default_factory=list)
    """Folder ids and entries that are neither plainly hashed nor plainly deferred."""
    gone: list[tuple[int, bytes]] = field(default_factory=list)
    """Folder ids and names of entries."""
    touched: list[bytes] = field(default_factory=list)
    """Contents of entries that disappeared, changed, or are excluded from now on."""
    came: list[tuple[int, int, int]] = field(default_factory=list)
    """inode, size, mtime of entries that are new to their folder."""
    went: list[tuple[int, int, int]] = field(default_factory=list)
    """The same for entries that no longer exist."""

    def __bool__(self) -> bool:
        return bool(
            self.hashed
            or self.later
            or self.rows
            or self.new_folders
            or self.folders
            or self.gone
            or self.away
            or self.moved
            or self.sealed
            or self.unsealed
            or self.excluded
            or self.ours
        )


class IndexWriter:
    """The writing side of the index during one scan; call it inside `Index.atomic`."""

    def __init__(self, index: Index) -> None:
        self._connection = index.connection
        self._next_folder: int = self._connection.execute(UNUSED_FOLDER).fetchone()[0]
        self._keeps_groups = duplicate_groups.has_groups(self._connection)
        self._connection.execute(
            "CREATE TEMP TABLE arrivals"
            " (inode INTEGER, size INTEGER, mtime_ns INTEGER, came INTEGER, went INTEGER)"
        )
        self._connection.execute("CREATE TEMP TABLE gone (root INTEGER, folder INTEGER, name BLOB)")
        self._connection.execute(
            "CREATE TEMP TABLE left (root INTEGER, folder INTEGER, parent INTEGER, name BLOB)"
        )

    def skip_used_ids(self) -> None:
        """Skip the ids of folders that were not written by this writer."""
        unused = self._connection.execute(UNUSED_FOLDER).fetchone()[0]
        self._next_folder = max(self._next_folder, unused)

    def reserve_folders(self, count: int) -> int:
        """Reserve ids for new folders; return the first of them."""
        first = self._next_folder
        self._next_folder += count
        return first

    def write(self, root: int, writes: IndexChanges) -> None:
        """Write what a worker found in a root; missing entries are dropped at the end."""
        put = self._connection.executemany
        put("INSERT INTO left VALUES (?, ?, ?, ?)", [(root, *each) for each in writes.away])
        put("INSERT INTO gone VALUES (?, ?, ?)", [(root, *each) for each in writes.gone])
        if writes.away or writes.moved:
            note_changed_folders(self._connection)
        # First, while nothing is in them: what moves there is then seen to move below itself.
        self._put_folders(writes.new_folders)
        for folder, parent, name in writes.moved:
            if folder != parent:  # otherwise it was moved into a folder that took its place
                self._displace(folder, parent, name)
                self._move(folder, root, parent, name)
        put(
            "UPDATE folders SET inode = ?, state = ?, marker = ?, cause = ? WHERE id = ?",
            writes.folders,
        )
        set_first_digests(self._connection, writes.sealed)
        clear_folder_digests(self._connection, writes.unsealed)
        for folder in writes.excluded:
            self._exclude_below(folder)
        put("INSERT OR IGNORE INTO our_folders VALUES (?)", writes.ours)
        insert(self._connection, _PUT_HASHED, writes.hashed)
        insert(self._connection, _PUT_LATER, writes.later)
        self._put_files(writes.rows)
        put("INSERT INTO arrivals VALUES (?, ?, ?, 1, 0)", writes.came)
        put("INSERT INTO arrivals VALUES (?, ?, ?, 0, 1)", writes.went)
        if self._keeps_groups:
            self._touch(writes.touched)
            self._touch(writes.hashed[SHORT_DIGEST::HASHED_WIDTH])
            self._touch([row[DIGEST] for _, row in writes.rows])

    def _put_folders(self, rows: Sequence[NewFolderRow]) -> None:
        self._connection.execute("SAVEPOINT folders")
        try:
            insert(self._connection, _PUT_FOLDER, [*chain.from_iterable(rows)])
        except IntegrityError:
            # A folder that was moved during the walk was met in two places.
            self._connection.execute("ROLLBACK TO folders")
            for row in rows:
                self._displace(row[0], row[2], row[3])
                self._connection.execute(_PUT_FOLDER, row)
        self._connection.execute("RELEASE folders")

    def _displace(self, folder: int, parent: int, name: bytes) -> None:
        """Make room for a folder: detach another one that used to be in its place."""
        self._connection.execute(
            f"UPDATE folders SET {_MOVE_AWAY} WHERE parent = ? AND name = ? AND id <> ?",
            (parent, name, folder),
        )

    def put_rows(
        self, rows: Sequence[tuple[int, EntryRow]], gone: Sequence[tuple[int, bytes]]
    ) -> None:
        """Write entries of any folders."""
        clear_folder_digests(self._connection, {folder for folder, _ in (*rows, *gone)})
        self._put_files(rows)
        self._connection.executemany("DELETE FROM files WHERE folder = ? AND name = ?", gone)
        self._touch([row[DIGEST] for _, row in rows])

    def _put_files(self, rows: Sequence[tuple[int, EntryRow]]) -> None:
        values = chain.from_iterable((folder, *row) for folder, row in rows)
        insert(self._connection, _PUT_FILE, [*values])

    def _touch(self, digests: Sequence[bytes | None]) -> None:
        """Mark contents whose groups must be rebuilt."""
        if self._keeps_groups:
            self._connection.executemany(
                "INSERT INTO touched VALUES (?)",
                [(digest,) for digest in digests if digest is not None],
            )

    def _exclude_below(self, folder: int) -> None:
        """Mark the rows of an excluded folder as excluded: neither missing nor counted."""
        self._touch_below(folder)
        self._connection.execute(
            f"{BELOW} UPDATE files SET state = {EntryState.EXCLUDED:d}, cause = NULL,"
            # As in `excluded_row`: a digest that was not trusted is dropped, to be read again.
            f" digest = CASE state WHEN {EntryState.FRESH:d} THEN NULL ELSE digest END,"
            f" checked_ns = CASE WHEN state IN ({EntryState.HASHED:d}, {EntryState.TOO_SMALL:d})"
            "  THEN checked_ns ELSE 0 END"
            f" WHERE folder IN below AND state <> {EntryState.EXCLUDED:d}",
            (folder,),
        )
        self._connection.execute(
            f"{BELOW} UPDATE folders SET state = ?, seal = NULL WHERE id IN below",
            (folder, FolderState.EXCLUDED),
        )

    def _touch_below(self, folder: int) -> None:
        if self._keeps_groups:
            self._connection.execute(
                f"{BELOW} INSERT INTO touched SELECT digest FROM files"
                " WHERE folder IN below AND digest IS NOT NULL",
                (folder,),
            )

    def _move(self, folder: int, root: int, parent: int, name: bytes) -> None:
        self._part(parent, folder)
        self._connection.execute(
            f"{BELOW} UPDATE folders SET root = ? WHERE id IN below AND root <> ?",
            (folder, root, root),
        )
        self._connection.execute(
            "UPDATE folders SET parent = ?, name = ? WHERE id = ?", (parent, name, folder)
        )
        # With its new name, another copy may be preferable.
        self._connection.execute(
            f"{BELOW} INSERT INTO unstamped SELECT digest FROM files"
            " WHERE folder IN below AND digest IN (SELECT digest FROM groups)",
            (folder,),
        )

    def _part(self, folder: int, above: int) -> None:
        """Detach a folder from another one that is about to become its child.

        Folders that are moved during the walk are met once in their old place and once in the new
        one; the one below ``above`` waits until it is met again.
        """
        self._connection.execute(
            # Each folder once: an index of an earlier release may have two inside each other.
            "WITH RECURSIVE upward (id, parent) AS"
            " (SELECT id, parent FROM folders WHERE id = ?1 UNION SELECT folders.id, folders.parent"
            "  FROM folders JOIN upward ON folders.id = upward.parent)"
            f" UPDATE folders SET {_MOVE_AWAY}"
            " WHERE id IN (SELECT id FROM upward WHERE parent = ?2)",
            (folder, above),
        )

    def set_listed(self, folder: int) -> None:
        """Record that all parts of a huge folder have been listed."""
        self._connection.execute(
            "UPDATE folders SET state = ? WHERE id = ? AND state = ?",
            (FolderState.LISTED, folder, FolderState.UNLISTED),
        )

    def losses(self, root: int) -> Iterator[tuple[bytes, MoveKey]]:
        """Yield where the missing files of a root were, relative to the root, after the walk.

        Excludes files found elsewhere on its volume. Each has the key that identifies it after
        moves.
        """
        connection = self._connection
        connection.execute(
            "CREATE INDEX IF NOT EXISTS temp.arrival ON arrivals (inode, size, mtime_ns)"
        )
        lost = connection.execute(
            "WITH RECURSIVE below (id) AS ("
            f" SELECT id FROM folders WHERE root = ?1 AND parent = {AWAY}"
            " UNION SELECT folders.id FROM left JOIN folders ON folders.id = left.folder"
            "  AND folders.parent = left.parent AND folders.name = left.name WHERE left.root = ?1"
            " UNION SELECT folders.id FROM folders JOIN below ON folders.parent = below.id),"
            " lost AS (SELECT files.* FROM files JOIN below ON folder = below.id"
            "  UNION ALL SELECT files.* FROM gone JOIN files USING (folder, name)"
            "  WHERE gone.root = ?1 AND files.folder NOT IN below)"
            " SELECT folder, name, inode, size, mtime_ns FROM lost"
            f" WHERE state <> {EntryState.EXCLUDED:d} AND {REGULAR}"
            " AND NOT EXISTS (SELECT 1 FROM arrivals WHERE came AND arrivals.inode = lost.inode"
            "  AND arrivals.size = lost.size AND arrivals.mtime_ns = lost.mtime_ns)",
            (root,),
        )
        for folder, name, *key in lost.fetchall():
            path = self._stood_at(folder, name)
            if path is not None:
                yield path, (key[0], key[1], key[2])

    def _stood_at(self, folder: int, relative: bytes) -> bytes | None:
        """Return the path, below its root, of an entry of a folder before folders were detached.

        None if an older version did not record it, or two folders were inside each other.
        """
        at: int | None = folder
        seen = set()
        while at is not None:
            if at in seen:
                return None
            seen.add(at)
            row = self._connection.execute(
                "SELECT parent, name FROM folders WHERE id = ?", (at,)
            ).fetchone()
            if row is None:
                return None
            at, name = row
            if at == AWAY:
                parts = name.split(b"/", 2)
                if len(parts) < 3:
                    return None
                at, name = int(parts[1]), parts[2]
            if at is not None:
                relative = join(name, relative)
        return relative

    def has_losses(self, root: int) -> bool:
        """Return whether anything of a root was found missing."""
        return any(
            self._connection.execute(query, (root,)).fetchone() is not None
            for query in (
                "SELECT 1 FROM gone WHERE root = ? LIMIT 1",
                "SELECT 1 FROM left WHERE root = ? LIMIT 1",
                f"SELECT 1 FROM folders WHERE parent = {AWAY} AND root = ? LIMIT 1",
            )
        )

    def drop_gone(self, root: int) -> int:
        """Drop some missing entries of a root; return how many, 0 at the end."""
        rows = self._connection.execute(
            "SELECT rowid, folder, name FROM gone WHERE root = ? LIMIT ?", (root, _AT_ONCE)
        ).fetchall()
        self._connection.executemany(
            "DELETE FROM files WHERE folder = ? AND name = ?", [row[1:] for row in rows]
        )
        self._connection.executemany("DELETE FROM gone WHERE rowid = ?", [row[:1] for row in rows])
        return len(rows)

    def move_away(self, root: int) -> list[int]:
        """Detach the folders of a root that left their place; return those not found elsewhere."""
        self._connection.executemany(
            f"UPDATE folders SET {_MOVE_AWAY} WHERE id = ? AND parent = ? AND name = ?",
            self._connection.execute(
                "SELECT folder, parent, name FROM left WHERE root = ?", (root,)
            ).fetchall(),
        )
        rows = self._connection.execute(
            f"SELECT id FROM folders WHERE parent = {AWAY} AND root = ?", (root,)
        )
        return [folder for (folder,) in rows]

    def remove_folder(self, folder: int) -> int:
        """Drop a folder with everything below it; return how many entries it had."""
        self._touch_below(folder)
        note_changed_folders(self._connection)
        self._connection.execute(
            f"{BELOW} INSERT INTO arrivals SELECT inode, size, mtime_ns, 0, 1 FROM files"
            f" WHERE folder IN below AND state <> {EntryState.EXCLUDED:d}",
            (folder,),
        )
        gone = self._connection.execute(
            # Python's sqlite3 counts rows only for a statement that begins with DELETE.
            f"DELETE FROM files WHERE folder IN ({BELOW} SELECT id FROM below)",
            (folder,),
        ).rowcount
        for sql in ("our_folders WHERE folder", "folders WHERE id"):
            self._connection.execute(f"{BELOW} DELETE FROM {sql} IN below", (folder,))
        return gone

    def moved_files(self) -> int:
        """Return how many entries moved: those that both disappeared and appeared."""
        found = self._connection.execute(
            "SELECT coalesce(sum(least), 0) FROM (SELECT min(sum(came), sum(went)) AS least"
            " FROM arrivals WHERE inode <> 0 GROUP BY inode, size, mtime_ns)"
        ).fetchone()
        return int(found[0])

    def index_digests(self) -> None:
        """Create the index that groups are made from, if a first scan has not done so yet."""
        with external_sort(self._connection):
            self._connection.execute(DIGEST_INDEX)

    def refresh_groups(self) -> None:
        """Update the groups: all of them after a first scan, otherwise those touched."""
        if not self._keeps_groups:
            self.index_digests()
            duplicate_groups.create_groups(self._connection)
            self._keeps_groups = True
        else:
            duplicate_groups.refresh_groups(self._connection)

    @property
    def first_groups_missing(self) -> bool:
        """Whether no scan of this vault has created its groups yet."""
        return not self._keeps_groups
