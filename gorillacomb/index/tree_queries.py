"""Stream all folders and files of the index, or compare the contents of two of its folders."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import chain
from typing import NamedTuple

from gorillacomb.index.folder_queries import REGULAR
from gorillacomb.index.paths import AWAY
from gorillacomb.index.schema import has_content
from gorillacomb.model import READ, EntryState
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
_CACHE = 65_536
"""KiB of the temporary tables that are kept in memory: contents are looked up in random order."""
_UNREAD = f"(state BETWEEN {EntryState.PENDING:d} AND {EntryState.TOO_SMALL:d} OR state > 8)"
_IS_LINKED = "(links > 1 AND inode <> 0)"


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


def files_read_in(connection: Connection, folders: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """Yield the files directly in some folders whose content is known: folder and name."""
    return iter(
        connection.execute(
            "SELECT files.folder, files.name FROM json_each(?) AS wanted CROSS JOIN files"
            f" ON files.folder = wanted.value AND files.state <= 1 AND {REGULAR}",
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
    ranges = [(each, each[:-1] + bytes([each[-1] + 1])) for each in beginnings]
    last = sorted({each[-2:] for each in endings})  # one short value instead of one per ending
    ends = " OR ".join(f"substr(name, -{len(each)}) = ?" for each in endings)
    tests = [
        f"name IN ({', '.join('?' * len(names))})",
        *["name >= ? AND name < ?"] * len(ranges),
        f"substr(name, -2) IN ({', '.join('?' * len(last))}) AND ({ends})",
    ]
    return iter(
        connection.execute(
            f"SELECT folder, name FROM files WHERE {' OR '.join(tests)}",
            (*names, *chain.from_iterable(ranges), *last, *endings),
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


def link_targets(connection: Connection) -> Iterator[tuple[int, bytes]]:
    """Yield the text of every symbolic link, with its folder, by name in each."""
    return iter(
        connection.execute(
            "SELECT folder, target FROM files WHERE target IS NOT NULL ORDER BY folder, name"
        )
    )


class SideFolder(NamedTuple):
    """A folder of a side."""

    id: int
    parent: int | None
    name: bytes
    state: int
    cause: str | None


class FolderSums(NamedTuple):
    """What is directly in a folder of a side."""

    folder: int
    shared: int
    """Files whose content the other side has."""
    files: int
    """Files whose content it lacks."""
    size: int
    """Bytes of those, without files that have several hard links."""
    unread: int
    """Files with unknown content."""


class SideTotals(NamedTuple):
    """What a side contains."""

    files: int
    size: int
    empty: int
    links: int
    """Symbolic links."""
    odd: int
    """FIFOs, sockets, devices."""


class SideFile(NamedTuple):
    """A file of a side."""

    folder: int
    name: bytes
    size: int
    digest: bytes


class UnreadFile(NamedTuple):
    """A file of a side with unknown content."""

    folder: int
    name: bytes
    state: int
    cause: str | None


class ContentSides:
    """Two folders, as side 0 and side 1, whose contents are compared by the index.

    What is needed twice is kept in temporary tables of the connection. If one folder is inside the
    other, the outer one is compared without it: each file belongs to one side, unless both are the
    same folder. Files with a name in ``noise`` do not count.
    """

    def __init__(
        self, connection: Connection, folders: tuple[int, int], noise: Collection[bytes]
    ) -> None:
        self._connection = connection
        self._noise = tuple(noise)
        self._counts = f"name NOT IN ({', '.join('?' * len(noise))})"
        connection.execute(f"PRAGMA temp.cache_size = -{_CACHE}")
        for side, (folder, other) in enumerate((folders, folders[::-1])):
            connection.execute(f"CREATE TEMP TABLE side_{side} (id INTEGER PRIMARY KEY)")
            connection.execute(
                f"INSERT INTO side_{side} WITH RECURSIVE below (id) AS (SELECT ?1 UNION"
                " SELECT folders.id FROM folders JOIN below ON folders.parent = below.id"
                " WHERE folders.id <> ?2) SELECT id FROM below",
                (folder, other),
            )
            connection.execute(
                f"CREATE TEMP TABLE content_{side} (digest BLOB PRIMARY KEY) WITHOUT ROWID"
            )
            connection.execute(
                f"INSERT INTO content_{side} SELECT DISTINCT digest FROM files"
                f" WHERE folder IN side_{side} AND {has_content()} AND digest IS NOT NULL"
                f" AND {self._counts} ORDER BY digest",
                self._noise,
            )

    def folders(self, side: int) -> list[SideFolder]:
        """Return the folders of a side, in no particular order."""
        rows = self._connection.execute(
            f"SELECT folders.id, parent, name, state, cause FROM side_{side}"
            f" JOIN folders ON folders.id = side_{side}.id"
        )
        return [SideFolder(*row) for row in rows]

    def sums(self, side: int) -> Iterator[FolderSums]:
        """Yield what is directly in each folder of a side that contains files."""
        rows = self._connection.execute(
            "SELECT folder, coalesce(sum(known AND there), 0), coalesce(sum(known AND NOT there),"
            f" 0), coalesce(sum(size) FILTER (WHERE known AND NOT there AND NOT {_IS_LINKED}), 0),"
            f" coalesce(sum({_UNREAD} AND {REGULAR}), 0) FROM (SELECT folder, size, state, mode,"
            f" links, inode, {has_content()} AS known, digest IN content_{1 - side} AS there"
            f" FROM files WHERE folder IN side_{side} AND {self._counts}) GROUP BY folder",
            self._noise,
        )
        return (FolderSums(*row) for row in rows)

    def linked(self, side: int) -> Iterator[tuple[int, int, int]]:
        """Yield the files with several hard links whose content the other side lacks.

        For each the inode, one of its folders, and its size in bytes; by inode.
        """
        return iter(
            self._connection.execute(
                f"SELECT inode, folder, max(size) {self._only(side, f'AND {_IS_LINKED} ')}"
                " GROUP BY inode, folder ORDER BY inode",
                self._noise,
            )
        )

    def only(self, side: int) -> Iterator[SideFile]:
        """Yield the files whose content the other side lacks, the largest first."""
        rows = self._connection.execute(
            f"SELECT folder, name, size, digest {self._only(side)}"
            " ORDER BY size DESC, folder, name",
            self._noise,
        )
        return (SideFile(*row) for row in rows)

    def _only(self, side: int, condition: str = "") -> str:
        """Return the SQL for the files that the other side lacks, with an additional condition."""
        return (
            f"FROM files WHERE folder IN side_{side} {condition}"
            f"AND {has_content()} AND {self._counts}"
            f" AND digest NOT IN content_{1 - side}"
        )

    def only_contents(self, side: int) -> tuple[int, int]:
        """Return how many contents the other side lacks, and their bytes, each counted once."""
        found: tuple[int, int] = self._connection.execute(
            "SELECT count(*), coalesce(sum(size), 0) FROM"
            f" (SELECT max(size) AS size {self._only(side)} GROUP BY digest)",
            self._noise,
        ).fetchone()
        return found

    def unread(self, side: int) -> Iterator[UnreadFile]:
        """Yield the files of a side whose content is unknown."""
        rows = self._connection.execute(
            f"SELECT folder, name, state, cause FROM files WHERE folder IN side_{side}"
            f" AND {_UNREAD} AND {REGULAR} AND {self._counts} ORDER BY folder, name",
            self._noise,
        )
        return (UnreadFile(*row) for row in rows)

    def totals(self, side: int) -> SideTotals:
        """Sum up a side."""
        row = self._connection.execute(
            f"SELECT coalesce(sum({REGULAR}), 0), coalesce(sum(size) FILTER (WHERE {REGULAR}), 0),"
            f" coalesce(sum({REGULAR} AND state <= 1 AND size = 0), 0),"
            " coalesce(sum((mode & 61440) = 40960), 0),"
            f" coalesce(sum(NOT {REGULAR} AND (mode & 61440) <> 40960), 0)"
            f" FROM files WHERE folder IN side_{side} AND {self._counts}",
            self._noise,
        ).fetchone()
        return SideTotals(*row)

    def count_linked(self, side: int) -> int:
        """Count the names in a side of files that have another hard link in the other side.

        Only for sides on one volume.
        """
        found: tuple[int] = self._connection.execute(
            f"SELECT count(*) FROM files WHERE folder IN side_{side} AND {has_content()}"
            f" AND {_IS_LINKED} AND {self._counts} AND inode IN (SELECT inode FROM files"
            f" WHERE folder IN side_{1 - side} AND {has_content()} AND {_IS_LINKED})",
            self._noise,
        ).fetchone()
        return found[0]
