"""The index as the scan after a plan will leave it: the basis of the next plan."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from gorillacomb.canonical.groups import GroupReader
from gorillacomb.canonical.rules_version import RULES_VERSION
from gorillacomb.dedupe.model import PlanStep
from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.folders.analysis import FolderAnalysis
from gorillacomb.folders.tree import TreeFolder, folder_and_parents
from gorillacomb.fs.paths import base_name, join, parent_path
from gorillacomb.index.database import Index
from gorillacomb.index.duplicate_groups import drop_entries, drop_former_stamps, move_stamps


@dataclass(slots=True)
class NextIndex:
    """Copies of an index, each without what some steps remove."""

    sites: IndexLocations
    """Those of the index as it is."""
    guard: SafetyPolicy
    read_groups: Callable[[Index], GroupReader]
    read_folders: Callable[[Index], FolderAnalysis]
    _files: set[tuple[int, bytes]] = field(default_factory=set)
    """Folder ids and names of files that are removed singly."""
    _folders: dict[int, TreeFolder] = field(default_factory=dict)
    """Folders that are removed, including those that are emptied."""
    _around_trees: set[int] = field(default_factory=set)
    """Folders from which whole folders are removed."""

    @property
    def gone(self) -> set[bytes]:
        """The paths of everything that is removed."""
        path = self.sites.folders.path
        folders = self.sites.folders.forest.folders
        return {
            *map(path, self._folders.values()),
            *(join(path(folders[folder]), name) for folder, name in self._files),
        }

    def take(self, steps: Sequence[PlanStep]) -> None:
        """Leave out from now on what some steps remove, too."""
        emptied: list[TreeFolder] = []
        for step in steps:
            for pair in step.pairs:
                above = self.sites.folder_at(parent_path(pair.path))
                assert above is not None, "a step is about what the index holds"
                if step.kind == "folder":
                    folder = self.sites.folder_at(pair.path)
                    assert folder is not None, "a step is about what the index holds"
                    self._folders[folder.id] = folder
                    self._around_trees.add(above.id)
                else:
                    self._files.add((above.id, base_name(pair.path)))
                    emptied.append(above)
        self.sites.load(each for folder in emptied for each in folder_and_parents(folder))
        waiting = {each.first: each for each in emptied}
        while waiting:
            folder = waiting.pop(max(waiting))
            if self._is_emptied(folder) and folder.parent is not None:
                self._folders[folder.id] = folder
                waiting[folder.parent.first] = folder.parent

    def _is_emptied(self, folder: TreeFolder) -> bool:
        """Return whether a folder is removed because it is empty, by the rules of applying."""
        if folder.id in self._around_trees or folder.id in self._folders:
            return False
        path, homes = self.sites.folders.path(folder), self.guard.homes
        return (
            all(child.id in self._folders for child in folder.children)
            and all((folder.id, name) in self._files for name in self.sites.names_in(folder))
            and path not in homes
            and os.path.dirname(path) not in homes
            and self.guard.refusal_for(self.sites.of_folder(folder), None) is None
        )

    @contextmanager
    def read(self) -> Iterator[tuple[FolderAnalysis, GroupReader]]:
        """Return the resulting index. Raises sqlite3.Error."""
        with self.sites.folders.index.private_copy() as index:
            drop_entries(index.connection, self._files, self._folders)
            groups = self.read_groups(index)
            self._stamp(index, groups)
            yield self.read_folders(index), groups

    def _stamp(self, index: Index, groups: GroupReader) -> None:
        """Choose the canonical files of the contents of what was dropped as the scan will."""
        rows: list[tuple[bytes, int, bytes]] = []
        for content in groups.contents_to_stamp():
            if content.stamped is None:
                continue
            if len(content.files) > 1:
                copies = groups.copies(content)
                order = groups.criteria.order(copies)
                first = [(copies[at].folder, copies[at].name) for at in order[:1]]
            else:
                first = [row[:2] for row in content.files if groups.folder(row[0]) is not None]
            if first and first[0] != content.stamped:
                rows.append((content.summary.digest, *first[0]))
        drop_former_stamps(index.connection)
        move_stamps(index.connection, rows, RULES_VERSION)
