"""Run a plan from beginning to end: locks, recovery of interrupted runs, the steps."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from gorillacomb.dedupe.apply.emptied_folders import purge_folders, restore_parents
from gorillacomb.dedupe.apply.empty_folders import purge_empty_folder
from gorillacomb.dedupe.apply.executor import PlanExecutor
from gorillacomb.dedupe.apply.locks import locked_roots
from gorillacomb.dedupe.apply.path_resolver import PathResolver
from gorillacomb.dedupe.apply.plan_copies import remove_copy
from gorillacomb.dedupe.apply.preflight import StepPreflight
from gorillacomb.dedupe.apply.purge import purge_step, unique_files
from gorillacomb.dedupe.apply.undo import finish_interrupted_runs, undo_run
from gorillacomb.dedupe.apply.undo_part import (
    chosen_of,
    open_folders_put_back_before,
    undo_part,
)
from gorillacomb.dedupe.compare.tree_compare import TreeComparer
from gorillacomb.dedupe.copies.dropped import comparer_for
from gorillacomb.dedupe.copies.run_copies import take_back_copy
from gorillacomb.dedupe.model import EMPTY, CopyStep, Plan, PlanStep, RunOutcome, StepProblem
from gorillacomb.dedupe.quarantine.bases import bases_of, quarantine_base
from gorillacomb.dedupe.quarantine.inventory import run_age_ns
from gorillacomb.dedupe.quarantine.journal_entries import UNDONE, StepRecord
from gorillacomb.dedupe.quarantine.run import Quarantine, open_run, read_run, why_not_yet
from gorillacomb.dedupe.quarantine.run_folders import run_folder
from gorillacomb.dedupe.roots import LiveRoot
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.errors import RefusedForSafety, UntrustedInput
from gorillacomb.fs.extents import RemovedFiles
from gorillacomb.fs.location import ContentDiffers
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import innermost, is_below, join, path_text
from gorillacomb.marks.rules import NO_MARKS, MarkRules
from gorillacomb.progress import Progress

NowNs = Callable[[], int]


def apply_plan(
    plan: Plan,
    roots: list[LiveRoot],
    guard: SafetyPolicy,
    witness: TreeComparer,
    progress: Progress,
    ended: Callable[[RunOutcome], None],
    now: NowNs = time.time_ns,
) -> RunOutcome:
    """Apply a plan.

    ``ended`` is called with the outcome in any case, also after Ctrl-C, while the locks are held.
    Raises Refused if another run holds a lock, OSError if a journal cannot be written.
    """
    applying, concerned = _applying(plan, roots, guard, witness, progress, now)
    with locked_roots([*(root.path for root in concerned), *_synced_bases(plan, concerned)]):
        for root in concerned:
            for base in bases_of(root):
                applying.outcome.recovered += finish_interrupted_runs(base, now)
        try:
            applying.run()
            empty = _left_empty(applying.outcome.done, {root.path for root in roots})
            applying.outcome.emptied += map(applying.emptied.why_left, empty)
        finally:
            ended(applying.outcome)
    return applying.outcome


def _synced_bases(plan: Plan, roots: Collection[LiveRoot]) -> set[bytes]:
    """Return the folders synced with a cloud in which steps will quarantine something."""
    around = {os.path.dirname(step.path) for step in plan.steps}
    found = {
        quarantine_base(root.path, join(folder, b"x"))
        for folder in around
        for root in roots
        if is_below(folder, root.path)
    }
    return {base for base in found - {root.path for root in roots} if os.path.isdir(base)}


def _left_empty(steps: Iterable[PlanStep], roots: Collection[bytes]) -> list[bytes]:
    """Return the folders that steps left empty, or with only such folders in them, sorted."""
    steps = [step for step in steps if step.kind != EMPTY]
    waiting = {os.path.dirname(pair.path) for step in steps for pair in step.pairs}
    empty: set[bytes] = set()
    while waiting:
        folder = max(waiting, key=lambda path: path.count(b"/"))
        waiting.remove(folder)
        try:
            names = os.listdir(folder)
        except FileNotFoundError:
            waiting.add(os.path.dirname(folder))  # it was removed, which may have left that empty
            continue
        except OSError:
            continue  # not ours to list
        if folder not in roots and all(join(folder, name) in empty for name in names):
            empty.add(folder)
            waiting.add(os.path.dirname(folder))
    return sorted(empty)


def dry_run(
    plan: Plan,
    roots: list[LiveRoot],
    guard: SafetyPolicy,
    witness: TreeComparer,
    progress: Progress,
) -> Iterator[tuple[PlanStep, StepProblem | None]]:
    """Return what `apply_plan` would do with each step: None, or why not. Nothing is changed."""
    checks = StepPreflight(plan, PathResolver(roots, table=guard.companions), guard, witness)
    progress.stage("Comparing", None, sum(step.size for step in plan.steps) or None)
    again: list[PlanStep] = []
    for step in plan.steps:
        skipped = checks.rehearse(step)
        if skipped is not None and skipped.beside:
            again.append(step)
        else:
            yield step, None if skipped is None else skipped.trouble
        progress.advance(step.files, 0)
    for step in again:
        skipped = checks.rehearse(step)
        yield step, None if skipped is None else skipped.trouble


def _applying(
    plan: Plan,
    roots: list[LiveRoot],
    guard: SafetyPolicy,
    witness: TreeComparer,
    progress: Progress,
    now: NowNs,
) -> tuple[PlanExecutor, list[LiveRoot]]:
    places = PathResolver(roots, table=guard.companions)
    paths = {
        path for step in plan.steps for path in (*step.keeps, *(each.path for each in step.pairs))
    }
    paths |= {path for copy in plan.copies for path in (copy.source, copy.target)}
    found = {root.path: root for path in paths if (root := places.root_of(path)) is not None}
    concerned = [found[path] for path in sorted(found)]
    return PlanExecutor(plan, places, guard, witness, progress, now), concerned


def undo_runs_in_base(
    base: bytes,
    outcome: RunOutcome,
    progress: Progress,
    now: NowNs = time.time_ns,
    only: Sequence[bytes] = (),
) -> None:
    """Take back what a run quarantined in one base, or ``only`` what is at some absolute paths.

    The results are added step by step to ``outcome``, which names the run, so after Ctrl-C it says
    what was done until then. Raises Refused, Untrusted, OSError.
    """
    with locked_roots([base]):
        outcome.recovered += finish_interrupted_runs(base, now)
        with open_run(base, outcome.run) as run:

            def ended(record: StepRecord, problems: list[StepProblem]) -> None:
                outcome.failed += problems
                if record.moves and record.emptied and not record.is_empty_folder:
                    outcome.folders += 1
                elif record.moves:
                    outcome.done.append(_step(base, record))
                    outcome.bytes_set_aside -= record.size
                progress.advance(record.files, 0)

            open_folders_put_back_before(run)
            if not only:
                undo_run(run, now, ended)
                return
            steps, parts = chosen_of(run, only)
            undo_run(run, now, ended, steps)
            for part in parts:
                if why_not_yet(run, run.journal.recorded.steps[part.step]) is None:
                    with suppress(OSError):  # the attempt itself says what is wrong
                        restore_parents(run, run.original_location(part.move), now)
                record, trouble = undo_part(run, part, now)
                if trouble is None:
                    outcome.done.append(_step(base, record))
                    outcome.bytes_set_aside -= record.size
                else:
                    outcome.failed.append(trouble)
                progress.advance(record.files, 0)


def take_back_copies(
    base: bytes,
    outcome: RunOutcome,
    places: PathResolver,
    witness: TreeComparer,
    bases: Callable[[], Mapping[bytes, bytes]],
    now: NowNs = time.time_ns,
) -> None:
    """Remove what a run copied to a shelf in one base, once its originals are back.

    A copy that was edited, or whose original is not back, stays and is reported. ``bases``
    returns the folders with quarantines of the run: where each was when the run began, and where it
    is now. Raises Refused, Untrusted, OSError.
    """
    with locked_roots([base]), open_run(base, outcome.run) as run:
        recorded = run.journal.recorded
        for record in reversed([*recorded.copies_that_stayed(), *recorded.copies_left()]):
            path, source = join(base, record.path), record.source.now(base, bases())
            if record.state == UNDONE and not os.path.lexists(path):
                continue  # someone removed what had stayed
            if record.is_dropped:
                compare = comparer_for(record, witness.advance)
                cause = take_back_copy(run, record, compare, now)
            else:
                cause = remove_copy(run, record, places, witness, now, source)
            if cause is not None and record.is_dropped:
                outcome.failed.append(StepProblem(path, cause))
            elif record.is_dropped:
                outcome.dropped.append(path)
            elif cause is not None:
                if recorded.copies[record.step].state == UNDONE:
                    cause += f" (once it is as it was copied, --undo {outcome.run} removes it)"
                outcome.failed.append(StepProblem(path, f"stays: {cause}"))
            else:
                copy = CopyStep(record.step, source, path, record.items, record.files, record.size)
                outcome.copied.append(copy)


def purge_runs(
    runs: Sequence[tuple[bytes, str]],
    roots: list[LiveRoot],
    witness: TreeComparer,
    older_than_ns: int,
    progress: Progress,
    ended: Callable[[RunOutcome], None],
    now: NowNs = time.time_ns,
    marks: MarkRules = NO_MARKS,
    including_unique: int | None = None,
) -> None:
    """Delete what runs, given with their bases, quarantined this long ago; with 0 all of it.

    Only items whose other copy still exists are deleted, and none that is missing from a place that
    the user marked; with ``including_unique``, also what copies of trees contain that is kept
    nowhere else, if that is so many files and links. ``ended`` is called with the outcome of each
    run, also after Ctrl-C; a failing run does not stop the others. Raises Refused for another
    number, and if none of them could be begun because another run holds a lock or a drive cannot be
    written to.
    """
    purging = _Purging(PathResolver(roots), witness, older_than_ns, progress, now, marks)
    if including_unique is not None:
        purging.allow_unique(runs, including_unique)
    refusals: list[tuple[RefusedForSafety, RunOutcome]] = []
    begun = False
    for base, name in runs:
        outcome = RunOutcome(name)
        try:
            with locked_roots(_concerned(base, name, purging.places)):
                begun = True
                outcome.recovered = finish_interrupted_runs(base, now)
                with open_run(base, name) as run:
                    purging.purge(run, outcome)
        except RefusedForSafety as refused:
            outcome.failed.append(StepProblem(run_folder(base, name), refused.message))
            refusals.append((refused, outcome))
            continue
        except UntrustedInput as error:
            outcome.failed.append(StepProblem(run_folder(base, name), error.message))
        except OSError as error:
            outcome.failed.append(StepProblem(run_folder(base, name), os_error_text(error)))
        except KeyboardInterrupt:
            ended(outcome)
            raise
        ended(outcome)
    for refusal, outcome in refusals:
        if not begun:
            raise refusal
        ended(outcome)


@dataclass(slots=True)
class _Purging:
    """Deletes what runs quarantined; the caller holds the locks."""

    places: PathResolver
    witness: TreeComparer
    older_than_ns: int
    progress: Progress
    now: NowNs
    marks: MarkRules
    unique: int = 0
    """Files and links that may still be deleted although they are kept nowhere else."""
    gone: RemovedFiles = field(default_factory=RemovedFiles)

    def allow_unique(self, runs: Iterable[tuple[bytes, str]], number: int) -> None:
        """Allow to delete what is kept nowhere else, if it is so much. Raises RefusedForSafety."""
        found = 0
        for base, name in runs:
            with locked_roots([base]), open_run(base, name) as run:
                found += self._unique(run)
        if found != number:
            raise RefusedForSafety(
                f"The run has {found:,} files that are kept nowhere else, not {number:,}.",
                "Nothing was deleted.",
            )
        self.unique = number

    def _unique(self, run: Quarantine) -> int:
        """Return how many files and links of copies of trees are kept nowhere else."""
        members = (each for each in run.journal.recorded.held() if each.is_member)
        old = (each for each in members if self._is_old(run, each))
        witness = self._comparer(run)
        try:
            return sum(unique_files(run, each, self.places, witness) for each in old)
        except ContentDiffers as error:
            message = f"Comparing {path_text(error.path)} failed: it {error.cause}."
            raise RefusedForSafety(message, "Nothing was deleted.") from error

    def _comparer(self, run: Quarantine) -> TreeComparer:
        return replace(self.witness, noise=run.journal.recorded.noise & self.witness.noise)

    def _is_old(self, run: Quarantine, record: StepRecord) -> bool:
        age = run_age_ns(run.journal.recorded, self.now(), record)
        return not self.older_than_ns or (age is not None and age >= self.older_than_ns)

    def purge(self, run: Quarantine, outcome: RunOutcome) -> None:
        """Delete what one run quarantined in one base. Raises OSError."""
        witness = self._comparer(run)
        before = run.journal.bytes_on_disk
        for record in run.journal.recorded.held():
            is_old = self._is_old(run, record)
            marked = _marked_place(run.base, record, self.marks) if is_old else None
            if marked is not None:
                outcome.skipped.append(marked)
            elif is_old and record.is_empty_folder:
                _purge_empty(run, record, self.now, outcome)
            elif is_old and not record.emptied:
                self._purge_one(run, record, witness, outcome)
                self.progress.advance(record.files, 0)
        outcome.skipped += purge_folders(run, self.now)
        outcome.take_for_journal(run.journal.bytes_on_disk - before)

    def _purge_one(
        self, run: Quarantine, record: StepRecord, witness: TreeComparer, outcome: RunOutcome
    ) -> None:
        purged = purge_step(run, record, self.places, witness, self.now, self.gone, self.unique)
        outcome.add_freed(purged.freed.freed, purged.freed.unknown)
        self.unique -= purged.unique
        if purged.proof is not None:
            outcome.proofs.append(purged.proof)
        if purged.problem is None:
            outcome.done.append(_step(run.base, record))
            return
        outcome.skipped.append(purged.problem)
        if record.is_member:
            with suppress(ContentDiffers, OSError):  # the problem says what is wrong
                outcome.unique += unique_files(run, record, self.places, witness)


def _concerned(base: bytes, run: str, places: PathResolver) -> set[bytes]:
    """Return the roots in which emptying a run's quarantine acts, or on which it relies.

    Raises UntrustedInput, OSError.
    """
    paths = [base]
    for record in read_run(base, run).held():
        paths += [move.keep.at(base) for move in record.moves]
        paths += [keep.at(base) for _, keep in record.nested]
    found = {root.path for path in paths if (root := innermost(path, places.roots)) is not None}
    return {base, *found}  # may be around the roots: it was one itself before


def _marked_place(base: bytes, record: StepRecord, marks: MarkRules) -> StepProblem | None:
    """Return why an item stays: it is missing from a place that was marked in the meantime."""
    for move in record.moves:
        path = join(base, move.path)
        refusal = marks.refusal(path, None)
        if refusal is not None and not os.path.lexists(path):
            return StepProblem(path, f"{refusal.cause}: put it back, or clear the mark")
    return None


def _purge_empty(run: Quarantine, record: StepRecord, now: NowNs, outcome: RunOutcome) -> None:
    problem = purge_empty_folder(run, record, now)
    if problem is not None:
        outcome.skipped.append(problem)
    else:
        outcome.done.append(_step(run.base, record))


def _step(base: bytes, record: StepRecord) -> PlanStep:
    path = base.rstrip(b"/") + b"/" + record.moves[0].path
    if record.is_empty_folder:
        return PlanStep(record.step, EMPTY, path, b"", 0, 0)
    keep = record.moves[0].keep.at(base)
    kept_in = record.kept_places(base)
    return PlanStep(
        record.step, record.kind, path, keep, record.files, record.size, kept_in=kept_in
    )
