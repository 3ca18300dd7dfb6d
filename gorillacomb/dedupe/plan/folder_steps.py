"""Steps for whole folders: which may be removed, and which are kept for them."""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice

from gorillacomb.classify.companions import DATABASE_LOGS, is_database_size
from gorillacomb.classify.names import CLOUD_POINTERS
from gorillacomb.dedupe.model import PlanStep, Refusal, RemovalPair, SafetyRule
from gorillacomb.dedupe.plan.disk_check import DiskCheck
from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.dedupe.plan.removal_set import RemovalSet, RemovedFolder
from gorillacomb.dedupe.plan.scope import PlanScope
from gorillacomb.dedupe.plan.skipped import BY_PLACE, SkippedItems
from gorillacomb.dedupe.safety.file_names import cloud_pointer_refusal, in_use_cause
from gorillacomb.dedupe.safety.git import index_entries_equal
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.dedupe.safety.symlinks import links_equivalent
from gorillacomb.folders.analysis import GIVEN_UP, FolderAnalysis
from gorillacomb.folders.containment import is_contained
from gorillacomb.folders.identical import identical_folders
from gorillacomb.folders.relation import is_copied_into_itself
from gorillacomb.folders.tree import TreeFolder, find_descendant, relative_names
from gorillacomb.fs.paths import is_below, join, path_parts, path_text, relative_path
from gorillacomb.index.content_queries import disk_bytes_below
from gorillacomb.index.tree_queries import names_ending

_GAPS = {
    "only in the cloud": SafetyRule.PLACEHOLDER,
    "changing while read": SafetyRule.UNSTABLE,
}
_OF_A_PART = (
    SafetyRule.UNIQUE,
    SafetyRule.ATTRIBUTES,
    SafetyRule.LOCKED,
    SafetyRule.MARKED,
)
"""Rules about something inside a folder: the rest of it may be removed, file by file."""
_FolderCandidate = tuple[TreeFolder, Sequence[TreeFolder], int]
"""A folder that may be removed, a family in the order of places, and how many of that precede it:
those may be kept for it."""


