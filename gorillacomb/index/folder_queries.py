"""Query folders: their state, their contents, and what surrounds them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gorillacomb.index.paths import BELOW, UNUSED_FOLDER, FolderPaths
from gorillacomb.index.schema import has_content
from gorillacomb.model import EntryState, FolderState, UnreadablePath
from gorillacomb.sqlite import Connection, is_defined

REGULAR = "(mode & 61440) = 32768"
"""S_ISREG in SQL: symbolic links, FIFOs and the like are entries, but not files."""


@dataclass(frozen=True, slots=True)
class FolderTotals:
    """Totals of a folder and everything below it."""

    files: int
    folders: int
    bytes: int
    duplicates: int
    """Files whose content has another copy, inside this folder or elsewhere."""
    duplicate_bytes: int
    gaps: int
    """Unread entries and unlisted folders: with any, the folder is incomplete."""
    cause: str | None
    """Why the folder itself could not be listed."""


def folder_facts(connection: Connection, folder: int) -> FolderTotals:
    """Compute the totals of a folder."""
    files, size, gaps = connection.execute(
        f"{BELOW} SELECT coalesce(sum(state <> 6 AND {REGULAR}), 0),"
        f" coalesce(sum(size) FILTER (WHERE state <> 6 AND {REGULAR}), 0),"
        " coalesce(sum(state BETWEEN 2 AND 7 OR state > 8), 0) FROM files WHERE folder IN below",
        (folder,),
    ).fetchone()
    folders, unlisted = connection.execute(
        f"{BELOW} SELECT coalesce(sum(state <> 3), 0), coalesce(sum(state <> 0), 0)"
        " FROM folders WHERE id IN below",
        (folder,),
    ).fetchone()
    duplicates, duplicate_bytes = connection.execute(
        f"{BELOW} SELECT count(*), coalesce(sum(files.size), 0) FROM files"
        f" WHERE folder IN below AND {has_content()}"
        " AND digest IN (SELECT digest FROM groups)",
        (folder,),
    ).fetchone()
    cause = connection.execute("SELECT cause FROM folders WHERE id = ?", (folder,)).fetchone()[0]
    return FolderTotals(
        files,
        max(folders - 1, 0),
        size,
        duplicates,
        duplicate_bytes,
        gaps + unlisted,
        cause,
    )


def folders_in_states(
    connection: Connection, paths: FolderPaths, states: tuple[FolderState, ...]
) -> Iterator[UnreadablePath]:
    """Yield folders that were not listed, with the cause."""
    marks = ", ".join("?" * len(states))
    cursor = connection.execute(
        f"SELECT id, state, cause FROM folders WHERE state IN ({marks}) ORDER BY id", states
    )
    for folder, state, cause in cursor:
        words = cause or FolderState(state).name.lower().replace("_", " ")
        place = paths.place(folder)
        if place is not None:
            yield UnreadablePath(place[1], words, folder=True)


def count_folders_by_state(connection: Connection) -> dict[FolderState, int]:
    """Return the number of folders in each state except LISTED."""
    rows = connection.execute("SELECT state, count(*) FROM folders WHERE state <> 0 GROUP BY state")
    return {FolderState(state): count for state, count in rows}


def child_folders(connection: Connection, folder: int) -> list[tuple[int, bytes]]:
    """Return the direct subfolders of a folder: id and name."""
    return connection.execute("SELECT id, name FROM folders WHERE parent = ?", (folder,)).fetchall()


def files_with_content(connection: Connection, folder: int) -> list[tuple[bytes, bytes, int]]:
    """Return the nonempty, read files directly in a folder: name, digest, mtime."""
    return connection.execute(
        "SELECT name, digest, mtime_ns FROM files WHERE folder = ? AND state <= 1 AND size > 0",
        (folder,),
    ).fetchall()


def has_entries(connection: Connection, folder: int) -> bool:
    """Return whether anything but folders is directly in a folder: a file, a link, a socket."""
    found = connection.execute("SELECT 1 FROM files WHERE folder = ? LIMIT 1", (folder,))
    return found.fetchone() is not None


def has_more_entries(connection: Connection, than: int) -> bool:
    """Return whether the index has more entries than a number, without counting all of them."""
    row = connection.execute("SELECT count(*) FROM (SELECT 1 FROM files LIMIT ?)", (than + 1,))
    found: int = row.fetchone()[0]
    return found > than


def begin_arrivals(connection: Connection) -> None:
    """Drop records of unused folder ids, so that these can be reused.

    Call inside `Index.atomic`.
    """
    connection.execute(f"DELETE FROM arrivals_ended WHERE folder > ({UNUSED_FOLDER})")


def end_arrivals(connection: Connection) -> None:
    """Record that a scan finished, for `scans_before`. Call inside `Index.atomic`."""
    begin_arrivals(connection)  # of folders removed since: now, so that the next scan writes none
    connection.execute(f"INSERT OR IGNORE INTO arrivals_ended {UNUSED_FOLDER}")


def load_arrivals(connection: Connection) -> list[int]:
    """Return where the ids of each scan's new folders end, for `scans_before`."""
    if not is_defined(connection, "arrivals_ended"):  # since version 10
        return []
    rows = connection.execute("SELECT folder FROM arrivals_ended ORDER BY folder")
    return [folder for (folder,) in rows]


