"""Which files were not read for longest, and which of the damaged ones the trace knows."""

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
"""A time of reading that lies in the future, by a clock that was wrong, proves nothing."""
_ORDER = "(checked_ns <= ?3, checked_ns, folder, files.name)"
"""Those first of which nobody knows when they were read."""


class ScrubCandidate(NamedTuple):
    """A file that is due to be read again."""

    checked_ns: int
    """When it was read last."""
    folder: int
    name: bytes
    size: int
    """Bytes."""
    root: int
    dated: int
    """0 where that time lay in the future."""


FIRST = ScrubCandidate(-1, 0, b"", 0, 0, 0)
"""Comes before all of them."""


def due_files(
    connection: Connection,
    tops: Sequence[int],
    before_ns: int,
    now_ns: int,
    after: ScrubCandidate,
    most: int,
) -> list[ScrubCandidate]:
    """Return up to ``most`` files below some folders that were read before a time, oldest first.

    Before them those that were read after ``now_ns``; only those that come after a given one.
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
    """Count the files of which `due_files` are some; returns how many, and their bytes."""
    files, size = connection.execute(
        f"{_BELOW} SELECT count(*), coalesce(sum(size), 0) FROM files WHERE {_DUE}",
        (json.dumps(list(tops)), before_ns, now_ns),
    ).fetchone()
    return files, size


class DamageRow(NamedTuple):
    """A file whose content is not the one that its digest is of."""

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
        """Which damage it is, whatever else of the file changes."""
        return self.folder, self.name, self.state, self.digest


def damaged_files(connection: Connection) -> list[DamageRow]:
    """All damaged files."""
    rows = connection.execute(
        "SELECT folder, name, state, size, mtime_ns, ctime_ns, digest FROM files"
        f" WHERE state IN ({EntryState.DAMAGED:d}, {EntryState.SUSPECT:d}) AND {has_gap()}"
        " AND digest IS NOT NULL ORDER BY folder, name"
    )
    return [DamageRow(*row) for row in rows]


def recorded_damage(connection: Connection) -> set[tuple[int, bytes, int]]:
    """Folder, name and state of damaged files of which the trace was told."""
    return set(connection.execute("SELECT folder, name, state FROM damage"))


def set_recorded_damage(connection: Connection, rows: Iterable[tuple[int, bytes, int]]) -> None:
    """Note of which damaged files the trace was told."""
    connection.execute("DELETE FROM damage")
    connection.executemany("INSERT INTO damage VALUES (?, ?, ?)", rows)
