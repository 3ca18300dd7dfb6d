"""Review a plan: answer its steps; each answer is kept beside the plan as soon as it is given."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from gorillacomb.api.dedupe.answered_plan import (
    DECIDED,
    AnswerCounts,
    count_answers,
    stale_answers,
)
from gorillacomb.api.dedupe.differences import change_since_plan
from gorillacomb.api.dedupe.pairs import FolderPair, FolderPairs, pairs_of_plan, single_steps
from gorillacomb.api.dedupe.plan import DedupePlan, read_plan
from gorillacomb.api.dedupe.review_marks import ReviewMark, ReviewMarks
from gorillacomb.api.dedupe.review_swaps import impossible, swap_answers
from gorillacomb.api.lookup import noise_names
from gorillacomb.api.paths import PathInput
from gorillacomb.dedupe.model import EMPTY, PlanStep, StepProblem
from gorillacomb.dedupe.review.answers import AnswerLog, AnswerWriter, ReviewAnswer
from gorillacomb.dedupe.review.resolve import AnsweredSteps, answered_steps, swap_copies
from gorillacomb.errors import UsageError
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import is_below, path_and_parents, printable_path
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.marks.rules import MarkKind
from gorillacomb.stamping.mark_index import marks_in
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault

__all__ = [
    "AnswerCounts",
    "AnswerScope",
    "MarksAfter",
    "PlanReview",
    "ReviewAnswer",
    "open_review",
]

_MARKING = (ReviewAnswer.KEEP, ReviewAnswer.INTENDED)


@dataclass(frozen=True, slots=True)
class AnswerScope:
    """What an answer would be about."""

    steps: int
    files: int
    size: int
    """Bytes on disk of those files."""
    others: int
    """How many of the steps belong to other questions: a mark is about them, too."""
    changed: int
    """Earlier answers that would change: to other questions, or to a part of one."""


@dataclass(frozen=True, slots=True)
class MarksAfter:
    """What became of marks of this review when an answer replaced the one that had made them."""

    cleared: tuple[bytes, ...] = ()
    still: tuple[bytes, ...] = ()
    """Paths that are still marked, because other steps have that answer."""


@dataclass(slots=True)
class PlanReview:
    """A review that is going on: what is asked about, and the answers so far."""

    plan: DedupePlan
    steps: tuple[PlanStep, ...]
    """Those of the plan that still fit what is on disk: the others are not asked about."""
    pairs: FolderPairs
    """The same steps."""
    units: tuple[FolderPair, ...]
    """What is asked about at once, the largest first: those pairs, or single steps."""
    stale: tuple[StepProblem, ...]
    """Steps that are not asked about, and answers that do not count, because something changed."""
    _vault: Vault
    _writer: AnswerWriter
    _marks: ReviewMarks
    _resolved: AnsweredSteps | None = None
    """What the answers so far remove; it takes a while for a large plan."""
    _skipped: set[str] = field(default_factory=set)
    """Ids of steps that were skipped since it was opened: earlier ones are asked about again."""

    @classmethod
    def of(cls, vault: Vault, plan: DedupePlan) -> PlanReview:
        """Return the review of all steps of a plan, not grouped yet; it is still closed."""
        assert plan.file is not None, "it was read from there"
        writer = AnswerWriter.of(plan.file, plan.contents)
        nothing = FolderPairs.of(())
        return cls(plan, tuple(plan.steps), nothing, (), (), vault, writer, ReviewMarks(vault))

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Let answers be given, with what others answered since it was closed.

        Raises UntrustedInput, RefusedForSafety if another review of the plan is open.
        """
        before = self.log
        self._writer.reopen()
        try:
            self._take_log(before)
            yield
        finally:
            self._writer.close()

    def read_again(self) -> None:
        """Read what others answered since it was closed. Raises as `opened`."""
        before = self.log
        self._writer.read()
        self._take_log(before)

    def _take_log(self, before: AnswerLog) -> None:
        if self.log is not before:
            self._resolved = None
            self.stale = tuple(stale_answers(self.log.stale, self.plan.steps))

    @property
    def path(self) -> Path:
        """The file with the answers."""
        return self._writer.path

    @property
    def is_begun(self) -> bool:
        """Whether answers were given, though they may all be taken back; only while closed."""
        return self._writer.is_begun

    @property
    def log(self) -> AnswerLog:
        """The answers so far."""
        return self._writer.log

    @property
    def torn(self) -> bool:
        """Whether the last answer had not been written to its end, and was ignored."""
        return self.log.torn

    def answer(self, unit: FolderPair) -> ReviewAnswer | None:
        """Return what was said about all steps of a unit; None if they differ or are open."""
        found = {self.log.answer(step) for step in unit.steps}
        if found == {ReviewAnswer.SWAP, ReviewAnswer.NO} and len(found) > 1:
            return ReviewAnswer.SWAP  # of several files with the same copy, one swap removes that
        return found.pop() if len(found) == 1 else None

    def is_decided(self, unit: FolderPair) -> bool:
        """Return whether all steps of a unit were answered, and not skipped."""
        return all(self.log.answer(step) in DECIDED for step in unit.steps)

    def is_seen(self, unit: FolderPair) -> bool:
        """Return whether all steps of a unit were answered or skipped."""
        return all(self.log.answer(step) is not None for step in unit.steps)

    def was_skipped_before(self, unit: FolderPair) -> bool:
        """Return whether a unit was skipped, but not since the review was opened."""
        is_skipped = self.is_seen(unit) and not self.is_decided(unit)
        return is_skipped and all(step.id not in self._skipped for step in unit.steps)

    @property
    def counts(self) -> AnswerCounts:
        """How many of the steps that are asked about were answered how."""
        return count_answers(self.steps, self.answered(), self.log.answers())

    def counts_of(self, unit: FolderPair) -> AnswerCounts:
        """Return how many steps of a unit were answered how."""
        return count_answers(unit.steps, self.answered(), self.log.answers())

    def undecided(self, unit: FolderPair) -> FolderPair:
        """Return a unit with only those of its steps that are not decided."""
        log = self.log
        return replace(
            unit, steps=tuple(step for step in unit.steps if log.answer(step) not in DECIDED)
        )

    def swapped_pairs(self, unit: FolderPair) -> FolderPairs | None:
        """Return what is removed instead of a unit that was answered with swap; None for others."""
        if self.answer(unit) is not ReviewAnswer.SWAP:
            return None
        log = self.log
        swaps = (step for step in unit.steps if log.answer(step) is ReviewAnswer.SWAP)
        return FolderPairs.of(map(swap_copies, swaps))

    def meant(self, unit: FolderPair, answer: ReviewAnswer) -> ReviewAnswer:
        """Return the answer to a unit that is shown as it was answered: perhaps already swapped."""
        if self.answer(unit) is not ReviewAnswer.SWAP:
            return answer
        other = {ReviewAnswer.SWAP: ReviewAnswer.YES, ReviewAnswer.YES: ReviewAnswer.SWAP}
        return other.get(answer, answer)

    def scope(self, units: Iterable[FolderPair], answer: ReviewAnswer) -> AnswerScope:
        """Return what an answer would be about. Raises UsageError if it is not possible."""
        units = list(units)
        given, _ = self._prepared(units, answer)
        if answer is ReviewAnswer.SWAP:
            self._refuse_conflicts(given)
        steps = [step for step in self.steps if step.id in given]
        own = {step.id: unit for unit in units for step in unit.steps}
        uniform = {id(unit) for unit in units if self.answer(unit) is not None}
        changed = sum(
            self._changes(step, given[step.id])
            for step in steps
            if step.id not in own or id(own[step.id]) not in uniform
        )
        files, size = sum(step.files for step in steps), sum(step.size for step in steps)
        others = sum(step.id not in own for step in steps)
        return AnswerScope(len(steps), files, size, others, changed)

    def give(self, units: Iterable[FolderPair], answer: ReviewAnswer) -> MarksAfter:
        """Answer some units; it is on the disk when this returns.

        Raises UsageError if the answer is not possible, with the reason; then nothing is answered.
        """
        given, marks = self._prepared(list(units), answer)
        replaced = self.log.marking(given) if answer is ReviewAnswer.NO else []
        resolved = self._refuse_conflicts(given)
        self._write(given, self._marks.make(marks))
        self._resolved = resolved
        if answer is ReviewAnswer.SKIP:
            self._skipped.update(given)
        whole = [each for each in replaced if each.steps <= given.keys()]
        cleared = self._marks.clear(path for each in whole for path in each.marked)
        still = [path for each in replaced for path in each.marked if path not in cleared]
        return MarksAfter(tuple(cleared), tuple(still))

    def undo(self) -> tuple[PlanStep, ...]:
        """Take back the last answer, with its marks; return the steps that it was about.

        Marks that this answer cleared are made again. Raises GorillaCombError.
        """
        try:
            lines = self._writer.undo(time.time_ns())
        except OSError as error:
            raise self._not_written(error) from error
        self._resolved = None
        self._marks.clear(path for line in lines for path in line.marked)
        taken = {line.step for line in lines}
        self._skipped -= taken
        for each in self.log.marking(taken):
            if each.steps <= taken:
                self._marks.make_again(each.answer, each.marked)
        return tuple(step for step in self.plan.steps if step.id in taken)

    def single(self, unit: FolderPair) -> tuple[FolderPair, ...]:
        """Return the steps of a unit as units of their own."""
        return single_steps(unit.steps)

    def _prepared(
        self, units: Sequence[FolderPair], answer: ReviewAnswer
    ) -> tuple[dict[str, ReviewAnswer], list[ReviewMark]]:
        """Return the answer of each step, and the marks to make. Raises UsageError."""
        log = self.log
        marks: list[ReviewMark] = []
        if answer is ReviewAnswer.SWAP:
            steps = (step for unit in units for step in unit.steps)
            given = swap_answers(self._vault, self.plan.contents, steps)
        else:
            given = {step.id: answer for unit in units for step in unit.steps}
        if answer is ReviewAnswer.YES:
            self._refuse_marked(units)
        elif answer is ReviewAnswer.KEEP:
            pairs = [pair for unit in units for pair in self.swapped_pairs(unit) or (unit,)]
            marks = [ReviewMark(MarkKind.KEEP, tuple(_to_remove(pairs)))]
        elif answer is ReviewAnswer.INTENDED:
            marks = [ReviewMark(MarkKind.INTENDED, pair) for pair in _pairs(units)]
        elif answer is ReviewAnswer.SKIP:
            mixed = [unit for unit in units if self.answer(unit) is None]
            for step in (step for unit in mixed for step in unit.steps):
                if log.answer(step) in DECIDED:
                    del given[step.id]  # what was said about a part stays
        return given | self._about({path for each in marks for path in each.paths}, answer), marks

    def _changes(self, step: PlanStep, answer: ReviewAnswer) -> bool:
        """Return whether an answer says something else than an earlier one to the same step."""
        before = self.log.answer(step)
        if before is ReviewAnswer.NO and answer in _MARKING:
            return False  # both copies are kept anyway
        return before in DECIDED and before is not answer

    def _write(self, given: Mapping[str, ReviewAnswer], marked: Sequence[bytes]) -> None:
        try:
            self._writer.give(given, time.time_ns(), marked)
        except BaseException as error:
            self._marks.clear(marked)
            if isinstance(error, OSError):
                raise self._not_written(error) from error
            raise

    def _not_written(self, error: OSError) -> UsageError:
        return UsageError(
            f"Writing the answer to {self.path} failed: {os_error_text(error)}.",
            "Nothing was answered.",
        )

    def answered(self) -> AnsweredSteps:
        """Return what is removed according to the answers so far."""
        if self._resolved is None:
            self._resolved = answered_steps(self.plan.steps, self.log.answers())
        return self._resolved

    def _refuse_conflicts(self, given: Mapping[str, ReviewAnswer]) -> AnsweredSteps:
        """Return what is removed according to more answers.

        Raises UsageError if that would leave something without a kept copy.
        """
        before = self.answered().dropped
        after = answered_steps(self.plan.steps, {**self.log.answers(), **given})
        new = [problem for step, problem in after.dropped.items() if step not in before]
        if new:
            raise impossible(new[0])
        return after

    def _refuse_marked(self, units: Iterable[FolderPair]) -> None:
        """Raise UsageError if the user's marks keep something that is to be removed."""
        with Index.read(self._vault) as index, translate_errors(self._vault):
            marks = marks_in(index)
        for step in (step for unit in units for step in unit.steps):
            for pair in (*step.pairs, *step.nested):
                refusal = marks.refusal(pair.path, pair.keep)
                if refusal is not None:
                    raise UsageError(
                        f"{printable_path(pair.path)} {refusal.cause}.",
                        "Answer no to take back a mark that this review made; clear others with"
                        " `gorillacomb mark clear`.",
                    )

    def _about(self, marked: Set[bytes], answer: ReviewAnswer) -> dict[str, ReviewAnswer]:
        """Return an answer to all steps that would remove something that is to be marked."""
        if not marked:
            return {}
        around = {each for path in marked for each in path_and_parents(path)}
        answers = self.log.answers()
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
            # A folder around both never is a copy of the one in it.
            inside = is_below(unit.path, unit.keep)
            yield unit.path, unit.kept_in[0].path if inside else unit.keep
        else:
            cause = "has its copies in several places: answer its steps one by one"
            raise impossible(StepProblem(unit.path, cause))


@contextmanager
def open_review(vault: Vault, file: PathInput, *, single: bool = False) -> Iterator[PlanReview]:
    """Open the review of a plan where it was left; ``single`` asks about one step at a time.

    Raises UntrustedInput for the plan or the answers beside it, RefusedForSafety if another review
    of it is open, UsageError if there is nothing to decide.
    """
    plan = read_plan(file)
    if plan.steps and all(step.kind == EMPTY for step in plan.steps):
        raise UsageError(
            "This plan only removes empty folders: there are no copies to choose from.",
            "--apply removes them, --undo puts them back; --protect leaves some out.",
        )
    review = PlanReview.of(vault, plan)
    with review.opened():
        current = []
        noise = noise_names(load_settings())
        for step in review.plan.steps:
            changed = change_since_plan(step, noise)
            if changed is None:
                current.append(step)
            else:
                review.stale += (changed,)
        review.steps = tuple(current)
        review.pairs = pairs_of_plan(review.plan, current)
        review.units = single_steps(current) if single else review.pairs.pairs
        yield review