def scans_before(arrivals: Sequence[int], folder: int) -> int:
    """Count the finished scans with new folders before the one that first met a folder, by its id.

    An interrupted scan does not count: otherwise chance would decide which folders it met.
    """
    return bisect_right(arrivals, folder)


def files_below(connection: Connection, folder: int) -> Iterator[tuple[bytes, bytes | None]]:
    """Yield path relative to a folder and digest of each file that was read in it and below it.

    The digest of an empty file may be None.
    """
    paths: dict[int, bytes] = {folder: b""}
    rows = connection.execute(
        f"{BELOW} SELECT id, parent, name FROM folders WHERE id IN below", (folder,)
    )
    parents = {number: (parent, name) for number, parent, name in rows if number != folder}
    for number in parents:
        chain, at = [], number
        while at not in paths:
            chain.append(at)
            at = parents[at][0]
        for inner in reversed(chain):
            paths[inner] = paths[parents[inner][0]] + parents[inner][1] + b"/"
    for at, name, digest in connection.execute(
        f"{BELOW} SELECT folder, name, digest FROM files WHERE folder IN below AND {REGULAR}"
        " AND (digest IS NOT NULL OR size = 0)",
        (folder,),
    ):
        yield paths[at] + name, digest


def linked_inodes_below(connection: Connection, folder: int) -> set[int]:
    """Return the inodes of the files with several names that are anywhere in a folder."""
    sql = f"{BELOW} SELECT inode FROM files WHERE folder IN below AND links > 1 AND inode <> 0"
    return {inode for (inode,) in connection.execute(sql, (folder,))}


class FolderSpace(NamedTuple):
    """What is directly in a folder."""

    folder: int
    files: int
    bytes: int
    duplicate_bytes: int
    """Bytes of the files whose content has another copy, in this folder or elsewhere."""


_IS_DUPLICATE = f"({has_content()} AND digest IN (SELECT digest FROM groups))"


def folder_space(connection: Connection, top: int) -> Iterator[FolderSpace]:
    """Yield the sums of the files directly in a folder, and in each folder below it."""
    rows = connection.execute(
        f"{BELOW} SELECT folder, count(*), sum(size),"
        f" coalesce(sum(size) FILTER (WHERE {_IS_DUPLICATE}), 0) FROM files"
        f" WHERE folder IN below AND state <> {EntryState.EXCLUDED:d} AND {REGULAR}"
        " GROUP BY folder",
        (top,),
    )
    return (FolderSpace(*row) for row in rows)


def parents_below(connection: Connection, top: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield every folder below a folder: id, id of its parent, name."""
    return iter(
        connection.execute(
            f"{BELOW} SELECT id, parent, name FROM folders WHERE id IN below AND id <> ?1", (top,)
        )
    )


def large_files(
    connection: Connection, top: int, at_least: int
) -> Iterator[tuple[int, bytes, int, bool]]:
    """Yield the files of a size, anywhere in a folder: folder, name, bytes, is there another copy.

    ``at_least`` is in bytes.
    """
    rows = connection.execute(
        f"{BELOW} SELECT folder, name, size, {_IS_DUPLICATE} FROM files WHERE folder IN below"
        f" AND size >= ?2 AND state <> {EntryState.EXCLUDED:d} AND {REGULAR}",
        (top, at_least),
    )
    return ((folder, name, size, bool(twice)) for folder, name, size, twice in rows)


class ListedEntry(NamedTuple):
    """A folder or file directly in a folder."""

    name: bytes
    is_folder: bool
    state: EntryState | None
    """What is known about a file; None for a folder."""
    mode: int
    """As `os.stat` has it; 0 for a folder."""
    size: int
    """Bytes; 0 for a folder."""
    mtime_ns: int
    digest: bytes | None
    copies: int
    """Separate copies of its content, itself included; 0 if that is not known."""


def list_entries(
    connection: Connection, folder: int, after: bytes, limit: int
) -> list[ListedEntry]:
    """Return what is in a folder after a name (empty for the first), by name, at most ``limit``."""
    rows = connection.execute(
        "SELECT name, 1, NULL, 0, 0, 0, NULL, 0 FROM folders WHERE parent = ?1 AND name > ?2"
        " UNION ALL SELECT files.name, 0, files.state, files.mode, files.size, files.mtime_ns,"
        " files.digest, coalesce(groups.copies, files.digest IS NOT NULL) FROM files"
        " LEFT JOIN groups ON groups.digest = files.digest"
        " WHERE files.folder = ?1 AND files.name > ?2 ORDER BY 1 LIMIT ?3",
        (folder, after, limit),
    )
    return [
        ListedEntry(name, bool(is_folder), None if state is None else EntryState(state), *rest)
        for name, is_folder, state, *rest in rows
    ]
