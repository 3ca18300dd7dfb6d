"""Find the folders from which single files may be removed, and what holds for all files in one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from gorillacomb.canonical.file_copy import CopyFolder
from gorillacomb.canonical.groups import GroupReader
from gorillacomb.dedupe.model import Refusal
from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.dedupe.plan.removal_set import RemovalSet
from gorillacomb.dedupe.plan.skipped import SkippedItems
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.folders.analysis import GIVEN_UP
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.index.content_queries import CopyRow


class CandidateFolder(NamedTuple):
    """What is the same for all files directly in a folder."""

    within: CopyFolder | None
    """None for a folder that is removed, or that the folder tree lacks."""
    is_closed: bool = False
    """Whether no file in it may be removed, whatever is kept for it."""
    is_given_up: bool = False
    """Whether it is in a copy of a tree that is not kept."""


CandidateFile = tuple[CandidateFolder, CopyRow]


def path_of(file: CandidateFile) -> bytes:
    """Return the path of a file in a folder that is not removed."""
    folder, row = file
    assert folder.within is not None, "it is not removed"
    return folder.within.path + row[1]


@dataclass(slots=True)
class CandidateFolders:
    """Tells what holds for the files directly in each folder."""

    groups: GroupReader
    sites: IndexLocations
    guard: SafetyPolicy
    going: RemovalSet
    left: SkippedItems
    _known: dict[int, CandidateFolder] = field(default_factory=dict)
    _closed: dict[int, Refusal] = field(default_factory=dict)
    """By id, for each folder from which no file may be removed by itself."""

    def of(self, number: int) -> CandidateFolder:
        """Return what is the same for all files directly in a folder, given by its id."""
        found = self._known.get(number)
        if found is None:
            found = self._known[number] = self._read(number)
        return found

    def _read(self, number: int) -> CandidateFolder:
        folder = self.sites.folders.forest.folders.get(number)
        if folder is None or self.going.around(folder) is not None:
            return CandidateFolder(None)
        is_given_up = self.sites.folders.rank_in(folder) == GIVEN_UP
        return CandidateFolder(self.groups.folder(number), number in self._closed, is_given_up)

    def open(self) -> list[int]:
        """Return the ids of the folders from which files may be removed one by one.

        The others are those removed as a whole, and those that a rule closes: on most drives
        nearly all. Why is remembered.
        """
        found: list[int] = []
        going = {gone.folder.first: gone.folder.last for gone in self.going}
        order = self.sites.folders.forest.order
        at = 0
        while at < len(order):
            folder = order[at]
            if at in going:
                at = going[at] + 1
                continue
            at += 1
            closed = self._closing(folder)
            if closed is None:
                found.append(folder.id)
            else:
                self._closed[folder.id] = closed
        return found

    def _closing(self, folder: TreeFolder) -> Refusal | None:
        """Return why no file directly in a folder may be removed, and remember it."""
        sites = self.sites
        above = None if folder.parent is None else self._closed.get(folder.parent.id)
        if above is not None:
            path = sites.folders.path(folder)
            is_unit = folder.store or sites.owner_of(folder) is not None
            if not self.guard.may_close_anew(path, folder.marker, is_unit, above):
                if not self.left.close_with_parent(path, above):
                    self.left.add_closed(sites.of_folder(folder), above)
                return above
        site = sites.of_folder(folder)
        closed = self.guard.closed_to_files(site)
        if closed is not None:
            self.left.add_closed(site, closed)
        return closed
