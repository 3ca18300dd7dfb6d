"""Decide whether the other copies of steps may be removed instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gorillacomb.api.dedupe.differences import folder_differences
from gorillacomb.api.dedupe.runs import policy_for, tree_comparer
from gorillacomb.dedupe.apply.path_resolver import PathResolver
from gorillacomb.dedupe.apply.preflight import StepPreflight
from gorillacomb.dedupe.model import Plan, PlanStep, StepProblem
from gorillacomb.dedupe.review.answers import ReviewAnswer
from gorillacomb.dedupe.review.resolve import swap_copies, swap_refusal
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.errors import UsageError
from gorillacomb.fs.paths import printable_path
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.progress import NullProgress
from gorillacomb.vault.vault import Vault


def impossible(problem: StepProblem) -> UsageError:
    """Return the error for an answer that is not possible."""
    return UsageError(f"{printable_path(problem.path)} {problem.cause}.", "Nothing was answered.")


def swap_answers(vault: Vault, plan: Plan, steps: Iterable[PlanStep]) -> dict[str, ReviewAnswer]:
    """Return the answers that remove the kept copies of some steps of a plan instead.

    Raises UsageError if one of those may not be removed.
    """
    given: dict[str, ReviewAnswer] = {}
    gone: set[bytes] = set()
    swaps = []
    for step in steps:
        cause = swap_refusal(step)
        if cause is None and step.kind == "folder" and folder_differences(step).only_kept:
            raise impossible(StepProblem(step.keep, "has files that the copy to keep would lack"))
        if cause is not None:
            raise impossible(StepProblem(step.path, cause))
        given[step.id] = ReviewAnswer.NO if step.keep in gone else ReviewAnswer.SWAP
        if step.keep not in gone:
            swaps.append(swap_copies(step))
        gone.add(step.keep)
    refusal = _refusal_by_rules(vault, plan, swaps)
    if refusal is not None:
        raise impossible(refusal)
    return given


def _refusal_by_rules(vault: Vault, plan: Plan, steps: Sequence[PlanStep]) -> StepProblem | None:
    """Return why applying would skip one of some steps, by what exists on disk; else None."""
    contents = replace(plan, steps=tuple(steps))
    with Index.read(vault) as index, translate_errors(vault):
        guard = policy_for(index, contents)
        places = PathResolver(live_roots_of(index), table=guard.companions)
        checks = StepPreflight(contents, places, guard, tree_comparer(NullProgress()))
        return next(filter(None, map(checks.refusal_by_rules, steps)), None)
