"""Query contents: groups of identical files, and the files with a given content."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from gorillacomb.fs.paths import join
from gorillacomb.index.folder_queries import REGULAR
from gorillacomb.index.paths import BELOW, FileKey, FolderPaths
from gorillacomb.index.schema import has_content, has_gap
from gorillacomb.model import EntryState, GroupSummary, IndexedFile
from gorillacomb.sqlite import Connection, is_defined

_FILE = (
    "folder, name, state, mode, size, mtime_ns, inode, links, blocks, checked_ns, digest, target,"
    " cause"
)


def groups(connection: Connection, limit: int | None = None) -> Iterator[GroupSummary]:
    """Yield groups of two or more copies, most wasteful first."""
    cursor = connection.execute(
        "SELECT digest, size, names, copies, reclaimable FROM groups"
        " ORDER BY reclaimable DESC, size * copies DESC, digest LIMIT ?",
        (-1 if limit is None else limit,),
    )
    for row in cursor:
        yield GroupSummary(*row)


def groups_below(connection: Connection, folder: int) -> Iterator[GroupSummary]:
    """Yield groups with at least one copy in a folder or below it."""
    cursor = connection.execute(
        f"{BELOW} SELECT digest, size, names, copies, reclaimable FROM groups WHERE digest IN"
        f" (SELECT digest FROM files WHERE folder IN below AND {has_content()})"
        " ORDER BY reclaimable DESC, size * copies DESC, digest",
        (folder,),
    )
    for row in cursor:
        yield GroupSummary(*row)


def group_of(connection: Connection, digest: bytes) -> GroupSummary | None:
    """Return the group of a content; None if there is at most one copy."""
    row = connection.execute(
        "SELECT digest, size, names, copies, reclaimable FROM groups WHERE digest = ?", (digest,)
    ).fetchone()
    return None if row is None else GroupSummary(*row)


def files_with(connection: Connection, paths: FolderPaths, digest: bytes) -> list[IndexedFile]:
    """Return every file with a content, by path."""
    rows = connection.execute(
        f"SELECT {_FILE} FROM files WHERE {has_content()} AND digest = ?", (digest,)
    )
    files = [file for row in rows if (file := _file(paths, *row)) is not None]
    return sorted(files, key=lambda file: file.path)


def copies_seen_by_scan(
    connection: Connection,
    paths: FolderPaths,
    scan: int,
    now_ns: int,
    known: Collection[tuple[int, bytes]] = (),
) -> list[tuple[bytes, int, int]]:
    """Return files read since a scan began that have copies: path, bytes, copies.

    A file read after ``now_ns`` was read in an earlier scan, with a clock that was ahead. Those
    ``known``, by folder id and name, are omitted.
    """
    rows = connection.execute(
        "SELECT files.folder, files.name, files.size, groups.copies FROM files"
        " JOIN groups ON groups.digest = files.digest"
        " WHERE files.checked_ns BETWEEN (SELECT started_ns FROM scans WHERE id = ?) AND ?"
        " AND files.state <= 1 AND groups.copies > 1",
        (scan, now_ns),
    )
    placed = (
        (paths.place(folder), name, size, copies)
        for folder, name, size, copies in rows
        if (folder, name) not in known
    )
    return sorted((join(at[1], name), size, copies) for at, name, size, copies in placed if at)


def file_at(
    connection: Connection, paths: FolderPaths, folder: int, name: bytes
) -> IndexedFile | None:
    """Return one entry by its folder and name."""
    row = connection.execute(
        f"SELECT {_FILE} FROM files WHERE folder = ? AND name = ?", (folder, name)
    ).fetchone()
    return None if row is None else _file(paths, *row)


def files_in_states(
    connection: Connection, paths: FolderPaths, states: tuple[EntryState, ...]
) -> Iterator[IndexedFile]:
    """Yield entries that could not be hashed or have changed.

    HASHED and OTHER are never included.
    """
    marks = ", ".join("?" * len(states))
    cursor = connection.execute(
        f"SELECT {_FILE} FROM files WHERE state IN ({marks}) AND {has_gap()} ORDER BY folder, name",
        states,
    )
    for row in cursor:
        file = _file(paths, *row)
        if file is not None:
            yield file


class GroupTotals(NamedTuple):
    """Totals over all groups of identical files."""

    groups: int
    redundant_files: int
    """Redundant copies."""
    redundant_bytes: int
    """Bytes on disk that those use."""


def content_totals(connection: Connection) -> GroupTotals:
    """Sum up all groups."""
    row = connection.execute(
        "SELECT count(*), coalesce(sum(copies - 1), 0), coalesce(sum(reclaimable), 0) FROM groups"
    ).fetchone()
    return GroupTotals(*row)


def counts_by_state(connection: Connection) -> dict[EntryState, tuple[int, int]]:
    """Return files and bytes in each state except HASHED and OTHER."""
    rows = connection.execute(
        f"SELECT state, count(*), sum(size) FROM files WHERE {has_gap()} GROUP BY state"
    )
    return {EntryState(state): (files, size) for state, files, size in rows}


class EndingTotals(NamedTuple):
    """Files whose names have the same ending and that were last changed in the same year."""

    ending: str
    """In lower case, without the dot; empty if there is none."""
    year: int
    """By the local clock."""
    files: int
    bytes: int
    redundant_bytes: int
    """Their part of the bytes on disk that redundant copies use."""


def totals_by_ending(connection: Connection) -> Iterator[EndingTotals]:
    """Sum up regular files by the ending of their names and the year of their last change."""
    rows = connection.execute(
        "WITH named AS (SELECT CAST(name AS TEXT) AS name, files.size,"
        " mtime_ns / 1000000000 AS time,"
        " coalesce(1.0 * groups.reclaimable / groups.names, 0) AS redundant"
        " FROM files LEFT JOIN groups ON groups.digest = files.digest AND files.size > 0"
        f" WHERE files.state <> 6 AND {REGULAR})"
        # rtrim strips all characters but dots, so it leaves everything up to the last dot
        " SELECT CASE WHEN ltrim(name, '.') LIKE '%.%'"
        " THEN lower(replace(name, rtrim(name, replace(name, '.', '')), '')) ELSE '' END AS ending,"
        " CAST(strftime('%Y', time, 'unixepoch', 'localtime') AS INTEGER) AS year,"
        " count(*), sum(size), sum(redundant) FROM named GROUP BY ending, year"
    )
    for ending, year, files, size, redundant in rows:
        yield EndingTotals(ending, year or 0, files, size, round(redundant))


def contents_by_root(connection: Connection) -> dict[int, tuple[int, int]]:
    """Return files with a content, and their bytes, of each root."""
    rows = connection.execute(
        "SELECT folders.root, count(*), sum(files.size) FROM files"
        f" JOIN folders ON folders.id = files.folder WHERE {has_content('files')} GROUP BY 1"
    )
    return {root: (files, size) for root, files, size in rows}


def copies_by_root(connection: Connection) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield each content that has copies, with a root of them: digest, size, root, and names there.

    All rows of a content follow one another.
    """
    yield from connection.execute(
        "SELECT groups.digest, groups.size, folders.root, count(*) FROM groups"
        " CROSS JOIN files INDEXED BY file_by_digest ON files.digest = groups.digest"
        f" AND {has_content('files')} JOIN folders ON folders.id = files.folder"
        " GROUP BY groups.digest, folders.root"
    )


