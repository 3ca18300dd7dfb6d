"""Present paths of the index to the dedupe rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gorillacomb.canonical.file_copy import FileCopy
from gorillacomb.classify.companions import Companions, CompanionTable, companion_table
from gorillacomb.dedupe.safety.context import FolderContext, PathContext
from gorillacomb.folders.analysis import FolderAnalysis
from gorillacomb.folders.tree import TreeFolder, find_descendant
from gorillacomb.fs.paths import is_below, join, path_parts, relative_path
from gorillacomb.index.roots import roots_of_path
from gorillacomb.index.tree_queries import entries_in_folders, link_targets
from gorillacomb.model import Root


@dataclass(slots=True)
class IndexLocations:
    """Makes path contexts of folders and files, remembering what it learned about folders."""

    folders: FolderAnalysis
    roots: Mapping[int, Root]
    table: CompanionTable = field(default_factory=companion_table)
    """Which files belong together."""
    _contexts: dict[int, PathContext] = field(default_factory=dict)
    _sizes: dict[int, dict[bytes, int]] = field(default_factory=dict)
    """By folder: the entries in it, and their sizes."""
    _links: dict[int, list[bytes]] | None = None
    """By folder: the texts of the symbolic links in it."""
    _at: dict[bytes, TreeFolder | None] = field(default_factory=dict)
    """By path: folders that were asked for."""
    _may_belong: dict[bytes, bool] = field(default_factory=dict)
    """By name of a folder: whether it may belong to a file beside it."""

    def of_folder(self, folder: TreeFolder) -> PathContext:
        """Return a folder as the rules see it."""
        if folder.id not in self._contexts:
            way = [folder]
            while way[-1].parent is not None and way[-1].parent.id not in self._contexts:
                way.append(way[-1].parent)
            for each in reversed(way):
                self._contexts[each.id] = self._context(each)
        return self._contexts[folder.id]

    def _context(self, folder: TreeFolder) -> PathContext:
        if folder.parent is None:
            root = self.roots[folder.root]
            return PathContext(root.path, root.path, True, (), folder.store)
        above = self.of_folder(folder.parent)
        path = join(above.path, folder.name)
        level = FolderContext(path, folder.marker, folder.store, self.owner_of(folder))
        levels = (*above.levels, level)
        return PathContext(above.root, path, True, levels, above.root_is_store)

    def of_file(self, copy: FileCopy) -> PathContext:
        """Return a file, in a folder of the forest, as the rules see it."""
        within = self._contexts.get(copy.within.id) or self.of_folder(self.folder_of(copy))
        return PathContext(within.root, copy.path, False, within.levels, within.root_is_store)

    def of_name(self, folder: TreeFolder, name: bytes) -> PathContext:
        """Return a file, given by its name in a folder of the forest, as the rules see it."""
        return self.of_folder(folder).inside(name)

    def folder_of(self, copy: FileCopy) -> TreeFolder:
        """Return the folder that contains a file."""
        return self.folders.forest.folders[copy.folder]

    def knows(self, copy: FileCopy) -> bool:
        """Return whether the folder of a file is in the forest."""
        return copy.folder in self.folders.forest.folders

    def folder_at(self, path: bytes) -> TreeFolder | None:
        """Return the folder at a path; None if the index does not know it."""
        if path not in self._at:
            self._at[path] = self._find(path)
        return self._at[path]

    def _find(self, path: bytes) -> TreeFolder | None:
        root = self._innermost(path)
        if root is None:
            return None
        inner = relative_path(path, root.path)
        top = self.folders.forest.folders.get(root.folder)
        return None if top is None else find_descendant(top, path_parts(inner))

    def root_around(self, path: bytes) -> Root:
        """Return the innermost root around a path that is in one."""
        root = self._innermost(path)
        assert root is not None, "asked only for what is in a root"
        return root

    def _innermost(self, path: bytes) -> Root | None:
        around = [root for root in self.roots.values() if is_below(path, root.path)]
        if len(around) > 1:  # a drive may have been mounted at a folder that had been scanned
            found = roots_of_path(around, path)
            around = [*found.here, *found.away]
        return next(iter(around), None)

    def names_in(self, folder: TreeFolder) -> list[bytes]:
        """Return the names of the entries directly in a folder, without its subfolders."""
        return list(self.sizes_in(folder))

    def sizes_in(self, folder: TreeFolder) -> dict[bytes, int]:
        """Return the same with their sizes."""
        if folder.id not in self._sizes:
            self.load([folder])
        return self._sizes[folder.id]

    def load(self, folders: Iterable[TreeFolder]) -> None:
        """Read what is in some folders, by one statement, before they are asked about singly."""
        wanted = {each.id for each in folders if each.id not in self._sizes}
        if wanted:
            self._sizes |= {number: {} for number in wanted}
            for row in entries_in_folders(self.folders.index.connection, wanted):
                self._sizes[row[0]][row[1]] = row[4]

    def links_in(self, folder: TreeFolder) -> list[bytes]:
        """Return the texts of the symbolic links directly in a folder."""
        if self._links is None:
            self._links = {}
            for number, text in link_targets(self.folders.index.connection):
                self._links.setdefault(number, []).append(text)
        return self._links.get(folder.id, [])

    def owner_of(self, folder: TreeFolder) -> bytes | None:
        """Return the name of a file beside a folder that the folder belongs to."""
        may_belong = self._may_belong.get(folder.name)
        if may_belong is None:
            may_belong = self._may_belong[folder.name] = self.table.may_belong(folder.name)
        if not may_belong or folder.parent is None:
            return None
        beside = Companions(self.names_in(folder.parent), self.table, [folder.name])
        return beside.owner_of(folder.name)
