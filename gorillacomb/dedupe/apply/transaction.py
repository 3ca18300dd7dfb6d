"""One step of a plan, already compared: quarantined as a whole, and put back at any difference."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from gorillacomb.dedupe.compare.snapshot import (
    TreeSnapshot,
    disk_space,
    verify_kept_copies,
    verify_unchanged,
)
from gorillacomb.dedupe.model import PlanStep, StepProblem
from gorillacomb.dedupe.quarantine import replacement
from gorillacomb.dedupe.quarantine.journal_entries import (
    DONE,
    STUCK,
    TAKEN_BACK,
    MovedItem,
    StepRecord,
)
from gorillacomb.dedupe.quarantine.run import Quarantine
from gorillacomb.fs import mutations
from gorillacomb.fs.extents import RemovedFiles
from gorillacomb.fs.location import ContentDiffers, FileLocation
from gorillacomb.fs.openat import is_unchanged, os_error_text
from gorillacomb.fs.paths import is_below, path_text, relative_path


@dataclass(slots=True)
class StepItem:
    """One item of a step, compared and ready to be moved."""

    victim: FileLocation
    keep: FileLocation
    sighting: TreeSnapshot
    move: MovedItem
    moved: bool = False
    """Whether it may have been moved: Ctrl-C can come right after the rename."""
    replaced: bool = False
    """Whether it was exchanged with a link in one step."""

    def refuse_changed(self, folder: int) -> None:
        """Check a file once more before it is moved, which sets its ctime. Raises Different.

        A writer that restores size and time, as `cp --preserve` does, is detected by the ctime
        alone; the ctime of a file with several names changes when another name is removed.
        """
        facts = os.stat(self.victim.name, dir_fd=folder, follow_symlinks=False)
        was = self.sighting.victim[b""]
        if stat.S_ISREG(was.st_mode) and was.st_nlink == 1 and not is_unchanged(was, facts):
            raise ContentDiffers(self.victim.path, "changed meanwhile")


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of a step."""

    prepared: StepTransaction
    record: StepRecord
    trouble: StepProblem | None = None
    failed: bool = False
    """Whether the cause was a system error, not a difference."""


