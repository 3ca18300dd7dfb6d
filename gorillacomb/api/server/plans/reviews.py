"""Plans that the server keeps, as people review them: what is asked, and the answers so far.

A plan never changes, so it is read and grouped once; of the answers, only what others wrote since.
One request at a time has a review, and between two of them a terminal may.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from gorillacomb.api.dedupe.answered_plan import AnswerCounts, AnsweredPlan, with_answers
from gorillacomb.api.dedupe.differences import change_since_plan
from gorillacomb.api.dedupe.pairs import (
    FolderPair,
    FolderPairs,
    is_named,
    pairs_of_plan,
    single_steps,
)
from gorillacomb.api.dedupe.plan import DedupePlan, PlanStep, read_plan
from gorillacomb.api.dedupe.review import PlanReview, ReviewAnswer
from gorillacomb.api.lookup import noise_names
from gorillacomb.api.server.plans.unit_facts import UnitFacts
from gorillacomb.dedupe.model import StepProblem
from gorillacomb.errors import RefusedForSafety, UsageError
from gorillacomb.hashing import blake3_of_short
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault

__all__ = ["ChangedSinceShown", "KeptReview", "LastAnswer", "UnitFacts", "reviewing"]

T = TypeVar("T")
_KEPT = 3
"""Plans that stay in memory."""
_MOST_TRIED = 50
"""Steps of a unit for which a page finds out if the other copies can leave instead."""
_lock = threading.RLock()
_reviews: dict[tuple[Path, int, int, int], KeptReview] = {}


class ChangedSinceShown(RefusedForSafety):
    """What a person acted on is not what was shown any longer; nothing was done."""


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """The last answer to a plan that was not taken back."""

    moment: str
    """When it was given, ns since the epoch: it tells one answer from another."""
    answer: ReviewAnswer
    step: PlanStep
    """The first that it is about."""
    steps: int


class Progressed(NamedTuple):
    """How far questions are answered."""

    total: int
    decided: int
    decided_size: int
    size: int
    """Bytes on disk of all of them."""


@dataclass
class KeptReview:
    """A plan that is kept, what is asked about it, and the answers so far."""

    review: PlanReview
    _changed: dict[str, StepProblem] = field(default_factory=dict)
    """By id: steps that were seen to fit no longer what is on disk."""
    _derived: dict[str, Any] = field(default_factory=dict)
    """What was worked out from the answers as they are, by name."""

    @property
    def plan(self) -> DedupePlan:
        """The plan, without answers."""
        return self.review.plan

    def answered(self) -> AnsweredPlan:
        """Return the plan according to its answers."""
        return self._once("answered", self._answered)

    def _answered(self) -> AnsweredPlan:
        review = self.review
        if not review.is_begun:
            return AnsweredPlan(self.plan, review.path, None, (), False)
        return with_answers(self.plan, review.path, review.log, review.answered())

    @property
    def counts(self) -> AnswerCounts:
        """How many steps were answered how."""
        return self._once("counts", lambda: self.review.counts)

    @property
    def answers(self) -> str:
        """What changes with each answer."""
        return self._once("answers", lambda: self.shown(self.plan.steps))

    @property
    def progress(self) -> Progressed:
        """How far the pairs of folders are answered."""
        return self._once("progress", lambda: self.progress_of(self.pairs.pairs))

    def progress_of(self, units: Sequence[FolderPair]) -> Progressed:
        """Return how far some units are answered."""
        decided = [unit.size for unit in units if self.is_decided(unit)]
        return Progressed(len(units), len(decided), sum(decided), sum(it.size for it in units))

    def _once(self, name: str, make: Callable[[], T]) -> T:
        """Return what follows from the answers as they are, worked out once."""
        if name not in self._derived:
            self._derived[name] = make()
        found: T = self._derived[name]
        return found

    @contextmanager
    def _opened(self) -> Iterator[None]:
        """Let answers be given; what follows from earlier ones is forgotten."""
        with self.review.opened():
            self._derived.clear()
            try:
                yield
            finally:
                self._derived.clear()

    def read_again(self) -> None:
        """Read what others answered since. Raises as `reviewing`."""
        before = self.review.log
        self.review.read_again()
        if self.review.log is not before:
            self._derived.clear()

    @cached_property
    def pairs(self) -> FolderPairs:
        """What is asked about at once, the largest first: pairs of folders."""
        return pairs_of_plan(self.plan)

    def units(self, inside: int | None = None) -> Sequence[FolderPair]:
        """Return what is asked about: pairs of folders, or the single steps of one of them.

        Raises UsageError if there is no such pair.
        """
        if inside is None:
            return self.pairs.pairs
        if inside >= len(self.pairs):
            raise UsageError("The plan has no such pair of folders.")
        return single_steps(self.pairs.pairs[inside].steps)

    def matching(self, units: Sequence[FolderPair], text: str) -> list[int]:
        """Return the positions of those whose paths, as shown, contain a text."""
        text = text.casefold()
        return [at for at, unit in enumerate(units) if not text or is_named(unit, text)]

    def is_decided(self, unit: FolderPair) -> bool:
        """Return whether a unit is answered, except for steps that fit no longer."""
        return self.review.is_decided(self._without_changed(unit))

    def facts(self, unit: FolderPair) -> list[UnitFacts]:
        """Return what a person has to know about a unit: of the other copies, if it is swapped."""
        swapped = self.review.swapped_pairs(unit)
        pairs = self.pairs if swapped is None else swapped
        copies = self.plan.contents.copies
        noise = noise_names(load_settings())
        return [UnitFacts.of(pairs, each, copies, noise) for each in swapped or (unit,)]

    def next_open(self, units: Sequence[FolderPair], shown: Sequence[int], at: int) -> int | None:
        """Return which unit is asked about after one: not answered yet, or else skipped.

        ``shown`` are the positions to choose from; None if nothing of them is left.
        """
        after = [each for each in shown if each > at]
        before = [each for each in shown if each < at]
        for each in (*after, *before):
            if not self.review.is_seen(self._without_changed(units[each])):
                return each
        return next((each for each in after if not self.is_decided(units[each])), None)

    def changes(self, unit: FolderPair) -> list[StepProblem]:
        """Return which steps of a unit no longer fit what is on disk, and why."""
        noise = noise_names(load_settings())
        for step in unit.steps:
            changed = change_since_plan(step, noise)
            if changed is not None:
                self._changed[step.id] = changed
                self._derived.pop("progress", None)
            elif self._changed.pop(step.id, None) is not None:
                self._derived.pop("progress", None)
        return [self._changed[step.id] for step in unit.steps if step.id in self._changed]

    def swap_refusal(self, unit: FolderPair) -> str:
        """Return why the other copy of a unit cannot leave instead; empty if it can.

        Empty also for a unit that is swapped, and for one of so many steps that to look takes long:
        then an answer says so.
        """
        current = self._without_changed(unit)
        is_swapped = self.review.answer(unit) is ReviewAnswer.SWAP
        if is_swapped or len(current.steps) > _MOST_TRIED:
            return ""
        try:
            self.review.scope([current], ReviewAnswer.SWAP)
        except UsageError as error:
            return error.message
        return ""

    def _without_changed(self, unit: FolderPair) -> FolderPair:
        if not self._changed:
            return unit
        return replace(
            unit, steps=tuple(step for step in unit.steps if step.id not in self._changed)
        )

    def shown(self, steps: Sequence[PlanStep]) -> str:
        """Return what changes with each answer to some steps."""
        said = [(step.id, self.review.log.answer(step)) for step in steps]
        return blake3_of_short(repr(said).encode()).hex()

    @property
    def last(self) -> LastAnswer | None:
        """The last answer that was not taken back."""
        lines = self.review.log.last()
        if not lines:
            return None
        [line, *_] = lines
        step = self.review.log.steps[line.step]
        return LastAnswer(str(line.time_ns), line.answer, step, len(lines))

    def give(self, unit: FolderPair, answer: ReviewAnswer, shown: str, sure: bool) -> int:
        """Answer a unit that was shown; return how many earlier answers that would change.

        If that is not 0 and the person is not ``sure``, nothing was answered. Raises UsageError if
        the answer is not possible, ChangedSinceShown if others answered in the meantime,
        RefusedForSafety for what only a terminal does.
        """
        self._refuse_empty()
        review = self.review
        with self._opened():
            if self.shown(unit.steps) != shown:
                if review.answer(unit) is answer:
                    return 0  # sent twice
                raise ChangedSinceShown(
                    "This was answered elsewhere since the page was shown: nothing was answered.",
                    "Look at it again.",
                )
            problems = self.changes(unit)
            current = self._without_changed(unit)
            if not current.steps:
                raise UsageError(
                    f"This no longer fits what is on disk: {problems[0].cause}.",
                    "Applying leaves it alone. Scan again, and make another plan.",
                )
            answer = review.meant(current, answer)
            self._refuse_marks([current], answer)
            changed = review.scope([current], answer).changed
            if sure or not changed:
                review.give([current], answer)
                return 0
            return changed

    def undecided(self, units: Sequence[FolderPair]) -> list[FolderPair]:
        """Return what is not decided of some units."""
        open_ones = (unit for unit in units if not self.is_decided(unit))
        return [self.review.undecided(self._without_changed(unit)) for unit in open_ones]

    def yes_to_all(self, units: Sequence[FolderPair], files: int, size: int) -> None:
        """Answer yes to what is not decided of some units, if it is as much as was shown.

        Raises as `give`.
        """
        self._refuse_empty()
        with self._opened():
            for unit in units:
                self.changes(unit)
            named = self.undecided(units)
            found = sum(unit.files for unit in named), sum(unit.size for unit in named)
            if found != (files, size):
                raise ChangedSinceShown(
                    f"These are {found[0]:,} files of {found[1]:,} bytes now, not {files:,} of"
                    f" {size:,}: nothing was answered.",
                    "Look at them again.",
                )
            self.review.give(named, ReviewAnswer.YES)

    def undo(self, moment: str) -> tuple[PlanStep, ...]:
        """Take back the last answer; return the steps that it was about. Raises as `give`."""
        with self._opened():
            last = self.last
            if last is None:
                raise UsageError("There is no answer to take back.")
            if last.moment != moment:
                raise ChangedSinceShown(
                    "Another answer is the last one by now: nothing was taken back.",
                    "Look at it again.",
                )
            if any(self.review.log.has_marked(line.step) for line in self.review.log.last()):
                raise _only_on_a_terminal(self.review.path)
            return self.review.undo()

    def answer_steps(self, answers: Sequence[tuple[str, ReviewAnswer]]) -> None:
        """Record answers to steps, one after the other. Raises as `give`."""
        self._refuse_empty()
        with self._opened():
            for name, answer in answers:
                step = self.review.log.steps.get(name)
                units = single_steps([] if step is None else [step])
                if step is None or self.changes(units[0]):
                    raise UsageError(
                        f"The plan has no step {name!r}, or it cannot be done any more."
                    )
                self._refuse_marks(units, answer)
                self.review.give(units, answer)

    def _refuse_empty(self) -> None:
        if self.plan.is_of_empty_folders:
            raise UsageError(
                "This plan only removes empty folders: there are no copies to choose from.",
                "Apply it as a whole; it can be undone.",
            )

    def _refuse_marks(self, units: Sequence[FolderPair], answer: ReviewAnswer) -> None:
        """Refuse an answer that would clear marks: the server never writes to the trace itself."""
        log = self.review.log
        if answer is ReviewAnswer.NO and any(
            log.has_marked(step.id) for unit in units for step in unit.steps
        ):
            raise _only_on_a_terminal(self.review.path)


def _only_on_a_terminal(answers: Path) -> RefusedForSafety:
    plan = answers.with_name(answers.name.replace(".answers", ""))
    return RefusedForSafety(
        "That answer was given on a terminal, together with marks: nothing was changed.",
        f"Take it back there: gorillacomb dedupe --review {plan}",
    )


@contextmanager
def reviewing(vault: Vault, file: Path) -> Iterator[KeptReview]:
    """Give one caller at a time a plan that is kept, with its answers as they are now.

    Raises UntrustedInput, OSError, RefusedForSafety while someone answers it on a terminal.
    """
    with _lock:
        facts = os.stat(file)
        key = (file, facts.st_ino, facts.st_size, facts.st_mtime_ns)
        kept = _reviews.pop(key, None) or KeptReview(PlanReview.of(vault, read_plan(file)))
        _reviews[key] = kept
        for old in list(_reviews)[:-_KEPT]:
            del _reviews[old]
        kept.read_again()
        yield kept
