"""Show steps by the two folders that they are about, as the preview, a review and runs do."""

from __future__ import annotations

from collections.abc import Iterable

from gorillacomb.api.dedupe.history import RunItem
from gorillacomb.api.dedupe.plan import DedupePlan
from gorillacomb.dedupe.folder_pairs import FolderPair, FolderPairs, StayingFiles
from gorillacomb.dedupe.model import EMPTY, KeptPlace, PlanStep
from gorillacomb.fs.paths import printable_path

__all__ = [
    "FolderPair",
    "FolderPairs",
    "KeptPlace",
    "StayingFiles",
    "is_named",
    "pairs_of_items",
    "pairs_of_plan",
    "single_steps",
]


def pairs_of_plan(plan: DedupePlan, steps: Iterable[PlanStep] | None = None) -> FolderPairs:
    """Group the steps of a plan, or some of them, by pair of folders, the largest pair first.

    Those for empty folders are omitted: nothing is kept for them.
    """
    steps = plan.steps if steps is None else steps
    kept_for = [step for step in steps if step.kind != EMPTY]
    return FolderPairs.of(kept_for, plan.contents.options.retire)


def pairs_of_items(items: Iterable[RunItem]) -> FolderPairs:
    """Group items of a run by pair of folders, the largest pair first."""
    return FolderPairs.of(
        PlanStep(
            *(item.step, item.kind, item.path, item.keep, item.files, item.size),
            kept_in=item.kept_in,
        )
        for item in items
    )


def single_steps(steps: Iterable[PlanStep]) -> tuple[FolderPair, ...]:
    """Return steps as pairs of their own, the largest first."""
    found = [
        FolderPair(
            step.path, step.keep, (step,), step.kept_in or (KeptPlace(step.keep, step.files),)
        )
        for step in steps
    ]
    return tuple(sorted(found, key=lambda unit: (-unit.size, unit.path)))


def is_named(unit: FolderPair, text: str) -> bool:
    """Return whether a text, in lower case, is in the paths that are shown of a pair or a step."""
    steps = unit.steps if len(unit.steps) == 1 else ()
    paths = [unit.path, *(place.path for place in unit.kept_in), *(step.path for step in steps)]
    return any(text in printable_path(path).casefold() for path in paths)
