"""Files with several names, as the index has them."""

from __future__ import annotations

from collections.abc import Iterable

from gorillacomb.sqlite import Connection

Linked = frozenset[tuple[int, int, int, int, int]]
"""Inode, number of links, size, mtime and ctime (ns) of files with several names."""


def linked_in(connection: Connection, folders: Iterable[int]) -> Linked:
    """The files with several names that stand right in some folders."""
    found: set[tuple[int, int, int, int, int]] = set()
    for folder in folders:
        found |= set(
            connection.execute(
                "SELECT inode, links, size, mtime_ns, ctime_ns FROM files"
                " WHERE folder = ? AND links > 1 AND inode <> 0",
                (folder,),
            )
        )
    return frozenset(found)


def folders_with(connection: Connection, linked: Linked) -> set[int]:
    """The folders in which a file stands that has one of these inodes, and is known otherwise.

    An inode says nothing of the volume: a folder too many may be named.
    """
    inodes = {each[0] for each in linked}
    if not inodes:
        return set()
    rows = connection.execute(
        "SELECT folder, inode, links, size, mtime_ns, ctime_ns FROM files WHERE links > 1"
    )
    return {row[0] for row in rows if row[1] in inodes and tuple(row[1:]) not in linked}
