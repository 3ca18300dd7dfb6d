"""The marks in the index: a view of the trace, with what finds a marked file after a move."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gorillacomb.marks.rules import Mark, MarkKind
from gorillacomb.sqlite import Connection, is_defined

_COLUMNS = "seq, kind, circle, root, path, is_folder, digest, note, marked_ns"


@dataclass(frozen=True, slots=True)
class MarkRow:
    """A mark, and where the index has what it is about."""

    mark: Mark
    folder: int | None = None
    """The folder itself, or the one that contains the file; None if it is not known."""
    name: bytes = b""
    """The name of the file."""
    inode: int = 0
    """Of the file; 0 if it is not known."""


def synced_marks(connection: Connection) -> tuple[str, int] | None:
    """Return the log that the marks reflect, and how many of its entries; None if unknown."""
    if not is_defined(connection, "marks"):
        return None  # an index of an older version
    found: tuple[str, int] | None = connection.execute(
        "SELECT log, size FROM marks_reflected"
    ).fetchone()
    return found


def mark_rows(connection: Connection) -> list[MarkRow]:
    """Return all marks, in the order of their entries."""
    if not is_defined(connection, "marks"):
        return []
    rows = connection.execute(f"SELECT {_COLUMNS}, folder, name, inode FROM marks ORDER BY seq")
    found = []
    for seq, kind, one, root, path, is_folder, digest, note, marked_ns, *place in rows:
        about = root, path, bool(is_folder), digest
        found.append(MarkRow(Mark(seq, MarkKind(kind), one, *about, note, marked_ns), *place))
    return found


def put_marks(connection: Connection, rows: Iterable[MarkRow], log: str, size: int) -> None:
    """Replace all marks, and record the log and how many of its entries they reflect."""
    connection.execute("DELETE FROM marks")
    connection.executemany(
        f"INSERT INTO marks (folder, name, inode, {_COLUMNS}) VALUES ({', '.join('?' * 12)})",
        [
            (
                *(row.folder, row.name, row.inode),
                *(row.mark.seq, row.mark.kind, row.mark.set, row.mark.root, row.mark.path),
                *(row.mark.is_folder, row.mark.digest, row.mark.note, row.mark.marked_ns),
            )
            for row in rows
        ],
    )
    connection.execute("DELETE FROM marks_reflected")
    connection.execute("INSERT INTO marks_reflected VALUES (?, ?)", (log, size))
