"""Taking a run back, in reverse order, from the quarantine alone: no vault is needed for it.

Nothing is replaced: where something came since to the place of what was set aside, that stays in
the quarantine and is told. The same code ends what a run left half done when it was killed: a step
without an outcome is taken back; a repair whose files were exchanged is done.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

from gorillacomb.dedupe.apply import repair_recovery, replacement
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
from gorillacomb.dedupe.quarantine.run import Quarantine, list_runs, open_run, run_folder
from gorillacomb.errors import UntrustedInput
from gorillacomb.fs import mutations
from gorillacomb.fs.location import FileLocation, create_parents
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import join, path_text


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
            for record in list(run.journal.recorded.steps.values()):
                if record.state == INTENT:
                    ended = (repair_recovery.finish_repair if run.repairs else _ended)(
                        run, record, now
                    )
                    run.journal.note([ended])
                    path = join(base, record.moves[0].path)
                    words = "repaired" if ended.state == DONE else "put back"
                    cause = f"left half done by run {name}: {ended.cause or words}"
                    found.append(StepProblem(path, cause))
    return found


def _ended(run: Quarantine, record: StepRecord, now: Callable[[], int]) -> StepRecord:
    """End a step of which only the intent is known."""
    held: list[MovedItem] = []
    cause = None
    for move in reversed(record.moves):
        if not run.has_slot(move):
            continue  # it never went, or came back
        try:
            _put_back(run, move)
        except OSError as error:
            held.insert(0, move)
            cause = os_error_text(error)
    if held:
        return replace(record, state=STUCK, moves=tuple(held), cause=cause, when_ns=now())
    return replace(record, state=TAKEN_BACK, cause=None, when_ns=now())


def undo_run(
    run: Quarantine, now: Callable[[], int]
) -> Iterator[tuple[StepRecord, StepProblem | None]]:
    """Put back all that an open run holds, the last step first.

    Yields each step, as it was, with what there is to say of it: why it was not put back, or that
    only part of it was left. The caller holds the lock. Raises OSError when the journal cannot be
    written.
    """
    for record in reversed(run.journal.recorded.held()):
        trouble = (repair_recovery.undo_repair if run.repairs else _undo)(run, record)
        if trouble is None:
            run.journal.note([replace(record, state=UNDONE, cause=None, when_ns=now())])
            if record.state == PURGING and not run.repairs:
                trouble = _partly_deleted(run, record)
        yield record, trouble


def _partly_deleted(run: Quarantine, record: StepRecord) -> StepProblem:
    """What is to be said of a step that was put back after its deletion had begun."""
    path, keep = record.moves[0].path, record.moves[0].keep.at(run.base)
    cause = f"is back, but for what had been deleted already: that stands in {path_text(keep)}"
    return StepProblem(join(run.base, path), cause)


def _undo(run: Quarantine, record: StepRecord) -> StepProblem | None:
    """Put back what a step set aside; returns why not."""
    missing = [move for move in record.moves if not run.has_slot(move)]
    if len(missing) == len(record.moves):
        if all(_stands(run, move) for move in missing):
            return None  # a run that was killed had put it back
        path = join(run.base, record.moves[0].path)
        return StepProblem(path, "is not in the quarantine any more")
    alone: dict[bytes, MovedItem] = {}
    for move in record.moves:
        with suppress(OSError), run.original_location(move).opened() as (folder, _):
            if os.fstat(folder).st_mtime_ns == move.parent_after_ns:
                alone[os.path.dirname(move.path)] = move
    for move in reversed(record.moves):
        if move in missing:
            continue
        try:
            _put_back(run, move)
        except OSError as error:
            return StepProblem(join(run.base, move.path), os_error_text(error))
    for move in alone.values():
        assert move.parent_mtime_ns is not None  # known where the time afterwards is
        with suppress(OSError), run.original_location(move).opened() as (folder, _):
            mutations.set_mtime(folder, move.parent_mtime_ns)
    return None


def _put_back(run: Quarantine, move: MovedItem) -> None:
    """Move something back to where it stood, with the folders around it. Raises OSError."""
    spot = run.original_location(move)
    create_parents(spot)
    if move.put not in (None, run.journal.recorded.action):
        raise OSError(errno.EINVAL, "the journal says two things of what was done")
    if not _has_both_names(run, move, spot):
        replacement.remove_link(move, spot, move.keep.at(run.base))
    with spot.opened() as (folder, name):
        try:
            if _has_both_names(run, move, spot):
                mutations.remove(run.folder, move.slot)
            else:
                mutations.rename_no_replace(run.folder, move.slot, folder, name)
        except FileExistsError as error:
            raise FileExistsError("something else stands there now") from error
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(facts.st_mode) and facts.st_mtime_ns != move.mtime_ns:
            descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            try:
                mutations.set_mtime(descriptor, move.mtime_ns)
            finally:
                os.close(descriptor)
        mutations.fsync(folder)


def _has_both_names(run: Quarantine, move: MovedItem, spot: FileLocation) -> bool:
    """Whether a file stands at its place and in its slot: linked to one, not yet unlinked there."""
    aside = os.stat(move.slot, dir_fd=run.folder, follow_symlinks=False)
    with spot.opened() as (folder, name):
        try:
            here = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
    return stat.S_ISREG(here.st_mode) and os.path.samestat(aside, here)


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
    is_link = move.put is not None and replacement.is_same_file_as(facts, move.keep.at(run.base))
    return facts.st_mtime_ns == move.mtime_ns and not is_link
