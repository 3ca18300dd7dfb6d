"""Query contents: groups of identical files, and the files with a given content."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from gorillacomb.fs.paths import join
from gorillacomb.index.folder_queries import REGULAR
from gorillacomb.index.paths import BELOW, FileKey, FolderPaths
from gorillacomb.index.schema import DIGEST_SIZE, has_content, has_gap
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


def by_waste(group: GroupSummary) -> tuple[int, int, bytes]:
    """Return the sort key of groups in the order of `groups`."""
    return -group.reclaimable, -group.size * group.copies, group.digest


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
    disk_bytes: int
    """On disk; each name of a file that has several counts for its part."""
    redundant_bytes: int
    """Their part of the bytes on disk that redundant copies use."""


def totals_by_ending(connection: Connection) -> Iterator[EndingTotals]:
    """Sum up regular files by the ending of their names and the year of their last change."""
    rows = connection.execute(
        "WITH named AS (SELECT CAST(name AS TEXT) AS name, files.size,"
        " mtime_ns / 1000000000 AS time, files.blocks * 512.0 / max(files.links, 1) AS held,"
        " coalesce(1.0 * groups.reclaimable / groups.names, 0) AS redundant"
        " FROM files LEFT JOIN groups ON groups.digest = files.digest AND files.size > 0"
        f" WHERE files.state <> 6 AND {REGULAR})"
        # rtrim strips all characters but dots, so it leaves everything up to the last dot
        " SELECT CASE WHEN ltrim(name, '.') LIKE '%.%'"
        " THEN lower(replace(name, rtrim(name, replace(name, '.', '')), '')) ELSE '' END AS ending,"
        " CAST(strftime('%Y', time, 'unixepoch', 'localtime') AS INTEGER) AS year,"
        " count(*), sum(size), sum(held), sum(redundant) FROM named GROUP BY ending, year"
    )
    for ending, year, files, size, held, redundant in rows:
        yield EndingTotals(ending, year or 0, files, size, round(held), round(redundant))


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
    return [] if row is None else parse_copy_order(row[0])


def parse_copy_order(stored: bytes) -> list[FileKey]:
    """Return the copies in an order as it is stored."""
    parts = (each.split(b"/", 1) for each in stored.split(b"\0"))
    return [(int(folder), name) for folder, name in parts]


CopyRow = tuple[int, bytes, int, int, int]
"""A file with a content: the id of its folder, name, blocks of 512 bytes, mtime (ns), and its inode
if it may have other names, else 0."""

_EVEN_ALONE = (
    "SELECT digest, size, count(*) AS names, 1 AS copies, 0 AS reclaimable FROM files"
    f" WHERE {has_content()} AND digest"
)
_ANY_CONTENT = f"({_EVEN_ALONE} = ?)"
_TO_STAMP = f"({_EVEN_ALONE} IN (SELECT digest FROM unstamped) GROUP BY digest)"
_DIGEST = itemgetter(0)
_BY_WASTE = "ORDER BY groups.reclaimable DESC, groups.size * groups.copies DESC, groups.digest"


class ContentCopies(NamedTuple):
    """A content, and the files that have it."""

    summary: GroupSummary
    stamped: FileKey | None
    """The canonical file, as the trace has it."""
    order: bytes | None
    """The copies in their order after the last scan, as they are stored."""
    files: list[CopyRow]


class CopyReader:
    """Reads the contents of an index that have several copies."""

    def __init__(self, connection: Connection, one_file_twice: bool) -> None:
        """``one_file_twice`` says whether two roots may show one file."""
        self._connection = connection
        self._has_orders = is_defined(connection, "copy_orders")  # since version 11
        self._is_named_twice = "1" if one_file_twice else "files.links > 1"

    def in_folders(self, folders: Collection[int]) -> Iterator[ContentCopies]:
        """Yield contents with copies, one of them directly in one of some folders, by digest."""
        wanted = f"[{','.join(map(str, folders))}]"
        return self._contents("groups", f"{_IN_FOLDERS} ORDER BY groups.digest", (wanted,))

    def of_digests(self, digests: Sequence[bytes]) -> Iterator[ContentCopies]:
        """Yield those with some digests, all of `DIGEST_SIZE`, by one statement."""
        length = DIGEST_SIZE * len(digests)
        return self._contents(_ASKED, "", (length, b"".join(digests)))

    def by_waste(self, folder: int | None = None) -> Iterator[ContentCopies]:
        """Yield those with a copy below a folder, or all; the most wasteful first."""
        if folder is None:
            return self._contents("groups", _BY_WASTE)
        return self._contents("groups", f"{_IN_FOLDER} {_BY_WASTE}", (folder,))

    def of(self, digest: bytes) -> ContentCopies | None:
        """Return a content with copies; None if there is at most one."""
        return next(self._contents("groups", "WHERE groups.digest = ?", (digest,)), None)

    def to_stamp(self) -> Iterator[ContentCopies]:
        """Yield the contents that are to be stamped again, even if only one file has them."""
        return self._contents(_TO_STAMP, "ORDER BY groups.digest")

    def of_any(self, digest: bytes) -> ContentCopies | None:
        """Return a content, even if only one file has it; None if none has."""
        return next(self._contents(_ANY_CONTENT, "", (digest,)), None)

    def _contents(
        self, groups: str, condition: str, values: tuple[Any, ...] = ()
    ) -> Iterator[ContentCopies]:
        rows = self._connection.execute(
            "SELECT groups.digest, groups.size, groups.names, groups.copies, groups.reclaimable,"
            f" stamps.folder, stamps.name, {'copy_orders.copies' if self._has_orders else 'NULL'},"
            " files.folder, files.name, files.blocks, files.mtime_ns,"
            # The index of digests lacks the inode, and looking up each row in the table takes long.
            f" CASE WHEN {self._is_named_twice} THEN (SELECT inode FROM files AS named"
            "  WHERE named.folder = files.folder AND named.name = files.name) ELSE 0 END"
            f" FROM {groups} AS groups LEFT JOIN stamps ON stamps.digest = groups.digest"
            f" {_ORDERS if self._has_orders else ''}"
            " CROSS JOIN files ON files.digest = groups.digest"
            f" AND {has_content('files')} {condition}",
            values,
        )
        for digest, copies in groupby(rows, _DIGEST):
            files = list(copies)
            _, *summary, folder, name, order = files[0][:8]
            yield ContentCopies(
                GroupSummary(digest, *summary),
                None if folder is None else (folder, name),
                order,
                [row[8:] for row in files],
            )


_ORDERS = "LEFT JOIN copy_orders ON copy_orders.digest = groups.digest"
_IN_FOLDER = (
    f"WHERE groups.digest IN ({BELOW} SELECT digest FROM files"
    f" WHERE folder IN below AND {has_content()})"
)
_IN_FOLDERS = (
    "WHERE groups.digest IN (SELECT held.digest FROM json_each(?) AS wanted"
    f" CROSS JOIN files AS held ON held.folder = wanted.value AND {has_content('held')})"
)
_ASKED = (
    f"(WITH RECURSIVE asked (start) AS (SELECT 1 UNION ALL SELECT start + {DIGEST_SIZE}"
    f" FROM asked WHERE start + {DIGEST_SIZE} <= ?1) SELECT groups.* FROM asked"
    f" CROSS JOIN groups ON groups.digest = substr(?2, start, {DIGEST_SIZE}))"
)
