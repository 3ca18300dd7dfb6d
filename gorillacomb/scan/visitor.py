"""A worker's walk: from a few folders downwards until the budget is spent.

`visit_folders` is a plain function of its task, the disk and the index: it behaves the same in this
process and in another.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from gorillacomb.classify.names import is_closed_by_macos
from gorillacomb.fs.drive_errors import DriveFailureCounter, is_lost_cause, is_vanished
from gorillacomb.fs.openat import OpenFolders, os_error_text, to_signed64
from gorillacomb.fs.paths import join
from gorillacomb.index.folder_digest import folder_digest
from gorillacomb.index.rows import CAUSE, STATE
from gorillacomb.index.snapshot import IndexSnapshot, SnapshotFolder
from gorillacomb.model import READ, EntryState, FolderState
from gorillacomb.scan.diff import VisitDiff, describe_all, diff_folder, fingerprints
from gorillacomb.scan.listing import FolderListing, ListedFile, list_folder
from gorillacomb.scan.tasks import WINDOW, FolderTask, VisitResult, VisitTask
from gorillacomb.scan.trust import excluded_row, unseen_row

_CONTENT_UNIT = 16
"""Reading 2^16 bytes costs about as much as looking at one more file."""


class RootLost(Exception):
    """The root is no longer the folder that it was when the scan started."""


def visit_folders(task: VisitTask, baseline: IndexSnapshot | None) -> VisitResult:
    """Visit the task's folders and those below them, as far as the budget allows.

    ``baseline`` is the index to compare with, None for a new root. Failures of files and folders
    become rows and states in the result; OSError is never raised.
    """
    if baseline is not None:
        baseline.refresh()
    visitor = FolderVisitor(task, baseline)
    lost = False
    try:
        if not visitor.failures.root_is_there:
            raise RootLost
        visitor.run()
    except RootLost:
        # The latest results may come from a failing drive: the index stays as it was.
        visitor.open_folders.close()
        visitor = FolderVisitor(task, baseline)
        lost = True
    finally:
        visitor.open_folders.close()
    return visitor.result(lost)


class _FolderVisit(NamedTuple):
    """A folder queued for a visit."""

    folder: int
    """Its id; 0 for a new one, which gets its id when it is visited."""
    parent: int
    """The id of the parent that listed it; 0 for one that came with the task."""
    path: bytes
    name: bytes
    """The last component of the path."""
    inode: int
    known: SnapshotFolder | None
    only: tuple[bytes, ...] | None = None
    alone: bool = False
    share: float = 0.0


class FolderVisitor:
    """A visit in progress: what is left to do, and what was found."""

    def __init__(self, task: VisitTask, baseline: IndexSnapshot | None) -> None:
        self.task = task
        self.context = task.context
        self.baseline = baseline
        self.open_folders = OpenFolders(task.context.path)
        self.stack = [
            _FolderVisit(
                folder.folder,
                0,
                folder.path,
                folder.path.rpartition(b"/")[2],
                folder.inode,
                None,
                folder.only,
                folder.alone,
                folder.share,
            )
            for folder in reversed(task.folders)
        ]
        self.changes = VisitDiff(first=baseline is None)
        self.writes = self.changes.writes
        self.rest: list[FolderTask] = []
        self.parts: list[int] = []
        self.parts_done: list[int] = []
        self.boundaries: list[bytes] = []
        self.budget = task.budget
        self.next_id = task.first_id
        self.folders = 0
        self.weighed = 0
        """Bytes of content already charged to the budget."""
        self.judged = 0
        """Rows already checked for errors of a failing drive."""
        self.failures = DriveFailureCounter(task.context.path, task.context.identity)

    def run(self) -> None:
        """Visit until the stack is empty or the budget is spent; the first folder always."""
        while self.stack:
            self._enter(self.stack.pop())
            if self.budget <= 0:
                break
        for place in reversed(self.stack):
            unlisted = FolderState.UNLISTED
            number = place.folder or self._write_folder(place, place.inode, unlisted)
            self._write_move(place)
            self.rest.append(
                FolderTask(number, place.path, place.inode, place.only, place.alone, place.share)
            )

    def result(self, lost: bool) -> VisitResult:
        """Return everything that was found."""
        changes = self.changes
        left = sum(folder.share for folder in self.rest)
        return VisitResult(
            self.task.root,
            self.writes,
            self.rest,
            sum(folder.share for folder in self.task.folders) - left,
            self.parts,
            self.parts_done,
            self.boundaries,
            lost,
            self.folders,
            changes.files,
            changes.bytes,
            changes.hashed_files,
            changes.hashed_bytes,
            changes.new,
            changes.changed,
            changes.read_again_young,
        )

    def _enter(self, place: _FolderVisit) -> None:
        context = self.context
        if place.known is None and place.folder and self.baseline is not None:
            place = place._replace(known=self.baseline.folder(place.folder))
        moment = context.now()
        self.budget -= 1
        if place.path in context.boundaries:
            self._boundary(place)
            return
        try:
            descriptor = self.open_folders.open(place.path)
            facts = os.fstat(descriptor)
            if facts.st_dev != context.device:
                self._boundary(place)
                return
            inode = 0 if context.weak else to_signed64(facts.st_ino)
            if place.only is not None:
                self._part(descriptor, place, place.only, moment)
                return
            listing = list_folder(descriptor, place.path, context)
            self._whole(descriptor, place, inode, listing, moment)
        except OSError as error:
            self._failed(place, error)

    def _boundary(self, place: _FolderVisit) -> None:
        self.boundaries.append(place.path)
        self._write_folder(place, place.inode, FolderState.OTHER_FILE_SYSTEM)

    def _failed(self, place: _FolderVisit, error: OSError) -> None:
        if self.failures.note_error(error):
            raise RootLost
        if is_vanished(error):
            return  # the next listing of its parent will report it
        if is_closed_by_macos(place.name, error):
            self._write_folder(place, place.inode, FolderState.EXCLUDED)
            return
        self._write_folder(place, place.inode, FolderState.UNREADABLE, os_error_text(error))

    def _part(
        self, descriptor: int, place: _FolderVisit, only: tuple[bytes, ...], moment: int
    ) -> None:
        """Look at some names of a folder: the rest of a huge one, or those in a file list."""
        names, number, context = sorted(only), place.folder, self.context
        baseline, changes = self.baseline, self.changes
        if baseline is None:
            files = [(0, name) for name in names]
            describe_all(descriptor, number, files, (), context, moment, changes)
        else:
            window = (names[0], names[-1])
            listed = fingerprints(descriptor, names, context)
            changes.count(listed)
            diff_folder(descriptor, listed, number, context, moment, baseline, changes, window)
        self._settle(len(names))
        self.parts_done.append(number)

    def _whole(
        self, descriptor: int, place: _FolderVisit, inode: int, listing: FolderListing, moment: int
    ) -> None:
        first, parts = listing.files, []
        if len(listing.files) > WINDOW:
            by_name = sorted(name for _, name in listing.files)
            first = [(0, name) for name in by_name[:WINDOW]]
            parts = [
                tuple(by_name[start : start + WINDOW])
                for start in range(WINDOW, len(by_name), WINDOW)
            ]
        state = FolderState.LISTED
        if parts and (place.known is None or place.known.state != FolderState.LISTED):
            state = FolderState.UNLISTED  # until all parts have been visited
        number = place.folder or self._new_id()
        seal = self._compare(descriptor, place, number, listing, first, bool(parts), moment)
        if listing.excluded:
            self._add_excluded(number, listing)
        self._write_folder(place, inode, state, None, listing.marker, number, seal)
        if listing.is_ours:
            self.writes.ours.append((number,))
        self._settle(len(first))
        self.folders += 1
        share = place.share / (len(listing.folders) + 1)
        for part in parts:
            self.parts.append(number)
            part_share = share / (len(parts) + 1)
            self.rest.append(FolderTask(number, place.path, inode, part, share=part_share))
        self._push_children(place, number, listing, share)

    def _compare(
        self,
        descriptor: int,
        place: _FolderVisit,
        number: int,
        listing: FolderListing,
        files: list[ListedFile],
        partial: bool,
        moment: int,
    ) -> bytes | None:
        """Compare a folder with the index; return the folder digest if it is newly described."""
        context, baseline, changes = self.context, self.baseline, self.changes
        if baseline is None or place.known is None:
            files.sort()  # they are about to be read
            others = listing.others
            seal = describe_all(descriptor, number, files, others, context, moment, changes)
            return None if partial or listing.excluded else seal
        names = sorted([name for _, name in files] + listing.others)
        listed = fingerprints(descriptor, names, context)
        changes.count(listed)
        seal = place.known.seal
        if seal is not None and not partial:
            if seal != folder_digest(listed):
                changes.writes.unsealed.append(number)
            elif not context.rehash:
                return None
        window = (names[0], names[-1]) if partial else None
        kept = frozenset(listing.excluded)
        diff_folder(
            *(descriptor, listed, number, context, moment, baseline, changes, window, kept),
            moved=self._has_moved(place),
        )
        if partial:
            present = {name for _, name in listing.files} | {*listing.others, *kept}
            for name in baseline.names(number):
                if name not in present:
                    changes.leave(number, baseline.rows(number, (name, name))[name])
        return None

    def _settle(self, files: int) -> None:
        """Charge a folder to the budget; raise RootLost if the drive is failing.

        That is when the root is missing, or yields only I/O errors.
        """
        rows, size = self.writes.rows, self.changes.hashed_bytes - self.weighed
        self.budget -= files + (size >> _CONTENT_UNIT)
        self.weighed += size
        if len(rows) > self.judged and not size:
            fresh = [row for _, row in rows[self.judged :]]
            if any(row[STATE] in READ for row in fresh):
                self.failures.reset()
            elif self.failures.note(sum(is_lost_cause(row[CAUSE]) for row in fresh)):
                raise RootLost
        elif size:
            self.failures.reset()
        self.judged = len(rows)

    def _add_excluded(self, number: int, listing: FolderListing) -> None:
        """Write rows for excluded files, which keep what was known of them."""
        known = {} if self.baseline is None else self.baseline.rows(number, None)
        for name in listing.excluded:
            old = known.get(name)
            if old is None:
                self.changes.put(number, unseen_row(name), None)
            elif old[STATE] != EntryState.EXCLUDED:
                self.changes.put(number, excluded_row(old, EntryState.EXCLUDED), old)

    def _push_children(
        self, place: _FolderVisit, parent: int, listing: FolderListing, share: float
    ) -> None:
        standing: dict[bytes, SnapshotFolder] = {}
        if self.baseline is not None and place.known is not None:
            children = self.baseline.children(parent)
            if not children and not listing.folders and not listing.excluded_folders:
                return  # most folders contain none
            standing = _standing(listing, children)
            self.writes.away += [
                (child.id, parent, name) for name, child in children.items() if name not in standing
            ]
        prefix = place.path + b"/" if place.path else b""
        listing.folders.sort(reverse=True)
        for inode, name in listing.folders:
            path = prefix + name
            child = standing.get(name)
            if place.alone and child is not None and child.state == FolderState.LISTED:
                continue
            child = child or self._moved_here(path, inode)
            number = child.id if child else 0
            self.stack.append(_FolderVisit(number, parent, path, name, inode, child, share=share))
        for inode, name in listing.excluded_folders:
            child = standing.get(name)
            below = _FolderVisit(
                child.id if child else 0, parent, prefix + name, name, inode, child
            )
            self._write_folder(below, inode, FolderState.EXCLUDED)

    def _moved_here(self, path: bytes, inode: int) -> SnapshotFolder | None:
        """Return the known folder that moved here from elsewhere on the volume, else None."""
        if self.baseline is None or not inode:
            return None
        here = join(self.context.path, path)
        for folder, place in self.baseline.places_of_inode(self.context.volume, inode):
            if place != here:
                try:
                    facts = os.stat(place, follow_symlinks=False)
                except OSError:
                    return self.baseline.folder(folder)  # it is no longer at its former path
                if to_signed64(facts.st_ino) == inode and facts.st_dev == self.context.device:
                    continue  # still at its former path: a second view of it, not a move
            return self.baseline.folder(folder)
        return None

    def _new_id(self) -> int:
        number = self.next_id
        self.next_id += 1
        return number

    def _write_folder(
        self,
        place: _FolderVisit,
        inode: int,
        state: FolderState,
        cause: str | None = None,
        marker: str | None = None,
        number: int = 0,
        seal: bytes | None = None,
    ) -> int:
        """Write a folder's row if the index differs; return its id."""
        if not place.folder:
            number = number or self._new_id()
            # The state as an int: an enum member would cost SQLite an adapter call per row.
            here = (number, self.task.root, place.parent, place.name)
            self.writes.new_folders.append((*here, inode, int(state), marker, cause, seal))
            return number
        self._write_move(place)
        if seal is not None:
            self.writes.sealed.append((seal, place.folder))
        known = place.known
        if known is None or (known.inode, known.state, known.marker) != (inode, state, marker):
            self.writes.folders.append((inode, state, marker, cause, place.folder))
            if state == FolderState.EXCLUDED:
                self.writes.excluded.append(place.folder)
        return place.folder

    def _write_move(self, place: _FolderVisit) -> None:
        if self._has_moved(place):
            self.writes.moved.append((place.folder, place.parent, place.name))

    def _has_moved(self, place: _FolderVisit) -> bool:
        known, here = place.known, (place.parent, place.name)
        return known is not None and bool(place.parent) and (known.parent, known.name) != here


def _standing(
    listing: FolderListing, children: dict[bytes, SnapshotFolder]
) -> dict[bytes, SnapshotFolder]:
    """Return the known subfolders that still exist here.

    One with the same name but another inode is a new folder; the known one was removed or moved.
    """
    found = {}
    for inode, name in (*listing.folders, *listing.excluded_folders):
        child = children.get(name)
        if child is not None and (not inode or not child.inode or child.inode == inode):
            found[name] = child
    return found
