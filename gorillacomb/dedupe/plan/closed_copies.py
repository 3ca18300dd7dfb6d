"""Report copies in folders from which no file may be removed, such as those in projects.

On most drives nearly all copies are of this kind, so the rules are asked once for each folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from gorillacomb.canonical.file_copy import CopyFolder
from gorillacomb.canonical.groups import GroupReader, group_by_inode
from gorillacomb.canonical.keep_criteria import order_places
from gorillacomb.classify.copy_names import looks_like_copy
from gorillacomb.dedupe.model import Refusal, SafetyRule
from gorillacomb.dedupe.plan.scope import PlanScope
from gorillacomb.dedupe.plan.skipped import BY_PLACE, SkippedItems
from gorillacomb.dedupe.safety.policy import PathContext
from gorillacomb.fs.paths import join
from gorillacomb.index.content_queries import ContentCopies, CopyRow


@dataclass(slots=True, eq=False)
class CandidateFolder:
    """What is the same for all files directly in a folder."""

    within: CopyFolder | None
    """None for a folder that is removed, or that the folder tree lacks."""
    site: PathContext | None = None
    closed: Refusal | None = None
    """Why no file in it may be removed, whatever is kept for it."""
    redundant: tuple[list[int], list[int]] = field(default_factory=lambda: ([0, 0], [0, 0]))
    """Redundant copies in it, if it is closed, and their bytes on disk; the second pair of numbers
    is of those that are in the same project as all other copies."""


CandidateFile = tuple[CandidateFolder, CopyRow]


@dataclass(slots=True)
class ClosedCopies:
    """Counts such copies, except those to keep, and reports them folder by folder."""

    groups: GroupReader
    scope: PlanScope
    left: SkippedItems
    prefers: bool
    """Whether the user prefers some paths."""

    def count(self, content: ContentCopies, files: Sequence[CandidateFile]) -> None:
        """Count those of some files with one content that are redundant."""
        alike = len({folder.within.project for folder, _ in files if folder.within}) == 1
        for folder, name, blocks in self._redundant(content, files):
            assert folder.closed is not None and folder.within is not None, "asked before"
            path = folder.within.path + name
            if not self.scope.holds(path):
                continue
            if folder.closed.rule in BY_PLACE:
                numbers = folder.redundant[alike]
                numbers[0] += 1
                numbers[1] += blocks * 512
            else:
                place = self._protector(folder, folder.closed)
                self.left.add(place, folder.closed, [path], blocks * 512)

    def report(self, folders: Iterable[CandidateFolder]) -> None:
        """Report what was counted."""
        for folder in folders:
            closed = folder.closed
            if closed is None or closed.rule not in BY_PLACE or folder.site is None:
                continue
            protector = self._protector(folder, closed)
            self.left.add_closed(folder.site.path, protector, closed.rule)
            for alike, (files, size) in enumerate(folder.redundant):
                refusal = closed
                if alike and refusal.rule is SafetyRule.PROJECT:
                    refusal = Refusal(SafetyRule.STRUCTURAL, refusal.cause)
                if files:
                    self.left.add_counted(protector, refusal, files, size)

    def _protector(self, folder: CandidateFolder, refusal: Refusal) -> bytes:
        assert folder.site is not None, "it is closed"
        inside = replace(folder.site, path=join(folder.site.path, b"*"), is_folder=False)
        return self.left.protector(inside, refusal)

    def _redundant(
        self, content: ContentCopies, files: Sequence[CandidateFile]
    ) -> Iterator[tuple[CandidateFolder, bytes, int]]:
        """Yield all files but those to keep: the folder, name and blocks on disk of each."""
        first = self._stamped_first(content, files)
        if first is not None:
            for folder, row in files:
                if row is not first:
                    yield folder, row[1], row[2]
            return
        folders = {row[0]: folder for folder, row in files}
        copies = self.groups.copies(content._replace(files=[row for _, row in files]))
        ranked = [copies[at] for at in order_places(copies)]
        for file in group_by_inode(ranked)[self.scope.keep :]:
            yield folders[file[0].folder], file[0].name, max(copy.blocks for copy in file)

    def _stamped_first(
        self, content: ContentCopies, files: Sequence[CandidateFile]
    ) -> CopyRow | None:
        """Return the stamped file if it is the first in the order of places, as it nearly always
        is; None if it takes more than the names to know.
        """
        if self.scope.keep > 1 or self.prefers or any(row[4] for _, row in files):
            return None
        ranks = [
            (
                folder.within.traits.made,
                len(folder.within.traits.copy_names) + looks_like_copy(row[1]),
            )
            for folder, row in files
            if folder.within
        ]
        best = min(ranks)
        for (_, row), rank in zip(files, ranks, strict=True):
            if rank == best and row[:2] == content.stamped:
                return row
        return None
