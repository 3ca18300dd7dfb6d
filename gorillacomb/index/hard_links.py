"""Query files with several hard links, as recorded in the index."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

from gorillacomb.sqlite import Connection

LinkedInodes = frozenset[tuple[int, int, int, int, int]]
"""Inode, number of links, size, mtime and ctime (ns) of files with several names."""


def linked_inodes(connection: Connection, folders: Iterable[int]) -> LinkedInodes:
    """Return the files with several names that are directly in some folders."""
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


def folders_concerned(
    connection: Connection, before: LinkedInodes, after: LinkedInodes, scanned: Collection[int]
) -> set[int]:
    """Return the folders with other names of files that changed while some folders were scanned.

    ``before`` and ``after`` are the files with several names in the scanned folders. As an inode
    does not identify the volume, the result may include unrelated folders.
    """
    inodes = {each[0] for each in before ^ after}
    if not inodes:
        return set()
    rows = connection.execute(
        "SELECT folder, inode, links, size, mtime_ns, ctime_ns FROM files"
        " WHERE inode IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(inodes)),),
    )
    return {row[0] for row in rows if tuple(row[1:]) not in after} - set(scanned)
