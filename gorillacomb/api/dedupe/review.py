"""Review the steps of a plan one by one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gorillacomb.dedupe.model import PlanStep
from gorillacomb.fs.paths import is_below

__all__ = ["FolderDifferences", "folder_differences", "swap_copies", "swap_refusal", "to_review"]


def to_review(steps: Iterable[PlanStep]) -> list[PlanStep]:
    """Return steps in the order in which users are asked: whole folders first, then by size."""
    return sorted(steps, key=lambda step: (step.kind != "folder", -step.size, step.path))


def swap_refusal(step: PlanStep) -> str | None:
    """Return why the other copy cannot be removed instead, as a sentence; None if it can."""
    if step.nested or step.sidecars:
        return "This one belongs together with others."
    if is_below(step.path, step.keep) or is_below(step.keep, step.path):
        return "One of them is inside the other."
    if step.kind == "folder" and folder_differences(step).only_kept:
        return "The other one has files that this one lacks."
    return None


def swap_copies(step: PlanStep) -> PlanStep:
    """Return the step that keeps the other copy, if `swap_refusal` allows it."""
    return replace(step, path=step.keep, keep=step.path, reasons=("you chose it",))


@dataclass(frozen=True, slots=True)
class FolderDifferences:
    """How the files of two folders differ on disk: names relative to each, sorted."""

    only_removed: tuple[bytes, ...]
    """Only in the folder that is removed."""
    only_kept: tuple[bytes, ...]
    resized: tuple[bytes, ...]
    """In both, with different sizes."""


def folder_differences(step: PlanStep) -> FolderDifferences:
    """List the files of both folders of a step and compare names and sizes."""
    removed, kept = _listing(step.path), _listing(step.keep)
    both = removed.keys() & kept.keys()
    return FolderDifferences(
        tuple(sorted(removed.keys() - both)),
        tuple(sorted(kept.keys() - both)),
        tuple(sorted(name for name in both if removed[name] != kept[name])),
    )


def _listing(top: bytes) -> dict[bytes, int]:
    """Return every file below a folder by its relative path, with its size."""
    found = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            try:
                found[os.path.relpath(path, top)] = os.lstat(path).st_size
            except OSError:
                continue  # it disappeared since
    return found
