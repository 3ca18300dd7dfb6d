"""Define the columns of a file in the index, as workers send them and the writer stores them."""

from __future__ import annotations

from typing import Final, cast

from gorillacomb.fs.openat import INT64
from gorillacomb.fs.racy import YOUNG_NS, is_provisional, was_young

EntryRow = tuple[
    bytes,  # name
    int,  # state
    int,  # mode, as st_mode
    int,  # size, bytes
    int,  # mtime, ns
    int,  # ctime, ns (0 on weak file systems)
    int,  # inode (0 on weak file systems), folded to a signed 64-bit integer
    int,  # number of links
    int,  # blocks, of 512 bytes
    int,  # when the content was last read, ns; 0 for never
    bytes | None,  # BLAKE3 digest, 32 bytes
    int | None,  # probe: xxh3 of head and tail, signed 64-bit
    bytes | None,  # target of a symbolic link
    str | None,  # cause, where it could not be read
]
"""One entry of a folder as workers send it and the index stores it (preceded by the folder's id).

A plain tuple, since 200,000 of them cross a pipe in a second; the names below are its indexes.
"""


MoveKey = tuple[int, int, int]
"""Identifies an entry after it was moved or renamed: inode, size, mtime (ns)."""

NAME: Final = 0
STATE: Final = 1
MODE: Final = 2
SIZE: Final = 3
MTIME: Final = 4
CTIME: Final = 5
INODE: Final = 6
LINKS: Final = 7
BLOCKS: Final = 8
CHECKED: Final = 9
DIGEST: Final = 10
PROBE: Final = 11
TARGET: Final = 12
CAUSE: Final = 13
SHORT_SIZE: Final = 3
SHORT_MTIME: Final = 4
SHORT_CTIME: Final = 5
SHORT_INODE: Final = 6
SHORT_DIGEST: Final = 10
"""Indexes in the two short rows, which begin with a folder's id."""
HashedRow = tuple[int, bytes, int, int, int, int, int, int, int, int, bytes]
"""The short row of a file that was just hashed, as are most rows of a first scan.

Folder id, name, mode, size, mtime, ctime, inode, links, blocks, checked, digest; its state is
HASHED.
"""


HASHED_WIDTH: Final = 11
DeferredRow = tuple[int, bytes, int, int, int, int, int, int, int]
"""The short row of a file that is deferred.

Folder id, name, mode, size, mtime, ctime, inode, links, blocks; its state is PENDING.
"""


LATER_WIDTH: Final = 9


def was_row_young(row: EntryRow) -> bool:
    """Apply `was_young` to a row."""
    return was_young(row[MTIME], row[CTIME], row[CHECKED])


def is_row_provisional(row: EntryRow) -> bool:
    """Apply `is_provisional` to a row."""
    return is_provisional(row[MTIME], row[CTIME], row[CHECKED])


SQL_PROVISIONAL: Final = (
    f"(checked_ns <> 0 AND (mtime_ns BETWEEN checked_ns - {YOUNG_NS} AND checked_ns + {YOUNG_NS}"
    f" OR ctime_ns BETWEEN checked_ns - {YOUNG_NS} AND checked_ns + {YOUNG_NS}"
    f" OR mtime_ns NOT BETWEEN {1 - INT64} AND {INT64 - 2}"
    f" OR ctime_ns NOT BETWEEN {1 - INT64} AND {INT64 - 2}))"
)
"""`is_row_provisional` in SQL."""


def with_changes(row: EntryRow, changes: dict[int, object]) -> EntryRow:
    """Return a row with some values replaced."""
    values: list[object] = list(row)
    for place, value in changes.items():
        values[place] = value
    return cast(EntryRow, tuple(values))
