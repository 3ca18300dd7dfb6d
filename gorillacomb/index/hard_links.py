"""Query files with several hard links, as recorded in the index."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Set
from typing import NamedTuple

from gorillacomb.sqlite import Connection

LinkedFiles = frozenset[tuple[int, bytes, int, int, int, int, int, int]]
"""Folder, name, inode, ctime (ns), mode, number of links, size and mtime of files with several
names."""
_FACTS = "inode, ctime_ns, mode, links, size, mtime_ns"


class StaleLinks(NamedTuple):
    """Folders, by id, with names of files that changed under another name."""

    outdated: set[int]
    """The index has something newer of the same file elsewhere."""
    uncertain: set[int]
    """The file has more names than the index: they are outside the roots, not found yet, or were
    removed just after the file was looked at."""


def linked_files(connection: Connection, folders: Iterable[int]) -> LinkedFiles:
    """Return the files with several names that are directly in some folders."""
    found: set[tuple[int, bytes, int, int, int, int, int, int]] = set()
    for folder in folders:
        found |= set(
            connection.execute(
                f"SELECT folder, name, {_FACTS} FROM files"
                " WHERE folder = ? AND links > 1 AND inode <> 0",
                (folder,),
            )
        )
    return frozenset(found)


def stale_after_partial_scan(
    connection: Connection,
    before: LinkedFiles,
    after: LinkedFiles,
    scanned: Collection[int],
    parted: Set[int],
) -> StaleLinks:
    """Find other names of files that changed while some folders were scanned.

    ``before`` and ``after`` are the files with several names in the scanned folders. Other names
    may be in these too, if the file changed between the visits to two of them. ``parted`` are the
    inodes of those that lost names with whole folders. As an inode does not identify the volume,
    the result may include unrelated folders.
    """
    inodes = parted | {each[2] for each in before ^ after}
    found = StaleLinks(set(), set())
    if not inodes:
        return found
    newest: dict[int, set[tuple[int, ...]]] = {}
    for _, _, inode, *facts in after:
        latest = newest.setdefault(inode, set())
        if any(each[0] < facts[0] for each in latest):
            latest.clear()
        if all(each[0] == facts[0] for each in latest):
            latest.add(tuple(facts))
    rows = connection.execute(
        f"SELECT folder, {_FACTS} FROM files WHERE inode IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(inodes)),),
    ).fetchall()
    names = Counter(inode for _, inode, *_ in rows)
    for folder, inode, *facts in rows:
        known = newest.get(inode)
        if folder not in scanned if known is None else known != {tuple(facts)}:
            found.outdated.add(folder)
        elif facts[2] > names[inode]:
            found.uncertain.add(folder)
    return found


def stale_after_whole_scan(connection: Connection) -> StaleLinks:
    """Find all files whose names do not agree, or are fewer than their links. Reads all rows."""
    rows = connection.execute(
        "WITH linked AS ("
        " SELECT inode, max(ctime_ns) AS newest, count(*) < max(links) AS lacks_names FROM files"
        " WHERE inode IN (SELECT inode FROM files WHERE links > 1 AND inode <> 0)"
        " GROUP BY inode HAVING min(ctime_ns) < newest OR lacks_names)"
        " SELECT DISTINCT folder, ctime_ns < newest FROM files JOIN linked USING (inode)"
        " WHERE ctime_ns < newest OR lacks_names"
    )
    found = StaleLinks(set(), set())
    for folder, is_outdated in rows:
        (found.outdated if is_outdated else found.uncertain).add(folder)
    return found
