"""Remove the folders that a run emptied, and restore them along with what they contained.

Such a folder is moved into the quarantine like anything else, so its mode, times and attributes
come back by themselves. It is removed only if all of its content was removed file by file, it is
empty, no one has changed it since the run removed the last item, and no rule protects it. A folder
from which a whole tree was removed is kept: two trees with the same content in it are not the tree
that is kept elsewhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from itertools import count

from gorillacomb.dedupe.apply.folder_times import FolderTimes
from gorillacomb.dedupe.apply.path_resolver import PathResolver
from gorillacomb.dedupe.model import StepProblem
from gorillacomb.dedupe.quarantine.journal_entries import (
    DONE,
    EMPTIED,
    INTENT,
    PURGED,
    TAKEN_BACK,
    UNDONE,
    KeptCopy,
    MovedItem,
    StepRecord,
)
from gorillacomb.dedupe.quarantine.partial import is_folder_at, put_back_rest
from gorillacomb.dedupe.quarantine.run import Quarantine, open_run
from gorillacomb.dedupe.quarantine.run_folders import list_runs
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.errors import UntrustedInput
from gorillacomb.fs import mutations
from gorillacomb.fs.comparison import extended_attributes
from gorillacomb.fs.location import FileLocation
from gorillacomb.fs.openat import FOLDER_FLAGS, is_locked, os_error_text
from gorillacomb.fs.paths import is_below, join, path_prefixes, relative_path

_OF_THE_SYSTEM = "security.selinux"
_NOT_EMPTY = "it contains only such folders"
"""Why a folder that is reported as empty stays; one with anything else in it is not reported."""
_SPECIAL_MODES = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


@dataclass(frozen=True, slots=True)
class _LastMove:
    """The last change that a run made in a folder."""

    after_ns: int
    """The folder's mtime after it."""
    keep: bytes
    """The folder of the copy that is kept for what was moved; absolute."""


@dataclass(slots=True)
class EmptiedFolders:
    """Quarantines the folders that the steps of one run left empty."""

    places: PathResolver
    guard: SafetyPolicy
    now: Callable[[], int]
    run_for: Callable[[bytes], Quarantine]
    """Returns the run in whose quarantine a path belongs. Raises OSError."""
    gone: int = 0
    """Folders that were quarantined."""
    _numbers: count[int] = field(default_factory=count)
    _left: dict[bytes, _LastMove] = field(default_factory=dict)
    """By absolute path: folders from which something was removed."""
    _around_trees: set[bytes] = field(default_factory=set)
    """Folders from which a whole tree was removed: their names say what was copied."""
    _causes: dict[bytes, str] = field(default_factory=dict)
    """Why folders were left in place, by absolute path."""

    def note(self, record: StepRecord, base: bytes) -> None:
        """Remember the folders from which a completed step removed something."""
        for move in record.moves:
            if move.parent_after_ns is not None:
                keep = self._around_kept(move.keep.at(base))
                folder = os.path.dirname(join(base, move.path))
                self._left[folder] = _LastMove(move.parent_after_ns, keep)
                if record.kind == "folder" and not record.emptied:
                    self._around_trees.add(folder)

    def _around_kept(self, keep: bytes) -> bytes:
        """Return the folder around a kept copy; of the top of a root, that itself.

        A folder that was emptied may lie deeper than what is kept for its content.
        """
        return keep if self.places.root_of(keep) is None else os.path.dirname(keep)

    def set_aside(self) -> None:
        """Move them into the quarantine, the deepest first. Raises OSError for a journal."""
        while self._left:
            depth = max(path.count(b"/") for path in self._left)
            by_base: dict[bytes, tuple[Quarantine, list[StepRecord]]] = {}
            for path in sorted(path for path in self._left if path.count(b"/") == depth):
                last = self._left.pop(path)
                with suppress(OSError):  # removed with a step, or not ours to move
                    cause = self._obstacle(path, last)
                    if cause is not None:
                        self._causes[path] = cause
                    else:
                        run = self.run_for(path)
                        records = by_base.setdefault(run.base, (run, []))[1]
                        records.append(self._intent(run, path, last))
            for run, records in by_base.values():
                self._move(run, records)

    def why_left(self, path: bytes) -> StepProblem:
        """Return why a folder that is empty now was left in place."""
        return StepProblem(path, self._causes.get(path, _NOT_EMPTY))

    def _obstacle(self, path: bytes, last: _LastMove) -> str | None:
        """Return why a folder may not be removed; None if only we emptied it. Raises OSError."""
        if path in self._around_trees:
            return "a whole folder was removed from it: its name may say what that was"
        place = self.places.location(path)
        homes = self.guard.homes
        if place is None:
            return "it is in no folder that was scanned"
        if path in homes or os.path.dirname(path) in homes:
            return "it is a home, or directly in one"
        with place.opened() as (parent, name):
            folder = os.open(name, FOLDER_FLAGS, dir_fd=parent)
            try:
                facts = os.fstat(folder)
                if os.listdir(folder):
                    return _NOT_EMPTY
                if facts.st_mtime_ns != last.after_ns:
                    return "it was changed since"
                if facts.st_dev != os.fstat(parent).st_dev:
                    return "another drive is mounted there"
                if facts.st_mode & _SPECIAL_MODES:
                    return "it has a special mode (set-user-ID, set-group-ID, sticky)"
                if is_locked(folder):
                    return "it is immutable"
                if extended_attributes(folder).keys() - {_OF_THE_SYSTEM}:
                    return "it has extended attributes"
            finally:
                os.close(folder)
        refusal = self.guard.refusal_for(self.places.context(path, True), None)
        return None if refusal is None else refusal.cause

    def _intent(self, run: Quarantine, path: bytes, last: _LastMove) -> StepRecord:
        facts = os.lstat(path)
        name = f"{EMPTIED}{next(self._numbers)}"
        move = MovedItem(
            relative_path(path, run.base),
            name.encode(),
            KeptCopy.of(last.keep, run.base),
            facts.st_ino,
            facts.st_mtime_ns,
        )
        return StepRecord(name, INTENT, "folder", 0, 0, (move,), when_ns=self.now(), emptied=True)

    def _move(self, run: Quarantine, records: list[StepRecord]) -> None:
        """Move some of them; none of them is inside another."""
        run.journal.note(records)
        ended = {record.step: record for record in records}
        try:
            for record in records:
                self._move_one(run, record, ended)
        finally:  # after Ctrl-C, too: what is in its slot is quarantined
            run.sync_stored(record.moves[0] for record in records)
            states = [
                replace(
                    ended[each.step],
                    state=DONE if run.has_slot(each.moves[0]) else TAKEN_BACK,
                    when_ns=self.now(),
                )
                for each in records
            ]
            run.journal.note(states)
        for record in states:
            if record.state == DONE:
                self.gone += 1
                self.note(record, run.base)

    def _move_one(self, run: Quarantine, record: StepRecord, ended: dict[str, StepRecord]) -> None:
        [move] = record.moves
        place = run.original_location(move)
        with suppress(OSError), place.opened() as (folder, name):
            before = os.fstat(folder).st_mtime_ns
            run.store(move, folder, name)
            after = os.fstat(folder).st_mtime_ns
            timed = replace(move, parent_mtime_ns=before, parent_after_ns=after)
            ended[record.step] = replace(record, moves=(timed,))
            if _holds_something(run, move):
                run.put_back(move, make_parents=False)
                mutations.set_mtime(folder, before)


