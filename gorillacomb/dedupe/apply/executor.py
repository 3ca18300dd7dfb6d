"""Apply a plan so that nothing can be lost.

For each step: the rules are checked again against what is on disk; the copy to remove and the copy
to keep are compared byte by byte; the intent is written to the journal and synced; the copy to
remove is renamed into the quarantine without replacing anything; everything is checked again, and
at any difference it is renamed back. Only then is the outcome written. Steps run in small batches,
so that one sync of a journal and a folder serves many steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from gorillacomb.dedupe.apply.emptied_folders import EmptiedFolders, purge_folders
from gorillacomb.dedupe.apply.empty_folders import EmptyFolderEnd, EmptyFolderRemover
from gorillacomb.dedupe.apply.path_resolver import PathResolver
from gorillacomb.dedupe.apply.plan_copies import PlanCopies
from gorillacomb.dedupe.apply.preflight import StepPreflight, StepSkipped
from gorillacomb.dedupe.apply.purge import purge_step
from gorillacomb.dedupe.apply.transaction import StepItem, StepResult, StepTransaction
from gorillacomb.dedupe.compare.tree_compare import TreeComparer
from gorillacomb.dedupe.model import (
    EMPTY,
    DedupeAction,
    Plan,
    PlanStep,
    RunOutcome,
    StepProblem,
)
from gorillacomb.dedupe.quarantine.bases import bases_of, quarantine_base
from gorillacomb.dedupe.quarantine.journal_entries import (
    DONE,
    INTENT,
    TAKEN_BACK,
    JournalContents,
    KeptCopy,
    MovedItem,
    StepRecord,
)
from gorillacomb.dedupe.quarantine.replacement import LINKS, symlink_text
from gorillacomb.dedupe.quarantine.run import (
    Quarantine,
    create_run,
    new_run_id,
    open_run,
    runs_of_plan,
)
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.errors import UntrustedInput
from gorillacomb.fs.extents import DiskSpace, RemovedFiles
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import relative_path
from gorillacomb.fs.reflink import share_blocks
from gorillacomb.progress import Progress

_STAGE = {
    DedupeAction.QUARANTINE: "Comparing and quarantining",
    DedupeAction.DELETE: "Comparing and deleting",
    DedupeAction.HARDLINK: "Comparing and linking",
    DedupeAction.SYMLINK: "Comparing and linking",
    DedupeAction.REFLINK: "Comparing and sharing blocks",
}
_BATCH = 32
_BATCH_BYTES = 256 << 20


@dataclass(slots=True)
class PlanExecutor:
    """Applies one plan; the caller holds the locks of all roots that it names."""

    plan: Plan
    places: PathResolver
    guard: SafetyPolicy
    witness: TreeComparer
    progress: Progress
    now: Callable[[], int] = time.time_ns
    outcome: RunOutcome = field(init=False)
    checks: StepPreflight = field(init=False)
    emptied: EmptiedFolders = field(init=False)
    _again: list[PlanStep] | None = field(default_factory=list)
    """Steps to retry one at a time, because another step blocked them; None during that retry."""
    _runs: dict[bytes, Quarantine] = field(default_factory=dict)
    _lost: dict[bytes, OSError] = field(default_factory=dict)
    """Bases in which no quarantine can be created, and why."""
    _stack: ExitStack = field(default_factory=ExitStack)
    _removed: RemovedFiles = field(default_factory=RemovedFiles)
    """Counts how many names of files with several names are removed."""
    _purged: RemovedFiles = field(default_factory=RemovedFiles)

    def __post_init__(self) -> None:
        self.outcome = RunOutcome(new_run_id(self.now()))
        self.checks = StepPreflight(self.plan, self.places, self.guard, self.witness)
        self.emptied = EmptiedFolders(self.places, self.checks.guard, self.now, self._run_for)

    def run(self) -> RunOutcome:
        """Do all steps that may be done. Ctrl-C takes back those in progress and is re-raised."""
        before = self._done_before()
        steps = [step for step in self.plan.steps if step.id not in before]
        self.outcome.before = len(self.plan.steps) - len(steps)
        empty = [step for step in steps if step.kind == EMPTY]
        steps = [step for step in steps if step.kind != EMPTY]
        stage = _STAGE[self.plan.options.action]
        self.progress.stage(stage, None, sum(step.size for step in steps) or None)
        with self._stack:
            copies = PlanCopies(self.plan.copies, steps, self.checks, self._run_for, self.now)
            copies.make(self.outcome)
            steps = [step for step in steps if not copies.is_hindered(step, self.outcome)]
            for batch in self._batches(steps):
                self._act(batch)
                batch.clear()  # what was seen of a large folder takes room until the next is seen
            # Blocked by a name of the file that one relies on, a link, or the rest of an album.
            again, self._again = self._again or [], None
            for step in again:
                for batch in self._batches([step]):
                    self._act(batch)
            self._remove_empty(empty)
            copies.take_back_unused(self.outcome)
            self._set_aside_emptied()
            for made in self._runs.values():
                self.outcome.take_for_journal(made.journal.bytes_on_disk)
        return self.outcome

    def _remove_empty(self, steps: Sequence[PlanStep]) -> None:
        """Quarantine the empty folders of the plan."""

        def ended(end: EmptyFolderEnd) -> None:
            if end.is_done:
                self.outcome.done.append(end.step)
            elif end.problem is not None:
                self._skip(end.problem, end.failed)

        guard = self.checks.guard
        EmptyFolderRemover(self.places, guard, self.now, self._run_for, ended).remove(steps)

    def _set_aside_emptied(self) -> None:
        """Remove the folders that the steps left empty."""
        if self.plan.options.action not in (DedupeAction.QUARANTINE, DedupeAction.DELETE):
            return
        try:
            self.emptied.set_aside()
            if self.plan.options.action is DedupeAction.DELETE:
                for run in self._runs.values():
                    self.outcome.skipped += purge_folders(run, self.now)
        finally:
            self.outcome.folders = self.emptied.gone

    def _done_before(self) -> set[str]:
        """Return the steps of this plan that an earlier run did and that were not undone."""
        found: set[str] = set()
        for root in self.places.roots:
            for base in bases_of(root):
                for name in runs_of_plan(base, self.plan.uid):
                    # A run with an unreadable journal was reported when interrupted runs were
                    # finished.
                    with suppress(UntrustedInput), open_run(base, name) as run:
                        for step in run.journal.recorded.steps.values():
                            if run.has_done(step):
                                found.add(step.step)
                                if not step.is_empty_folder:
                                    self.emptied.note(step, base)
        return found

    def _batches(self, steps: Sequence[PlanStep]) -> Iterator[list[StepTransaction]]:
        batch: list[StepTransaction] = []
        size = 0
        action = self.plan.options.action
        # A link to the kept copy changes its ctime: the next step is compared after that.
        most = 1 if action is DedupeAction.HARDLINK else _BATCH
        for step in steps:
            try:
                if action is DedupeAction.REFLINK:
                    self._share(step)
                    continue
                batch.append(self._prepare(step))
            except StepSkipped as skip:
                if skip.beside and self._again is not None:
                    self._again.append(step)
                else:
                    self._skip(skip.trouble, skip.failed)
                continue
            size += step.size
            # A copy of a tree may be in another one that is compared after it left.
            if len(batch) >= most or step.is_member or size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _skip(self, trouble: StepProblem, failed: bool = False) -> None:
        (self.outcome.failed if failed else self.outcome.skipped).append(trouble)

    def _prepare(self, step: PlanStep) -> StepTransaction:
        checked = self.checks.check(step)
        action = self.plan.options.action
        try:
            run = self._run_for(step.path)
        except OSError as error:
            cause = f"no quarantine can be made for it: {os_error_text(error)}"
            raise StepSkipped(step.path, cause, failed=True) from error
        things = []
        for number, (victim, keep, sighting) in enumerate(checked):
            top = sighting.victim[b""]
            slot = f"{step.id}.{number}" if number else step.id
            move = MovedItem(
                relative_path(victim.path, run.base),
                slot.encode(),
                KeptCopy.of(keep.path, run.base),
                top.st_ino,
                top.st_mtime_ns,
                put=str(action) if action in LINKS else None,
                put_inode=sighting.survivors[0][1].st_ino if action is DedupeAction.HARDLINK else 0,
                put_text=symlink_text(victim, keep) if action is DedupeAction.SYMLINK else b"",
            )
            things.append(StepItem(victim, keep, sighting, move))
        if action is DedupeAction.DELETE and sum(each.files for *_, each in checked) > step.files:
            raise StepSkipped(
                step.path, "holds more files than the plan says, which were not confirmed"
            )
        record = StepRecord(
            step.id,
            INTENT,
            step.kind,
            sum(thing.sighting.files for thing in things),
            step.size,
            tuple(thing.move for thing in things),
            tuple(
                (relative_path(each.path, step.path), KeptCopy.of(each.keep, run.base))
                for each in step.nested
            ),
            when_ns=self.now(),
            kept_in=tuple((KeptCopy.of(each.path, run.base), each.files) for each in step.kept_in),
            system_files=sum(len(thing.sighting.noise) for thing in things),
            is_member=step.is_member,
            left=self.checks.left_before(step),
            regenerable=step.regenerable,
            repositories=step.repositories,
            in_history=step.in_history,
        )
        return StepTransaction(step, run, record, things, self.now)

    def _run_for(self, path: bytes) -> Quarantine:
        root = self.places.root_of(path)
        assert root is not None
        base = quarantine_base(root.path, path)
        if base in self._lost:
            raise self._lost[base]
        if base not in self._runs:
            recorded = JournalContents(
                self.outcome.run,
                self.plan.uid,
                str(self.plan.options.action),
                base,
                self.now(),
                noise=self.witness.noise,
            )
            try:
                run = create_run(root.path, base, recorded)
            except OSError as error:
                self._lost[base] = error
                raise
            self._stack.callback(run.close)
            self._runs[base] = run
        return self._runs[base]

    def _act(self, batch: list[StepTransaction]) -> None:
        """Do steps that were compared."""
        by_run: dict[bytes, list[StepTransaction]] = {}
        for each in batch:
            by_run.setdefault(each.run.base, []).append(each)
        for prepared in by_run.values():
            self._act_in(prepared[0].run, prepared)

    def _act_in(self, run: Quarantine, batch: list[StepTransaction]) -> None:
        try:
            run.journal.note([each.intend() for each in batch])
        except OSError as error:
            cause = f"the journal cannot be written: {os_error_text(error)}"
            for each in batch:
                self._skip(StepProblem(each.step.path, cause), failed=True)
            return
        ended: list[StepResult] = []
        try:
            for each in batch:
                ended.append(each.carry_out(self._removed))
            run.sync_stored(thing.move for each in batch for thing in each.things)
            run.journal.note([one.record for one in ended])
            for one in ended:
                self._tell(one)
        except BaseException:
            self._cut_short(run, batch, ended)
            raise

    def _cut_short(
        self, run: Quarantine, batch: list[StepTransaction], ended: list[StepResult]
    ) -> None:
        """Take back the steps in progress; the outcome and the journal report all the others.

        The next run finds out about anything that cannot be recorded or may not be on disk.
        """
        known = run.journal.recorded.steps
        noted = [one.record for one in ended if known[one.record.step].state == INTENT]
        with suppress(OSError):
            run.sync_stored(thing.move for one in ended for thing in one.prepared.things)
            run.journal.note(noted)
        back = []
        for each in batch[len(ended) :]:
            with suppress(OSError):
                back.append(each.roll_back("interrupted"))
        with suppress(OSError):
            run.journal.note(back)
        told = {step.id for step in self.outcome.done}
        for one in ended:
            if one.record.state == DONE and one.record.step not in told:
                self._set_aside(one)

    def _tell(self, ended: StepResult) -> None:
        """Record in the outcome what became of a step; delete what is to be deleted."""
        if ended.record.state == DONE:
            self.emptied.note(ended.record, ended.prepared.run.base)
            self.checks.note(ended.prepared.step)
            if self.plan.options.action is DedupeAction.DELETE:
                self._delete(ended)
            else:
                self._set_aside(ended)
            self.progress.advance(ended.record.files, 0)
        elif ended.record.state == TAKEN_BACK and not ended.failed and self._again is not None:
            self._again.append(ended.prepared.step)
        else:
            assert ended.trouble is not None, "it was not done"
            self._skip(ended.trouble, ended.failed)

    def _delete(self, ended: StepResult) -> None:
        step, record = ended.prepared.step, ended.record
        purged = purge_step(
            ended.prepared.run, record, self.places, self.witness, self.now, self._purged
        )
        self.outcome.add_freed(purged.freed.freed, purged.freed.unknown)
        if purged.problem is not None:
            path, cause = purged.problem.path, purged.problem.cause
            self._skip(StepProblem(path, f"set aside, but not deleted: {cause}"))
            self.outcome.bytes_set_aside += max(record.size - purged.freed.held, 0)
        else:
            self.outcome.done.append(step)

    def _set_aside(self, ended: StepResult) -> None:
        proof = ended.record.member_proof(ended.prepared.run.base)
        if proof is not None:
            self.outcome.proofs.append(proof)
        self.outcome.bytes_set_aside += ended.record.size
        self.outcome.unknown_use += sum(
            thing.sighting.unknown_use for thing in ended.prepared.things
        )
        self.outcome.done.append(ended.prepared.step)

    def _share(self, step: PlanStep) -> None:
        """Have the kernel share a file's blocks with those of its copy."""
        removed = RemovedFiles(by_name=False)
        freed = DiskSpace()
        for victim, keep, sighting in self.checks.check(step):
            try:
                facts = sighting.victim[b""]
                freed += removed.add(facts, share_blocks(victim, keep, facts.st_size))
            except OSError as error:
                raise StepSkipped(victim.path, os_error_text(error), failed=True) from error
        self.outcome.add_freed(freed.freed, freed.unknown)
        self.outcome.done.append(step)
        self.progress.advance(step.files, 0)
