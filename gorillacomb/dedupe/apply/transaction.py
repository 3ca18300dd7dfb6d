"""One step of a plan, compared: set aside whole, and put back whole at any difference."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from gorillacomb.dedupe.apply.snapshot import (
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
    """One thing of a step, compared and ready to go."""

    victim: FileLocation
    keep: FileLocation
    sighting: TreeSnapshot
    move: MovedItem
    moved: bool = False
    """Whether it may have been moved: Ctrl-C can come right after the rename."""
    replaced: bool = False
    """Whether it was exchanged with a link in one step."""

    def refuse_changed(self, folder: int) -> None:
        """Look at a file once more before it is moved, which sets its ctime. Raises Different.

        Who keeps size and time while writing, as `cp --preserve` does, is known by the ctime alone;
        that of a file with more names changes when another of them goes.
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
    """Whether the system was the cause, not a difference."""


@dataclass(slots=True)
class StepTransaction:
    """A step that may be done."""

    step: PlanStep
    run: Quarantine
    record: StepRecord
    things: list[StepItem]
    now: Callable[[], int]
    _parents: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Of each folder that something leaves: its mtime before, and after what we did last, ns."""

    def intend(self) -> StepRecord:
        """The intent as it is journalled right before the step: with the times of its folders."""
        for thing in self.things:
            with suppress(OSError), thing.victim.opened() as (folder, _):
                before_ns = os.fstat(folder).st_mtime_ns
                thing.move = replace(thing.move, parent_mtime_ns=before_ns)
        self.record = replace(self.record, moves=tuple(thing.move for thing in self.things))
        return self.record

    def carry_out(self, removed: RemovedFiles) -> StepResult:
        """Set all things of the step aside and look again; none of them at any difference.

        ``removed`` counts, for files with several names, how many have gone.
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
        return StepResult(self, done)

    def _set_aside(self, thing: StepItem, folder: int, name: bytes) -> None:
        """Move a thing into its slot, or exchange it with the link that is to stand for it.

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
                # There the name is free for a moment: the link is made after the file was moved.
                mutations.remove(self.run.folder, slot)
            else:
                thing.replaced = True
            thing.sighting.survivors = [(spot, replacement.kept_copy(spot, keep))]
        if not thing.replaced:
            self.run.store(thing.move, folder, name)

    def roll_back(self, cause: str) -> StepRecord:
        """Put back what has moved; what cannot be put back is stuck in the quarantine.

        When this returns, that is on the disk. Raises OSError where it cannot be made so: what the
        next run will find is then unknown.
        """
        moved = [thing for thing in self.things if thing.moved]
        stuck: str | None = None
        moves = []
        if moved:
            # What lies in the slots may have lost its old name on the disk already.
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
            return  # the rename did not come to pass
        with thing.victim.opened() as (folder, _):
            before, after = self._parents[thing.victim.parent]
            alone = os.fstat(folder).st_mtime_ns == after
            self.run.put_back(thing.move, make_parents=False)
            if alone:
                mutations.set_mtime(folder, before)
                self._touched(thing, folder)

    def _touched(self, thing: StepItem, folder: int) -> None:
        """Note what the time of an open folder is, before and after each change of ours."""
        now = os.fstat(folder).st_mtime_ns
        before, _ = self._parents.get(thing.victim.parent, (now, now))
        self._parents[thing.victim.parent] = before, now

    def _as_it_was(self, path: bytes) -> bytes:
        """The path that a thing in the quarantine had before."""
        for thing in self.things:
            here = self.run.slot_location(thing.move.slot).path
            if is_below(path, here):
                return thing.victim.at(relative_path(path, here)).path
        return path
