"""Query what the index knows of files on disk, by folder and by content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from gorillacomb.fs.paths import join
from gorillacomb.index.folder_queries import REGULAR
from gorillacomb.index.paths import BELOW, FolderPaths
from gorillacomb.index.rows import MoveKey
from gorillacomb.index.schema import DIGEST_SIZE, has_content
from gorillacomb.model import FolderState
from gorillacomb.sqlite import Connection, OperationalError

FileRow = tuple[Any, ...]
"""A file: its name, the facts of a `FileRecord` from its state on, and the id of its folder."""
_FILE = "name, state, size, mtime_ns, ctime_ns, inode, checked_ns, digest, cause"


FileFacts = tuple[int, int, int, int]
"""Of a file when it was last read: bytes, mtime and ctime (ns), inode. The last two are 0 on weak
file systems."""
FACTS_OF_ROW = slice(2, 6)
"""Where those are in a `FileRow`."""


class FileRecord(NamedTuple):
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

    @property
    def facts(self) -> FileFacts:
        """What shows whether it is still the same."""
        return self[4:8]


@dataclass(frozen=True, slots=True)
class FolderRecord:
    """A folder as it was when last listed."""

    id: int
    state: FolderState
    cause: str | None


def _columns(table: str) -> str:
    return ", ".join(f"{table}.{each}" for each in _FILE.split(", "))


def folders_below(connection: Connection, folder: int) -> dict[int, dict[bytes, FolderRecord]]:
    """Return the subfolders of a folder and of each below it: by its id, then by their names."""
    found: dict[int, dict[bytes, FolderRecord]] = {}
    for parent, name, number, state, cause in connection.execute(
        f"{BELOW} SELECT folders.parent, folders.name, folders.id, folders.state, folders.cause"
        " FROM below CROSS JOIN folders ON folders.parent = below.id",
        (folder,),
    ):
        found.setdefault(parent, {})[name] = FolderRecord(number, FolderState(state), cause)
    return found


def known_folder(connection: Connection, folder: int) -> FolderRecord:
    """Return a folder by its id, which must be in the index."""
    state, cause = connection.execute(
        "SELECT state, cause FROM folders WHERE id = ?", (folder,)
    ).fetchone()
    return FolderRecord(folder, FolderState(state), cause)


def files_below(connection: Connection, folder: int) -> dict[int, list[FileRow]]:
    """Return the entries directly in a folder, and in each below it, by its id."""
    rows = connection.execute(
        f"{BELOW} SELECT {_columns('files')}, files.folder"
        " FROM below CROSS JOIN files ON files.folder = below.id",
        (folder,),
    )
    return {number: list(files) for number, files in groupby(rows, itemgetter(-1))}


def copies_outside(
    connection: Connection, paths: FolderPaths, digests: Sequence[bytes], folder: int
) -> Iterator[tuple[bytes, FileRecords]]:
    """Yield contents with the files outside a folder that have them, if any, by one statement.

    ``digests`` are the contents, each once; they are returned in the same order.
    """
    rows = connection.execute(
        f"{BELOW}, asked (start) AS (SELECT 1 WHERE ? UNION ALL"
        f" SELECT start + {DIGEST_SIZE} FROM asked WHERE start + {DIGEST_SIZE} < ?)"
        f" SELECT copy.digest, copy.folder, {_columns('file')} FROM asked"
        f" CROSS JOIN files AS copy ON copy.digest = substr(?, start, {DIGEST_SIZE})"
        # What is in the folder is omitted before its row is looked up in the table.
        f" AND {has_content('copy')} AND copy.folder NOT IN below"
        " CROSS JOIN files AS file ON file.folder = copy.folder AND file.name = copy.name",
        (folder, len(digests), DIGEST_SIZE * len(digests), b"".join(digests)),
    )
    for digest, copies in groupby(rows, itemgetter(0)):
        yield digest, FileRecords(paths, list(copies))


class FileRecords:
    """The files with a content: a record is made when it is asked for, since one may suffice."""

    def __init__(self, paths: FolderPaths, rows: Sequence[tuple[Any, ...]]) -> None:
        self._paths = paths
        self._rows = rows

    def __iter__(self) -> Iterator[FileRecord]:
        for row in self._rows:
            place = self._paths.place(row[1])
            if place is not None:
                yield FileRecord(place[0], row[1], join(place[1], row[2]), *row[3:])


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


class FilePosition(NamedTuple):
    """Where a page of files ends; files are listed by folder and name, or by size."""

    size: int
    folder: int
    name: bytes


class ListedFile(NamedTuple):
    """A file as a list shows it."""

    position: FilePosition
    state: int
    mtime_ns: int
    digest: bytes | None
    cause: str | None


def list_files(
    connection: Connection, state: int | None, after: FilePosition | None, limit: int
) -> list[ListedFile]:
    """Return the files that follow a position, at most ``limit``.

    Those in one state are listed the largest first; it must be one of a gap, for which there is an
    index. Otherwise all files are listed, folder by folder.
    """
    columns = "SELECT size, folder, name, state, mtime_ns, digest, cause FROM files"
    at = FilePosition(1 << 62, 0, b"") if after is None else after
    if state is None:
        rows = connection.execute(
            f"{columns} WHERE {REGULAR} AND (folder, name) > (?, ?) ORDER BY folder, name LIMIT ?",
            (at.folder if after is not None else -1, at.name, limit),
        )
    else:
        rows = connection.execute(
            f"{columns} INDEXED BY file_by_gap WHERE state = ? AND state NOT IN (0, 8)"
            f" AND {REGULAR} AND (size, folder, name) < (?, ?, ?)"
            " ORDER BY size DESC, folder DESC, name DESC LIMIT ?",
            (state, *at, limit),
        )
    return [ListedFile(FilePosition(*row[:3]), *row[3:]) for row in rows]
