"""Seals: digests of what folders hold, by which a scan knows an unchanged one again.

To fetch the rows of a folder costs a scan as much as to look at its files. So a folder's own row
has a digest of them, if a scan that finds the same files again would leave all of them as they are.
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
"""name, state, mode, size, mtime, ctime, inode, links, blocks: the first nine places of a `Row`.

The state is what a scan that has nothing else to say of an entry gives it: see `SETTLED`.
"""

SETTLED = (EntryState.HASHED, EntryState.TOO_SMALL, EntryState.OTHER)
"""States that follow from what `lstat` says, and from the root's min-size; all others are looked at
each time.
"""

MOST_SEALED = 4096
"""Entries of a folder that can have a seal; the parts of a larger one are looked at apart."""

_FINGERPRINT = "name, state, mode, size, mtime_ns, ctime_ns, inode, links, blocks"
_SETTLED = ", ".join(f"{state:d}" for state in SETTLED)


def folder_digest(entries: list[EntryFacts]) -> bytes:
    """The seal (16 bytes) of a folder with these entries, sorted by name.

    The encoding is marshal's second version, in which equal values are equal bytes; should a later
    Python write it differently, seals fit no more and rows are compared.
    """
    return blake3_of_short(marshal.dumps(entries, 2))


def clear_folder_digests(connection: Connection, folders: Iterable[int]) -> None:
    """Take the seals off folders whose rows change."""
    connection.executemany(
        "UPDATE folders SET seal = NULL WHERE id = ? AND seal IS NOT NULL",
        [(folder,) for folder in folders],
    )


def set_first_digests(connection: Connection, seals: Iterable[tuple[bytes, int]]) -> None:
    """Seal folders, given by seal and id, whose first rows are about to be written."""
    connection.executemany(
        "UPDATE folders SET seal ="
        # One that was moved about while it was walked may have been met twice.
        " CASE WHEN EXISTS (SELECT 1 FROM files WHERE folder = folders.id) THEN NULL ELSE ?1 END"
        " WHERE id = ?2",
        seals,
    )


def set_missing_digests(connection: Connection, root: int) -> None:
    """Seal the folders of a root that can be and are not: those whose files were read later on."""
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
