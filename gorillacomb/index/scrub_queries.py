"""Find the files that have not been read for longest, and the damage already in the trace."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gorillacomb.index.schema import has_gap
from gorillacomb.model import EntryState
from gorillacomb.sqlite import Connection

_BELOW = (
    "WITH RECURSIVE below (id) AS (SELECT value FROM json_each(?1) UNION"
    " SELECT folders.id FROM folders JOIN below ON folders.parent = below.id)"
)
_STATES = (EntryState.HASHED, EntryState.FRESH, EntryState.DAMAGED, EntryState.SUSPECT)
_DUE = (
    f"files.state IN ({', '.join(f'{each:d}' for each in _STATES)}) AND size > 0"
    " AND folder IN below AND (checked_ns < ?2 OR checked_ns > ?3)"
)
"""A read time in the future, from a wrong clock, proves nothing."""
_ORDER = "(checked_ns <= ?3, checked_ns, folder, files.name)"
"""Files with an unknown read time come first."""


class ScrubCandidate(NamedTuple):
    """A file that is due to be read again."""

    checked_ns: int
    """When it was last read."""
    folder: int
    name: bytes
    size: int
    """Bytes."""
    root: int
    dated: int
    """0 if that time is in the future."""


FIRST = ScrubCandidate(-1, 0, b"", 0, 0, 0)
"""Sorts before all others."""


def due_files(
    connection: Connection,
    tops: Sequence[int],
    before_ns: int,
    now_ns: int,
    after: ScrubCandidate,
    most: int,
) -> list[ScrubCandidate]:
    """Return up to ``most`` files below some folders that were read before a time, oldest first.

    Those read after ``now_ns`` come before them; only those that follow a given one are returned.
    """
    rows = connection.execute(
        f"{_BELOW} SELECT checked_ns, folder, files.name, size, folders.root, checked_ns <= ?3"
        " FROM files JOIN folders ON folders.id = files.folder"
        f" WHERE {_DUE} AND {_ORDER} > (?4, ?5, ?6, ?7) ORDER BY {_ORDER[1:-1]} LIMIT ?8",
        (json.dumps(list(tops)), before_ns, now_ns, after.dated, *after[:3], most),
    )
    return [ScrubCandidate(*row) for row in rows]


def due_totals(
    connection: Connection, tops: Sequence[int], before_ns: int, now_ns: int
) -> tuple[int, int]:
    """Count all the files that `due_files` pages through; return how many, and their bytes."""
    files, size = connection.execute(
        f"{_BELOW} SELECT count(*), coalesce(sum(size), 0) FROM files WHERE {_DUE}",
        (json.dumps(list(tops)), before_ns, now_ns),
    ).fetchone()
    return files, size


class DamageRow(NamedTuple):
    """A file whose content does not match its digest."""

    folder: int
    name: bytes
    state: int
    """`EntryState.DAMAGED` or `EntryState.SUSPECT`."""
    size: int
    mtime_ns: int
    ctime_ns: int
    digest: bytes
    """Of the good content."""

    @property
    def what(self) -> tuple[int, bytes, int, bytes]:
        """Identifies the damage, independent of other changes to the file."""
        return self.folder, self.name, self.state, self.digest


def damaged_files(connection: Connection) -> list[DamageRow]:
    """Return all damaged files."""
    rows = connection.execute(
        "SELECT folder, name, state, size, mtime_ns, ctime_ns, digest FROM files"
        f" WHERE state IN ({EntryState.DAMAGED:d}, {EntryState.SUSPECT:d}) AND {has_gap()}"
        " AND digest IS NOT NULL ORDER BY folder, name"
    )
    return [DamageRow(*row) for row in rows]


def recorded_damage(connection: Connection) -> set[tuple[int, bytes, int]]:
    """Return folder, name and state of the damaged files recorded in the trace."""
    return set(connection.execute("SELECT folder, name, state FROM damage"))


def set_recorded_damage(connection: Connection, rows: Iterable[tuple[int, bytes, int]]) -> None:
    """Store which damaged files are recorded in the trace."""
    connection.execute("DELETE FROM damage")
    connection.executemany("INSERT INTO damage VALUES (?, ?, ?)", rows)
