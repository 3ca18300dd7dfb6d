"""Find what the other copies of a tree have at the path of a folder inside one of them."""

from __future__ import annotations

from dataclasses import dataclass

from gorillacomb.folders.analysis import FolderAnalysis, FolderFamily
from gorillacomb.folders.tree import TreeFolder, find_descendant, relative_names


@dataclass(frozen=True, slots=True)
class SamePath:
    """A folder inside a copy of a tree, and what the other copies have at its path."""

    tree: FolderFamily
    """The copies of the tree."""
    counterparts: FolderFamily | None
    """The folder and those at the same path in the other copies; None if none of them has one."""


def find_same_path(folders: FolderAnalysis, folder: TreeFolder) -> SamePath | None:
    """Return what is at the path of a folder in the other copies of the innermost tree around it.

    None if the folder is in no copy of a tree, or is one itself. The one to keep is that in the
    copy of the tree that is kept.
    """
    tree = folders.around(folder)
    if tree is None or folder in tree.members:
        return None
    top = max((each for each in tree.members if each.holds(folder)), key=lambda each: each.first)
    names = relative_names(folder, top)
    found = {each: find_descendant(each, names) for each in tree.members}
    members = [each for each in found.values() if each is not None]
    if len(members) < 2:
        return SamePath(tree, None)
    keep = found[tree.keep]
    if keep is None:
        return SamePath(tree, folders.family(members))
    return SamePath(tree, FolderFamily(tuple(members), keep, tree.reasons, tree.structural))
