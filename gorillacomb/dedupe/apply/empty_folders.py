"""Remove folders that hold no file at any depth, as steps of a plan, and delete them for good.

Such a folder is renamed into the quarantine with everything in it, so modes, times and attributes
come back by themselves. A file that is put into it at any moment is never lost: before the rename
the folder is left alone, right after it the folder is put back, and what comes even later, from a
program that has the folder open, keeps it in the quarantine, since only empty folders are deleted.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from gorillacomb.dedupe.apply.folder_times import FolderTimes
from gorillacomb.dedupe.apply.path_resolver import PathResolver
from gorillacomb.dedupe.model import PlanStep, StepProblem
from gorillacomb.dedupe.quarantine.journal_entries import (
    DONE,
    INTENT,
    PURGED,
    PURGING,
    STUCK,
    TAKEN_BACK,
    KeptCopy,
    MovedItem,
    StepRecord,
)
from gorillacomb.dedupe.quarantine.run import Quarantine
from gorillacomb.dedupe.safety.empty_folders import empty_folder_refusal
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.fs import mutations
from gorillacomb.fs.location import ContentDiffers, FileLocation, list_names, stat_or_differs
from gorillacomb.fs.openat import FileIdentity, OpenFolders, identity_of, is_locked, os_error_text
from gorillacomb.fs.paths import join, join_relative, path_text, relative_path

_SPECIAL_MODES = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX
_BATCH = 32
EmptyTree = dict[bytes, FileIdentity]
"""The folders of a tree without files, each before those in it, by path relative to the top."""


@dataclass(frozen=True, slots=True)
class EmptyFolderEnd:
    """What became of a step."""

    step: PlanStep
    is_done: bool
    problem: StepProblem | None = None
    failed: bool = False
    """Whether the cause was a system error."""


@dataclass(slots=True)
class _Removal:
    """A step that may be done."""

    step: PlanStep
    tree: EmptyTree
    record: StepRecord
    problem: StepProblem | None = None
    failed: bool = False
    is_checked: bool = False
    """Whether nothing was in it after it was moved."""

    @property
    def move(self) -> MovedItem:
        return self.record.moves[0]


def read_empty_tree(place: FileLocation) -> EmptyTree:
    """Return a folder, and those in it. Raises ContentDiffers if there is anything else in it."""
    folders = OpenFolders(place.root, place.identity)
    try:
        facts = stat_or_differs(folders.open(place.parent), place.name, place.path)
        if not stat.S_ISDIR(facts.st_mode):
            raise ContentDiffers(place.path, "is not a folder any more")
        device = os.fstat(folders.open(place.parent)).st_dev
        found: EmptyTree = {}
        waiting = [b""]
        while waiting:
            inner = waiting.pop()
            here = place.at(inner)
            opened = folders.open(here.inner)
            facts = os.fstat(opened)
            if facts.st_dev != device:
                raise ContentDiffers(here.path, "is a mount point")
            if facts.st_mode & _SPECIAL_MODES or is_locked(opened):
                raise ContentDiffers(here.path, "was given a special mode: someone needs it")
            found[inner] = identity_of(facts)
            for name in list_names(folders, here):
                below = here.at(name)
                entry = stat_or_differs(folders.open(here.inner), name, below.path)
                if not stat.S_ISDIR(entry.st_mode):
                    cause = f"is not empty any more: it holds {path_text(name)}"
                    raise ContentDiffers(here.path, cause)
                waiting.append(join_relative(inner, name))
        return found
    except OSError as error:
        raise ContentDiffers(place.path, os_error_text(error)) from error
    finally:
        folders.close()


def check_empty_folder(step: PlanStep, places: PathResolver, policy: SafetyPolicy) -> EmptyTree:
    """Return the folders that a step removes, if the rules allow it now. Raises ContentDiffers."""
    place = places.location(step.path)
    if place is None:
        raise ContentDiffers(step.path, "is in no scanned folder that is there now")
    tree = read_empty_tree(place)
    for inner in tree:
        path = place.at(inner).path
        try:
            refusal = empty_folder_refusal(policy, places.context(path, True))
        except OSError as error:
            raise ContentDiffers(path, os_error_text(error)) from error
        if refusal is not None:
            raise ContentDiffers(path, f"{refusal.cause} ({refusal.rule})")
    return tree


@dataclass(slots=True)
class EmptyFolderRemover:
    """Quarantines the empty folders of a plan; the caller holds the locks."""

    places: PathResolver
    policy: SafetyPolicy
    now: Callable[[], int]
    run_for: Callable[[bytes], Quarantine]
    """Returns the run in whose quarantine a path belongs. Raises OSError."""
    ended: Callable[[EmptyFolderEnd], None]

    def remove(self, steps: Sequence[PlanStep]) -> None:
        """Do steps. Raises OSError for a journal that can no longer be written."""
        for at in range(0, len(steps), _BATCH):
            self._remove(steps[at : at + _BATCH])

    def _remove(self, steps: Sequence[PlanStep]) -> None:
        by_base: dict[bytes, tuple[Quarantine, list[_Removal]]] = {}
        for step in steps:
            try:
                tree = check_empty_folder(step, self.places, self.policy)
            except ContentDiffers as different:
                problem = StepProblem(different.path, different.cause)
                self.ended(EmptyFolderEnd(step, False, problem))
                continue
            try:
                run = self.run_for(step.path)
                removal = _Removal(step, tree, self._intent(run, step))
            except OSError as error:
                problem = StepProblem(step.path, os_error_text(error))
                self.ended(EmptyFolderEnd(step, False, problem, True))
                continue
            by_base.setdefault(run.base, (run, []))[1].append(removal)
        for run, removals in by_base.values():
            self._remove_from(run, removals)

    def _intent(self, run: Quarantine, step: PlanStep) -> StepRecord:
        facts = os.lstat(step.path)
        move = MovedItem(
            relative_path(step.path, run.base),
            step.id.encode(),
            # Nothing is kept for it: earlier versions only need a path here.
            KeptCopy.of(os.path.dirname(step.path), run.base),
            facts.st_ino,
            facts.st_mtime_ns,
            os.lstat(os.path.dirname(step.path)).st_mtime_ns,
        )
        when_ns = self.now()
        return StepRecord(step.id, INTENT, "folder", 0, 0, (move,), when_ns=when_ns, emptied=True)

    def _remove_from(self, run: Quarantine, removals: Sequence[_Removal]) -> None:
        try:
            run.journal.note(each.record for each in removals)
        except OSError as error:
            cause = f"the journal cannot be written: {os_error_text(error)}"
            for each in removals:
                problem = StepProblem(each.step.path, cause)
                self.ended(EmptyFolderEnd(each.step, False, problem, True))
            return
        try:
            for each in removals:
                self._move(run, each)
        finally:  # after Ctrl-C, too: what was not checked after it was moved is put back
            for each in removals:
                if not each.is_checked:
                    _put_back(run, each)
            run.sync_stored(each.move for each in removals)
            ended = [self._state(run, each) for each in removals]
            run.journal.note(ended)
            for removal, record in zip(removals, ended, strict=True):
                done = record.state == DONE
                self.ended(EmptyFolderEnd(removal.step, done, removal.problem, removal.failed))

    def _move(self, run: Quarantine, removal: _Removal) -> None:
        try:
            with run.original_location(removal.move).opened() as (folder, name):
                before = os.fstat(folder).st_mtime_ns
                run.store(removal.move, folder, name)
                after = os.fstat(folder).st_mtime_ns
                timed = replace(removal.move, parent_mtime_ns=before, parent_after_ns=after)
                removal.record = replace(removal.record, moves=(timed,))
            if read_empty_tree(run.slot_location(removal.move.slot)) != removal.tree:
                raise ContentDiffers(removal.step.path, "changed meanwhile")
            removal.is_checked = True
        except ContentDiffers as different:
            cause = different.cause
            removal.problem = StepProblem(removal.step.path, cause)
        except OSError as error:
            removal.problem = StepProblem(removal.step.path, os_error_text(error))
            removal.failed = True

    def _state(self, run: Quarantine, removal: _Removal) -> StepRecord:
        """Return what the journal is to say about a step."""
        cause = None if removal.problem is None else removal.problem.cause
        state = TAKEN_BACK
        if run.has_slot(removal.move):
            state = DONE if removal.is_checked else STUCK
        elif removal.problem is None:
            removal.problem = StepProblem(removal.step.path, "interrupted")
        return replace(removal.record, state=state, cause=cause, when_ns=self.now())


def _put_back(run: Quarantine, removal: _Removal) -> None:
    """Put a folder back that was moved, with the time of the one around it."""
    move = removal.move
    with suppress(OSError):  # it stays in the quarantine, and the journal says so
        if run.has_slot(move):
            times = FolderTimes(run, [move])
            run.put_back(move, make_parents=False)
            times.restore()


def purge_empty_folder(
    run: Quarantine, record: StepRecord, now: Callable[[], int]
) -> StepProblem | None:
    """Delete a quarantined empty folder and those in it; return why not.

    Raises OSError if the journal cannot be written.
    """
    [move] = record.moves
    try:
        if run.has_slot(move):
            tree = read_empty_tree(run.slot_location(move.slot))
            run.journal.note([replace(record, state=PURGING, when_ns=now())])
            _remove_tree(run, move.slot, tree)
        mutations.fsync(run.folder)
    except ContentDiffers as different:
        cause = f"{different.cause}: a program put that there after it was quarantined"
        return StepProblem(join(run.base, move.path), cause)
    except OSError as error:
        return StepProblem(join(run.base, move.path), os_error_text(error))
    run.journal.note([replace(record, state=PURGED, cause=None, when_ns=now())])
    return None


def _remove_tree(run: Quarantine, slot: bytes, tree: EmptyTree) -> None:
    """Remove folders, the innermost first; one that is not empty stays. Raises OSError."""
    top = run.slot_location(slot)
    folders = OpenFolders(top.root, top.identity)
    try:
        for inner in reversed(tree):
            here = top.at(inner)
            mutations.remove_folder(folders.open(here.parent), here.name)
    finally:
        folders.close()
