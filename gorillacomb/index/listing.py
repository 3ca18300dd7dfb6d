"""List what is directly in a folder of the index, in pages."""

from __future__ import annotations

from typing import NamedTuple

from gorillacomb.model import EntryState
from gorillacomb.sqlite import Connection


class ListedEntry(NamedTuple):
    """A folder or file directly in a folder."""

    name: bytes
    is_folder: bool
    state: EntryState | None
    """What is known about a file; None for a folder."""
    mode: int
    """As `os.stat` has it; 0 for a folder."""
    size: int
    """Bytes; 0 for a folder."""
    mtime_ns: int
    digest: bytes | None
    copies: int
    """Separate copies of its content, itself included; 0 if that is not known."""


def list_entries(
    connection: Connection, folder: int, after: bytes, limit: int
) -> list[ListedEntry]:
    """Return what is in a folder after a name (empty for the first), by name, at most ``limit``."""
    rows = connection.execute(
        "SELECT name, 1, NULL, 0, 0, 0, NULL, 0 FROM folders WHERE parent = ?1 AND name > ?2"
        " UNION ALL SELECT files.name, 0, files.state, files.mode, files.size, files.mtime_ns,"
        " files.digest, coalesce(groups.copies, files.digest IS NOT NULL) FROM files"
        " LEFT JOIN groups ON groups.digest = files.digest"
        " WHERE files.folder = ?1 AND files.name > ?2 ORDER BY 1 LIMIT ?3",
        (folder, after, limit),
    )
    return [
        ListedEntry(name, bool(is_folder), None if state is None else EntryState(state), *rest)
        for name, is_folder, state, *rest in rows
    ]
