"""A worker's walk: from a few folders down until the budget is used up.

`visit` is a plain function of its task, the disk and the index: it runs the same in this process
and in another.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Sequence

from gorillacomb.bytepaths import join
from gorillacomb.index.baseline import Baseline, KnownFolder
from gorillacomb.model import CAUSE, DIGEST, STATE, FolderState, Row, State, amended
from gorillacomb.scan.changes import Changes, compare, describe_all
from gorillacomb.scan.listing import Listing, OpenFolders, list_folder
from gorillacomb.scan.read import LOST_DRIVE, cause_of, fold
from gorillacomb.scan.tasks import (
    WINDOW,
    FolderResult,
    FolderTask,
    Rest,
    RootContext,
    VisitResult,
    VisitTask,
)

_VANISHED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_CONTENT_UNIT = 16
"""Reading 2^16 bytes costs about as much as looking at one more file."""
_LOST_AFTER = 32
"""So many files in one folder with I/O errors and not one that can be read: the drive is gone."""
_EXCLUDED_MODE = 0o100000


class RootLost(Exception):
    """The root is no longer the folder that it was when the scan began."""


def visit(task: VisitTask, baseline: Baseline | None) -> VisitResult:
    """Visit the task's folders and those below them, as far as the budget goes.

    ``baseline`` is the index to compare with, None for a root that is not in it. Failures of files
    and folders are rows and states in the result; OSError is raised by nothing in here.
    """
    visitor = _Visitor(task, baseline)
    lost = False
    try:
        if not root_is_there(task.context):
            raise RootLost
        visitor.run()
    except RootLost:
        lost = True
    finally:
        visitor.open_folders.close()
    return visitor.result(lost)


def root_is_there(context: RootContext) -> bool:
    """Whether the root's path still leads to the folder that the scan started with."""
    try:
        facts = os.stat(context.path)
    except OSError:
        return False
    return (facts.st_dev, facts.st_ino) == (context.device, context.inode)


