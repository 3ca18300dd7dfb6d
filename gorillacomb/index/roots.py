"""Query and store roots, which of them are responsible for a path, and their scans."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gorillacomb.fs.mounts import mounts_below
from gorillacomb.fs.paths import is_below
from gorillacomb.fs.volumes import is_there
from gorillacomb.index.folder_queries import REGULAR
from gorillacomb.index.paths import UNUSED_FOLDER, UNUSED_ROOT, FolderPaths
from gorillacomb.index.stamps import note_changed_folders
from gorillacomb.model import EntryState, FolderState, Root
from gorillacomb.sqlite import Connection, OperationalError, is_defined

_NEW_FOLDER = f"({UNUSED_FOLDER})"
_COLUMNS = "id, uid, folder, path, volume, volume_type, weak, inner_path, exclude, min_size"
_ALL_ROOTS = (
    f"SELECT {', '.join(f'roots.{each}' for each in _COLUMNS.split(', '))}, suspects.cause,"
    " root_names.name FROM roots LEFT JOIN suspects ON suspects.root = roots.id"
    " LEFT JOIN root_names ON root_names.uid = roots.uid ORDER BY roots.id"
)
"""Each with why it may not be what it was, and with what the user calls it."""

KEPT_SCANS = 100
"""How many scans of a root the index remembers."""


@dataclass(frozen=True, slots=True)
class RootFacts:
    """Totals of a root in the index."""

    files: int
    bytes: int
    folders: int
    last_scan_ns: int | None
    """When it was last fully scanned; None if never."""


@dataclass(frozen=True, slots=True)
class RootsOfPath:
    """The roots that contain a path, innermost first, by where their drives are now."""

    here: tuple[Root, ...]
    """Those that hold what is at the path now."""
    away: tuple[Root, ...]
    """Those whose drives are missing, or that are hidden by another mount."""
    occupied: bool
    """Whether something exists there now, other than an empty mount point."""

    def answering(self) -> tuple[Root, ...]:
        """Return the roots to ask about the path, the one that holds it now first.

        A missing drive answers as of its last scan, unless something else is in its place.
        """
        return self.here if self.occupied else (*self.here, *self.away)


def roots_of_path(roots: Iterable[Root], path: bytes) -> RootsOfPath:
    """Sort the roots that contain an absolute path by whether their drive is there now.

    Several drives may have been scanned at one mount point, as may the mount point itself.
    """
    around = sorted(
        (root for root in roots if is_below(path, root.path)),
        key=lambda root: (-len(root.path), -root.id),
    )
    here = tuple(root for root in around if is_there(root) and not _is_hidden(path, root))
    away = tuple(root for root in around if root not in here)
    return RootsOfPath(here, away, bool(away) and _is_occupied(path))


def _is_hidden(path: bytes, root: Root) -> bool:
    """Return whether another file system is mounted in a root, at the path or above it."""
    return any(is_below(path, mount.point) for mount in mounts_below(root.path))


def _is_occupied(path: bytes) -> bool:
    try:
        return bool(os.listdir(path))
    except OSError:
        return os.path.lexists(path)  # a file, or a folder that cannot be listed


def all_roots(connection: Connection) -> list[Root]:
    """Return every root, in the order in which they were added."""
    try:
        rows = connection.execute(_ALL_ROOTS).fetchall()
    except OperationalError:
        rows = _roots_of_old_index(connection)
    return [_root(*row) for row in rows]


def _roots_of_old_index(connection: Connection) -> list[tuple[Any, ...]]:
    """Return the rows of an index in which some of the tables are missing."""
    causes: dict[int, str] = {}
    names: dict[str, str] = {}
    if is_defined(connection, "suspects"):  # since version 9
        causes = dict(connection.execute("SELECT root, cause FROM suspects"))
    if is_defined(connection, "root_names"):  # since version 11
        names = dict(connection.execute("SELECT uid, name FROM root_names"))
    rows = connection.execute(f"SELECT {_COLUMNS} FROM roots ORDER BY id")
    return [(*row, causes.get(row[0]), names.get(row[1])) for row in rows]


def set_root_name(connection: Connection, uid: str, name: str | None) -> None:
    """Store what the user calls a root; None if nothing any more."""
    if name is None:
        connection.execute("DELETE FROM root_names WHERE uid = ?", (uid,))
    else:
        connection.execute("INSERT OR REPLACE INTO root_names VALUES (?, ?)", (uid, name))


def set_suspect(connection: Connection, root: int, cause: str | None) -> None:
    """Store why a root may not be what it was; None if it is."""
    if cause is None:
        connection.execute("DELETE FROM suspects WHERE root = ?", (root,))
    else:
        connection.execute("INSERT OR REPLACE INTO suspects VALUES (?, ?)", (root, cause))


def has_our_folder(connection: Connection, folder: int) -> bool:
    """Return whether a scan saw a folder of ours in another one, given by its id."""
    found = connection.execute("SELECT 1 FROM our_folders WHERE folder = ?", (folder,))
    return found.fetchone() is not None


def forget_our_folder(connection: Connection, folder: int) -> None:
    """Record that the folder of ours in another one was deleted."""
    connection.execute("DELETE FROM our_folders WHERE folder = ?", (folder,))


def count_files(connection: Connection, root: int) -> int:
    """Count the regular files known in a root, except excluded ones."""
    found: tuple[int] = connection.execute(
        f"SELECT count(*) FROM files WHERE state <> {EntryState.EXCLUDED:d} AND {REGULAR}"
        " AND folder IN (SELECT id FROM folders WHERE root = ?)",
        (root,),
    ).fetchone()
    return found[0]


def _root(
    number: int,
    uid: str,
    folder: int,
    path: bytes,
    volume: str,
    volume_type: str,
    weak: int,
    inner_path: bytes,
    exclude: str,
    min_size: int,
    suspect: str | None = None,
    name: str | None = None,
) -> Root:
    if not isinstance(path, bytes) or not isinstance(inner_path, bytes):
        raise TypeError(f"a root's path is {type(path).__name__}, not bytes")
    return Root(
        number,
        uid,
        folder,
        path,
        volume,
        volume_type,
        bool(weak),
        inner_path,
        tuple(json.loads(exclude)),
        min_size,
        suspect,
        name,
    )


def add_root(connection: Connection, root: Root, inode: int) -> Root:
    """Store a new root with its top folder; ids in ``root`` are ignored and assigned."""
    folder = connection.execute(
        "INSERT INTO folders (id, root, parent, name, inode, state)"
        f" VALUES ({_NEW_FOLDER}, 0, NULL, ?, ?, ?)",
        (root.path, inode, FolderState.UNLISTED),
    ).lastrowid
    number = connection.execute(
        f"INSERT INTO roots ({_COLUMNS}) VALUES (({UNUSED_ROOT}), ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            root.uid,
            folder,
            root.path,
            root.volume,
            root.volume_type,
            root.weak,
            root.inner_path,
            json.dumps(root.exclude),
            root.min_size,
        ),
    ).lastrowid
    connection.execute("UPDATE folders SET root = ? WHERE id = ?", (number, folder))
    return _stored(connection, number)


def add_folder(connection: Connection, root: int, parent: int, name: bytes) -> int:
    """Insert a folder that is not listed yet; return its id."""
    number = connection.execute(
        "INSERT INTO folders (id, root, parent, name, inode, state)"
        f" VALUES ({_NEW_FOLDER}, ?, ?, ?, 0, ?)",
        (root, parent, name, FolderState.UNLISTED),
    ).lastrowid
    assert number is not None
    return number


def update_root(connection: Connection, root: Root) -> None:
    """Store a root's current location and settings."""
    connection.execute(
        "UPDATE roots SET path = ?, volume = ?, volume_type = ?, weak = ?, inner_path = ?,"
        " exclude = ?, min_size = ? WHERE id = ?",
        (
            root.path,
            root.volume,
            root.volume_type,
            root.weak,
            root.inner_path,
            json.dumps(root.exclude),
            root.min_size,
            root.id,
        ),
    )


