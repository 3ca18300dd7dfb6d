"""Make the copies that the steps of a plan rely on, and remove those that no step needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from gorillacomb.dedupe.apply.folder_times import FolderTimes
from gorillacomb.dedupe.apply.path_resolver import PathResolver
from gorillacomb.dedupe.apply.preflight import StepPreflight, StepSkipped
from gorillacomb.dedupe.compare.tree_compare import TreeComparer
from gorillacomb.dedupe.copies.run_copies import (
    Compare,
    Seen,
    make_copy,
    take_back_copy,
    with_time_after,
)
from gorillacomb.dedupe.model import CopyStep, PlanStep, RunOutcome, StepProblem
from gorillacomb.dedupe.quarantine.journal_entries import UNDOING, CopyRecord
from gorillacomb.dedupe.quarantine.run import Quarantine
from gorillacomb.fs.location import ContentDiffers, FileLocation, is_folder, list_names
from gorillacomb.fs.openat import OpenFolders, identity_of, os_error_text
from gorillacomb.fs.paths import is_below, relative_path
from gorillacomb.fs.volumes import COARSEST_GRAIN_NS


@dataclass(slots=True)
class PlanCopies:
    """The copies of one plan; the caller holds the locks."""

    copies: Sequence[CopyStep]
    steps: Sequence[PlanStep]
    checks: StepPreflight
    run_for: Callable[[bytes], Quarantine]
    """Returns the run in whose quarantine a path belongs. Raises OSError."""
    now: Callable[[], int]
    _made: list[tuple[Quarantine, CopyStep]] = field(default_factory=list)
    _failed: list[tuple[CopyStep, str]] = field(default_factory=list)

    def make(self, outcome: RunOutcome) -> None:
        """Make every copy that a step relies on; what fails is added to the outcome."""
        for copy in self.copies:
            is_made = os.path.lexists(copy.target)  # each step compares with what is there
            if is_made or not any(_relies_on(step, copy) for step in self.steps):
                continue
            try:
                source = self.checks.check_copy(copy)
                run = self.run_for(copy.target)
                self._made.append((run, copy))
                make_copy(run, copy, source, self.now, self.checks.witness.advance)
            except (StepSkipped, ContentDiffers) as skip:
                trouble = skip.trouble if isinstance(skip, StepSkipped) else _problem(skip)
                self._fail(copy, trouble, outcome.skipped)
            except OSError as error:
                trouble = StepProblem(copy.target, f"copying failed: {os_error_text(error)}")
                self._fail(copy, trouble, outcome.failed)
            else:
                outcome.copied.append(copy)

    def _fail(self, copy: CopyStep, trouble: StepProblem, to: list[StepProblem]) -> None:
        to.append(trouble)
        self._failed.append((copy, trouble.cause))

    def is_hindered(self, step: PlanStep, outcome: RunOutcome) -> bool:
        """Return whether a step relies on a copy that could not be made, and report it."""
        for copy, cause in self._failed:
            if _relies_on(step, copy):
                why = f"stays, because what only it contains could not be copied: {cause}"
                outcome.skipped.append(StepProblem(step.path, why))
                return True
        return False

    def take_back_unused(self, outcome: RunOutcome) -> None:
        """Remove the copies on which none of the steps that were done relies.

        Also one that was at its place already when something failed.
        """
        for run, copy in reversed(self._made):
            if any(_relies_on(step, copy) for step in outcome.done):
                continue
            if copy in outcome.copied:
                outcome.copied.remove(copy)
            for record in run.journal.recorded.copies_left():
                if record.step == copy.id:
                    places, witness = self.checks.places, self.checks.witness
                    cause = remove_copy(run, record, places, witness, self.now)
                    if cause is not None:
                        outcome.skipped.append(StepProblem(copy.target, f"stays: {cause}"))


def _relies_on(step: PlanStep, copy: CopyStep) -> bool:
    return any(is_below(each.keep, copy.target) for each in step.nested)


def _problem(different: ContentDiffers) -> StepProblem:
    return StepProblem(different.path, different.cause)


def remove_copy(
    run: Quarantine,
    record: CopyRecord,
    places: PathResolver,
    witness: TreeComparer,
    now: Callable[[], int],
    source: bytes | None = None,
) -> str | None:
    """Remove a copy whose original is at its place, as `take_back_copy` does; return why it stays.

    The folder in which it was created gets its time back.
    """
    record = with_time_after(run, record)
    made = record.created
    if record.state == UNDOING:  # a killed undo was the last to write there
        made = replace(made, parent_after_ns=None)
    times = FolderTimes(run, [made])
    moved = times.restore if record.is_brought else lambda: None
    compare = _comparer(run.base, places, witness)
    cause = take_back_copy(run, record, compare, now, moved, source)
    if cause is None:
        times.restore()
    return cause


def _comparer(base: bytes, places: PathResolver, witness: TreeComparer) -> Compare:
    """Return a function that compares a copy with its original, as `take_back_copy` needs it."""
    witness = replace(witness, carries_links=True)

    def compare(copy: FileLocation, original: bytes) -> Seen:
        source = places.location(original) or _in_base(base, original)
        if source is None:
            raise ContentDiffers(original, "is in no scanned folder that is there now")
        copy = places.with_file_system(copy)
        folders = OpenFolders(copy.root, copy.identity)
        try:
            names = list_names(folders, copy) if is_folder(folders, copy) else []
        finally:
            folders.close()
        return witness.compare(copy, source, {name: source.at(name) for name in names}).victim

    return compare


def _in_base(base: bytes, original: bytes) -> FileLocation | None:
    """Return where an original is if that is in the base of the run: it needs no vault."""
    if not is_below(original, base):
        return None
    identity = identity_of(os.stat(base))
    return FileLocation(base, identity, relative_path(original, base), COARSEST_GRAIN_NS)
