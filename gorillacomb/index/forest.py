"""All folders and files of the index as streams, for what looks at the whole of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gorillacomb.index.store import AWAY
from gorillacomb.sqlite import Connection

FolderEntry = tuple[int, int, int | None, bytes, int, str | None, str | None]
"""id, root, parent, name, state, marker, cause."""
FileEntry = tuple[int, bytes, int, int, int, int, bytes | None, bytes | None]
"""folder, name, state, mode, size, mtime (ns), digest, target."""

_FILE = "folder, name, state, mode, size, mtime_ns, digest, target"


def folder_entries(connection: Connection) -> Iterator[FolderEntry]:
    """Every folder, but for those on their way from one place to another."""
    return iter(
        connection.execute(
            "SELECT id, root, parent, name, state, marker, cause FROM folders"
            f" WHERE parent IS NULL OR parent <> {AWAY}"
        )
    )


def file_entries(connection: Connection) -> Iterator[FileEntry]:
    """Every entry that is not a folder, by folder and name."""
    return iter(connection.execute(f"SELECT {_FILE} FROM files ORDER BY folder, name"))


def entries_in(connection: Connection, folder: int) -> Iterator[FileEntry]:
    """The entries right in one folder, by name."""
    return iter(
        connection.execute(f"SELECT {_FILE} FROM files WHERE folder = ? ORDER BY name", (folder,))
    )


def names_ending(connection: Connection, endings: Collection[bytes]) -> Iterator[tuple[int, bytes]]:
    """Files whose names, in lower case, end in one of some endings: folder and name."""
    texts = [ending.decode() for ending in endings]
    places = ", ".join("?" * len(texts))
    ends = " OR ".join(
        f"lower(substr(name, -{size})) IN ({places})" for size in {len(each) for each in texts}
    )
    values = texts * len({len(each) for each in texts})
    return iter(connection.execute(f"SELECT folder, name FROM files WHERE {ends}", values))


def links(connection: Connection) -> Iterator[tuple[int, bytes]]:
    """Every symbolic link: its folder and name."""
    return iter(connection.execute("SELECT folder, name FROM files WHERE target IS NOT NULL"))
