"""Stream all folders and files of the index."""

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

FolderSum = tuple[int, int, int, int, int, bytes]
"""folder, files, those that are not empty, bytes, the newest mtime (ns), and the files themselves:
see `folder_sums`."""
ContentBatch = tuple[str, int, int]
"""Ids of folders, separated by commas; number of contents in exactly these; their bytes."""

PathBatch = tuple[str, int]
"""Ids of folders, separated by commas; number of names with one content in exactly these."""

_EXECUTABLE = 0o111
_READ = f"state IN ({', '.join(str(each) for each in sorted(READ))}) AND digest IS NOT NULL"
_FILE = "folder, name, state, mode, size, mtime_ns, digest, target"


def folder_entries(connection: Connection) -> Iterator[FolderNode]:
    """Yield every folder, except detached ones."""
    return iter(
        connection.execute(
            "SELECT id, root, parent, name, state, marker, cause FROM folders"
            f" WHERE parent IS NULL OR parent <> {AWAY}"
        )
    )


def folder_sums(connection: Connection, noise: Collection[bytes]) -> Iterator[FolderSum]:
    """Yield the sums of the read files directly in each folder, except those named in ``noise``.

    The files are given as bytes, sorted by name and separated by NULs: for each an ``x`` or a ``-``
    (executable or not), its digest and its name. SQLite does the sums: passing a row per file to
    Python costs three times as much.
    """
    return iter(
        connection.execute(
            "SELECT folder, count(*), sum(size > 0), sum(size), max(mtime_ns), CAST(group_concat("
            f"CASE WHEN mode & {_EXECUTABLE} THEN x'78' ELSE x'2d' END || digest || name, x'00')"
            " AS BLOB)"
            f" FROM files WHERE {_READ} AND name NOT IN ({', '.join('?' * len(noise))})"
            " GROUP BY folder",
            tuple(noise),
        )
    )


def unread_entries(connection: Connection) -> Iterator[FolderFileRow]:
    """Yield every entry, except folders, not covered by `folder_sums`, in the same order."""
    return iter(
        connection.execute(f"SELECT {_FILE} FROM files WHERE NOT ({_READ}) ORDER BY folder, name")
    )


def content_batches(connection: Connection, noise: Collection[bytes]) -> Iterator[ContentBatch]:
    """Yield all contents, combined where the same folders hold them.

    Files with a name in ``noise`` do not count. A set of folders may occur several times, and a
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


def path_batches(connection: Connection, noise: Collection[bytes]) -> Iterator[PathBatch]:
    """Yield what several folders hold under one name, combined where the same folders hold it.

    Files with a name in ``noise`` do not count. A set of folders may occur several times.
    """
    return iter(
        connection.execute(
            "SELECT folders, count(*) FROM (SELECT group_concat(folder) AS folders"
            f" FROM files INDEXED BY file_by_digest WHERE {has_content()} AND digest IS NOT NULL"
            f" AND name NOT IN ({', '.join('?' * len(noise))})"
            " GROUP BY digest, name HAVING count(*) > 1) GROUP BY folders",
            tuple(noise),
        )
    )


def entries_in(connection: Connection, folder: int) -> Iterator[FolderFileRow]:
    """Yield the entries directly in one folder, by name."""
    return iter(
        connection.execute(f"SELECT {_FILE} FROM files WHERE folder = ? ORDER BY name", (folder,))
    )


def entries_in_folders(connection: Connection, folders: Collection[int]) -> Iterator[FolderFileRow]:
    """Yield the entries directly in some folders, by one statement."""
    return iter(
        connection.execute(
            f"SELECT {_FILE} FROM json_each(?) AS wanted CROSS JOIN files"
            " ON files.folder = wanted.value",
            (f"[{','.join(map(str, folders))}]",),
        )
    )


def names_ending(
    connection: Connection, endings: Collection[bytes], at_least: int = 0
) -> Iterator[tuple[int, bytes]]:
    """Yield files whose names, in lower case, have one of some endings: folder and name.

    ``at_least`` is their minimum size in bytes.
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
    """Yield files with one of some names, prefixes or suffixes: folder and name, by folder.

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
    """Yield the names in every folder, by folder, and a None for each folder."""
    return iter(
        connection.execute(
            "SELECT id, NULL FROM folders UNION ALL SELECT folder, name FROM files ORDER BY 1"
        )
    )


def symlinks(connection: Connection) -> Iterator[tuple[int, bytes]]:
    """Yield every symbolic link: its folder and name."""
    return iter(connection.execute("SELECT folder, name FROM files WHERE target IS NOT NULL"))
