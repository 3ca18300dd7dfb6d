"""The folders of the index as a tree, each with a digest of everything in it.

The digest is a Merkle digest: two folders have the same one if, and only if, the same names lead to
the same contents, links and empty folders in both, with the same executable bits.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from gorillacomb.classify.names import NOISE, SHELF, is_machine_made, is_version_control
from gorillacomb.classify.projects import project_around
from gorillacomb.classify.state_text import FILE_CAUSES, FOLDER_CAUSES
from gorillacomb.index import tree_queries as stream
from gorillacomb.index.database import Index
from gorillacomb.index.store_queries import store_folders
from gorillacomb.index.tree_queries import FolderFileRow
from gorillacomb.model import DAMAGE, EntryState, FolderState

EXECUTABLE = 0o111


@dataclass(slots=True, eq=False)
class TreeFolder:
    """A folder with everything in it and below it."""

    id: int
    root: int
    parent: TreeFolder | None
    name: bytes
    marker: str | None
    project: TreeFolder | None = None
    """The outermost project around it, or itself; never the top of a root."""
    store: bool = False
    """Whether a program keeps it as a unit, except version control: a library, a backup."""
    machine: bool = False
    """Whether it, or a folder around it, is machine-made or kept by a program: ``node_modules``,
    ``.git``."""
    shelf: bool = False
    """Whether it is on a shelf: a place for what only other copies of a tree contained. It is not
    a copy of anything."""
    children: list[TreeFolder] = field(default_factory=list)
    files: int = 0
    """Regular files, in it and below."""
    counted: int = 0
    """Files that are not empty, in it and below, outside machine-made folders unless it is one."""
    size: int = 0
    """Bytes of all files."""
    links: int = 0
    user_entries: int = 0
    """Files and links, in it and below, without machine-made folders as ``counted`` is."""
    folders: int = 0
    """Folders below it."""
    empty: int = 0
    """Empty folders, including itself and those below it."""
    gap: str | None = None
    """Why it is not complete; None if everything in it is known."""
    unread: bool = False
    """Whether that is because something was not read; damage, in contrast, can be repaired."""
    touched: int = 0
    """The newest mtime of a file in it or below, without machine-made folders, ns; 0 if none."""
    digest: bytes = b""
    first: int = 0
    last: int = 0
    """It and the folders below it have the positions ``first`` to ``last`` in the tree's order."""
    known_path: bytes = b""
    """Its path once that was asked for."""

    def holds(self, other: TreeFolder) -> bool:
        """Return whether another folder is this one or below it."""
        return self.first <= other.first <= self.last

    @property
    def entries(self) -> int:
        """Files, links and empty folders, in it and below."""
        return self.files + self.links + self.empty

    @property
    def is_project_top(self) -> bool:
        """Whether it is an outermost project."""
        return self.project is self

    @property
    def is_inside_project(self) -> bool:
        """Whether it is below the top of the project around it."""
        return self.project is not None and self.project is not self

    @property
    def depth(self) -> int:
        """The number of folders above it, up to the top of its root."""
        depth, at = 0, self.parent
        while at is not None:
            depth, at = depth + 1, at.parent
        return depth

    def path(self, top: bytes) -> bytes:
        """Return its path, given its root's path ``top``, which is always the same."""
        if not self.known_path:
            names: list[bytes] = []
            at = self
            while at.parent is not None and not at.known_path:
                names.append(at.name)
                at = at.parent
            around = (at.known_path or top).rstrip(b"/")
            self.known_path = b"/".join([around, *reversed(names)]) if names else top
        return self.known_path


def folder_and_parents(folder: TreeFolder) -> Iterator[TreeFolder]:
    """Yield a folder and those around it, innermost first."""
    at: TreeFolder | None = folder
    while at is not None:
        yield at
        at = at.parent


@dataclass(slots=True)
class FolderTree:
    """All folders of the index."""

    folders: dict[int, TreeFolder]
    order: list[TreeFolder]
    """In preorder: each folder before those below it."""
    noise: frozenset[bytes]
    """Names of files that do not count."""


def nested_folders(folders: Sequence[TreeFolder]) -> list[list[TreeFolder]]:
    """Return, for each of some folders in the tree's order, those of them inside it."""
    found = []
    for at, folder in enumerate(folders):
        end = at + 1
        while end < len(folders) and folders[end].first <= folder.last:
            end += 1
        found.append(list(folders[at + 1 : end]))
    return found


def load_tree(
    index: Index,
    noise: frozenset[bytes] = NOISE,
    machine_made: frozenset[bytes] = frozenset(),
) -> FolderTree:
    """Read the folder tree from the index.

    ``noise`` are names of files that do not count; ``machine_made`` are names of machine-made
    folders, in addition to the well-known ones.
    """
    connection = index.connection
    folders = _folders(stream.folder_entries(connection))
    order = _ordered(folders.values())
    rows = ((each.id, each.parent.id if each.parent else None, each.name) for each in order)
    for store in store_folders(connection, rows):
        folders[store].store = True
    for folder in order:
        _place(folder, machine_made)
    own = _own_parts(folders, stream.folder_sums(connection, noise))
    _add_unread(folders, own, stream.unread_entries(connection), noise)
    for folder in reversed(order):
        _sum_up(folder, own.get(folder.id, ()))
    return FolderTree(folders, order, noise)