class _Visitor:
    """One visit under way: what is left to do, and what was found."""

    def __init__(self, task: VisitTask, baseline: Baseline | None) -> None:
        self.task = task
        self.context = task.context
        self.baseline = baseline
        self.open_folders = OpenFolders(task.context.path)
        self.stack: list[tuple[int, FolderTask, KnownFolder | None]] = [
            (0, folder, None) for folder in reversed(task.folders)
        ]
        self.results: list[FolderResult] = []
        self.rest: list[Rest] = []
        self.parts_done: list[int] = []
        self.boundaries: list[bytes] = []
        self.budget = task.budget
        self.folders = 0
        self.totals = Changes()

    def run(self) -> None:
        """Visit until the stack is empty or the budget spent; the first folder always."""
        while self.stack:
            reference, folder, known = self.stack.pop()
            self._enter(reference, folder, known)
            if self.budget <= 0:
                break
        self.rest += [Rest(reference, folder) for reference, folder, _ in self.stack]

    def result(self, lost: bool) -> VisitResult:
        """All that was found."""
        totals = self.totals
        return VisitResult(
            self.task.root,
            self.results,
            self.rest,
            self.parts_done,
            self.boundaries,
            lost,
            self.folders,
            totals.files,
            totals.bytes,
            totals.hashed_files,
            totals.hashed_bytes,
        )

    def _enter(self, reference: int, folder: FolderTask, known: KnownFolder | None) -> None:
        context = self.context
        if known is None and folder.folder and self.baseline is not None:
            known = self.baseline.folder(folder.folder)
        moment = time.time_ns()
        self.budget -= 1
        if folder.path in context.boundaries:
            self._boundary(reference, folder, known)
            return
        try:
            descriptor = self.open_folders.open(folder.path)
            facts = os.fstat(descriptor)
            if facts.st_dev != context.device:
                self._boundary(reference, folder, known)
                return
            inode = 0 if context.weak else fold(facts.st_ino)
            if folder.only is not None:
                self._part(descriptor, folder, folder.only, moment)
                return
            listing = list_folder(descriptor, folder.path, context)
            self._whole(descriptor, reference, folder, known, inode, listing, moment)
        except OSError as error:
            self._failed(reference, folder, known, error)

    def _boundary(self, reference: int, folder: FolderTask, known: KnownFolder | None) -> None:
        self.boundaries.append(folder.path)
        self._report(reference, folder, known, folder.inode, FolderState.OTHER_FILE_SYSTEM)

    def _failed(
        self, reference: int, folder: FolderTask, known: KnownFolder | None, error: OSError
    ) -> None:
        if error.errno in LOST_DRIVE | _VANISHED and not root_is_there(self.context):
            raise RootLost
        if error.errno in _VANISHED:
            return  # the next listing of its parent will say so
        cause = cause_of(error)
        self._report(reference, folder, known, folder.inode, FolderState.UNREADABLE, cause)

    def _part(
        self, descriptor: int, folder: FolderTask, only: tuple[bytes, ...], moment: int
    ) -> None:
        """Look at some names of a folder: the rest of a huge one, or those in a file list."""
        names = sorted(only)
        if self.baseline is None:
            changes = describe_all(descriptor, names, (), self.context, moment)
        else:
            window = (names[0], names[-1])
            changes = compare(
                descriptor, names, folder.folder, self.context, moment, self.baseline, window
            )
        self._count(changes, len(names))
        self.parts_done.append(folder.folder)
        if changes.hashed or changes.rows or changes.gone:
            self._report(0, folder, None, 0, None, changes=changes)

    def _whole(
        self,
        descriptor: int,
        reference: int,
        folder: FolderTask,
        known: KnownFolder | None,
        inode: int,
        listing: Listing,
        moment: int,
    ) -> None:
        listing.files.sort()
        first, parts = listing.files, []
        if len(listing.files) > WINDOW:
            by_name = sorted(name for _, name in listing.files)
            first = [(0, name) for name in by_name[:WINDOW]]
            parts = [
                tuple(by_name[start : start + WINDOW])
                for start in range(WINDOW, len(by_name), WINDOW)
            ]
        changes = self._compare(descriptor, folder, listing, first, bool(parts), moment)
        self._add_excluded(folder, listing, changes)
        self._count(changes, len(first))
        self.folders += 1
        state = FolderState.LISTED
        if parts and (known is None or known.state != FolderState.LISTED):
            state = FolderState.UNLISTED  # until all parts have been looked at
        children = self._children(folder)
        standing = _standing(listing, children) if children else {}
        gone = [(child.id, name) for name, child in children.items() if name not in standing]
        number = self._report(
            reference,
            folder,
            known,
            inode,
            state,
            marker=listing.marker,
            changes=changes,
            gone_folders=gone,
        )
        for part in parts:
            self.rest.append(Rest(number, FolderTask(folder.folder, folder.path, inode, part)))
        if self.task.deep:
            self._push_children(folder, number, listing, standing)

    def _compare(
        self,
        descriptor: int,
        folder: FolderTask,
        listing: Listing,
        files: list[tuple[int, bytes]],
        partial: bool,
        moment: int,
    ) -> Changes:
        context, baseline = self.context, self.baseline
        names = [name for _, name in files]
        if baseline is None or not folder.folder:
            changes = describe_all(descriptor, names, listing.others, context, moment)
        else:
            names = sorted(names + listing.others)
            window = (names[0], names[-1]) if partial else None
            changes = compare(descriptor, names, folder.folder, context, moment, baseline, window)
            if partial:
                present = {name for _, name in listing.files} | set(listing.others)
                changes.gone = [n for n in baseline.names(folder.folder) if n not in present]
        self._check_drive(changes)
        return changes

    def _check_drive(self, changes: Changes) -> None:
        failed = [row for row in changes.rows if row[STATE] == State.UNREADABLE]
        if not failed:
            return
        if any(row[CAUSE] in _LOST_CAUSES for row in failed):
            everything_fails = len(failed) >= _LOST_AFTER and not changes.hashed_files
            if everything_fails or not root_is_there(self.context):
                raise RootLost

    def _add_excluded(self, folder: FolderTask, listing: Listing, changes: Changes) -> None:
        """Excluded files have rows of their own, and keep what was known of them."""
        if not listing.excluded:
            return
        baseline = self.baseline
        known = {} if baseline is None else baseline.rows(folder.folder, None)
        for name in listing.excluded:
            old = known.get(name)
            if old is None:
                changes.rows.append(_unseen(name))
            elif old[STATE] != State.EXCLUDED:
                changes.rows.append(amended(old, {STATE: State.EXCLUDED, CAUSE: None}))
                changes.old_digests += [old[DIGEST]] if old[DIGEST] else []
        changes.gone = [name for name in changes.gone if name not in set(listing.excluded)]

    def _count(self, changes: Changes, files: int) -> None:
        totals = self.totals
        totals.files += changes.files
        totals.bytes += changes.bytes
        totals.hashed_files += changes.hashed_files
        totals.hashed_bytes += changes.hashed_bytes
        self.budget -= files + (changes.hashed_bytes >> _CONTENT_UNIT)

    def _children(self, folder: FolderTask) -> dict[bytes, KnownFolder]:
        if self.baseline is None or not folder.folder:
            return {}
        return self.baseline.children(folder.folder)

    def _push_children(
        self,
        folder: FolderTask,
        parent: int,
        listing: Listing,
        standing: dict[bytes, KnownFolder],
    ) -> None:
        prefix = folder.path + b"/" if folder.path else b""
        below = []
        for name, inode in listing.folders:
            child = standing.get(name) or self._moved_here(prefix + name, inode)
            task = FolderTask(child.id if child else 0, prefix + name, inode)
            below.append((parent, task, child))
        below.sort(key=lambda item: item[1].inode, reverse=True)
        self.stack += below
        for name, inode in listing.excluded_folders:
            child = standing.get(name)
            task = FolderTask(child.id if child else 0, prefix + name, inode)
            self._report(parent, task, child, inode, FolderState.EXCLUDED)

    def _moved_here(self, path: bytes, inode: int) -> KnownFolder | None:
        """The known folder that this new one is, when it stood elsewhere on the volume before."""
        if self.baseline is None or not inode:
            return None
        here = join(self.context.path, path)
        for folder, place in self.baseline.places_of_inode(self.context.volume, inode):
            if place != here:
                try:
                    facts = os.stat(place, follow_symlinks=False)
                except OSError:
                    return self.baseline.folder(folder)  # it has left that place
                if fold(facts.st_ino) == inode and facts.st_dev == self.context.device:
                    continue  # still there: a second view of it, not a move
            return self.baseline.folder(folder)
        return None

    def _report(
        self,
        reference: int,
        folder: FolderTask,
        known: KnownFolder | None,
        inode: int,
        state: FolderState | None,
        cause: str | None = None,
        marker: str | None = None,
        changes: Changes | None = None,
        gone_folders: Sequence[tuple[int, bytes]] = (),
    ) -> int:
        """Add a result if anything differs; returns how its children refer to this folder."""
        name = folder.path.rpartition(b"/")[2]
        found = changes or Changes()
        place = (reference, name)
        moved = known is not None and reference != 0 and (known.parent, known.name) != place
        same_folder = known is not None and (known.inode, known.state, known.marker) == (
            inode,
            state,
            marker,
        )
        if (
            same_folder
            and not moved
            and not (found.hashed or found.rows or found.gone or gone_folders)
        ):
            return folder.folder
        self.results.append(
            FolderResult(
                folder.folder,
                reference,
                name,
                inode,
                state,
                cause,
                marker,
                moved,
                found.hashed,
                found.rows,
                found.gone,
                gone_folders,
                found.old_digests,
                found.new,
                found.changed,
            )
        )
        return folder.folder or -len(self.results)


def _standing(listing: Listing, children: dict[bytes, KnownFolder]) -> dict[bytes, KnownFolder]:
    """The known subfolders that still stand here.

    One of the same name but another inode is a new folder; the known one went, or has moved.
    """
    found = {}
    for name, inode in listing.folders + listing.excluded_folders:
        child = children.get(name)
        if child is not None and (not inode or not child.inode or child.inode == inode):
            found[name] = child
    return found


def _unseen(name: bytes) -> Row:
    """The row of an excluded file: nothing but its name is looked at."""
    return (name, State.EXCLUDED, _EXCLUDED_MODE, 0, 0, 0, 0, 1, 0, 0, None, None, None, None)


_LOST_CAUSES = frozenset(os.strerror(number).lower() for number in LOST_DRIVE)