def _stored(connection: Connection, number: int | None) -> Root:
    row = connection.execute(f"SELECT {_COLUMNS} FROM roots WHERE id = ?", (number,)).fetchone()
    return _root(*row)


def merge_root(connection: Connection, inner: Root, outer: int, parent: int, name: bytes) -> None:
    """Turn a root into a plain folder of another root, keeping everything known about it."""
    note_changed_folders(connection)
    connection.execute("UPDATE folders SET root = ? WHERE root = ?", (outer, inner.id))
    connection.execute(
        "UPDATE folders SET parent = ?, name = ? WHERE id = ?", (parent, name, inner.folder)
    )
    # Its quarantine is then found from the outer root, even if a scan of that is interrupted.
    connection.execute("INSERT OR IGNORE INTO our_folders VALUES (?)", (inner.folder,))
    connection.execute("DELETE FROM scans WHERE root = ?", (inner.id,))
    connection.execute("DELETE FROM suspects WHERE root = ?", (inner.id,))
    set_root_name(connection, inner.uid, None)
    connection.execute("DELETE FROM roots WHERE id = ?", (inner.id,))


def forget_root(connection: Connection, root: Root) -> None:
    """Drop a root and everything known about it. The groups must be rebuilt afterwards."""
    note_changed_folders(connection)
    connection.execute(
        "DELETE FROM files WHERE folder IN (SELECT id FROM folders WHERE root = ?)", (root.id,)
    )
    connection.execute(
        "DELETE FROM our_folders WHERE folder IN (SELECT id FROM folders WHERE root = ?)",
        (root.id,),
    )
    connection.execute("DELETE FROM folders WHERE root = ?", (root.id,))
    connection.execute("DELETE FROM scans WHERE root = ?", (root.id,))
    connection.execute("DELETE FROM suspects WHERE root = ?", (root.id,))
    set_root_name(connection, root.uid, None)
    connection.execute("DELETE FROM roots WHERE id = ?", (root.id,))


