"""Query what the index knows of files on disk, by folder and by content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gorillacomb.fs.paths import join
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.rows import MoveKey
from gorillacomb.index.schema import has_content
from gorillacomb.model import FolderState
from gorillacomb.sqlite import Connection, OperationalError

_FILE = "name, state, size, mtime_ns, ctime_ns, inode, checked_ns, digest, cause"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as it was when last read."""

    root: int
    folder: int
    path: bytes
    """Absolute."""
    state: int
    size: int
    mtime_ns: int
    ctime_ns: int
    """0 on weak file systems."""
    inode: int
    """0 on weak file systems."""
    checked_ns: int
    digest: bytes | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class FolderRecord:
    """A folder as it was when last listed."""

    id: int
    state: FolderState
    cause: str | None


def folders_in(connection: Connection, folder: int) -> dict[bytes, FolderRecord]:
    """Return the direct subfolders of a folder, by name."""
    rows = connection.execute(
        "SELECT name, id, state, cause FROM folders WHERE parent = ?", (folder,)
    )
    return {
        name: FolderRecord(number, FolderState(state), cause) for name, number, state, cause in rows
    }


def known_folder(connection: Connection, folder: int) -> FolderRecord:
    """Return a folder by its id, which must be in the index."""
    state, cause = connection.execute(
        "SELECT state, cause FROM folders WHERE id = ?", (folder,)
    ).fetchone()
    return FolderRecord(folder, FolderState(state), cause)


def files_in(
    connection: Connection, root: int, folder: int, path: bytes
) -> dict[bytes, FileRecord]:
    """Return the entries directly in a folder at a path, by name."""
    rows = connection.execute(f"SELECT {_FILE} FROM files WHERE folder = ?", (folder,))
    return {name: FileRecord(root, folder, join(path, name), *facts) for name, *facts in rows}


def files_with_content(
    connection: Connection, paths: FolderPaths, digest: bytes
) -> Iterator[FileRecord]:
    """Yield the files with a content."""
    rows = connection.execute(
        f"SELECT folder, {_FILE} FROM files WHERE digest = ? AND {has_content()}", (digest,)
    )
    for folder, name, *facts in rows.fetchall():
        place = paths.place(folder)
        if place is not None:
            yield FileRecord(place[0], folder, join(place[1], name), *facts)


def arrivals_of_scan(connection: Connection) -> set[MoveKey]:
    """Return what the scan in progress on this connection found in new places; empty if none is."""
    try:
        rows = connection.execute("SELECT inode, size, mtime_ns FROM arrivals WHERE came = 1")
    except OperationalError:
        return set()  # the table is created by the scan's writer
    return set(rows)


def move_key(connection: Connection, folder: int, name: bytes) -> MoveKey | None:
    """Return what identifies a file after a move; None if it is not in the index."""
    found: MoveKey | None = connection.execute(
        "SELECT inode, size, mtime_ns FROM files WHERE folder = ? AND name = ?", (folder, name)
    ).fetchone()
    return found
