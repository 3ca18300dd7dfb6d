"""Undo a run, in reverse order, from the quarantine alone, without a vault.

Nothing is replaced: if something exists where an item was, the item stays in the quarantine and is
reported. The same code finishes what a killed run left half done: a step without an outcome is
taken back; a repair whose files were exchanged is done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace

from gorillacomb.dedupe.apply import repair_recovery
from gorillacomb.dedupe.apply.emptied_folders import put_back_folder, restore_parents
from gorillacomb.dedupe.apply.folder_times import FolderTimes
from gorillacomb.dedupe.apply.undo_part import finish_parts
from gorillacomb.dedupe.copies.run_copies import finish_copies
from gorillacomb.dedupe.model import StepProblem
from gorillacomb.dedupe.quarantine.journal_entries import (
    DONE,
    INTENT,
    PURGED,
    PURGING,
    STUCK,
    TAKEN_BACK,
    UNDONE,
    MovedItem,
    StepRecord,
)
from gorillacomb.dedupe.quarantine.removal import remove_taken_out
from gorillacomb.dedupe.quarantine.replacement import is_same_file_as
from gorillacomb.dedupe.quarantine.run import Quarantine, later_run_holding, open_run, why_not_yet
from gorillacomb.dedupe.quarantine.run_folders import list_runs, run_folder
from gorillacomb.errors import UntrustedInput
from gorillacomb.fs import mutations
from gorillacomb.fs.location import ContentDiffers
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import join, path_text

_NOT_THERE = "is not in the quarantine any more"
_BATCH = 256
"""Steps whose files are synced together when they are put back."""


def finish_interrupted_runs(base: bytes, now: Callable[[], int]) -> list[StepProblem]:
    """Take back what interrupted runs in a base left half done; return what became of it.

    The caller holds the lock of the root. Raises Untrusted for an invalid journal, OSError.
    """
    found = []
    for name in list_runs(base):
        try:
            opened = open_run(base, name)
        except UntrustedInput as error:
            found.append(StepProblem(run_folder(base, name), error.message))
            continue
        with opened as run:
            for path, cause in finish_copies(run, now):
                found.append(StepProblem(path, f"left half done by run {name}: {cause}"))
            for part in finish_parts(run, now):
                cause = f"left half done by an undo of run {name}: {part.cause}"
                found.append(StepProblem(part.path, cause))
            for record in _finish_all(run, now):
                path = join(base, record.moves[0].path)
                words = "repaired" if record.state == DONE else "put back"
                cause = f"left half done by run {name}: {record.cause or words}"
                found.append(StepProblem(path, cause))
    return found


def _finish_all(run: Quarantine, now: Callable[[], int]) -> list[StepRecord]:
    """Finish the steps of a run with only their intent recorded, the last one first.

    What a step took may have been in a folder that a later one took.
    """
    steps = reversed(run.journal.recorded.steps.values())
    records = [each for each in steps if each.state == INTENT]
    if not records:
        return []
    # The items in the slots may already have lost their old names on the disk.
    mutations.fsync(run.folder)
    if run.repairs:
        ended = [repair_recovery.finish_repair(run, each, now) for each in records]
    else:
        times = FolderTimes(run, (move for each in records for move in each.moves))
        ended = [_finish(run, each, now) for each in records]
        times.restore()
    run.journal.note(ended)
    return ended


def _finish(run: Quarantine, record: StepRecord, now: Callable[[], int]) -> StepRecord:
    """Finish a step with only its intent recorded."""
    held: list[MovedItem] = []
    cause = None
    for move in reversed(record.moves):
        try:
            run.put_back(move)
        except OSError as error:
            held.insert(0, move)
            cause = os_error_text(error)
    run.sync_put_back(record.moves)
    if held:
        return replace(record, state=STUCK, moves=tuple(held), cause=cause, when_ns=now())
    return replace(record, state=TAKEN_BACK, cause=None, when_ns=now())


def undo_run(
    run: Quarantine,
    now: Callable[[], int],
    ended: Callable[[StepRecord, list[StepProblem]], None],
    only: Collection[str] | None = None,
) -> None:
    """Put back all that an open run quarantined, last step first; or ``only`` some steps.

    ``ended`` is called with each step, whose moves are those that are back, and with a message: why
    something was not put back, or that only part of it was left. It is called for many steps at a
    time, since they are synced together. The caller holds the lock. Raises OSError if the journal
    cannot be written.
    """
    waiting: list[_UndoneStep] = []

    def note() -> None:
        """Sync what was put back to disk, then record it."""
        if waiting:
            run.sync_put_back(move for each in waiting for move in each.back.moves)
            when_ns = now()
            run.journal.note(replace(each.after, when_ns=when_ns) for each in waiting)
            for each in waiting:
                if each.back.state == PURGING:
                    run.unmark_purging(each.back)
                    for move in each.back.moves:
                        with suppress(ContentDiffers, OSError):
                            remove_taken_out(run, move.slot)
        while waiting:
            step = waiting.pop(0)
            ended(step.back, step.problems)

    try:
        for record in reversed(run.journal.recorded.held()):
            if only is not None and record.step not in only:
                continue
            if run.journal.recorded.steps[record.step].state == UNDONE:
                continue  # a folder that had to be back for what was in it
            step = _undo_repair(run, record) if run.repairs else _undo(run, record, now)
            if step.back.moves:
                waiting.append(step)
            else:
                ended(step.back, step.problems)
            if len(waiting) >= _BATCH or record.emptied:
                note()  # a folder must be durably back before something is put into it
    except KeyboardInterrupt:
        note()
        raise
    note()
    for record in run.journal.recorded.steps.values() if only is None else ():
        is_ours = record.emptied and not record.is_empty_folder
        if record.state == PURGED and not (is_ours or run.repairs):
            problems = [
                StepProblem(join(run.base, move.path), _deleted(run, record, move))
                for move in record.moves
            ]
            ended(replace(record, moves=()), problems)


@dataclass(frozen=True, slots=True)
class _UndoneStep:
    """What became of a step that was to be taken back."""

    back: StepRecord
    """The step, with the moves that are back."""
    after: StepRecord
    """What the journal is to say about it."""
    problems: list[StepProblem]


def _undo_repair(run: Quarantine, record: StepRecord) -> _UndoneStep:
    """Take one repair back."""
    problem = repair_recovery.undo_repair(run, record)
    after = replace(record, state=UNDONE, cause=None)
    if problem is None:
        return _UndoneStep(record, after, [])
    return _UndoneStep(replace(record, moves=()), record, [problem])


def _undo(run: Quarantine, record: StepRecord, now: Callable[[], int]) -> _UndoneStep:
    """Put back what can be put back of a step; the rest stays in the quarantine."""
    early = why_not_yet(run, record)
    if early is not None:
        problem = StepProblem(join(run.base, record.moves[0].path), early)
        return _UndoneStep(replace(record, moves=()), record, [problem])
    with suppress(OSError):  # the attempt itself says what is wrong
        restore_parents(run, run.original_location(record.moves[0]), now)
    times = FolderTimes(run, record.moves)
    back: list[MovedItem] = []
    held: list[MovedItem] = []
    problems: list[StepProblem] = []
    for move in reversed(record.moves):
        try:
            cause = _put_back(run, record, move)
        except OSError as error:
            cause = os_error_text(error)
        if cause is None:
            back.insert(0, move)
            continue
        problems.append(StepProblem(join(run.base, move.path), cause))
        if run.has_slot(move):
            held.insert(0, move)
    if not back:
        return _UndoneStep(replace(record, moves=()), record, problems)
    times.restore()
    if record.state == PURGING:
        problems.append(_partly_deleted(run, record))
    if not held:
        after = replace(record, state=UNDONE, cause=None)
        return _UndoneStep(replace(record, moves=tuple(back)), after, problems)
    facts = [os.stat(each.slot, dir_fd=run.folder, follow_symlinks=False) for each in held]
    size = sum(each.st_blocks * 512 for each in facts)
    part = replace(record, moves=tuple(back), files=len(back), size=max(record.size - size, 0))
    rest = replace(record, state=STUCK, moves=tuple(held), files=len(held), size=size)
    return _UndoneStep(part, replace(rest, cause=problems[0].cause), problems)


def _put_back(run: Quarantine, record: StepRecord, move: MovedItem) -> str | None:
    """Put one item of a step back; return why not. Raises OSError."""
    if record.emptied:
        put_back_folder(run, record)
    elif run.has_slot(move):
        run.put_back(move)
    elif not _stands(run, move):  # and was not put back by a run that was killed
        return _deleted(run, record, move) if record.state == PURGING else _NOT_THERE
    return None


def _partly_deleted(run: Quarantine, record: StepRecord) -> StepProblem:
    """Describe a step that was put back after its deletion had begun."""
    if record.is_empty_folder:
        path = join(run.base, record.moves[0].path)
        return StepProblem(path, "is back, without the empty folders in it that had been deleted")
    path, keep = record.moves[0].path, record.moves[0].keep.at(run.base)
    cause = f"is back, but for what had been deleted already: that stands in {path_text(keep)}"
    return StepProblem(join(run.base, path), cause)


def _deleted(run: Quarantine, record: StepRecord, move: MovedItem) -> str:
    """Say where the copy of a deleted item is now."""
    if record.is_empty_folder:
        return "was an empty folder, and was deleted for good"
    keep = move.keep.at(run.base)
    words = "was set aside, and then deleted for good; its copy"
    if os.path.lexists(keep):
        return f"{words} is {path_text(keep)}"
    later = later_run_holding(run, keep)
    if later is not None:
        return f"{words}, {path_text(keep)}, was set aside by run {later}"
    return f"{words} was {path_text(keep)}, which is not there any more"


def _stands(run: Quarantine, move: MovedItem) -> bool:
    """Return whether a quarantined item exists at its place again.

    A copy of the drive, and FAT each time that it is mounted, has other inodes.
    """
    try:
        with run.original_location(move).opened() as (folder, name):
            facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    if facts.st_ino == move.inode:
        return True
    is_link = move.put is not None and is_same_file_as(facts, move.keep.at(run.base))
    return facts.st_mtime_ns == move.mtime_ns and not is_link
