"""Carrying a plan out, so that nothing can be lost.

For each step: the rules are asked again, of what stands on disk; what goes and what stays are
compared byte by byte; the intent is written to the journal and synced; what goes is renamed into
the quarantine without replacing anything; everything is looked at again; any difference, and it is
renamed back. Only then the outcome is written. Steps go in small batches, to sync a journal and a
folder once for many.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace

from gorillacomb.bytepaths import below, is_below, readable
from gorillacomb.dedupe import disk, put
from gorillacomb.dedupe.checks import Skip, StepChecks
from gorillacomb.dedupe.guards import Guard
from gorillacomb.dedupe.journal import (
    DONE,
    HELD,
    INTENT,
    PURGED,
    STUCK,
    TAKEN_BACK,
    Move,
    Record,
    Recorded,
    Survivor,
)
from gorillacomb.dedupe.place import Places
from gorillacomb.dedupe.purge import purge_record
from gorillacomb.dedupe.quarantine import (
    Run,
    base_of,
    bases_of,
    begin,
    new_run,
    read_run,
    runs_in,
)
from gorillacomb.dedupe.sighting import Sighting, look_again, on_disk
from gorillacomb.dedupe.spot import Different, Spot
from gorillacomb.dedupe.steps import Action, Outcome, Plan, Step, Trouble
from gorillacomb.dedupe.witness import Witness
from gorillacomb.errors import Untrusted
from gorillacomb.model import Progress
from gorillacomb.openat import cause_of, is_same

_BATCH = 32
_BATCH_BYTES = 256 << 20


@dataclass(slots=True)
class _Ready:
    """One thing of a step, compared and ready to go."""

    victim: Spot
    keep: Spot
    sighting: Sighting
    move: Move
    moved: bool = False
    """Whether it may have been moved: Ctrl-C can come right after the rename."""


@dataclass(slots=True)
class _Prepared:
    """A step that may be done."""

    step: Step
    run: Run
    record: Record
    things: list[_Ready]
    parents: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Of each folder that something leaves: its mtime before, and after what we did last, ns."""

    def touched(self, thing: _Ready, folder: int) -> None:
        """Note what the time of an open folder is, before and after each change of ours."""
        now = os.fstat(folder).st_mtime_ns
        before, _ = self.parents.get(thing.victim.parent, (now, now))
        self.parents[thing.victim.parent] = before, now


