"""Make the plan that follows from a plan and the answers to it.

Only what was answered with yes is removed, or with swap the other copy. A copy that others rely on
may be the one that a swap removes: then they rely on the copy that stays instead. An answer that
would leave a step without its kept copy does not count, so some copy of each content always stays.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gorillacomb.dedupe.model import EMPTY, KeptPlace, PlanStep, RemovalPair, StepProblem
from gorillacomb.dedupe.review.answers import ReviewAnswer
from gorillacomb.fs.paths import is_below, join, path_and_parents, path_text, relative_path

_SWAPPED = "-swap"
"""Added to the id of a step that removes the other copy."""


@dataclass(frozen=True, slots=True)
class AnsweredSteps:
    """What is removed according to some answers, and which answers do not count."""

    steps: tuple[PlanStep, ...]
    dropped: Mapping[str, StepProblem]
    """By the id of the step: the answers that would leave something without a kept copy."""
    by_id: Mapping[str, PlanStep]
    """The same steps, by the id that each has in the plan."""


def answered_steps(steps: Sequence[PlanStep], answers: Mapping[str, ReviewAnswer]) -> AnsweredSteps:
    """Return the steps to be done according to answers, by id."""
    agreed = {step.id: step for step in steps if answers.get(step.id) is ReviewAnswer.YES}
    dropped: dict[str, StepProblem] = {}
    swaps: dict[str, PlanStep] = {}
    for step in steps:
        if answers.get(step.id) is ReviewAnswer.SWAP:
            cause = swap_refusal(step) or _removed_twice(step, swaps.values())
            if cause is None:
                swaps[step.id] = swap_copies(step)
            else:
                dropped[step.id] = StepProblem(step.path, cause)
    while True:
        instead = {swap.path: swap.keep for swap in swaps.values()}
        found = {id: _relying_on(step, instead) for id, step in agreed.items()} | swaps
        wrong = _Removed(found, swaps).first_wrong()
        if wrong is None:
            break
        number, cause = wrong
        dropped[number] = StepProblem(found[number].path, cause)
        agreed.pop(number, None)
        swaps.pop(number, None)
    order = [step.id for step in steps]
    return AnsweredSteps(tuple(_numbered(order, found)), dropped, found)


def _numbered(order: Sequence[str], found: Mapping[str, PlanStep]) -> Iterable[PlanStep]:
    """Yield steps in the order of the plan, each with an id of its own."""
    known = set(order)
    for number in order:
        step = found.get(number)
        while step is not None and step.id != number and step.id in known:
            step = replace(step, id=step.id + _SWAPPED)
        if step is not None:
            yield step


def swap_copies(step: PlanStep) -> PlanStep:
    """Return the step that keeps the other copy, if `swap_refusal` allows it."""
    return replace(
        step, id=step.id + _SWAPPED, path=step.keep, keep=step.path, reasons=("you chose it",)
    )


def swap_refusal(step: PlanStep) -> str | None:
    """Return why the other copy of a step can never be removed instead; None if it may be."""
    if step.kind == EMPTY:
        return "is an empty folder, for which nothing is kept"
    if step.is_member:
        return "is one of several copies of a tree: make another plan with --collapse and --into"
    if step.nested or step.sidecars or step.kept_in:
        return "belongs together with others"
    if is_below(step.path, step.keep) or is_below(step.keep, step.path):
        return "is inside the other one, or contains it"
    return None


def _removed_twice(step: PlanStep, swaps: Iterable[PlanStep]) -> str | None:
    for other in swaps:
        if is_below(step.keep, other.path) or is_below(other.path, step.keep):
            return f"{path_text(other.path)} leaves already, for another copy"
    return None


def _relying_on(step: PlanStep, instead: Mapping[bytes, bytes]) -> PlanStep:
    """Return a step that relies on what swaps keep, where it relied on what they remove.

    ``instead`` has what is kept by what is removed.
    """

    def kept(path: bytes) -> bytes:
        around = next((each for each in path_and_parents(path) if each in instead), None)
        return path if around is None else join(instead[around], relative_path(path, around))

    def pairs(old: Iterable[RemovalPair]) -> tuple[RemovalPair, ...]:
        return tuple(RemovalPair(each.path, kept(each.keep)) for each in old)

    if not instead or all(kept(keep) == keep for keep in step.keeps):
        return step
    return replace(
        step,
        keep=kept(step.keep),
        nested=pairs(step.nested),
        sidecars=pairs(step.sidecars),
        kept_in=tuple(KeptPlace(kept(each.path), each.files) for each in step.kept_in),
    )


class _Removed:
    """What steps remove, by the ids that they have in the plan."""

    def __init__(self, steps: Mapping[str, PlanStep], swaps: Mapping[str, PlanStep]) -> None:
        self._steps = steps
        self._swaps = swaps
        pairs = [(pair.path, number) for number, step in steps.items() for pair in step.pairs]
        self._by_path = dict(pairs)
        counts = Counter(path for path, _ in pairs)
        self._twice = {path for path, count in counts.items() if count > 1}
        self._paths = sorted(self._by_path)
        self._swapped = sorted(step.path for step in swaps.values())

    def first_wrong(self) -> tuple[str, str] | None:
        """Return a step that may not be done beside the others, and why: a swap if one is to blame.

        A folder may be kept for another one although a part of it is removed, if the plan says so
        under ``nested``. A swap is never foreseen in the plan.
        """
        for number, step in self._steps.items():
            wrong = self._wrong(number, step)
            if wrong is not None:
                return wrong
        return None

    def _wrong(self, number: str, step: PlanStep) -> tuple[str, str] | None:
        for keep in step.keeps:
            other = self._around(keep)
            if other is not None and other in self._swaps:
                return other, f"is kept for {path_text(step.path)}"
            if other is not None:
                return number, f"relies on {path_text(keep)}, which leaves too"
            inside = _first_below(keep, self._swapped)
            if inside is not None:
                cause = f"is in {path_text(keep)}, which is kept for {path_text(step.path)}"
                return self._by_path[inside], cause
        if number in self._swaps:
            other = self._around(os.path.dirname(step.path))
            if other is not None or step.path in self._twice:
                return number, "leaves already"
            inside = _first_below(step.path, self._paths)
            if inside is not None:
                return number, f"contains {path_text(inside)}, which leaves too"
        return None

    def _around(self, path: bytes) -> str | None:
        """Return the step that removes a path or a folder around it."""
        found = next((at for at in path_and_parents(path) if at in self._by_path), None)
        return None if found is None else self._by_path[found]


def _first_below(path: bytes, paths: Sequence[bytes]) -> bytes | None:
    """Return the first of some sorted paths that is strictly below another one."""
    at = bisect_right(paths, join(path, b"\0"))
    return paths[at] if at < len(paths) and is_below(paths[at], path) else None
