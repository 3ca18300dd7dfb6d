"""Review a plan: the answers to its steps are kept beside it, and decide what applying it does."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from gorillacomb.api.dedupe.differences import change_since_plan, folder_differences
from gorillacomb.api.dedupe.marks import clear_marks, mark_paths
from gorillacomb.api.dedupe.pairs import FolderPair, FolderPairs, KeptPlace, pairs_of_plan
from gorillacomb.api.dedupe.plan import DedupePlan, read_plan
from gorillacomb.api.dedupe.runs import policy_for, tree_comparer
from gorillacomb.api.lookup import noise_names
from gorillacomb.api.paths import PathInput
from gorillacomb.dedupe.apply.path_resolver import PathResolver
from gorillacomb.dedupe.apply.preflight import StepPreflight
from gorillacomb.dedupe.model import EMPTY, PlanStep, StepProblem
from gorillacomb.dedupe.review.answers import AnswerWriter, ReviewAnswer, answers_path, read_answers
from gorillacomb.dedupe.review.resolve import (
    AnsweredSteps,
    answered_steps,
    swap_copies,
    swap_refusal,
)
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.errors import UsageError
from gorillacomb.fs.bounded_read import is_standard_input
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import path_and_parents, printable_path
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.marks.rules import MarkKind
from gorillacomb.progress import NullProgress
from gorillacomb.stamping.mark_index import marks_in
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault

__all__ = [
    "AnswerCounts",
    "AnsweredPlan",
    "PlanReview",
    "ReviewAnswer",
    "open_review",
    "read_answered_plan",
]

_DECIDED = (
    ReviewAnswer.YES,
    ReviewAnswer.SWAP,
    ReviewAnswer.NO,
    ReviewAnswer.KEEP,
    ReviewAnswer.INTENDED,
)
_Mark = tuple[MarkKind, list[bytes]]
"""A mark, and the paths that get it together."""


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """How many steps of a plan were answered how."""

    yes: int
    swapped: int
    no: int
    """Both copies are kept, also for those that were marked."""
    open: int
    """Not answered, or skipped."""
    files: int
    """Files that are removed according to the answers."""
    size: int
    """Bytes on disk of those."""


@dataclass(frozen=True, slots=True)
class AnsweredPlan:
    """A plan together with the answers beside it."""

    plan: DedupePlan
    """What is removed according to the answers; the plan itself if there are none."""
    answers: Path | None
    """The file with the answers; None if there are none."""
    counts: AnswerCounts | None
    stale: tuple[StepProblem, ...]
    """Answers that do not count: the plan is no longer what it was, or a copy would be lost."""
    torn: bool
    """Whether the last answer was not written to its end, and is ignored."""


def read_answered_plan(path: PathInput) -> AnsweredPlan:
    """Read a plan, and the answers beside it, which decide what of it is done.

    Raises UntrustedInput for either file, RefusedForSafety while a review has the answers open.
    """
    plan = read_plan(path)
    if plan.file is None or is_standard_input(plan.file):
        return AnsweredPlan(plan, None, None, (), False)
    log = read_answers(plan.file, plan.contents)
    if log is None:
        return AnsweredPlan(plan, None, None, (), False)
    found = answered_steps(plan.steps, log.answers())
    stale = [*found.dropped.values(), *_stale_answers(log.stale, plan.steps)]
    counts = _counted(plan.steps, found.steps, log.answers())
    made = replace(plan, contents=replace(plan.contents, steps=found.steps))
    return AnsweredPlan(made, answers_path(plan.file), counts, tuple(stale), log.torn)


def _stale_answers(stale: Mapping[str, str], steps: Sequence[PlanStep]) -> Iterator[StepProblem]:
    paths = {step.id: step.path for step in steps}
    for number, cause in stale.items():
        yield StepProblem(paths.get(number, os.fsencode(number)), f"step {number} {cause}")


def _counted(
    steps: Sequence[PlanStep], done: Iterable[PlanStep], answers: Mapping[str, ReviewAnswer]
) -> AnswerCounts:
    given = Counter(answers.get(step.id) for step in steps)
    done = list(done)
    no = sum(given[each] for each in (ReviewAnswer.NO, ReviewAnswer.KEEP, ReviewAnswer.INTENDED))
    undecided = len(steps) - sum(given[each] for each in _DECIDED)
    return AnswerCounts(
        given[ReviewAnswer.YES],
        given[ReviewAnswer.SWAP],
        no,
        undecided,
        sum(step.files for step in done),
        sum(step.size for step in done),
    )


@dataclass(slots=True)
class PlanReview:
    """A review that is going on: what is asked about, and the answers so far."""

    plan: DedupePlan
    pairs: FolderPairs
    """Its steps that still fit what is on disk."""
    units: tuple[FolderPair, ...]
    """What is asked about at once, the largest first: those pairs, or single steps."""
    stale: tuple[StepProblem, ...]
    """Steps that are not asked about, and answers that do not count, because something changed."""
    _vault: Vault
    _writer: AnswerWriter
    _resolved: AnsweredSteps | None = None
    """What the answers so far remove; it takes a while for a large plan."""
    _skipped: set[str] = field(default_factory=set)
    """Ids of steps that were skipped since it was opened: earlier ones are asked about again."""

    @property
    def path(self) -> Path:
        """The file with the answers."""
        return self._writer.path

    @property
    def torn(self) -> bool:
        """Whether the last answer had not been written to its end, and was ignored."""
        return self._writer.log.torn

    def answer(self, unit: FolderPair) -> ReviewAnswer | None:
        """Return what was said about all steps of a unit; None if they differ or are open."""
        found = {self._writer.log.answer(step) for step in unit.steps}
        if found == {ReviewAnswer.SWAP, ReviewAnswer.NO} and len(found) > 1:
            return ReviewAnswer.SWAP  # of several files with the same copy, one swap removes that
        return found.pop() if len(found) == 1 else None

    def is_decided(self, unit: FolderPair) -> bool:
        """Return whether all steps of a unit were answered, and not skipped."""
        return all(self._writer.log.answer(step) in _DECIDED for step in unit.steps)

    def is_seen(self, unit: FolderPair) -> bool:
        """Return whether all steps of a unit were answered or skipped."""
        return all(self._writer.log.answer(step) is not None for step in unit.steps)

    def was_skipped_before(self, unit: FolderPair) -> bool:
        """Return whether a unit was skipped, but not since the review was opened."""
        is_skipped = self.is_seen(unit) and not self.is_decided(unit)
        return is_skipped and all(step.id not in self._skipped for step in unit.steps)

    @property
    def counts(self) -> AnswerCounts:
        """How many steps were answered how."""
        return _counted(self.plan.steps, self._answered().steps, self._writer.log.answers())

    def give(self, units: Iterable[FolderPair], answer: ReviewAnswer) -> None:
        """Answer some units; it is on the disk when this returns.

        Raises UsageError if the answer is not possible, with the reason; then nothing is answered.
        """
        units = list(units)
        marks: list[_Mark] = []
        if answer is ReviewAnswer.SWAP:
            given = self._swapped(units)
        else:
            given = {step.id: answer for unit in units for step in unit.steps}
        if answer is ReviewAnswer.YES:
            self._refuse_marked(units)
        elif answer is ReviewAnswer.KEEP:
            marks = [(MarkKind.KEEP, list(_to_remove(units)))]
        elif answer is ReviewAnswer.INTENDED:
            marks = [(MarkKind.INTENDED, list(pair)) for pair in _pairs(units)]
        given |= self._about({path for _, paths in marks for path in paths}, answer)
        resolved = self._refuse_conflicts(given)
        self._write(given, self._mark(marks))
        self._resolved = resolved
        if answer is ReviewAnswer.SKIP:
            self._skipped.update(given)

    def undo(self) -> tuple[PlanStep, ...]:
        """Take back the last answer, with its marks; return the steps that it was about."""
        try:
            lines = self._writer.undo(time.time_ns())
        except OSError as error:
            raise self._not_written(error) from error
        self._resolved = None
        self._clear(path for line in lines for path in line.marked)
        taken = {line.step for line in lines}
        self._skipped -= taken
        return tuple(step for step in self.plan.steps if step.id in taken)

    def single(self, unit: FolderPair) -> tuple[FolderPair, ...]:
        """Return the steps of a unit as units of their own."""
        return _single(unit.steps)

    def _write(self, given: Mapping[str, ReviewAnswer], marked: Sequence[bytes]) -> None:
        try:
            self._writer.give(given, time.time_ns(), marked)
        except OSError as error:
            self._clear(marked)
            raise self._not_written(error) from error

    def _mark(self, marks: Iterable[_Mark]) -> list[bytes]:
        """Mark paths, all or none; return them. Raises GorillaCombError."""
        made: list[bytes] = []
        for kind, paths in marks:
            try:
                mark_paths(self._vault, kind, paths)
            except BaseException:
                self._clear(made)
                raise
            made += paths
        return made

    def _clear(self, marked: Iterable[bytes]) -> None:
        for path in marked:
            with suppress(UsageError):  # cleared since
                clear_marks(self._vault, [path])

    def _not_written(self, error: OSError) -> UsageError:
        return UsageError(
            f"Writing the answer to {self.path} failed: {os_error_text(error)}.",
            "Nothing was answered.",
        )

    def _answered(self) -> AnsweredSteps:
        """Return what is removed according to the answers so far."""
        if self._resolved is None:
            self._resolved = answered_steps(self.plan.steps, self._writer.log.answers())
        return self._resolved

    def _refuse_conflicts(self, given: Mapping[str, ReviewAnswer]) -> AnsweredSteps:
        """Return what is removed according to more answers.

        Raises UsageError if that would leave something without a kept copy.
        """
        before = self._answered().dropped
        after = answered_steps(self.plan.steps, {**self._writer.log.answers(), **given})
        new = [problem for step, problem in after.dropped.items() if step not in before]
        if new:
            raise _impossible(new[0])
        return after

    def _refuse_marked(self, units: Iterable[FolderPair]) -> None:
        """Raise UsageError if the user's marks keep something that is to be removed."""
        with Index.read(self._vault) as index, translate_errors(self._vault):
            marks = marks_in(index)
        for step in (step for unit in units for step in unit.steps):
            for pair in (*step.pairs, *step.nested):
                refusal = marks.refusal(pair.path, pair.keep)
                if refusal is not None:
                    raise _impossible(StepProblem(pair.path, refusal.cause))

    def _swapped(self, units: Iterable[FolderPair]) -> dict[str, ReviewAnswer]:
        """Return the answers that remove the kept copies of some units instead."""
        given: dict[str, ReviewAnswer] = {}
        gone: set[bytes] = set()
        swaps = []
        for step in (step for unit in units for step in unit.steps):
            cause = swap_refusal(step)
            if cause is None and step.kind == "folder" and folder_differences(step).only_kept:
                cause = "has files that the copy to keep would lack"
                raise _impossible(StepProblem(step.keep, cause))
            if cause is not None:
                raise _impossible(StepProblem(step.path, cause))
            given[step.id] = ReviewAnswer.NO if step.keep in gone else ReviewAnswer.SWAP
            if step.keep not in gone:
                swaps.append(swap_copies(step))
            gone.add(step.keep)
        refusal = self._refusal_by_rules(swaps)
        if refusal is not None:
            raise _impossible(refusal)
        return given

    def _refusal_by_rules(self, steps: Sequence[PlanStep]) -> StepProblem | None:
        """Return why applying would skip one of some steps, by what exists on disk; else None."""
        contents = replace(self.plan.contents, steps=tuple(steps))
        with Index.read(self._vault) as index, translate_errors(self._vault):
            guard = policy_for(index, contents)
            places = PathResolver(live_roots_of(index), table=guard.companions)
            checks = StepPreflight(contents, places, guard, tree_comparer(NullProgress()))
            return next(filter(None, map(checks.refusal_by_rules, steps)), None)

    def _about(self, marked: Set[bytes], answer: ReviewAnswer) -> dict[str, ReviewAnswer]:
        """Return an answer to all steps that would remove something that is to be marked."""
        if not marked:
            return {}
        around = {each for path in marked for each in path_and_parents(path)}
        answers = self._writer.log.answers()
        found = {}
        for step in self.plan.steps:
            is_swapped = answers.get(step.id) is ReviewAnswer.SWAP
            paths = {step.keep} if is_swapped else {pair.path for pair in step.pairs}
            if any(
                path in around or not marked.isdisjoint(path_and_parents(path)) for path in paths
            ):
                found[step.id] = answer
        return found