@dataclass(slots=True)
class Applying:
    """Carries one plan out; the caller holds the locks of all roots that it names."""

    plan: Plan
    places: Places
    guard: Guard
    witness: Witness
    progress: Progress
    now: Callable[[], int] = time.time_ns
    outcome: Outcome = field(init=False)
    checks: StepChecks = field(init=False)
    _again: list[Step] | None = field(default_factory=list)
    """Steps that were taken back and get another chance, alone; None when that has come."""
    _runs: dict[bytes, Run] = field(default_factory=dict)
    _lost: dict[bytes, OSError] = field(default_factory=dict)
    """Bases in which no quarantine can be made, and why."""
    _stack: ExitStack = field(default_factory=ExitStack)
    _names: dict[tuple[int, int], int] = field(default_factory=dict)
    """Of files with several names, how many go."""

    def __post_init__(self) -> None:
        self.outcome = Outcome(new_run(self.now()))
        self.checks = StepChecks(self.plan, self.places, self.guard, self.witness)

    def run(self) -> Outcome:
        """Do all steps that may be done. Ctrl-C takes back what is under way and is raised on."""
        before = self._done_before()
        steps = [step for step in self.plan.steps if step.id not in before]
        self.outcome.before = len(self.plan.steps) - len(steps)
        self.progress.stage("Setting aside", None, sum(step.size for step in steps) or None)
        with self._stack:
            for batch in self._batches(steps):
                self._act(batch)
            # What was in another one's way, as a name of the file that one of them counts on.
            again, self._again = self._again or [], None
            for step in again:
                for batch in self._batches([step]):
                    self._act(batch)
        return self.outcome

    def _done_before(self) -> set[str]:
        """Steps of this plan that an earlier run has done and nobody took back."""
        found: set[str] = set()
        for root in self.places.roots:
            for base in bases_of(root.path):
                for name in runs_in(base):
                    try:
                        recorded = read_run(base, name)
                    except Untrusted:
                        continue  # it was told of when half done runs were looked for
                    if recorded.plan == self.plan.uid:
                        found |= {
                            each.step
                            for each in recorded.steps.values()
                            if each.state in (*HELD, PURGED)
                        }
        return found

    def _batches(self, steps: Sequence[Step]) -> Iterator[list[_Prepared]]:
        batch: list[_Prepared] = []
        size = 0
        action = self.plan.options.action
        # A link to what stays changes its ctime: the next step is compared after that.
        most = 1 if action is Action.HARDLINK else _BATCH
        for step in steps:
            try:
                if action is Action.REFLINK:
                    self._share(step)
                    continue
                batch.append(self._prepare(step))
            except Skip as skip:
                self._skip(step, skip.trouble, skip.failed)
                continue
            size += step.size
            if len(batch) >= most or size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _skip(self, step: Step, trouble: Trouble, failed: bool = False) -> None:
        (self.outcome.failed if failed else self.outcome.skipped).append(trouble)

    def _prepare(self, step: Step) -> _Prepared:
        checked = self.checks.check(step)
        action = self.plan.options.action
        if action in (Action.HARDLINK, Action.SYMLINK):
            if step.kind == "folder":
                raise Skip(step.path, f"is a folder, which no {action} can stand for")
            for victim, keep, sighting in checked:
                cause = put.refusal(action, victim, keep, sighting)
                if cause is not None:
                    raise Skip(victim.path, cause)
        try:
            run = self._run_for(step)
        except OSError as error:
            cause = f"no quarantine can be made for it: {cause_of(error)}"
            raise Skip(step.path, cause, failed=True) from error
        things = []
        for number, (victim, keep, sighting) in enumerate(checked):
            top = sighting.victim[b""]
            slot = f"{step.id}.{number}" if number else step.id
            move = Move(
                below(victim.path, run.base),
                slot.encode(),
                Survivor.of(keep.path, run.base),
                top.st_ino,
                top.st_mtime_ns,
                put=str(action) if action in (Action.HARDLINK, Action.SYMLINK) else None,
                put_inode=sighting.survivors[0][1].st_ino if action is Action.HARDLINK else 0,
                put_text=put.link_text(victim, keep) if action is Action.SYMLINK else b"",
            )
            things.append(_Ready(victim, keep, sighting, move))
        if action is Action.DELETE and sum(each.files for *_, each in checked) > step.files:
            raise Skip(step.path, "holds more files than the plan says, which were not confirmed")
        record = Record(
            step.id,
            INTENT,
            step.kind,
            sum(thing.sighting.files for thing in things),
            step.size,
            tuple(thing.move for thing in things),
            tuple(
                (below(each.path, step.path), Survivor.of(each.keep, run.base))
                for each in step.nested
            ),
            when_ns=self.now(),
        )
        return _Prepared(step, run, record, things)

    def _run_for(self, step: Step) -> Run:
        root = self.places.root_of(step.path)
        assert root is not None
        base = base_of(root.path, step.path)
        if base in self._lost:
            raise self._lost[base]
        if base not in self._runs:
            recorded = Recorded(
                self.outcome.run,
                self.plan.uid,
                str(self.plan.options.action),
                base,
                self.now(),
                noise=self.witness.noise,
            )
            try:
                run = begin(root.path, base, recorded)
            except OSError as error:
                self._lost[base] = error
                raise
            self._stack.callback(run.close)
            self._runs[base] = run
        return self._runs[base]

    def _act(self, batch: list[_Prepared]) -> None:
        """Carry out steps that were compared."""
        by_run: dict[bytes, list[_Prepared]] = {}
        for each in batch:
            by_run.setdefault(each.run.base, []).append(each)
        for prepared in by_run.values():
            self._act_in(prepared[0].run, prepared)

    def _act_in(self, run: Run, batch: list[_Prepared]) -> None:
        try:
            run.journal.note([each.record for each in batch])
        except OSError as error:
            for each in batch:
                cause = f"the journal cannot be written: {cause_of(error)}"
                self._skip(each.step, Trouble(each.step.path, cause), failed=True)
            return
        outcomes: list[tuple[_Prepared, Record, Trouble | None, bool]] = []
        try:
            for each in batch:
                outcomes.append((each, *self._act_on(each)))
            self._sync(batch)
        except BaseException:
            known = {id(each) for each, *_ in outcomes}
            left = [each for each in batch if id(each) not in known]
            ended = [(each, self._take_back(each, "interrupted")) for each in left]
            with suppress(OSError):  # what is not noted, the next run finds out
                run.journal.note([record for _, record, *_ in outcomes])
                run.journal.note([record for _, record in ended])
                for each, record, *_ in outcomes:
                    if record.state == DONE:
                        self._set_aside(each, record)
            raise
        run.journal.note([record for _, record, *_ in outcomes])
        for each, record, trouble, failed in outcomes:
            if record.state == DONE:
                self._done(each, record)
            elif record.state == TAKEN_BACK and not failed and self._again is not None:
                self._again.append(each.step)
            else:
                assert trouble is not None
                self._skip(each.step, trouble, failed)

    def _done(self, each: _Prepared, record: Record) -> None:
        if self.plan.options.action is Action.DELETE:
            trouble = purge_record(each.run, record, self.places, self.witness, self.now)
            if trouble is not None:
                cause = f"set aside, but not deleted: {trouble.cause}"
                self._skip(each.step, Trouble(trouble.path, cause))
                self.outcome.bytes_set_aside += record.size
                return
            self.outcome.bytes_freed += record.size
            self.outcome.done.append(each.step)
        else:
            self._set_aside(each, record)
        self.progress.advance(record.files, 0)

    def _set_aside(self, each: _Prepared, record: Record) -> None:
        self.outcome.bytes_set_aside += record.size
        self.outcome.done.append(each.step)

    def _act_on(self, each: _Prepared) -> tuple[Record, Trouble | None, bool]:
        """Set the things of a step aside and look again; all of them or none."""
        try:
            for thing in each.things:
                with thing.victim.opened() as (folder, name):
                    _refuse_changed(thing, folder)
                    each.touched(thing, folder)
                    thing.moved = True
                    disk.move(folder, name, each.run.folder, thing.move.slot)
                    each.touched(thing, folder)
            for thing in each.things:
                spot = each.run.spot(thing.move.slot, thing.victim.grain_ns)
                look_again(thing.sighting, spot)
            for thing in each.things:
                if thing.move.put is not None:
                    put.put(thing.move.put, thing.victim, thing.keep)
                    with thing.victim.opened() as (folder, _):
                        each.touched(thing, folder)
        except Different as different:
            path = _as_it_was(each, different.path)
            return self._undone(each, Trouble(path, different.cause), False)
        except OSError as error:
            known = error.strerror if isinstance(error, disk.Unmovable) else None
            cause = known or cause_of(error)
            return self._undone(each, Trouble(each.step.path, cause), True)
        for thing in each.things:
            before, after = each.parents[thing.victim.parent]
            thing.move = replace(thing.move, parent_mtime_ns=before, parent_after_ns=after)
        moves = tuple(thing.move for thing in each.things)
        size = sum(on_disk(thing.sighting, self._names) for thing in each.things)
        done = replace(each.record, state=DONE, size=size, moves=moves, when_ns=self.now())
        return done, None, False

    def _undone(
        self, each: _Prepared, trouble: Trouble, failed: bool
    ) -> tuple[Record, Trouble, bool]:
        record = self._take_back(each, trouble.cause)
        if record.state == STUCK:
            cause = f"{trouble.cause}; it waits in {readable(each.run.path)}: {record.cause}"
            return record, Trouble(trouble.path, cause), True
        return record, trouble, failed

    def _take_back(self, each: _Prepared, cause: str) -> Record:
        """Put back what has moved; what cannot be put back is stuck in the quarantine."""
        stuck: str | None = None
        moves = []
        for thing in reversed(each.things):
            if thing.moved:
                try:
                    self._put_back(each, thing)
                except OSError as error:
                    stuck = f"could not be put back: {cause_of(error)}"
                    moves.append(thing.move)
        if stuck is None:
            return replace(each.record, state=TAKEN_BACK, cause=cause, when_ns=self.now())
        held = tuple(reversed(moves))
        return replace(each.record, state=STUCK, moves=held, cause=stuck, when_ns=self.now())

    def _put_back(self, each: _Prepared, thing: _Ready) -> None:
        try:
            os.stat(thing.move.slot, dir_fd=each.run.folder, follow_symlinks=False)
        except FileNotFoundError:
            return  # the rename did not come to pass
        put.take_away(thing.move, thing.victim, thing.keep.path)
        with thing.victim.opened() as (folder, name):
            before, after = each.parents[thing.victim.parent]
            alone = os.fstat(folder).st_mtime_ns == after
            disk.move(each.run.folder, thing.move.slot, folder, name)
            thing.moved = False
            if alone:
                disk.set_mtime(folder, before)
                each.touched(thing, folder)

    def _sync(self, batch: list[_Prepared]) -> None:
        """Have the renames of a batch on the disk."""
        synced: set[bytes] = set()
        for each in batch:
            for thing in each.things:
                folder = os.path.dirname(thing.victim.path)
                if folder in synced:
                    continue
                synced.add(folder)
                with suppress(OSError), thing.victim.opened() as (descriptor, _):
                    disk.sync(descriptor)
        disk.sync(batch[0].run.folder)

    def _share(self, step: Step) -> None:
        """Have the kernel share the blocks of a file with those of its copy."""
        if step.kind == "folder":
            raise Skip(step.path, "is a folder: only the files in it can share blocks")
        freed = 0
        for victim, keep, sighting in self.checks.check(step):
            try:
                freed += put.share_blocks(victim, keep, sighting.victim[b""].st_size)
            except OSError as error:
                known = error.errno in put.CANNOT_SHARE
                cause = "is on a file system that cannot share blocks" if known else cause_of(error)
                raise Skip(victim.path, cause, failed=True) from error
        self.outcome.bytes_freed += freed
        self.outcome.done.append(step)
        self.progress.advance(step.files, 0)


def _refuse_changed(thing: _Ready, folder: int) -> None:
    """Look at a file once more before it is moved, which sets its ctime. Raises Different.

    Who keeps size and time while writing, as `cp --preserve` does, is known by the ctime alone;
    that of a file with more names changes when another of them goes.
    """
    facts = os.stat(thing.victim.name, dir_fd=folder, follow_symlinks=False)
    was = thing.sighting.victim[b""]
    if stat.S_ISREG(was.st_mode) and was.st_nlink == 1 and not is_same(was, facts):
        raise Different(thing.victim.path, "changed meanwhile")


def _as_it_was(each: _Prepared, path: bytes) -> bytes:
    """The path that a thing in the quarantine had before."""
    for thing in each.things:
        here = each.run.spot(thing.move.slot).path
        if is_below(path, here):
            return thing.victim.at(below(path, here)).path
    return path