class GroupedName(NamedTuple):
    """A name of a file that has copies."""

    digest: bytes
    size: int
    reclaimable: int
    """Bytes on disk of all copies but the largest."""
    folder: int
    name: bytes
    volume: str
    inode: int
    """0 if it has one name, or its file system has no stable inodes."""
    blocks: int


def names_in_groups(connection: Connection) -> Iterator[GroupedName]:
    """Yield all names of all files that have copies; those of a content follow one another."""
    rows = connection.execute(
        "SELECT groups.digest, groups.size, groups.reclaimable, files.folder, files.name,"
        " roots.volume, CASE WHEN files.links > 1 THEN files.inode ELSE 0 END, files.blocks"
        " FROM groups CROSS JOIN files INDEXED BY file_by_digest ON files.digest = groups.digest"
        f" AND {has_content('files')} JOIN folders ON folders.id = files.folder"
        " JOIN roots ON roots.id = folders.root ORDER BY groups.digest, files.folder, files.name"
    )
    yield from map(GroupedName._make, rows)


def empty_files(connection: Connection) -> int:
    """Return how many files are empty."""
    row = connection.execute("SELECT count(*) FROM files WHERE size = 0 AND state <= 1").fetchone()
    return int(row[0])


def _file(
    paths: FolderPaths,
    folder: int,
    name: bytes,
    state: int,
    mode: int,
    size: int,
    mtime_ns: int,
    inode: int,
    links: int,
    blocks: int,
    checked_ns: int,
    digest: bytes | None,
    target: bytes | None,
    cause: str | None,
) -> IndexedFile | None:
    """Return the entry of a row; None if its folder is detached."""
    found = paths.place(folder)
    if found is None:
        return None
    root, place = found
    return IndexedFile(
        folder=folder,
        root=root,
        path=join(place, name),
        state=EntryState(state),
        mode=mode,
        size=size,
        mtime_ns=mtime_ns,
        inode=inode,
        links=links,
        blocks=blocks,
        checked_ns=checked_ns,
        digest=digest,
        target=target,
        cause=cause,
    )


def disk_bytes_below(connection: Connection, folder: int) -> int:
    """Return the bytes on disk freed without a folder: of files with all their names in it."""
    found: int = connection.execute(
        f"{BELOW} SELECT coalesce(sum(bytes), 0) FROM (SELECT max(blocks) * 512 AS bytes"
        f" FROM files WHERE folder IN below AND state <> 6 AND {REGULAR}"
        " GROUP BY inode, iif(inode = 0, folder, 0), iif(inode = 0, name, 0)"
        " HAVING count(*) >= max(links))",
        (folder,),
    ).fetchone()[0]
    return found


def has_copy_orders(connection: Connection) -> bool:
    """Return whether the order of the copies of any content is stored."""
    if not is_defined(connection, "copy_orders"):  # since version 11
        return False
    return connection.execute("SELECT 1 FROM copy_orders LIMIT 1").fetchone() is not None


def copy_order(connection: Connection, digest: bytes) -> list[FileKey]:
    """Return the copies of a content in their order after the last scan; empty if not stored."""
    row = connection.execute(
        "SELECT copies FROM copy_orders WHERE digest = ?", (digest,)
    ).fetchone()
    if row is None:
        return []
    parts = (each.split(b"/", 1) for each in row[0].split(b"\0"))
    return [(int(folder), name) for folder, name in parts]