def _to_remove(units: Iterable[FolderPair]) -> Iterator[bytes]:
    """Yield what some units would remove: their folders, or what is removed from those."""
    for unit in units:
        if len(unit.steps) > 1 and unit.path != unit.keep:
            yield unit.path
        else:
            yield from (step.path for step in unit.steps)


def _pairs(units: Iterable[FolderPair]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the two copies that each unit is about. Raises UsageError if there are more."""
    for unit in units:
        if len(unit.steps) == 1:
            yield unit.steps[0].path, unit.steps[0].keep
        elif unit.path != unit.keep and len(unit.kept_in) == 1:
            yield unit.path, unit.keep
        else:
            cause = "has its copies in several places: answer its steps one by one"
            raise _impossible(StepProblem(unit.path, cause))


def _impossible(problem: StepProblem) -> UsageError:
    return UsageError(f"{printable_path(problem.path)} {problem.cause}.", "Nothing was answered.")


@contextmanager
def open_review(vault: Vault, file: PathInput, *, single: bool = False) -> Iterator[PlanReview]:
    """Open the review of a plan where it was left; ``single`` asks about one step at a time.

    Raises UntrustedInput for the plan or the answers beside it, RefusedForSafety if another review
    of it is open, UsageError if there is nothing to decide.
    """
    plan = read_plan(file)
    assert plan.file is not None, "it was read from there"
    if plan.steps and all(step.kind == EMPTY for step in plan.steps):
        raise UsageError(
            "This plan only removes empty folders: there are no copies to choose from.",
            "--apply removes them, --undo puts them back; --protect leaves some out.",
        )
    writer = AnswerWriter.open(plan.file, plan.contents)
    try:
        stale = list(_stale_answers(writer.log.stale, plan.steps))
        current = []
        noise = noise_names(load_settings())
        for step in plan.steps:
            cause = change_since_plan(step, noise)
            if cause is None:
                current.append(step)
            else:
                stale.append(StepProblem(step.path, cause))
        pairs = pairs_of_plan(plan, current)
        units = _single(current) if single else pairs.pairs
        yield PlanReview(plan, pairs, units, tuple(stale), vault, writer)
    finally:
        writer.close()


def _single(steps: Iterable[PlanStep]) -> tuple[FolderPair, ...]:
    """Return steps as units of their own, the largest first."""
    found = [
        FolderPair(
            step.path, step.keep, (step,), step.kept_in or (KeptPlace(step.keep, step.files),)
        )
        for step in steps
    ]
    return tuple(sorted(found, key=lambda unit: (-unit.size, unit.path)))
