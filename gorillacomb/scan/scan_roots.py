"""The roots of one scan: what is scanned of each, where a walk begins, and what was lost.

An unmounted bind mount, or another disk or an emptied one at the mount point, looks as if
everything had been deleted. Such a root is *suspect*: what is known of it is kept, and no copy in
it counts, until a scan finds it as it was or the user says that the loss is real.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from gorillacomb.errors import UsageError
from gorillacomb.fs.mounts import mounts_below
from gorillacomb.fs.openat import OUR_FOLDER, to_signed64
from gorillacomb.fs.paths import join, path_and_parents, relative_path
from gorillacomb.fs.volumes import PSEUDO, hides_changes
from gorillacomb.index import roots as root_table
from gorillacomb.index.database import Index
from gorillacomb.index.rows import MoveKey
from gorillacomb.index.writer import IndexWriter
from gorillacomb.model import Root, UnreadablePath
from gorillacomb.scan.exclude import patterns_for_root
from gorillacomb.scan.options import ScanOptions
from gorillacomb.scan.root_registry import (
    MountedFolder,
    ScanScope,
    ensure_folder,
    is_covered_by,
    register_root,
    resolve_roots,
)
from gorillacomb.scan.selection import tasks_for_changed, tasks_for_file_list, tasks_for_rescan
from gorillacomb.scan.tasks import FolderTask, RootContext

_ALL = 1 << 62
_FEWEST = 6
"""Files; a loss of fewer is taken as intended. Two are enough if nothing is left of the root."""

_NO_MARK = "its folder .gorillacomb is not there any more"


@dataclass(slots=True)
class ScanRoot:
    """A root of this scan, and what is scanned of it."""

    root: Root
    place: MountedFolder
    first: bool
    context: RootContext
    relatives: list[bytes] = field(default_factory=list)
    """The scanned folders, relative to the root; empty path for the root itself."""
    scans: list[int] = field(default_factory=list)
    """The ids of their scans."""


@dataclass(slots=True)
class ScanRoots:
    """The roots of one scan, by id; the mappings grow as other file systems are entered."""

    index: Index
    options: ScanOptions
    all: dict[int, ScanRoot] = field(default_factory=dict)
    contexts: dict[int, RootContext] = field(default_factory=dict)
    table: dict[int, Root] = field(default_factory=dict)
    scopes: dict[int, list[bytes]] = field(default_factory=dict)
    """What is scanned of each root: `ScanRoot.relatives`."""
    junk: list[UnreadablePath] = field(default_factory=list)
    _entered: set[bytes] = field(default_factory=set)

    def add(self, place: MountedFolder) -> int:
        """Add a folder as a root or part of one; return the root's id."""
        scope = register_root(self.index, place, self.options)
        root = scope.root
        if root.id not in self.all:
            context = self._context(scope)
            self.all[root.id] = ScanRoot(root, scope.place, scope.first, context)
            self.contexts[root.id] = context
            self.table[root.id] = root
            self.scopes[root.id] = self.all[root.id].relatives
        each = self.all[root.id]
        each.relatives.append(scope.relative)
        each.scans.append(
            root_table.start_scan(
                self.index.connection, root.id, scope.relative, self.options.now()
            )
        )
        return root.id

    def first_folders(self) -> dict[int, list[FolderTask]]:
        """Return the folders to begin with, by root. Call inside `Index.atomic`."""
        tops = [(each.root, each.context) for each in self.all.values()]
        if self.options.changed is not None:
            return tasks_for_changed(self.index, tops, self.options.changed)
        if self.options.again is not None:
            return tasks_for_rescan(self.index, self.all, self.options.again)
        if self.options.file_list is not None:
            work, self.junk = tasks_for_file_list(self.index, tops, self.options.file_list)
            return work
        share = 1 / sum(len(each.relatives) for each in self.all.values())
        return {root: self._tops(each, share) for root, each in self.all.items()}

    def _tops(self, each: ScanRoot, share: float = 0.0) -> list[FolderTask]:
        return [
            FolderTask(ensure_folder(self.index, each.root, relative), relative, 0, share=share)
            for relative in each.relatives
        ]

    def enter(
        self, boundaries: Iterable[tuple[int, bytes]], store: IndexWriter
    ) -> dict[int, list[FolderTask]]:
        """Add other file systems as roots, if they are to be entered and were not yet.

        ``boundaries`` are (root, path in it). Returns the folders to continue with, by root.
        """
        found: dict[int, list[FolderTask]] = {}
        for root, path in boundaries if self.options.cross_file_systems else ():
            whole = join(self.contexts[root].path, path)
            if whole in self._entered or not os.path.isdir(whole):
                continue
            self._entered.add(whole)
            try:
                [place] = resolve_roots([whole])
            except UsageError:
                continue  # unreadable: it remains listed as not entered
            if place.volume.type in PSEUDO or self._is_seen(place):
                continue
            with self.index.atomic():
                number = self.add(place)
                found[number] = self._tops(self.all[number])
                store.skip_used_ids()
            self.index.commit()
        return found

    def _is_seen(self, place: MountedFolder) -> bool:
        """Return whether a folder is already scanned through another mount."""
        return any(
            is_covered_by(join(each.place.path, relative), each.place.volume, place)
            for each in self.all.values()
            for relative in each.relatives
        )

    def _context(self, scope: ScanScope) -> RootContext:
        options, place, root = self.options, scope.place, scope.root
        again, top = options.rehash or options.again is not None, place.volume
        return RootContext(
            path=place.path,
            device=top.device,
            inode=os.stat(place.path).st_ino,
            volume=root.volume,
            weak=top.weak,
            hour_shifts=top.hour_shifts,
            grain_ns=top.grain_ns,
            exclude=(*patterns_for_root(options.standing_excludes, place.path), *root.exclude),
            min_size=root.min_size
            or (options.standing_min_size if options.min_size is None else options.min_size),
            # A rehash defers nothing: what is known stays until the file is read.
            hash_limit=_ALL if again else options.reads_at_once,
            waits=options.quick,
            rehash=again,
            accept=options.accept,
            hydrate_limit=options.hydrate_limit,
            boundaries=frozenset(
                relative_path(mount.point, place.path) for mount in mounts_below(place.path)
            ),
            own=frozenset(
                inode for device, inode in self.index.vault.own_files() if device == top.device
            ),
            index=None if scope.first else str(self.index.vault.index),
            hides_changes=hides_changes(top.type),
            now=options.now,
        )

    def files_last_time(self) -> int | None:
        """Return how many files the last scans of these roots saw; None if one of them saw none.

        Also None if only parts of the roots are scanned.
        """
        if self.options.is_partial:
            return None
        if any(relative for each in self.all.values() for relative in each.relatives):
            return None
        total = 0
        for each in self.all.values():
            last = root_table.last_scan(self.index.connection, each.root.id)
            if last is None:
                return None
            total += last[1]
        return total

    def not_entered(self, boundaries: Iterable[tuple[int, bytes]]) -> tuple[bytes, ...]:
        """Return the paths of boundaries, given as (root, path in it), that are not roots here."""
        tops = {each.place.path for each in self.all.values()}
        met = (join(self.contexts[root].path, path) for root, path in boundaries)
        return tuple(whole for whole in met if whole not in tops)


