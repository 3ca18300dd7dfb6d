"""Which folders belong to a tree that is kept: so that one tree's files are canonical together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from gorillacomb.model import TreeCopy

if TYPE_CHECKING:
    from gorillacomb.folders.analysis import FolderAnalysis, FolderFamily
    from gorillacomb.folders.tree import TreeFolder


def kept_trees(folders: FolderAnalysis) -> dict[int, TreeCopy]:
    """By a folder's id of which kept tree it is part; those of none are left out.

    The folders are gone afterwards: a scan has better use for the memory.
    """
    try:
        return _trees(folders)
    finally:
        folders.forest.free_cycles()


def _trees(folders: FolderAnalysis) -> dict[int, TreeCopy]:
    of: dict[TreeFolder, FolderFamily] = {}
    for family in folders.families():
        of |= dict.fromkeys(family.members, family)
    trees: dict[int, TreeCopy] = {}
    if not of:
        return trees
    lost: dict[int, FolderFamily] = {}
    """By a folder's id: the family of which it, or a folder around it, is a copy not kept."""
    for folder in folders.forest.order:
        above = None if folder.parent is None else folder.parent.id
        tree, loser = trees.get(above or 0), lost.get(above or 0)
        member = of.get(folder)
        if member is not None and folder is not member.keep:
            tree = None if tree is None else TreeCopy(1, tree.reasons)
            loser = loser or (member if tree is None else None)
        elif member is not None and tree is None and loser in (None, member):
            tree, loser = TreeCopy(0, member.reasons), None
        if tree is not None:
            trees[folder.id] = tree
        if loser is not None:
            lost[folder.id] = loser
    return trees


class KeptTrees(Mapping[int, TreeCopy]):
    """The same, found when it is first asked for: a scan that brings no second copy never asks."""

    def __init__(self, find: Callable[[], dict[int, TreeCopy]]) -> None:
        self._find = find
        self._found: dict[int, TreeCopy] | None = None

    def _trees(self) -> dict[int, TreeCopy]:
        if self._found is None:
            self._found = self._find()
        return self._found

    def get(self, folder: int, default: Any = None) -> Any:
        return self._trees().get(folder, default)  # the one that Mapping has is five times slower

    def __getitem__(self, folder: int) -> TreeCopy:
        return self._trees()[folder]

    def __iter__(self) -> Iterator[int]:
        return iter(self._trees())

    def __len__(self) -> int:
        return len(self._trees())
