"""Read a plan together with the answers of a review beside it, which decide what of it is done."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gorillacomb.api.dedupe.plan import DedupePlan, read_plan
from gorillacomb.api.paths import PathInput
from gorillacomb.dedupe.model import PlanStep, StepProblem
from gorillacomb.dedupe.review.answers import (
    AnswerLog,
    ReviewAnswer,
    answers_path,
    read_answers,
)
from gorillacomb.dedupe.review.resolve import AnsweredSteps, answered_steps
from gorillacomb.fs.bounded_read import is_standard_input

__all__ = ["DECIDED", "AnswerCounts", "AnsweredPlan", "count_answers", "read_answered_plan"]

DECIDED = (
    ReviewAnswer.YES,
    ReviewAnswer.SWAP,
    ReviewAnswer.NO,
    ReviewAnswer.KEEP,
    ReviewAnswer.INTENDED,
)
"""Answers after which a step is not asked about again."""


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
    """The file with the answers, also if there are none in it; None for a plan that is read from
    standard input."""
    counts: AnswerCounts | None
    """None if there are no answers."""
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
    beside = answers_path(plan.file)
    log = read_answers(plan.file, plan.contents)
    if log is None:
        return AnsweredPlan(plan, beside, None, (), False)
    return with_answers(plan, beside, log, answered_steps(plan.steps, log.answers()))


def with_answers(
    plan: DedupePlan, beside: Path, log: AnswerLog, found: AnsweredSteps
) -> AnsweredPlan:
    """Return a plan together with its answers; ``found`` is what they come to."""
    stale = [*found.dropped.values(), *stale_answers(log.stale, plan.steps)]
    counts = count_answers(plan.steps, found, log.answers())
    made = replace(plan, contents=replace(plan.contents, steps=found.steps))
    return AnsweredPlan(made, beside, counts, tuple(stale), log.torn)


def stale_answers(stale: Mapping[str, str], steps: Sequence[PlanStep]) -> Iterator[StepProblem]:
    """Yield the answers that do not count, by the step they were about, and why."""
    paths = {step.id: step.path for step in steps}
    for number, cause in stale.items():
        yield StepProblem(paths.get(number, os.fsencode(number)), f"step {number} {cause}")


def count_answers(
    steps: Iterable[PlanStep], found: AnsweredSteps, answers: Mapping[str, ReviewAnswer]
) -> AnswerCounts:
    """Count the answers to some steps; ``found`` is what all answers to the plan come to.

    Answers that do not count, because a copy would be lost, are counted nowhere.
    """
    ids = [step.id for step in steps if step.id not in found.dropped]
    given = Counter(answers.get(number) for number in ids)
    no = sum(given[each] for each in (ReviewAnswer.NO, ReviewAnswer.KEEP, ReviewAnswer.INTENDED))
    done = [found.by_id[number] for number in ids if number in found.by_id]
    return AnswerCounts(
        given[ReviewAnswer.YES],
        given[ReviewAnswer.SWAP],
        no,
        len(ids) - sum(given[each] for each in DECIDED),
        sum(step.files for step in done),
        sum(step.size for step in done),
    )