def _folders(entries: Iterable[stream.FolderNode]) -> dict[int, TreeFolder]:
    folders: dict[int, TreeFolder] = {}
    parents: list[tuple[TreeFolder, int]] = []
    for number, root, parent, name, state, marker, cause in entries:
        folder = folders[number] = TreeFolder(number, root, None, name, marker)
        if state != FolderState.LISTED:
            folder.gap = cause or FOLDER_CAUSES[FolderState(state)]
            folder.unread = True
        if parent is not None:
            parents.append((folder, parent))
    for folder, number in parents:
        above = folders.get(number)
        if above is not None:
            folder.parent = above
            above.children.append(folder)
    return folders


def _ordered(folders: Iterable[TreeFolder]) -> list[TreeFolder]:
    """Return the preorder, subfolders by name; omits cycles of parents, which are damage."""
    order: list[TreeFolder] = []
    stack = sorted((each for each in folders if each.parent is None), key=lambda each: -each.id)
    while stack:
        folder = stack.pop()
        folder.first = len(order)
        order.append(folder)
        folder.children.sort(key=lambda each: each.name)
        stack += reversed(folder.children)
    return order


def _place(folder: TreeFolder, machine_made: frozenset[bytes]) -> None:
    """Classify a folder by its parent, which must be classified already."""
    above = folder.parent
    if above is None:
        return
    folder.project = project_around(above.project, folder, folder.marker is not None)
    folder.shelf = above.shelf or folder.name.endswith(SHELF)
    folder.machine = (
        above.machine
        or folder.store
        or is_version_control(folder.name)
        or is_machine_made(folder.name, above.project is not None, machine_made)
    )


def _own_parts(
    folders: dict[int, TreeFolder], sums: Iterable[stream.FolderSum]
) -> dict[int, list[bytes]]:
    """Return what the files of each folder add to its digest; store their totals in the folder."""
    own: dict[int, list[bytes]] = {}
    for number, files, counted, size, newest, entries in sums:
        folder = folders.get(number)
        if folder is not None:
            folder.files, folder.counted, folder.size = files, counted, size
            folder.touched = max(newest, 0)
            own[number] = [entries, b"\0"]
    return own


def _add_unread(
    folders: dict[int, TreeFolder],
    own: dict[int, list[bytes]],
    entries: Iterable[FolderFileRow],
    noise: frozenset[bytes],
) -> None:
    """Do the same for links, and for files with unknown content: these are gaps."""
    for number, name, state, mode, size, _, _, target in entries:
        folder = folders.get(number)
        if folder is None or (name in noise and stat.S_ISREG(mode)):
            continue
        if state != EntryState.OTHER:
            folder.files += 1
            folder.counted += size > 0
            folder.size += size
            folder.gap = folder.gap or FILE_CAUSES[EntryState(state)]
            folder.unread = folder.unread or state not in DAMAGE
        elif stat.S_ISLNK(mode):
            folder.links += 1
            own.setdefault(number, []).append(b"l%b\0%b\0" % (target or b"", name))


def _sum_up(folder: TreeFolder, own: Iterable[bytes]) -> None:
    """Add up everything below a folder whose subfolders have been added up already."""
    parts = list(own)
    folder.last = folder.first
    folder.empty = int(not (folder.children or folder.files or folder.links))
    folder.user_entries = folder.files + folder.links
    for child in folder.children:
        folder.files += child.files
        folder.size += child.size
        folder.links += child.links
        folder.folders += child.folders + 1
        folder.empty += child.empty
        folder.last = child.last
        folder.unread = folder.unread or child.unread
        if not (child.machine or child.shelf) or folder.machine or folder.shelf:
            folder.counted += child.counted
            folder.user_entries += child.user_entries
        if child.touched > folder.touched and not child.machine:
            folder.touched = child.touched
        if child.gap is not None and folder.gap is None:
            name = child.name.decode("utf-8", "backslashreplace")
            folder.gap = child.gap if ":" in child.gap else f"{name}: {child.gap}"
        parts.append(b"d%b%b\0" % (child.digest, child.name))
    folder.digest = sha256(b"".join(parts)).digest()


def are_parts_of_one_project(folders: Iterable[TreeFolder]) -> bool:
    """Return whether all folders are inside the same project, below its top."""
    around = {each.project if each.is_inside_project else None for each in folders}
    return len(around) == 1 and None not in around


def find_descendant(folder: TreeFolder, names: Iterable[bytes]) -> TreeFolder | None:
    """Return the folder that these names lead to from another one."""
    at: TreeFolder | None = folder
    for name in names:
        if at is None:
            break
        at = next((each for each in at.children if each.name == name), None)
    return at


def relative_names(folder: TreeFolder, top: TreeFolder) -> list[bytes]:
    """Return the names that lead from a folder to one below it."""
    names: list[bytes] = []
    at = folder
    while at is not top and at.parent is not None:
        names.append(at.name)
        at = at.parent
    return names[::-1]
