"""Find which of the files that the walk left unread could be duplicates, by size and probe.

`scan/deferred` reads them.
"""

from __future__ import annotations

from collections.abc import Iterator

from gorillacomb.index.rows import EntryRow
from gorillacomb.index.schema import has_gap
from gorillacomb.model import EntryState
from gorillacomb.sqlite import Connection

_ROW = (
    "files.folder, folders.root, files.name, files.state, mode, size, mtime_ns, ctime_ns,"
    " files.inode, links, blocks, checked_ns, digest, probe, target, files.cause"
)
_FROM = "FROM files JOIN folders ON folders.id = files.folder"

_IS_PENDING = f"files.state = {EntryState.PENDING} AND {has_gap('files')}"

UnreadRow = tuple[int, int, EntryRow]
"""Folder id, root id, row."""


_SAME_SIZE = "size IN (SELECT size FROM same_sizes)"
_SIZE_OF_A_HASHED_FILE = "size IN (SELECT size FROM same_sizes WHERE least_state <= 1)"


def collect_same_sizes(connection: Connection) -> None:
    """Collect the sizes that unread files may share with others, anywhere in the vault.

    Call it before `rows_to_probe` and `rows_to_hash`, which use the latest result. It reads every
    row, so it is done once; the index is not written to.
    """
    connection.execute("DROP TABLE IF EXISTS same_sizes")
    connection.execute(
        "CREATE TEMP TABLE same_sizes AS SELECT size, min(state) AS least_state FROM files"
        f" WHERE state <= 2 AND size >= (SELECT min(size) FROM files WHERE {_IS_PENDING})"
        " GROUP BY size HAVING count(*) > 1"
    )


def rows_to_probe(connection: Connection, least_size: int) -> Iterator[UnreadRow]:
    """Yield unread files of a recurring size, not probed yet, larger than ``least_size`` bytes."""
    return _pending(connection, f"{_SAME_SIZE} AND probe IS NULL AND size > ?", least_size)


def rows_to_hash(connection: Connection, least_size: int) -> Iterator[UnreadRow]:
    """Yield unread files that may equal another: by size and probe, or by size alone."""
    return _pending(
        connection,
        f"{_SAME_SIZE} AND (size <= ? OR probe IS NULL OR {_SIZE_OF_A_HASHED_FILE}"
        " OR EXISTS (SELECT 1 FROM files AS other INDEXED BY file_by_gap"
        f"  WHERE other.state = 2 AND {has_gap('other')} AND other.size = files.size"
        "  AND (other.probe = files.probe OR other.probe IS NULL)"
        "  AND (other.folder, other.name) <> (files.folder, files.name)))",
        least_size,
    )


def all_pending(connection: Connection) -> Iterator[UnreadRow]:
    """Yield every unread file."""
    return _pending(connection, "size >= ?", 0)


def _pending(connection: Connection, condition: str, value: int) -> Iterator[UnreadRow]:
    cursor = connection.execute(
        f"SELECT {_ROW} {_FROM} WHERE {_IS_PENDING} AND {condition}"
        " ORDER BY folders.root, files.folder, files.inode",
        (value,),
    )
    for folder, root, *row in cursor:
        yield folder, root, tuple(row)


def pending_totals(connection: Connection) -> tuple[int, int]:
    """Return how many files are unread, and their bytes."""
    files, size = connection.execute(
        f"SELECT count(*), coalesce(sum(size), 0) FROM files WHERE {_IS_PENDING}"
    ).fetchone()
    return files, size
