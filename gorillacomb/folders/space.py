"""Find the folders and files that take most of the space in a tree, and how they are nested."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from gorillacomb.fs.paths import join
from gorillacomb.index.folder_queries import folder_space, large_files, parents_below
from gorillacomb.sqlite import Connection


@dataclass(frozen=True, slots=True)
class SpaceEntry:
    """A folder or file that takes a part of the space."""

    path: bytes
    parent: int | None
    """Its folder's index in the list; None for a top folder."""
    is_folder: bool
    files: int
    """Regular files in it; 1 for a file."""
    bytes: int
    """Bytes of those files."""
    duplicate_bytes: int
    """Bytes of the files whose content has another copy, in here or elsewhere."""


@dataclass(slots=True)
class _Tree:
    """The sums of all folders below one, and which is in which."""

    sums: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))
    """By folder: files, bytes, bytes of duplicates; of everything in it."""
    inner: dict[int, list[tuple[int, bytes]]] = field(default_factory=lambda: defaultdict(list))
    """By folder: id and name of its subfolders."""

    @classmethod
    def read(cls, connection: Connection, top: int) -> _Tree:
        """Read the tree below a folder."""
        tree = cls()
        for folder, *sums in folder_space(connection, top):
            tree.sums[folder] = sums
        for folder, parent, name in parents_below(connection, top):
            tree.inner[parent].append((folder, name))
        order = [top]
        for folder in order:  # it grows: a folder comes before what it contains
            order += [inner for inner, _ in tree.inner.get(folder, ())]
        for folder in reversed(order):
            total = tree.sums[folder]
            for inner, _ in tree.inner.get(folder, ()):
                for at, value in enumerate(tree.sums[inner]):
                    total[at] += value
        return tree


def largest_entries(
    connection: Connection, tops: Iterable[tuple[int, bytes]], most: int, part: int
) -> list[SpaceEntry]:
    """Return what takes the most space in some folders, each after the folder that it is in.

    ``tops`` are ids and absolute paths of folders that are not inside each other. At most
    ``most`` entries besides these are returned, the largest ones of those that take at least the
    ``part``-th part of all bytes.
    """
    trees = [(top, path, _Tree.read(connection, top)) for top, path in tops]
    total = sum(tree.sums[top][1] for top, _, tree in trees)
    at_least = max(total // part, 1)
    waiting: list[tuple[int, bytes, int | None, int | None, int]] = []
    for number, (top, path, _) in enumerate(trees):
        # The tops come first whatever their size, so that an empty one is in the list too.
        heapq.heappush(waiting, (-1 << 63, path, None, top, number))
    large: dict[int, list[tuple[bytes, int, bool]]] = defaultdict(list)
    for top, _, _ in trees:
        for folder, name, size, is_duplicate in large_files(connection, top, at_least):
            large[folder].append((name, size, is_duplicate))
    found: list[SpaceEntry] = []
    duplicates: dict[bytes, bool] = {}
    while waiting and len(found) < most + len(trees):
        below, path, parent, at_folder, number = heapq.heappop(waiting)
        if at_folder is None:
            size = -below
            found.append(SpaceEntry(path, parent, False, 1, size, size * duplicates[path]))
            continue
        folder, tree = at_folder, trees[number][2]
        found.append(SpaceEntry(path, parent, True, *tree.sums[folder]))
        at = len(found) - 1
        for inner, name in tree.inner.get(folder, ()):
            if (size := tree.sums[inner][1]) >= at_least:
                heapq.heappush(waiting, (-size, join(path, name), at, inner, number))
        for name, size, is_duplicate in large.get(folder, ()):
            duplicates[join(path, name)] = is_duplicate
            heapq.heappush(waiting, (-size, join(path, name), at, None, number))
    return found
