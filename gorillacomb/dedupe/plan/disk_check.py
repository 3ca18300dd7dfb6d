"""Check on disk what the index does not know and what could make a plan's promise untrue.

What applying would refuse for attributes, modes, flags and permissions does not become a step; a
file on the same blocks as the kept copy is not a second copy; and sizes are those that the file
system will show. The contents are compared only when the plan is applied.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from gorillacomb.dedupe.model import DedupeAction, PlanStep, Refusal, SafetyRule
from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.dedupe.safety import replaceable
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.fs.comparison import (
    ONE_VIEW,
    content_attributes,
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
    total_space,
)
from gorillacomb.fs.location import ContentDiffers
from gorillacomb.fs.openat import (
    FileIdentity,
    RecentFolders,
    are_one_file,
    identity_of,
    is_locked,
    is_own_readable_file,
    open_file,
    os_error_text,
)
from gorillacomb.fs.paths import join, parent_path, relative_path, split_path
from gorillacomb.fs.volumes import shows_others
from gorillacomb.index.tree_queries import files_read_in
from gorillacomb.model import Root

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
SAME_NAME = "is the same file under another name, no second copy"
_ONE_COPY_INSIDE = "holds other names of what stays, or the same blocks: it would free nothing"


class _Measure(NamedTuple):
    """What was seen of a file to be removed."""

    file: FileIdentity
    links: int
    blocks: FileBlocks
    stays: bool
    """Whether another name of it is the copy that is kept."""
    is_empty: bool


class _OpenSides(NamedTuple):
    """A folder to be removed and the one that is kept for it, both open; with file system types."""

    path: bytes
    folder: int
    kind: str
    kept: int
    kept_kind: str
    names: Sequence[bytes]
    """The files in it that were read."""


class _KeptFile:
    """A copy that is kept. It is opened only if its stat does not say what is asked."""

    __slots__ = ("_file", "_folder", "_name", "facts", "kind")

    def __init__(self, name: bytes, folder: int, kind: str) -> None:
        """``folder`` is the descriptor of its folder. Raises OSError if it cannot be read."""
        self._name = name
        self._folder = folder
        self._file = -1
        self.kind = kind
        self.facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not is_own_readable_file(self.facts) or shows_others(kind):
            self.facts = os.fstat(self.open())

    def open(self) -> int:
        """Return a descriptor of it. Raises OSError."""
        if self._file < 0:
            self._file = open_file(self._name, self._folder)
        return self._file

    def close(self) -> None:
        """Close it if it was opened."""
        if self._file >= 0:
            os.close(self._file)


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
        try:
            if parent_path(path) not in self._free:
                refusal = self._immovable(path)
                if refusal is not None:
                    return refusal
            measure = self._pair(path, keep)
        except (ContentDiffers, OSError) as error:
            return _refusal_by(error)
        if measure is None or measure.stays:
            return Refusal(SafetyRule.ONE_COPY, SAME_BLOCKS if measure is None else SAME_NAME)
        self._measured[path] = [measure]
        return None

    def refusal_for_folder(
        self, victim: TreeFolder, keep: TreeFolder, nested: Mapping[TreeFolder, TreeFolder]
    ) -> Refusal | None:
        """Like `refusal_for_file`, for a folder whose ``nested`` folders have other kept copies."""
        top = self.sites.folders.path(victim)
        noise = self.sites.folders.forest.noise
        measures: list[_Measure] = []
        contents = second = 0
        self._measured[top] = measures
        try:
            refusal = self._immovable(top)
            if refusal is not None:
                return refusal
            for pair in self._folder_pairs(victim, keep, nested):
                for name in pair.names:
                    if name in noise:  # removed with its folder, whatever the kept one has
                        measures.append(self._alone(pair, name))
                        continue
                    measure = self._pair_in(pair, name)
                    if measure is not None:
                        measures.append(measure)
                    has_content = measure is None or not measure.is_empty
                    contents += has_content
                    second += has_content and measure is not None and not measure.stays
        except (ContentDiffers, OSError) as error:
            return _refusal_by(error)
        if contents and not second:
            return Refusal(SafetyRule.ONE_COPY, _ONE_COPY_INSIDE)
        return None

    def sized(self, step: PlanStep) -> PlanStep:
        """Return a step with the bytes that it frees, counted once over all steps asked for."""
        space = total_space(
            self._removed.add_name(*measure[:4])
            for pair in step.pairs
            for measure in self._measured.get(pair.path, ())
        )
        self.total += space
        size, unknown = space.held, step.unknown
        if self.action.frees_at_once:
            size, unknown = space.freed, space.unknown
        if (size, unknown) == (step.size, step.unknown):
            return step
        return replace(step, size=size, unknown=unknown)

    def start_over(self) -> None:
        """Forget which steps were sized."""
        self.total = DiskSpace()
        self._removed = RemovedFiles(by_name=self.action.takes_file_away)

    def absorb(self, path: bytes, paths: Iterable[bytes]) -> None:
        """Count what was measured for some paths as part of the step that they belong to now."""
        found = self._measured.setdefault(path, [])
        for each in paths:
            found += self._measured.pop(each, ())

    def _folder_pairs(
        self, victim: TreeFolder, keep: TreeFolder, nested: Mapping[TreeFolder, TreeFolder]
    ) -> Iterator[_OpenSides]:
        """Compare the folders below one with their kept copies; yield those with files."""
        folders = self.sites.folders
        below = folders.forest.order[victim.first : victim.last + 1]
        names: dict[int, list[bytes]] = {}
        for number, name in files_read_in(folders.index.connection, [each.id for each in below]):
            names.setdefault(number, []).append(name)
        for folder in below:
            at = folder
            while at is not victim and at not in nested:
                assert at.parent is not None, "it is below the top"
                at = at.parent
            path = folders.path(folder)
            inner = relative_path(path, folders.path(at))
            other = join(folders.path(nested.get(at, keep)), inner)
            # What is between the top and a nested copy need not be in the top's kept copy.
            is_copied = folder is victim or folder in nested or not any(map(folder.holds, nested))
            if is_copied or folder.id in names:
                with self._open_folder(path) as a, self._open_folder(other) as b:
                    if is_copied:
                        _compare_folders(path, a, b)
                    if folder.id in names:
                        kinds = (self._root_around(each).volume_type for each in (path, other))
                        yield _OpenSides(path, a, next(kinds), b, next(kinds), names[folder.id])

    def _alone(self, pair: _OpenSides, name: bytes) -> _Measure:
        """Measure a file that nothing is kept for."""
        file = open_file(name, pair.folder)
        try:
            facts = os.fstat(file)
            return _measure(facts, blocks_of_file(file, facts, pair.kind))
        finally:
            os.close(file)

    def _pair_in(self, pair: _OpenSides, name: bytes) -> _Measure | None:
        """Like `_pair`, for the files of a name in two folders."""
        file = open_file(name, pair.folder)
        try:
            kept = _KeptFile(name, pair.kept, pair.kept_kind)
            try:
                return self._open_pair(pair.path, file, pair.kind, kept)
            finally:
                kept.close()
        finally:
            os.close(file)

    def _pair(self, path: bytes, keep: bytes) -> _Measure | None:
        """Compare two files except for their bytes; return None if they are on the same blocks.

        Raises ContentDiffers, OSError.
        """
        folder, name, kind = self._place(path)
        file = open_file(name, folder)
        try:
            kept_folder, name, kept_kind = self._place(keep)
            kept = _KeptFile(name, kept_folder, kept_kind)
            try:
                return self._open_pair(parent_path(path), file, kind, kept)
            finally:
                kept.close()
        finally:
            os.close(file)

    def _open_pair(self, folder: bytes, file: int, kind: str, kept: _KeptFile) -> _Measure | None:
        """Like `_pair`, of an open file in a folder on a file system of some type."""
        facts, other = os.fstat(file), kept.facts
        if are_one_file(facts, other):
            return _measure(facts, FileBlocks(facts.st_blocks * 512), stays=True)
        if may_be_one_file(facts, other) and any(map(shows_others, (kind, kept.kind))):
            raise _OneView(folder)
        refuse_unlike_modes(facts, other, folder)
        if content_attributes(file):
            extended_attributes_equal(file, kept.open(), folder)
        if is_locked(file):
            raise _Locked(folder)
        if self.action in replaceable.REPLACING:
            cause = replaceable.unsupported_cause(self.action, kind, file, kept.open())
            if cause is not None:
                raise _Unsupported(self._root_around(folder).path, cause)
        if self.action is DedupeAction.HARDLINK:
            cause = replaceable.hard_link_refusal(
                facts, other, extended_attributes(file), extended_attributes(kept.open())
            )
            if cause is not None:
                raise ContentDiffers(folder, cause)
        blocks = blocks_of_file(file, facts, kind)
        if (
            blocks.shared
            and kept.kind not in NEVER_SHARED
            and storage_key(file) == storage_key(kept.open())
        ):
            return None
        return _measure(facts, blocks)

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

    def _place(self, path: bytes) -> tuple[int, bytes, str]:
        """Return a descriptor of the folder around a path, valid until the next call.

        With the name in it, and the type of the file system.
        """
        folder, name = split_path(path)
        root = self._around.get(folder) or self._root_around(folder)
        return self._opened.open(folder, root.path), name, root.volume_type


def _measure(facts: os.stat_result, blocks: FileBlocks, stays: bool = False) -> _Measure:
    return _Measure(identity_of(facts), facts.st_nlink, blocks, stays, facts.st_size == 0)


def _compare_folders(path: bytes, folder: int, kept: int) -> None:
    if is_locked(folder):
        raise _Locked(path)
    extended_attributes_equal(folder, kept, path)


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


def _refusal_by(error: ContentDiffers | OSError) -> Refusal | None:
    """Turn an error of a check into a refusal; None for what is missing since the scan."""
    if isinstance(error, OSError):
        if error.errno in _GONE:
            return None
        return Refusal(SafetyRule.LOCKED, f"cannot be looked at: {os_error_text(error)}")
    if isinstance(error, _Unsupported):
        return Refusal(SafetyRule.UNSUPPORTED, error.cause, error.path)
    rules = {_OneView: SafetyRule.ONE_COPY, _Locked: SafetyRule.LOCKED}
    return Refusal(rules.get(type(error), SafetyRule.ATTRIBUTES), error.cause)