def _holds_something(run: Quarantine, move: MovedItem) -> bool:
    """Return whether something was put into a folder at the moment when it was quarantined."""
    folder = os.open(move.slot, FOLDER_FLAGS, dir_fd=run.folder)
    try:
        return bool(os.listdir(folder))
    finally:
        os.close(folder)


def put_back_folder(run: Quarantine, record: StepRecord) -> None:
    """Put an empty folder back; a folder that already exists there is accepted instead.

    What is missing in that one is put into it.

    Raises OSError: FileExistsError if something else exists there.
    """
    [move] = record.moves
    times = FolderTimes(run, record.moves)
    try:
        run.put_back(move)
    except FileExistsError:
        place = run.original_location(move)
        with place.opened() as (folder, name):
            if not is_folder_at(folder, name):
                raise
        put_back_rest(run.slot_location(move.slot), place)
    times.restore()


def restore_parents(run: Quarantine, place: FileLocation, now: Callable[[], int]) -> None:
    """Restore the folders around a path that this or another run quarantined as empty.

    Raises OSError.
    """
    for inner in path_prefixes(place.parent):
        if not os.path.lexists(join(run.base, inner)):
            for name in list_runs(run.base):
                ours = nullcontext(run) if name == run.journal.recorded.run else None
                with suppress(UntrustedInput), ours or open_run(run.base, name) as holder:
                    _restore(holder, inner, now)


def _restore(run: Quarantine, path: bytes, now: Callable[[], int]) -> None:
    """Put the folder at a path back if a run quarantined it as empty. Raises OSError."""
    for record in run.journal.recorded.held():
        if record.emptied and record.moves[0].path == path:
            put_back_folder(run, record)
            run.sync_put_back(record.moves)
            run.journal.note([replace(record, state=UNDONE, when_ns=now())])


def purge_folders(run: Quarantine, now: Callable[[], int]) -> list[StepProblem]:
    """Delete the emptied folders whose former content is no longer in the quarantine.

    Return those that could not be deleted, and why. Raises OSError if the journal cannot be
    written.
    """
    held = run.journal.recorded.held()
    waiting = [move.path for each in held if not each.emptied for move in each.moves]
    problems = []
    for record in held:
        [move, *_] = record.moves
        if not record.emptied or record.is_empty_folder:
            continue
        if any(is_below(path, move.path) for path in waiting):
            continue
        try:
            if run.has_slot(move):
                mutations.remove_folder(run.folder, move.slot)
            mutations.fsync(run.folder)
        except OSError as error:
            problems.append(StepProblem(join(run.base, move.path), os_error_text(error)))
        else:
            run.journal.note([replace(record, state=PURGED, when_ns=now())])
    return problems