@dataclass(slots=True)
class LossJudge:
    """Decides, after the walk, whether roots are suspect."""

    roots: ScanRoots
    store: IndexWriter

    def cause(self, root: int, seen: int, new: int) -> str | None:
        """Return why a root is suspect; None when it is not.

        ``seen`` files were met in this scan; ``new`` of all entries met were not known before.
        """
        options, each = self.roots.options, self.roots.all[root]
        if options.accept_loss:
            return None
        is_whole = b"" in each.relatives and not options.is_partial
        if options.is_partial or (not is_whole and each.root.suspect):
            return each.root.suspect  # only a scan of the whole root shows that it is back
        cause = None
        connection = self.roots.index.connection
        if self.store.has_losses(root):
            missing = self._missing(each.root)
            held = root_table.count_files(connection, root) - new
            fewest = _FEWEST if seen or not is_whole else 2
            # With fewer, whatever of them we removed, the rest is not most of what was there: only
            # else are journals and quarantines read.
            if len(missing) >= fewest and 2 * len(missing) > held:
                lost = self._count_lost(each.root, missing)
                known = max(held - (len(missing) - lost), lost)
                if lost >= fewest and 2 * lost > known:
                    cause = f"{lost:,} of its {known:,} files are not there any more"
        if cause is None and root_table.has_our_folder(connection, each.root.folder):
            cause = None if _is_marked(each.root) else _NO_MARK
        return cause

    def _missing(self, root: Root) -> list[tuple[bytes, MoveKey]]:
        """Return the absolute paths of the files that are missing, with their move keys."""
        return [
            (join(root.path, path), key)
            for path, key in self.store.losses(root.id)
            if not os.path.lexists(join(root.path, path))
        ]

    def _count_lost(self, root: Root, missing: Sequence[tuple[bytes, MoveKey]]) -> int:
        """Count the missing files that we did not remove."""
        taken = self._taken(root)
        lost = [key for path, key in missing if taken.isdisjoint(path_and_parents(path))]
        aside = {key for place in self._places(root) for key in _files_set_aside(place)}
        return sum(key not in aside for key in lost)

    def _taken(self, root: Root) -> frozenset[bytes]:
        """Return the paths of what we removed since a scan found the root as it was."""
        last = root_table.last_scan(self.roots.index.connection, root.id)
        since = 0 if last is None else last[0]
        deleted = self.roots.options.deleted(self._places(root))
        return frozenset(
            (*self.roots.options.taken, *(path for path, when_ns in deleted if when_ns >= since))
        )

    def _places(self, root: Root) -> set[bytes]:
        """Return the folders of a root that may contain quarantines."""
        found = root_table.our_folders(self.roots.index.connection)
        return {root.path, *found.get(root.id, ())}

    def note(self, root: int, cause: str | None) -> None:
        """Store the verdict. Call inside `Index.atomic`."""
        connection, each = self.roots.index.connection, self.roots.all[root]
        root_table.set_suspect(connection, root, cause)
        if self.roots.options.accept_loss and not _is_marked(each.root):
            root_table.forget_our_folder(connection, each.root.folder)


def _files_set_aside(place: bytes) -> Iterator[MoveKey]:
    """Yield the move keys of all files quarantined in a folder."""
    for folder, _, names in os.walk(join(place, OUR_FOLDER)):
        for name in names:
            with suppress(OSError):  # another user's, or removed since
                facts = os.lstat(join(folder, name))
                for inode in (to_signed64(facts.st_ino), 0):  # 0 where inodes are not recorded
                    yield inode, facts.st_size, facts.st_mtime_ns


def _is_marked(root: Root) -> bool:
    return os.path.isdir(join(root.path, OUR_FOLDER))
