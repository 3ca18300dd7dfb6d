"""Retire a folder: remove everything from it that also exists elsewhere, even in a project."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from gorillacomb.canonical.file_copy import FileCopy
from gorillacomb.classify.copy_names import meaning_of_name
from gorillacomb.classify.names import is_version_control
from gorillacomb.dedupe.model import PlanStep, Refusal
from gorillacomb.dedupe.plan.file_steps import FileChoice, FileStepPlanner
from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.dedupe.plan.removal_set import RemovalSet, RemovedFolder
from gorillacomb.folders.entries import FolderEntries
from gorillacomb.folders.tree import (
    TreeFolder,
    find_descendant,
    nested_folders,
    relative_names,
)
from gorillacomb.fs.paths import is_below, join
from gorillacomb.index.content_queries import ContentCopies
from gorillacomb.model import EntryState

_FOLDER_REASONS = ("you retire this folder",)
_FILE_REASONS = ("you retire the folder that it is in",)


@dataclass(slots=True)
class FolderRetirer:
    """Retires folders, whole subfolders first."""

    sites: IndexLocations
    going: RemovalSet
    loose: FileStepPlanner
    refusal: Callable[[TreeFolder, TreeFolder], Refusal | None]
    """Returns why a folder may not be removed while another one is kept for it."""
    held: Callable[[TreeFolder, TreeFolder], dict[TreeFolder, TreeFolder] | None]
    """Returns what is nested in a folder if it is contained in another, else None."""
    _contents: dict[bytes, ContentCopies] = field(default_factory=dict)
    """Those of the folder being retired that have copies, by digest."""

    def retire(self, path: bytes) -> list[PlanStep]:
        """Remove whole subfolders; return a step for each single file besides."""
        top = self.sites.folder_at(path)
        if top is None:
            return []
        twins = self._twins_outside(top)
        contents = self.loose.groups.contents_below(top.id) if self.loose.scope.files else ()
        self._contents = {each.summary.digest: each for each in contents}
        entries = FolderEntries(self.sites.folders.index.connection)
        entries.load(self.sites.folders.forest.order[top.first : top.last + 1])
        found: dict[bytes, PlanStep] = {}
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            if is_version_control(folder.name) and folder is not top:
                continue  # what is left of the folder still needs it
            if not self._goes_whole(folder, top, twins):
                waiting += folder.children
                found |= {step.path: step for step in self._files(folder, top, entries)}
        return self.loose.together(found)

    def _twins_outside(self, top: TreeFolder) -> list[TreeFolder]:
        """Return the copies of a folder outside of it, the one to keep first."""
        folders = self.sites.folders
        found: list[TreeFolder] = []
        for members in folders.kin.copies:
            if top in members:
                keep = folders.family(members).keep
                inner = dict(zip(members, nested_folders(members), strict=True))[top]
                found += [
                    each
                    for each in sorted(members, key=lambda each: each is not keep)
                    if each is not top and each not in inner
                ]
        return found

    def _goes_whole(self, folder: TreeFolder, top: TreeFolder, twins: Sequence[TreeFolder]) -> bool:
        """Remove a folder below a retired one as a whole, if a twin contains all of it."""
        path = self.sites.folders.path(folder)
        if (
            not folder.entries
            or not self.loose.scope.folders
            or self.going.counts_on_part_of(folder)
            or any(is_below(each, path) for each in self.loose.counted)
        ):
            return False
        for twin in twins:
            keep = find_descendant(twin, relative_names(folder, top))
            if keep is None or top.holds(keep) or self.refusal(folder, keep) is not None:
                continue
            inner = self.held(folder, keep)
            disk = self.loose.disk
            if inner is not None and disk.refusal_for_folder(folder, keep, inner) is None:
                self.going.add(RemovedFolder(folder, keep, _FOLDER_REASONS, inner))
                return True
        return False

    def _files(
        self, folder: TreeFolder, top: TreeFolder, entries: FolderEntries
    ) -> Iterator[PlanStep]:
        """Make a step for each file directly in a folder that also exists outside the retired."""
        if not self.loose.scope.files or self.going.relies_on(folder):
            return
        noise = self.sites.folders.forest.noise
        path = self.sites.folders.path(folder)
        for _, name, state, _, size, _, digest, _ in entries.of(folder):
            content = None if digest is None else self._contents.get(digest)
            if state > EntryState.FRESH or content is None or not size or name in noise:
                continue
            copies = self.loose.groups.copies(content)
            here = next((copy for copy in copies if copy.path == join(path, name)), None)
            if here is not None and here.path in self.loose.counted:
                continue
            outside = [copy for copy in copies if here and self._stays(copy, here, top)]
            if here is not None and outside:
                ranked = self.loose.groups.criteria.order(outside)
                yield from self._file(here, [outside[at] for at in ranked])

    def _stays(self, copy: FileCopy, here: FileCopy, top: TreeFolder) -> bool:
        """Return whether a copy is another file, outside of the retired folder, and is kept."""
        if not self.sites.knows(copy) or copy.path in self.loose.gone:
            return False
        if os.path.basename(copy.path) in self.sites.folders.forest.noise:
            return False  # it is removed with its folder, whatever that contains
        folder = self.sites.folder_of(copy)
        names = os.path.basename(copy.path), os.path.basename(here.path)
        if len({meaning_of_name(name, here.size) for name in names}) > 1:
            return False
        same = copy.inode and (copy.volume, copy.inode) == (here.volume, here.inode)
        return not same and not top.holds(folder) and self.going.around(folder) is None

    def _file(self, here: FileCopy, stays: Sequence[FileCopy]) -> Iterator[PlanStep]:
        keep = stays[0]
        refusal = self.loose.refusal(here, keep)
        size = here.blocks * 512
        if refusal is None:
            self.loose.chosen[here.path] = FileChoice(here, stays, len(stays))
            yield PlanStep("", "file", here.path, keep.path, 1, size, _FILE_REASONS)
        else:
            self.loose.left.add_inside(self.loose.sites.of_file(here), refusal)