@dataclass(slots=True)
class StepTransaction:
    """A step that may be done."""

    step: PlanStep
    run: Quarantine
    record: StepRecord
    things: list[StepItem]
    now: Callable[[], int]
    _parents: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """By folder that items leave: its mtime before, and after our last change, in ns."""

    def intend(self) -> StepRecord:
        """Return the intent to journal right before the step, with the times of its folders."""
        for thing in self.things:
            with suppress(OSError), thing.victim.opened() as (folder, _):
                before_ns = os.fstat(folder).st_mtime_ns
                thing.move = replace(thing.move, parent_mtime_ns=before_ns)
        self.record = replace(self.record, moves=tuple(thing.move for thing in self.things))
        return self.record

    def carry_out(self, removed: RemovedFiles) -> StepResult:
        """Quarantine all items of the step and check again; put all back at any difference.

        ``removed`` counts, for files with several names, how many names were removed.
        """
        try:
            for thing in self.things:
                with thing.victim.opened() as (folder, name):
                    thing.refuse_changed(folder)
                    self._touched(thing, folder)
                    thing.moved = True
                    self._set_aside(thing, folder, name)
                    self._touched(thing, folder)
            for thing in self.things:
                spot = self.run.slot_location(thing.move.slot, thing.victim.grain_ns)
                verify_unchanged(thing.sighting, spot)
                if self.step.is_member and not thing.sighting.is_proven:
                    cause = "has something that nothing is known to keep"
                    raise ContentDiffers(spot.path, cause)
            for thing in self.things:
                if thing.move.put is not None and not thing.replaced:
                    with thing.victim.opened() as (folder, name):
                        replacement.make_link(thing.move, thing.keep, folder, name)
                        self._touched(thing, folder)
                        [(_, keep)] = thing.sighting.survivors
                        replacement.verify_link(
                            thing.move, keep, folder, name, thing.victim, folder
                        )
        except ContentDiffers as different:
            return self._undone(
                StepProblem(self._as_it_was(different.path), different.cause), False
            )
        except OSError as error:
            known = error.strerror if isinstance(error, mutations.CannotMove) else None
            return self._undone(StepProblem(self.step.path, known or os_error_text(error)), True)
        for thing in self.things:
            before, after = self._parents[thing.victim.parent]
            thing.move = replace(thing.move, parent_mtime_ns=before, parent_after_ns=after)
        moves = tuple(thing.move for thing in self.things)
        size = sum(disk_space(thing.sighting, removed).held for thing in self.things)
        done = replace(self.record, state=DONE, size=size, moves=moves, when_ns=self.now())
        if self.step.is_member:
            done = replace(done, proof=tuple(sorted(self.things[0].sighting.held.items())))
        return StepResult(self, done)

    def _set_aside(self, thing: StepItem, folder: int, name: bytes) -> None:
        """Move an item into its slot, or exchange it with the link that replaces it.

        Raises ContentDiffers, OSError.
        """
        slot = thing.move.slot
        if thing.move.put is not None:
            [(spot, keep)] = thing.sighting.survivors
            verify_kept_copies(thing.sighting)
            replacement.make_link(thing.move, spot, self.run.folder, slot)
            replacement.verify_link(thing.move, keep, self.run.folder, slot, thing.victim, folder)
            try:
                mutations.rename_exchange(self.run.folder, slot, folder, name)
            except mutations.CannotMove:
                # The name is free for a moment: the link is made after the file was moved.
                mutations.remove(self.run.folder, slot)
            else:
                thing.replaced = True
            thing.sighting.survivors = [(spot, replacement.kept_copy(spot, keep))]
        if not thing.replaced:
            self.run.store(thing.move, folder, name)

    def roll_back(self, cause: str) -> StepRecord:
        """Put back what was moved; what cannot be put back is stuck in the quarantine.

        The result is on disk when this returns. Raises OSError if it cannot be synced: it is then
        unknown what the next run will find.
        """
        moved = [thing for thing in self.things if thing.moved]
        stuck: str | None = None
        moves = []
        if moved:
            # The items in the slots may already have lost their old names on the disk.
            mutations.fsync(self.run.folder)
        for thing in reversed(moved):
            try:
                self._put_back(thing)
            except OSError as error:
                stuck = f"could not be put back: {os_error_text(error)}"
                moves.append(thing.move)
        if moved:
            self.run.sync_put_back(thing.move for thing in moved)
        if stuck is None:
            return replace(self.record, state=TAKEN_BACK, cause=cause, when_ns=self.now())
        held = tuple(reversed(moves))
        return replace(self.record, state=STUCK, moves=held, cause=stuck, when_ns=self.now())

    def _undone(self, trouble: StepProblem, failed: bool) -> StepResult:
        record = self.roll_back(trouble.cause)
        if record.state == STUCK:
            cause = f"{trouble.cause}; it waits in {path_text(self.run.path)}: {record.cause}"
            return StepResult(self, record, StepProblem(trouble.path, cause), True)
        return StepResult(self, record, trouble, failed)

    def _put_back(self, thing: StepItem) -> None:
        if not self.run.has_slot(thing.move):
            return  # the rename did not happen
        with thing.victim.opened() as (folder, _):
            before, after = self._parents[thing.victim.parent]
            alone = os.fstat(folder).st_mtime_ns == after
            self.run.put_back(thing.move, make_parents=False)
            if alone:
                mutations.set_mtime(folder, before)
                self._touched(thing, folder)

    def _touched(self, thing: StepItem, folder: int) -> None:
        """Record the mtime of an open folder before and after each of our changes."""
        now = os.fstat(folder).st_mtime_ns
        before, _ = self._parents.get(thing.victim.parent, (now, now))
        self._parents[thing.victim.parent] = before, now

    def _as_it_was(self, path: bytes) -> bytes:
        """Return the path that a quarantined item had before."""
        for thing in self.things:
            here = self.run.slot_location(thing.move.slot).path
            if is_below(path, here):
                return thing.victim.at(relative_path(path, here)).path
        return path
