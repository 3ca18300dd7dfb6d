"""Which folders belong to a tree that is kept: so that one tree's files are canonical together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gorillacomb.dedupe.folders import Folders
from gorillacomb.dedupe.forest import Folder
from gorillacomb.model import Tree


def kept_trees(folders: Folders) -> dict[int, Tree]:
    """By a folder's id of which kept tree it is part; those of none are left out.

    The folders are gone afterwards: a scan has better use for the memory.
    """
    try:
        return _trees(folders)
    finally:
        folders.forest.dissolve()


def _trees(folders: Folders) -> dict[int, Tree]:
    kept: dict[Folder, Tree | None] = {}
    for family in folders.families():
        kept |= dict.fromkeys(family.members)
        kept[family.keep] = Tree(0, family.reasons)
    trees: dict[int, Tree] = {}
    if not kept:
        return trees
    for folder in folders.forest.order:
        tree = None if folder.parent is None else trees.get(folder.parent.id)
        if folder in kept and tree is None:
            tree = kept[folder]
        elif folder in kept and kept[folder] is None and tree is not None:
            tree = Tree(1, tree.reasons)
        if tree is not None:
            trees[folder.id] = tree
    return trees


class Trees(Mapping[int, Tree]):
    """The same, found when it is first asked for: a scan that brings no second copy never asks."""

    def __init__(self, find: Callable[[], dict[int, Tree]]) -> None:
        self._find = find
        self._found: dict[int, Tree] | None = None

    def _trees(self) -> dict[int, Tree]:
        if self._found is None:
            self._found = self._find()
        return self._found

    def get(self, folder: int, default: Any = None) -> Any:
        return self._trees().get(folder, default)  # the one that Mapping has is five times slower

    def __getitem__(self, folder: int) -> Tree:
        return self._trees()[folder]

    def __iter__(self) -> Iterator[int]:
        return iter(self._trees())

    def __len__(self) -> int:
        return len(self._trees())
