"""Find stores, the folders that a program keeps as a unit, by the names in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

from gorillacomb.classify.stores import store_hints, store_kind
from gorillacomb.index.paths import FolderPaths
from gorillacomb.sqlite import Connection


class IndexedFolder:
    """A folder of the index, given by its id, and those below it."""

    def __init__(self, connection: Connection, folder: int) -> None:
        self._connection = connection
        self._folder = folder

    @cached_property
    def files(self) -> frozenset[bytes]:
        """Names of entries other than folders."""
        rows = self._connection.execute("SELECT name FROM files WHERE folder = ?", (self._folder,))
        return frozenset(name for (name,) in rows)

    @cached_property
    def folders(self) -> dict[bytes, int]:
        """Names of subfolders, with their ids."""
        rows = self._connection.execute(
            "SELECT name, id FROM folders WHERE parent = ?", (self._folder,)
        )
        return dict(rows.fetchall())

    def enter(self, name: bytes) -> IndexedFolder:
        """Return a subfolder."""
        return IndexedFolder(self._connection, self.folders[name])


def all_folder_names(connection: Connection) -> Iterator[tuple[int, int | None, bytes]]:
    """Yield every folder: its id, its parent's id, its name."""
    return iter(connection.execute("SELECT id, parent, name FROM folders"))


def store_folders(
    connection: Connection, folders: Iterable[tuple[int, int | None, bytes]]
) -> set[int]:
    """Return the ids of the stores among all folders, given as `all_folder_names` does.

    Only folders with a sign of a store are examined.
    """
    hints = store_hints()
    around: dict[int, tuple[int | None, bytes]] = {}
    signs: list[tuple[int, int]] = []
    levels: dict[bytes, list[int]] = {}
    for folder, parent, name in folders:
        around[folder] = parent, name
        if name not in levels:
            levels[name] = hints.levels_above(name)
        signs += [(folder, depth) for depth in levels[name]]
    for folder in _folders_with_file(
        connection, hints.file_names, hints.file_beginnings, hints.file_endings
    ):
        signs += [(folder, depth) for depth in range(hints.file_depth)]
    found: set[int] = set()
    for sign, depth in signs:
        at: int | None = sign
        for _ in range(depth):
            at = None if at is None else around.get(at, (None,))[0]
        if at is not None and at in around and at not in found:
            parent, name = around[at]
            kind = store_kind(name, IndexedFolder(connection, at))
            if kind is not None and not (kind.is_loose and parent is None):
                found.add(at)
    return found


def _folders_with_file(
    connection: Connection,
    names: Collection[bytes],
    beginnings: Collection[bytes],
    endings: Collection[bytes],
) -> Iterator[int]:
    """Yield folders that directly contain a file with one of some names, prefixes or suffixes.

    All prefixes have the same length, and so have all suffixes.
    """
    tests: list[str] = []
    values: list[bytes] = []
    for what, wanted in (
        ("name", names),
        (f"substr(name, 1, {len(next(iter(beginnings), b''))})", beginnings),
        (f"substr(name, -{len(next(iter(endings), b''))})", endings),
    ):
        if wanted:
            tests.append(f"{what} IN ({', '.join('?' * len(wanted))})")
            values += wanted
    rows = connection.execute(
        f"SELECT DISTINCT folder FROM files WHERE {' OR '.join(tests)}", values
    )
    return (folder for (folder,) in rows)


class StoreLookup:
    """Looks up which store a folder is in; finds all stores on first use."""

    def __init__(self, connection: Connection, paths: FolderPaths) -> None:
        self._connection = connection
        self._paths = paths
        self._around: dict[int, int | None] = {}

    @cached_property
    def _stores(self) -> set[int]:
        return store_folders(self._connection, all_folder_names(self._connection))

    def around(self, folder: int) -> bytes | None:
        """Return the path of the outermost store that a folder is, or is in."""
        chain: list[int] = []
        at: int | None = folder
        while at is not None and at not in self._around:
            chain.append(at)
            row = self._paths.row(at)
            at = None if row is None else row[1]
        found = None if at is None else self._around[at]
        for each in reversed(chain):
            found = each if found is None and each in self._stores else found
            self._around[each] = found
        place = None if found is None else self._paths.place(found)
        return None if place is None else place[1]