def root_facts(connection: Connection, root: Root) -> RootFacts:
    """Compute the totals of a root."""
    folders = connection.execute(
        "SELECT count(*) FROM folders WHERE root = ? AND state <> 3", (root.id,)
    ).fetchone()[0]
    scan = last_scan(connection, root.id)
    if scan is not None and not _scanned_since(connection, root):
        return RootFacts(scan[1], scan[2], folders, scan[0])
    files, size = connection.execute(
        "SELECT count(*), coalesce(sum(size), 0) FROM files"
        f" WHERE state <> 6 AND {REGULAR} AND folder IN (SELECT id FROM folders WHERE root = ?)",
        (root.id,),
    ).fetchone()
    return RootFacts(files, size, folders, None if scan is None else scan[0])


def last_scan(connection: Connection, root: int) -> tuple[int, int, int] | None:
    """Return when a root was last fully scanned (ns), and how many files and bytes it had."""
    found: tuple[int, int, int] | None = connection.execute(
        "SELECT finished_ns, files, bytes FROM scans"
        " WHERE root = ? AND finished_ns IS NOT NULL AND scope = x'' ORDER BY id DESC LIMIT 1",
        (root,),
    ).fetchone()
    return found


def _scanned_since(connection: Connection, root: Root) -> bool:
    """Return whether a partial or interrupted scan followed the last full one."""
    last = connection.execute(
        "SELECT finished_ns, scope FROM scans WHERE root = ? ORDER BY id DESC LIMIT 1", (root.id,)
    ).fetchone()
    return last is not None and (last[0] is None or last[1] != b"")


def start_scan(connection: Connection, root: int, scope: bytes, now_ns: int) -> int:
    """Record that a scan of ``scope`` (relative to the root) begins; return its number."""
    number = connection.execute(
        "INSERT INTO scans (root, scope, started_ns, files, bytes, hashed_files, hashed_bytes)"
        " VALUES (?, ?, ?, 0, 0, 0, 0)",
        (root, scope, now_ns),
    ).lastrowid
    assert number is not None
    return number


def finish_scan(
    connection: Connection,
    scan: int,
    now_ns: int | None,
    files: int,
    size: int,
    hashed_files: int,
    hashed_bytes: int,
) -> None:
    """Record how a scan ended; ``now_ns`` is None if it did not finish."""
    connection.execute(
        "UPDATE scans SET finished_ns = ?, files = ?, bytes = ?, hashed_files = ?,"
        " hashed_bytes = ? WHERE id = ?",
        (now_ns, files, size, hashed_files, hashed_bytes, scan),
    )


def drop_old_scans(connection: Connection, root: int) -> None:
    """Forget the scans of a root, except the most recent ones and the last full one."""
    connection.execute(
        "DELETE FROM scans WHERE root = ?1"
        " AND id <= (SELECT id FROM scans WHERE root = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)"
        " AND id IS NOT (SELECT max(id) FROM scans WHERE root = ?1"
        "  AND finished_ns IS NOT NULL AND scope = x'')",
        (root, KEPT_SCANS),
    )


def folder_paths(connection: Connection) -> FolderPaths:
    """Return the paths of folders, based on where the roots were last seen."""
    return FolderPaths(connection, {root.id: root for root in all_roots(connection)})


def our_folders(connection: Connection) -> dict[int, list[bytes]]:
    """Return the paths of folders in which a ``.gorillacomb`` was seen, by the id of their root.

    It may since have been removed.
    """
    if not is_defined(connection, "our_folders"):  # since version 8
        return {}
    paths = folder_paths(connection)
    found: dict[int, list[bytes]] = {}
    for (folder,) in connection.execute("SELECT folder FROM our_folders ORDER BY folder"):
        place = paths.place(folder)
        if place is not None:
            found.setdefault(place[0], []).append(place[1])
    return found
