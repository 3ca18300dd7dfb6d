"""Check on disk what the index does not know and what could make a plan's promise untrue.

What applying would refuse for attributes, modes, flags and permissions does not become a step; a
file on the same blocks as the kept copy is not a second copy; and sizes are those that the file
system will show. The contents are compared only when the plan is applied.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from gorillacomb.dedupe.model import DedupeAction, PlanStep, Refusal, SafetyRule
from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.dedupe.safety import replaceable
from gorillacomb.folders.entries import FolderEntries
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.fs.comparison import (
    ONE_VIEW,
    extended_attributes,
    extended_attributes_equal,
    may_be_one_file,
    refuse_unlike_modes,
)
from gorillacomb.fs.extents import (
    NEVER_SHARED,
    SAME_BLOCKS,
    DiskSpace,
    FileBlocks,
    RemovedFiles,
    blocks_of_file,
    storage_key,
)
from gorillacomb.fs.location import ContentDiffers
from gorillacomb.fs.openat import RecentFolders, is_locked, open_file, os_error_text
from gorillacomb.fs.paths import join, parent_path, relative_path
from gorillacomb.fs.volumes import shows_others
from gorillacomb.model import READ, Root

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
SAME_NAME = "is the same file under another name, no second copy"
_ONE_COPY_INSIDE = "holds other names of what stays, or the same blocks: it would free nothing"


class _Measure(NamedTuple):
    """What was seen of a file to be removed."""

    facts: os.stat_result
    blocks: FileBlocks
    stays: bool
    """Whether another name of it is the copy that is kept."""


@dataclass(slots=True)
class DiskCheck:
    """Checks pairs of a copy to remove and a copy to keep; changes nothing."""

    sites: IndexLocations
    action: DedupeAction
    total: DiskSpace = field(default_factory=DiskSpace)
    """The total of all steps that were sized."""
    _opened: RecentFolders = field(default_factory=RecentFolders)
    _around: dict[bytes, Root] = field(default_factory=dict)
    """By folder: the root around the files in it."""
    _free: set[bytes] = field(default_factory=set)
    """Folders whose files may all be moved."""
    _measured: dict[bytes, list[_Measure]] = field(default_factory=dict)
    """By path to be removed: its files."""
    _removed: RemovedFiles = field(init=False)

    def __post_init__(self) -> None:
        self._removed = RemovedFiles(by_name=self.action.takes_file_away)

    def close(self) -> None:
        """Close the folders that were opened."""
        self._opened.close()

    def refusal_for_file(self, path: bytes, keep: bytes) -> Refusal | None:
        """Return why one file cannot be removed while another is kept for it; None if it can.

        A missing file is left to be found when the plan is applied.
        """
        with _missing_is_nothing(path) as found:
            if parent_path(path) not in self._free:
                found.refusal = self._immovable(path)
            if found.refusal is None:
                measure = self._pair(path, keep)
                if measure is None or measure.stays:
                    cause = SAME_BLOCKS if measure is None else SAME_NAME
                    found.refusal = Refusal(SafetyRule.ONE_COPY, cause)
                else:
                    self._measured[path] = [measure]
        return found.refusal

    def refusal_for_folder(
        self, victim: TreeFolder, keep: TreeFolder, nested: Mapping[TreeFolder, TreeFolder]
    ) -> Refusal | None:
        """Like `refusal_for_file`, for a folder whose ``nested`` folders have other kept copies."""
        top = self.sites.folders.path(victim)
        measures: list[_Measure] = []
        contents = second = 0
        with _missing_is_nothing(top) as found:
            found.refusal = self._immovable(top)
            for path, other in self._files(victim, keep, nested):
                if found.refusal is not None:
                    break
                if other is None:
                    measures.append(self._alone(path))
                    continue
                measure = self._pair(path, other)
                if measure is not None:
                    measures.append(measure)
                has_content = measure is None or measure.facts.st_size > 0
                contents += has_content
                second += has_content and measure is not None and not measure.stays
            if found.refusal is None and contents and not second:
                found.refusal = Refusal(SafetyRule.ONE_COPY, _ONE_COPY_INSIDE)
        self._measured[top] = measures
        return found.refusal

    def sized(self, step: PlanStep) -> PlanStep:
        """Return a step with the bytes that it frees, counted once over all steps asked for."""
        space = DiskSpace()
        for pair in step.pairs:
            for measure in self._measured.get(pair.path, ()):
                space += self._removed.add(*measure)
        self.total += space
        if self.action.frees_at_once:
            return replace(step, size=space.freed, unknown=space.unknown)
        return replace(step, size=space.held)

    def start_over(self) -> None:
        """Forget which steps were sized."""
        self.total = DiskSpace()
        self._removed = RemovedFiles(by_name=self.action.takes_file_away)

    def absorb(self, path: bytes, paths: Iterable[bytes]) -> None:
        """Count what was measured for some paths as part of the step that they belong to now."""
        found = self._measured.setdefault(path, [])
        for each in paths:
            found += self._measured.pop(each, ())

    def _files(
        self, victim: TreeFolder, keep: TreeFolder, nested: Mapping[TreeFolder, TreeFolder]
    ) -> Iterator[tuple[bytes, bytes | None]]:
        """Yield the files in a folder that were read, each with the one that is kept for it.

        The latter is None for files that a system leaves behind, which are removed with their
        folder.
        """
        folders = self.sites.folders
        entries = FolderEntries(folders.index.connection)
        entries.load(folders.forest.order[victim.first : victim.last + 1])
        for folder in folders.forest.order[victim.first : victim.last + 1]:
            at = folder
            while at is not victim and at not in nested:
                assert at.parent is not None, "it is below the top"
                at = at.parent
            path = folders.path(folder)
            inner = relative_path(path, folders.path(at))
            other = join(folders.path(nested.get(at, keep)), inner)
            # What is between the top and a nested copy need not be in the top's kept copy.
            if folder is victim or folder in nested or not any(map(folder.holds, nested)):
                self._compare_folders(path, other)
            for _, name, state, mode, _, _, _, _ in entries.of(folder):
                if stat.S_ISREG(mode) and state in READ:
                    noise = name in folders.forest.noise
                    yield join(path, name), None if noise else join(other, name)

    def _compare_folders(self, path: bytes, other: bytes) -> None:
        with self._open_folder(path) as a, self._open_folder(other) as b:
            if is_locked(a):
                raise _Locked(path)
            extended_attributes_equal(a, b, path)

    def _alone(self, path: bytes) -> _Measure:
        file, kind = self._open_file(path)
        try:
            facts = os.fstat(file)
            return _Measure(facts, blocks_of_file(file, facts, kind), False)
        finally:
            os.close(file)

    def _pair(self, path: bytes, keep: bytes) -> _Measure | None:
        """Compare two files except for their bytes; return None if they are on the same blocks.

        Raises ContentDiffers, OSError.
        """
        a, kind = self._open_file(path)
        try:
            b, other_kind = self._open_file(keep)
            try:
                return self._open_pair(path, (a, b), (kind, other_kind))
            finally:
                os.close(b)
        finally:
            os.close(a)

    def _open_pair(
        self, path: bytes, files: tuple[int, int], kinds: tuple[str, str]
    ) -> _Measure | None:
        """Like `_pair`, of open files on file systems of some types."""
        a, b = files
        facts, other = os.fstat(a), os.fstat(b)
        if os.path.samestat(facts, other):
            return _Measure(facts, FileBlocks(facts.st_blocks * 512), True)
        if any(map(shows_others, kinds)) and may_be_one_file(facts, other):
            raise _OneView(path)
        refuse_unlike_modes(facts, other, path)
        extended_attributes_equal(a, b, path)
        if is_locked(a):
            raise _Locked(path)
        cause = replaceable.unsupported_cause(self.action, kinds[0], a, b)
        if cause is not None:
            raise _Unsupported(self._root_around(parent_path(path)).path, cause)
        if self.action is DedupeAction.HARDLINK:
            cause = replaceable.hard_link_refusal(
                facts, other, extended_attributes(a), extended_attributes(b)
            )
            if cause is not None:
                raise ContentDiffers(path, cause)
        blocks = blocks_of_file(a, facts, kinds[0])
        if blocks.shared and kinds[1] not in NEVER_SHARED and storage_key(a) == storage_key(b):
            return None
        return _Measure(facts, blocks, False)

    def _root_around(self, folder: bytes) -> Root:
        """Return the root around the files in a folder."""
        root = self._around.get(folder)
        if root is None:
            root = self._around[folder] = self.sites.root_around(folder)
        return root

    def _immovable(self, path: bytes) -> Refusal | None:
        """Return why something cannot be moved out of its folder; None if it can."""
        if not self.action.takes_file_away:
            return None
        parent, name = os.path.split(path)
        with self._open_folder(parent) as folder:
            if is_locked(folder):
                return Refusal(SafetyRule.LOCKED, "cannot be moved: its folder is immutable")
            facts, around = os.stat(name, dir_fd=folder, follow_symlinks=False), os.fstat(folder)
            may = os.access(b".", os.W_OK | os.X_OK, dir_fd=folder, effective_ids=True)
            user = os.geteuid()
            if may and not (around.st_mode & stat.S_ISVTX and user not in (0, around.st_uid)):
                self._free.add(parent)
            sticky = around.st_mode & stat.S_ISVTX and user not in (0, facts.st_uid, around.st_uid)
            if stat.S_ISDIR(facts.st_mode):  # its entry for the folder above it changes
                may = may and os.access(name, os.W_OK, dir_fd=folder, effective_ids=True)
            if os.fstatvfs(folder).f_flag & os.ST_RDONLY:
                return Refusal(SafetyRule.LOCKED, "cannot be moved: its disk is read-only")
            if not may or sticky:
                return Refusal(SafetyRule.LOCKED, "cannot be moved: you have no right to")
        return None

    @contextmanager
    def _open_folder(self, path: bytes) -> Iterator[int]:
        descriptor = os.dup(self._opened.open(path, self._root_around(path).path))
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _open_file(self, path: bytes) -> tuple[int, str]:
        """Return a descriptor to close, and the type of the file system."""
        folder = parent_path(path)
        root = self._root_around(folder)
        opened = self._opened.open(folder, root.path)
        return open_file(path[path.rfind(b"/") + 1 :], opened), root.volume_type


class _Locked(ContentDiffers):
    """Something that no one can change."""

    def __init__(self, path: bytes) -> None:
        super().__init__(path, "is immutable or append-only: it cannot be moved or deleted")


class _Unsupported(ContentDiffers):
    """Something for which no file of a root can be used."""


class _OneView(ContentDiffers):
    """Something that may be one file, seen twice."""

    def __init__(self, path: bytes) -> None:
        super().__init__(path, ONE_VIEW)


@dataclass(slots=True)
class _Answer:
    refusal: Refusal | None = None


@contextmanager
def _missing_is_nothing(path: bytes) -> Iterator[_Answer]:
    """Turn an error of a check into a refusal; None for what is missing since the scan."""
    answer = _Answer()
    try:
        yield answer
    except _OneView as found:
        answer.refusal = Refusal(SafetyRule.ONE_COPY, found.cause)
    except _Unsupported as found:
        answer.refusal = Refusal(SafetyRule.UNSUPPORTED, found.cause, found.path)
    except _Locked as found:
        answer.refusal = Refusal(SafetyRule.LOCKED, found.cause)
    except ContentDiffers as found:
        answer.refusal = Refusal(SafetyRule.ATTRIBUTES, found.cause)
    except OSError as error:
        if error.errno not in _GONE:
            cause = f"cannot be looked at: {os_error_text(error)}"
            answer.refusal = Refusal(SafetyRule.LOCKED, cause)
