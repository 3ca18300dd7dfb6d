"""Check by the index whether everything in one folder is in another, under the same names."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping

from gorillacomb.folders.tree import EXECUTABLE, FolderTree, TreeFolder
from gorillacomb.index.database import Index
from gorillacomb.index.tree_queries import entries_in
from gorillacomb.model import READ

FolderEntries = dict[bytes, tuple[bytes, bool] | None]
"""By name: content or target with a type prefix, and whether it is executable; None for anything
that cannot be part of a copy."""


def is_contained(
    index: Index,
    forest: FolderTree,
    victim: TreeFolder,
    keep: TreeFolder,
    nested: Mapping[TreeFolder, TreeFolder],
    same_caches: Callable[[TreeFolder, TreeFolder], bool],
) -> bool:
    """Return whether everything in ``victim`` is in ``keep`` at the same relative path.

    That is: every file with its content and executable bits, every link, every empty folder.
    ``nested`` are folders below ``victim`` that are contained in others; ``same_caches`` says
    whether two ``.git`` folders have indexes with the same entries. A store must be identical.
    """
    waiting: list[tuple[TreeFolder, TreeFolder | None]] = [(victim, keep)]
    while waiting:
        x, y = waiting.pop()
        if x.gap is not None:
            return False
        whole = not any(x.holds(each) for each in nested)
        if y is not None and whole and x.digest == y.digest and y.gap is None:
            continue
        if x.store:
            return False
        ours = _entries(index, forest, x)
        theirs = {} if y is None else _entries(index, forest, y)
        for name, entry in ours.items():
            if entry is None:
                return False
            if theirs.get(name) != entry and not (
                y is not None
                and (x.name, y.name, name) == (b".git", b".git", b"index")
                and name in theirs
                and same_caches(x, y)
            ):
                return False
        if y is None and not x.children:
            return False
        names = {} if y is None else {each.name: each for each in y.children}
        for child in x.children:
            there = names.get(child.name)
            if child in nested:
                continue
            if there is None and not any(child.holds(each) for each in nested):
                return False
            waiting.append((child, there))
    return True


def _entries(index: Index, forest: FolderTree, folder: TreeFolder) -> FolderEntries:
    found: FolderEntries = {}
    for _, name, state, mode, _, _, digest, target in entries_in(index.connection, folder.id):
        if stat.S_ISLNK(mode):
            found[name] = (b"l" + (target or b""), False)
        elif name in forest.noise:
            continue
        elif state in READ and digest is not None:
            found[name] = (b"f" + digest, bool(mode & EXECUTABLE))
        else:
            found[name] = None
    return found
