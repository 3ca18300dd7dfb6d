"""Taking a run back, in reverse order, from the quarantine alone: no vault is needed for it.

Nothing is replaced: where something came since to the place of what was set aside, that stays in
the quarantine and is told. The same code ends what a run left half done when it was killed: a step
without an outcome is taken back; a repair whose files were exchanged is done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import replace

from gorillacomb.dedupe.apply import repair_recovery
from gorillacomb.dedupe.apply.folder_times import FolderTimes
from gorillacomb.dedupe.apply.undo_part import finish_parts
from gorillacomb.dedupe.model import StepProblem
from gorillacomb.dedupe.quarantine.journal import (
    DONE,
    INTENT,
    PURGING,
    STUCK,
    TAKEN_BACK,
    UNDONE,
    MovedItem,
    StepRecord,
)
from gorillacomb.dedupe.quarantine.replacement import is_same_file_as
from gorillacomb.dedupe.quarantine.run import Quarantine, list_runs, open_run, run_folder
from gorillacomb.errors import UntrustedInput
from gorillacomb.fs import mutations
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import join, path_text

_BATCH = 256
"""Steps whose files are synced together when they are put back."""


def finish_interrupted_runs(base: bytes, now: Callable[[], int]) -> list[StepProblem]:
    """Take back what runs in a base, cut short, left half done; returns what became of it.

    The caller holds the lock of the root. Raises Untrusted for a journal that is none, OSError.
    """
    found = []
    for name in list_runs(base):
        try:
            opened = open_run(base, name)
        except UntrustedInput as error:
            found.append(StepProblem(run_folder(base, name), error.message))
            continue
        with opened as run:
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
    """End the steps of a run of which only the intent is known."""
    records = [each for each in run.journal.recorded.steps.values() if each.state == INTENT]
    if not records:
        return []
    # What lies in the slots may have lost its old name on the disk already.
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
    """End a step of which only the intent is known."""
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
    ended: Callable[[StepRecord, StepProblem | None], None],
    only: Collection[str] | None = None,
) -> None:
    """Put back all that an open run holds, the last step first; or ``only`` some steps of it.

    ``ended`` is called with each step, as it was, and what there is to say of it: why it was not
    put back, or that only part of it was left; for many steps at a time, since they are synced
    together. The caller holds the lock. Raises OSError when the journal cannot be written.
    """
    waiting: list[StepRecord] = []

    def note() -> None:
        """Have on the disk what was put back, then say so."""
        if waiting:
            run.sync_put_back(move for each in waiting for move in each.moves)
            when_ns = now()
            run.journal.note(
                replace(each, state=UNDONE, cause=None, when_ns=when_ns) for each in waiting
            )
        while waiting:
            record = waiting.pop(0)
            partly = record.state == PURGING and not run.repairs
            ended(record, _partly_deleted(run, record) if partly else None)

    try:
        for record in reversed(run.journal.recorded.held()):
            if only is not None and record.step not in only:
                continue
            trouble = (repair_recovery.undo_repair if run.repairs else _undo)(run, record)
            if trouble is not None:
                ended(record, trouble)
                continue
            waiting.append(record)
            if len(waiting) >= _BATCH:
                note()
    except KeyboardInterrupt:
        note()
        raise
    note()


def _partly_deleted(run: Quarantine, record: StepRecord) -> StepProblem:
    """What is to be said of a step that was put back after its deletion had begun."""
    path, keep = record.moves[0].path, record.moves[0].keep.at(run.base)
    cause = f"is back, but for what had been deleted already: that stands in {path_text(keep)}"
    return StepProblem(join(run.base, path), cause)


def _undo(run: Quarantine, record: StepRecord) -> StepProblem | None:
    """Put back what a step set aside; returns why not."""
    missing = [move for move in record.moves if not run.has_slot(move)]
    if len(missing) == len(record.moves) and not all(_stands(run, move) for move in missing):
        path = join(run.base, record.moves[0].path)
        return StepProblem(path, "is not in the quarantine any more")
    # Of what is back already, a run that was killed may not have come to the times.
    times = FolderTimes(run, record.moves)
    for move in reversed(record.moves):
        try:
            run.put_back(move)
        except OSError as error:
            return StepProblem(join(run.base, move.path), os_error_text(error))
    times.restore()
    return None


def _stands(run: Quarantine, move: MovedItem) -> bool:
    """Whether what was set aside stands at its place again.

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
