"""Digests of the entries of folders ("seals"), by which a scan recognizes unchanged folders.

Fetching a folder's rows costs a scan as much as checking its files. So a folder's own row holds a
digest of them, provided that a scan that finds the same files would leave all of them unchanged.
Code that changes rows clears the digest (`clear_folder_digests`); without one, rows are compared
one by one.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable

from gorillacomb.hashing import blake3_of_short
from gorillacomb.index.rows import SQL_PROVISIONAL
from gorillacomb.model import EntryState, FolderState
from gorillacomb.sqlite import Connection

EntryFacts = tuple[bytes, int, int, int, int, int, int, int, int]
"""name, state, mode, size, mtime, ctime, inode, links, blocks: the first nine columns of an
`EntryRow`.

The state is the one that a scan assigns by default: see `SETTLED`.
"""

SETTLED = (EntryState.HASHED, EntryState.TOO_SMALL, EntryState.OTHER)
"""States that follow from `lstat` and the root's min-size; entries in other states are checked each
time."""

MOST_SEALED = 4096
"""The most entries that a sealed folder can have; a larger folder is scanned in parts."""

_FINGERPRINT = "name, state, mode, size, mtime_ns, ctime_ns, inode, links, blocks"
_SETTLED = ", ".join(f"{state:d}" for state in SETTLED)


def folder_digest(entries: list[EntryFacts]) -> bytes:
    """Return the digest (16 bytes) of a folder with these entries, sorted by name.

    The encoding is marshal's version 2, in which equal values are equal bytes; should a later
    Python encode differently, digests no longer match and rows are compared.
    """
    return blake3_of_short(marshal.dumps(entries, 2))


def clear_folder_digests(connection: Connection, folders: Iterable[int]) -> None:
    """Clear the digests of folders whose rows change."""
    connection.executemany(
        "UPDATE folders SET seal = NULL WHERE id = ? AND seal IS NOT NULL",
        [(folder,) for folder in folders],
    )


def set_first_digests(connection: Connection, seals: Iterable[tuple[bytes, int]]) -> None:
    """Set the digests of folders, given by digest and id, before their first rows are written."""
    connection.executemany(
        "UPDATE folders SET seal ="
        # A folder moved during the walk may have been met twice.
        " CASE WHEN EXISTS (SELECT 1 FROM files WHERE folder = folders.id) THEN NULL ELSE ?1 END"
        " WHERE id = ?2",
        seals,
    )


def set_missing_digests(connection: Connection, root: int) -> None:
    """Set the missing digests of a root's folders: those whose files were read later."""
    settled = connection.execute(
        "SELECT id FROM folders"
        f" WHERE root = ? AND seal IS NULL AND state = {FolderState.LISTED:d} AND NOT EXISTS"
        " (SELECT 1 FROM files WHERE folder = folders.id"
        f"  AND (state NOT IN ({_SETTLED}) OR {SQL_PROVISIONAL}))"
        f" AND (SELECT count(*) FROM files WHERE folder = folders.id) <= {MOST_SEALED}",
        (root,),
    ).fetchall()
    for (folder,) in settled:
        entries = connection.execute(
            f"SELECT {_FINGERPRINT} FROM files WHERE folder = ? ORDER BY name", (folder,)
        ).fetchall()
        connection.execute(
            "UPDATE folders SET seal = ? WHERE id = ?", (folder_digest(entries), folder)
        )
