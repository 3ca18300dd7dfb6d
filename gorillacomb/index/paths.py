"""Convert folder ids to paths and back."""

from __future__ import annotations

from gorillacomb.fs.paths import join, path_parts
from gorillacomb.model import Root
from gorillacomb.sqlite import Connection

FileKey = tuple[int, bytes]
"""Identifies an entry: the id of its folder, and its name."""

BELOW = (
    "WITH RECURSIVE below (id) AS (SELECT ? UNION"
    " SELECT folders.id FROM folders JOIN below ON folders.parent = below.id)"
)
"""SQL for a folder (the first parameter) and everything below it, as the table ``below``."""

AWAY = -1
"""The parent of detached folders: those that left their place, until they are found elsewhere or
dropped."""

WITHOUT_PLACE = (
    f"WITH RECURSIVE below (id) AS (SELECT id FROM folders WHERE parent = {AWAY} UNION"
    " SELECT folders.id FROM folders JOIN below ON folders.parent = below.id) SELECT id FROM below"
)
"""SQL for the ids of detached folders and everything in them."""
UNUSED_FOLDER = (
    "SELECT 1 + max((SELECT coalesce(max(id), 0) FROM folders),"
    " (SELECT coalesce(max(id), 0) FROM stamp_folders))"
)
"""SQL for an id that no folder has, including those that the trace still knows."""
UNUSED_ROOT = (
    "SELECT 1 + max((SELECT coalesce(max(id), 0) FROM roots),"
    " (SELECT coalesce(max(id), 0) FROM stamp_roots),"
    " (SELECT coalesce(max(root), 0) FROM stamp_folders))"
)
"""The same for roots: the next scan records a forgotten root in the trace, under its own name."""


def folders_without_place(connection: Connection) -> frozenset[int]:
    """Return the ids of detached folders and everything in them.

    A scan finds where they are, or drops them; but those of a suspect root are kept.
    """
    return frozenset(folder for (folder,) in connection.execute(WITHOUT_PLACE))


def root_of(connection: Connection, folder: int) -> int | None:
    """Return the id of a folder's root; None if the folder does not exist."""
    row = connection.execute("SELECT root FROM folders WHERE id = ?", (folder,)).fetchone()
    return None if row is None else int(row[0])


def path_below_root(connection: Connection, folder: int) -> bytes:
    """Return a folder's path relative to its root; empty for the root itself."""
    parts: list[bytes] = []
    at: int | None = folder
    seen = set()
    while at is not None and at not in seen:
        seen.add(at)
        row = connection.execute("SELECT parent, name FROM folders WHERE id = ?", (at,)).fetchone()
        if row is None:
            break
        at, name = row
        if at is not None:
            parts.append(name)
    return b"/".join(reversed(parts))


FolderPathRow = tuple[int, int | None, bytes, str | None]
"""root, parent, name, marker."""


class FolderPaths:
    """Paths of folders, with a cache of recent ones."""

    _LIMIT = 100_000

    def __init__(self, connection: Connection, roots: dict[int, Root]) -> None:
        self._connection = connection
        self._roots = roots
        self._known: dict[int, tuple[int, bytes]] = {}
        self._rows: dict[int, FolderPathRow] | None = None

    def load(self) -> None:
        """Read all folders at once, for callers that need most of them."""
        self._rows = {
            row[0]: row[1:]
            for row in self._connection.execute(
                "SELECT id, root, parent, name, marker FROM folders"
            )
        }

    def row(self, folder: int) -> FolderPathRow | None:
        """Return a folder's root, parent, name and marker."""
        if self._rows is not None:
            return self._rows.get(folder)
        found: FolderPathRow | None = self._connection.execute(
            "SELECT root, parent, name, marker FROM folders WHERE id = ?", (folder,)
        ).fetchone()
        return found

    def place(self, folder: int) -> tuple[int, bytes] | None:
        """Return the root's id and the absolute path of a folder.

        None for one in a folder that was detached when a scan was interrupted: the next scan finds
        out where it is.
        """
        found = self._known.get(folder)
        if found is not None:
            return found
        chain: list[tuple[int, bytes]] = []
        at = folder
        seen = set()
        while (known := self._known.get(at)) is None:
            row = self.row(at)
            if row is None or at in seen:  # a cycle of parents is damage, and has no path
                return None
            seen.add(at)
            root, parent, name, _ = row
            if parent is None:
                known = (root, self._roots[root].path)
                self._known[at] = known
                break
            chain.append((at, name))
            at = parent
        if len(self._known) > self._LIMIT:
            self._known.clear()
        root, path = known
        for at, name in reversed(chain):
            path = join(path, name)
            self._known[at] = (root, path)
        return root, path


def child_folder(connection: Connection, parent: int, name: bytes) -> int | None:
    """Return the id of the subfolder of this name."""
    row = connection.execute(
        "SELECT id FROM folders WHERE parent = ? AND name = ?", (parent, name)
    ).fetchone()
    return None if row is None else int(row[0])


def child_and_inode(connection: Connection, parent: int, name: bytes) -> tuple[int, int] | None:
    """Return the id and inode (0: unknown) of the subfolder of this name."""
    found: tuple[int, int] | None = connection.execute(
        "SELECT id, inode FROM folders WHERE parent = ? AND name = ?", (parent, name)
    ).fetchone()
    return found


def find_folder(connection: Connection, root: Root, relative: bytes) -> int | None:
    """Return the id of the folder at a path below a root."""
    at: int | None = root.folder
    for name in path_parts(relative):
        if at is None:
            return None
        at = child_folder(connection, at, name)
    return at


def nearest_folder(connection: Connection, root: Root, relative: bytes) -> int:
    """Return the id of the folder at a path below a root, else that of its nearest known parent."""
    at = root.folder
    for name in path_parts(relative):
        inner = child_folder(connection, at, name)
        if inner is None:
            break
        at = inner
    return at


def unused_folder(connection: Connection) -> int:
    """Return the lowest id that a new folder may get."""
    return int(connection.execute(UNUSED_FOLDER).fetchone()[0])


def folders_from(connection: Connection, first: int) -> set[int]:
    """Return the ids of folders from one id on."""
    rows = connection.execute("SELECT id FROM folders WHERE id >= ?", (first,))
    return {folder for (folder,) in rows}