@dataclass(slots=True)
class FolderStepPlanner:
    """Decides for each folder whether it is removed as a whole, and makes its step."""

    sites: IndexLocations
    disk: DiskCheck
    guard: SafetyPolicy
    scope: PlanScope
    going: RemovalSet
    left: SkippedItems
    counted: Set[bytes]
    """Paths of files that are kept for single files of this plan."""
    apart: Callable[[int, int], Refusal | None]
    """Returns why nothing in one root may rely on a copy in another, given by their ids."""
    _copied: list[int] | None = None
    """Places of the folders that have copies."""
    _pointers: list[tuple[int, bytes]] | None = None
    """Names that only point to a document in the cloud, by the place of their folder."""
    _logs: list[tuple[int, bytes]] | None = None
    """Logs of databases that are not empty, by the place of their folder."""
    _sizes: dict[int, int] = field(default_factory=dict)
    """By folder: its bytes on disk."""

    @property
    def folders(self) -> FolderAnalysis:
        """The facts that the index has about the folders."""
        return self.sites.folders

    def choose(self) -> None:
        """Put every folder that may be removed as a whole into the removal set."""
        for victim, ranked, number in self._candidates():
            self._consider(victim, islice(ranked, number))

    def steps(self, files: Iterable[PlanStep]) -> Iterator[PlanStep]:
        """Make a step for each folder in the removal set, beside the steps for single files."""
        keeps = {pair.path: pair.keep for step in files for pair in step.pairs}
        paths = sorted(keeps)
        for gone in self.going:
            yield self._step(gone, paths, keeps)

    def _candidates(self) -> list[_FolderCandidate]:
        """Return the folders that may be removed, the largest first."""
        found: list[_FolderCandidate] = []
        for members in self.folders.kin.copies:
            found += self._of_family(members)
        for members in identical_folders(self.folders.forest):
            if not all(each.machine and each.parent and each.parent.machine for each in members):
                found += self._of_family(members)
        return sorted(found, key=lambda each: (-each[0].size, -each[0].files, each[0].first))

    def _of_family(self, members: Sequence[TreeFolder]) -> Iterator[_FolderCandidate]:
        """Return each folder with those before it in the order of places, if they are enough."""
        ranked = self.folders.in_order(members)
        for at in range(self.scope.keep, len(ranked)):
            yield ranked[at], ranked, at

    def _consider(self, victim: TreeFolder, others: Iterable[TreeFolder]) -> None:
        """Remove a folder if enough others are kept for it and no rule forbids it."""
        path = self.folders.path(victim)
        if (
            not victim.entries
            or not self.scope.holds(path)
            or self.going.around(victim) is not None
            or any(is_below(each, path) for each in self.counted)
        ):
            return
        first: Refusal | None = None
        possible: Set[TreeFolder] | None = None
        holders: list[tuple[TreeFolder, dict[TreeFolder, TreeFolder]]] = []
        for other in others:
            if possible is not None and other not in possible and not self.going.around(other):
                continue  # a family may have thousands of members
            keep = self.going.remaining(other)
            if (
                keep is None
                or victim.holds(keep)
                or (keep is not other and self.folders.in_order([victim, keep])[0] is victim)
                or self._is_given_up(keep) > self._is_given_up(victim)
                or any(keep.holds(each) or each.holds(keep) for each, _ in holders)
            ):
                continue
            refusal = self.refusal(victim, keep)
            inner = self.held(victim, keep)
            if inner is None and victim.gap is None:
                refusal = Refusal(SafetyRule.UNIQUE, "has files or links of its own")
            if refusal is None and inner is not None:
                if keep.parent is None:
                    continue  # files in it may be removed, but no whole folder for a scanned one
                refusal = self.disk.refusal_for_folder(victim, keep, inner)
            if refusal is not None or inner is None:
                first = first or refusal
                if first is not None and possible is None:
                    possible = self._around_rarest(victim)
                continue
            if self.going.would_go_for_itself(RemovedFolder(victim, keep, (), inner)):
                continue
            holders.append((keep, inner))
            if len(holders) == self.scope.keep:
                if self._size(victim) >= self.scope.min_size:
                    keep, inner = holders[0]
                    reasons = self.folders.reasons(keep, victim)
                    self.going.add(RemovedFolder(victim, keep, reasons, inner))
                return
        if first is not None and not holders:
            self._leave(victim, path, first)

    def _around_rarest(self, victim: TreeFolder) -> Set[TreeFolder] | None:
        """Return the folders that may contain all of a folder; None if all may.

        Those are the ones around a content of it that is in as few folders as any other.
        """
        shares, order = self.folders.shares, self.folders.forest.order
        batches = () if victim.machine else shares.own_batches(victim)
        if not batches:
            return None
        found: set[TreeFolder] = set()
        for place in min((shares.places[each] for each in batches), key=len):
            at: TreeFolder | None = order[place]
            while at is not None and at not in found:
                found.add(at)
                at = at.parent
        return found

    def _is_given_up(self, folder: TreeFolder) -> bool:
        """Return whether it is in a copy of a tree that is kept elsewhere."""
        return self.folders.rank_around(folder) == GIVEN_UP

    def _leave(self, victim: TreeFolder, path: bytes, refusal: Refusal) -> None:
        """Report a folder that is left alone, unless its files are reported one by one."""
        site = self.sites.of_folder(victim)
        if refusal.rule in BY_PLACE:
            if not self.scope.files:
                whole = self.left.protector(site, refusal)
                self.left.add_whole(whole, refusal)
        elif path in self.guard.options.retire:
            return  # what is kept of it is what the user wants to see there
        elif (
            refusal.rule not in _OF_A_PART
            or self.guard.is_project(site)
            or (refusal.rule is not SafetyRule.UNIQUE and not self.scope.files)
        ):
            self.left.add_whole(path, refusal)

    def refusal(self, victim: TreeFolder, keep: TreeFolder) -> Refusal | None:
        """Return why a folder may not be removed while another is kept, regardless of content."""
        refusal = self.guard.refusal_for(self.sites.of_folder(victim), self.sites.of_folder(keep))
        if refusal is not None:
            return refusal
        if victim.gap is not None:
            text = victim.gap.rpartition(": ")[2]
            return Refusal(_GAPS.get(text, SafetyRule.INCOMPLETE), victim.gap)
        return (
            self.apart(victim.root, keep.root)
            or self._protected_inside(victim)
            or self._pointer_inside(victim)
            or self._open_log_inside(victim, keep)
        )

    def _protected_inside(self, victim: TreeFolder) -> Refusal | None:
        """Return whether a pattern protects something in a folder."""
        if not any(set(each) & set("*?[") for each in self.guard.options.protect):
            return None
        inside = self.folders.forest.order[victim.first : victim.last + 1]
        self.sites.load(inside)
        for folder in inside:
            path = self.folders.path(folder)
            for each in (path, *(join(path, name) for name in self.sites.names_in(folder))):
                refusal = self.guard.protected(each)
                if refusal is not None:
                    return refusal
        return None

    def _pointer_inside(self, victim: TreeFolder) -> Refusal | None:
        """Return whether something in a folder only points to a document in the cloud."""
        if self._pointers is None:
            places = self.folders.forest.folders
            found = names_ending(self.folders.index.connection, CLOUD_POINTERS)
            self._pointers = sorted((places[at].first, name) for at, name in found if at in places)
        at = bisect_left(self._pointers, (victim.first, b""))
        if at == len(self._pointers) or self._pointers[at][0] > victim.last:
            return None
        return cloud_pointer_refusal(self._pointers[at][1])

    def _open_log_inside(self, victim: TreeFolder, keep: TreeFolder) -> Refusal | None:
        """Return whether a file has a log, here or beside its copy, that is not merged yet."""
        places = self.folders.forest.folders
        if self._logs is None:
            found = names_ending(self.folders.index.connection, DATABASE_LOGS, at_least=1)
            self._logs = sorted((places[at].first, name) for at, name in found if at in places)
        for top in (victim, keep):
            at = bisect_left(self._logs, (top.first, b""))
            for first, log in self._logs[at:]:
                if first > top.last:
                    break
                names = relative_names(self.folders.forest.order[first], top)
                here = find_descendant(victim, names)
                name = log.removesuffix(b"-wal").removesuffix(b"-journal")
                sizes = {} if here is None else self.sites.sizes_in(here)
                if is_database_size(sizes.get(name, 0)):
                    return Refusal(
                        SafetyRule.SIDECAR, f"holds {path_text(name)}, which {in_use_cause(log)}"
                    )
        return None

    def held(self, victim: TreeFolder, keep: TreeFolder) -> dict[TreeFolder, TreeFolder] | None:
        """Return the nested folders, with their kept copies, of a folder contained in another.

        A nested folder may have its own copy to keep. Return None if the folder is not contained.
        """
        if not self._links_lead_alike(victim, keep):
            return None
        if self._is_contained(victim, keep, {}):
            return {}
        inner: dict[TreeFolder, TreeFolder] = {}
        for each in self._with_copies_in(victim):
            if (
                is_copied_into_itself(victim, each)
                and not any(known.holds(each) for known in inner)
                and self._is_contained(each, keep, {})
                and self._may_go(each, keep)
            ):
                inner[each] = keep
        return inner if inner and self._is_contained(victim, keep, inner) else None

    def _with_copies_in(self, folder: TreeFolder) -> Iterator[TreeFolder]:
        """Yield the folders inside a folder that have copies, in the tree's order."""
        order = self.folders.forest.order
        if self._copied is None:
            copies = self.folders.kin.copies
            self._copied = sorted({each.first for members in copies for each in members})
        for at in range(bisect_right(self._copied, folder.first), len(self._copied)):
            if self._copied[at] > folder.last:
                break
            yield order[self._copied[at]]

    def _may_go(self, victim: TreeFolder, keep: TreeFolder) -> bool:
        contexts = self.sites.of_folder(victim), self.sites.of_folder(keep)
        return self.guard.refusal_for(*contexts) is None

    def _links_lead_alike(self, victim: TreeFolder, keep: TreeFolder) -> bool:
        """Return whether links out of a folder lead to the same places as their counterparts."""
        if not victim.links:
            return True
        top, other = self.folders.path(victim), self.folders.path(keep)
        for folder in self.folders.forest.order[victim.first : victim.last + 1]:
            texts = self.sites.links_in(folder)
            path = self.folders.path(folder) if texts else b""
            inner = relative_path(path, top)
            depth = inner.count(b"/") + 1 if inner else 0
            for text in texts:
                if not links_equivalent(text, path, join(other, inner), depth):
                    return False
        return True

    def _is_contained(
        self, victim: TreeFolder, keep: TreeFolder, inner: Mapping[TreeFolder, TreeFolder]
    ) -> bool:
        if victim.files > keep.files + sum(each.files for each in inner):
            return False  # cheaper to know than by looking
        folders = self.folders
        return is_contained(folders.index, folders.forest, victim, keep, inner, self._same_caches)

    def _same_caches(self, a: TreeFolder, b: TreeFolder) -> bool:
        return index_entries_equal(*(join(self.folders.path(each), b"index") for each in (a, b)))

    def _size(self, folder: TreeFolder) -> int:
        if folder.id not in self._sizes:
            found = disk_bytes_below(self.folders.index.connection, folder.id)
            self._sizes[folder.id] = found
        return self._sizes[folder.id]

    def _step(
        self, gone: RemovedFolder, paths: Sequence[bytes], keeps: Mapping[bytes, bytes]
    ) -> PlanStep:
        """Make the step for a folder; ``keeps`` gives the copies kept for single ``paths``."""
        path = self.folders.path
        folders = list(self.going.standing_pairs(gone))
        parts = [victim for victim, _ in folders]
        nested = [RemovalPair(path(victim), path(keep)) for victim, keep in folders]
        for victim, keep in folders:
            top = path(keep)
            for at in range(bisect_left(paths, join(top, b"\0")), len(paths)):
                if not is_below(paths[at], top):
                    break
                inner = relative_path(paths[at], top)
                above = find_descendant(victim, path_parts(os.path.dirname(inner)))
                if above is None or _innermost(parts, above) is not victim:
                    continue
                if os.path.basename(inner) in self.sites.sizes_in(above):
                    nested.append(RemovalPair(join(path(victim), inner), keeps[paths[at]]))
        first, *rest = nested
        return PlanStep(
            "",
            "folder",
            first.path,
            first.keep,
            gone.folder.files,
            self._size(gone.folder),
            gone.reasons,
            nested=tuple(rest),
        )


def _innermost(folders: Iterable[TreeFolder], folder: TreeFolder) -> TreeFolder:
    """Return the innermost of some folders that contain another one."""
    return max((each for each in folders if each.holds(folder)), key=lambda each: each.first)
