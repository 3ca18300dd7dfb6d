"""All folders and files of the index as streams, for what looks at the whole of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gorillacomb.index.paths import AWAY
from gorillacomb.index.schema import has_content
from gorillacomb.model import READ
from gorillacomb.sqlite import Connection

FolderNode = tuple[int, int, int | None, bytes, int, str | None, str | None]
"""id, root, parent, name, state, marker, cause."""
FolderFileRow = tuple[int, bytes, int, int, int, int, bytes | None, bytes | None]
"""folder, name, state, mode, size, mtime (ns), digest, target."""

FolderSum = tuple[int, int, int, int, bytes]
"""folder, files, bytes, the newest mtime (ns), and the files themselves: see `folder_sums`."""
ContentBatch = tuple[str, int, int]
"""Ids of folders, separated by commas; contents that stand in just these; their bytes."""

_EXECUTABLE = 0o111
_READ = f"state IN ({', '.join(str(each) for each in sorted(READ))}) AND digest IS NOT NULL"
_FILE = "folder, name, state, mode, size, mtime_ns, digest, target"


def folder_entries(connection: Connection) -> Iterator[FolderNode]:
    """Every folder, but for those on their way from one place to another."""
    return iter(
        connection.execute(
            "SELECT id, root, parent, name, state, marker, cause FROM folders"
            f" WHERE parent IS NULL OR parent <> {AWAY}"
        )
    )


def folder_sums(connection: Connection, noise: Collection[bytes]) -> Iterator[FolderSum]:
    """What stands right in each folder, of the files that were read and have no name of ``noise``.

    The files are given as bytes: of each an ``x`` or a ``-`` (whether it can be executed), its
    digest and its name, by name, a NUL between two. SQLite adds up: that a row of each file comes
    up to Python costs three times as much.
    """
    return iter(
        connection.execute(
            "SELECT folder, count(*), sum(size), max(mtime_ns), CAST(group_concat("
            f"CASE WHEN mode & {_EXECUTABLE} THEN x'78' ELSE x'2d' END || digest || name, x'00')"
            " AS BLOB)"
            f" FROM files WHERE {_READ} AND name NOT IN ({', '.join('?' * len(noise))})"
            " GROUP BY folder",
            tuple(noise),
        )
    )


def unread_entries(connection: Connection) -> Iterator[FolderFileRow]:
    """Every entry that is not a folder and of which `folder_sums` knows nothing, in its order."""
    return iter(
        connection.execute(f"SELECT {_FILE} FROM files WHERE NOT ({_READ}) ORDER BY folder, name")
    )


def content_batches(connection: Connection, noise: Collection[bytes]) -> Iterator[ContentBatch]:
    """All contents, put together where the same folders hold them.

    Files with a name of ``noise`` do not count. One set of folders may come several times, and a
    folder several times in it.
    """
    return iter(
        connection.execute(
            "SELECT folders, count(*), sum(size) FROM"
            " (SELECT size, group_concat(folder) AS folders"
            f"  FROM files INDEXED BY file_by_digest WHERE {has_content()} AND digest IS NOT NULL"
            f"  AND name NOT IN ({', '.join('?' * len(noise))}) GROUP BY digest)"
            " GROUP BY folders",
            tuple(noise),
        )
    )


def entries_in(connection: Connection, folder: int) -> Iterator[FolderFileRow]:
    """The entries right in one folder, by name."""
    return iter(
        connection.execute(f"SELECT {_FILE} FROM files WHERE folder = ? ORDER BY name", (folder,))
    )


def names_ending(
    connection: Connection, endings: Collection[bytes], at_least: int = 0
) -> Iterator[tuple[int, bytes]]:
    """Files whose names, in lower case, end in one of some endings: folder and name.

    ``at_least`` is the size in bytes that they have at the least.
    """
    texts = [ending.decode() for ending in endings]
    places = ", ".join("?" * len(texts))
    ends = " OR ".join(
        f"lower(substr(name, -{size})) IN ({places})" for size in {len(each) for each in texts}
    )
    values = texts * len({len(each) for each in texts})
    return iter(
        connection.execute(
            f"SELECT folder, name FROM files WHERE size >= ? AND ({ends})", (at_least, *values)
        )
    )


def files_named(
    connection: Connection,
    names: Collection[bytes],
    beginnings: Collection[bytes],
    endings: Collection[bytes],
) -> Iterator[tuple[int, bytes]]:
    """Files with one of some names, or a name that begins or ends so: folder and name, by folder.

    In one pass over the table, which has no index by name.
    """
    tests = [f"name IN ({', '.join('?' * len(names))})"]
    tests += [f"substr(name, 1, {len(each)}) = ?" for each in beginnings]
    tests += [f"substr(name, -{len(each)}) = ?" for each in endings]
    return iter(
        connection.execute(
            f"SELECT folder, name FROM files WHERE {' OR '.join(tests)}",
            (*names, *beginnings, *endings),
        )
    )


def entry_names(connection: Connection) -> Iterator[tuple[int, bytes | None]]:
    """The names in every folder, by folder; a None for each folder besides."""
    return iter(
        connection.execute(
            "SELECT id, NULL FROM folders UNION ALL SELECT folder, name FROM files ORDER BY 1"
        )
    )


def symlinks(connection: Connection) -> Iterator[tuple[int, bytes]]:
    """Every symbolic link: its folder and name."""
    return iter(connection.execute("SELECT folder, name FROM files WHERE target IS NOT NULL"))
