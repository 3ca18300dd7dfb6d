"""Entries that the index knows and that are to be read again, instead of whole roots."""

from __future__ import annotations

from collections.abc import Iterable

from gorillacomb.index.database import Index
from gorillacomb.index.paths import path_below_root, root_of
from gorillacomb.scan.tasks import WINDOW, FolderTask


def sort_again(
    index: Index, roots: Iterable[int], entries: Iterable[tuple[int, bytes]]
) -> dict[int, list[FolderTask]]:
    """The work that entries make, given by the ids of their folders and their names; by root id.

    What is in none of the roots is left out.
    """
    names: dict[int, list[bytes]] = {}
    for folder, name in entries:
        names.setdefault(folder, []).append(name)
    work: dict[int, list[FolderTask]] = {root: [] for root in roots}
    for folder, some in names.items():
        root = root_of(index.connection, folder)
        if root in work:
            path = path_below_root(index.connection, folder)
            some.sort()
            work[root] += (
                FolderTask(folder, path, 0, tuple(some[start : start + WINDOW]))
                for start in range(0, len(some), WINDOW)
            )
    return work
