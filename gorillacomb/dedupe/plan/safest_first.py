"""Choose the steps of a plan that free a wanted amount of space, the safest ones first.

`CRITERIA` is the order, and the only place where it is written. Each step counts with what the file
system has more once it and those before it are done and the quarantine is emptied: a file with
several names is counted with the last of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gorillacomb.classify.copy_names import copy_names_in
from gorillacomb.dedupe.model import FreeGoal, PlanStep
from gorillacomb.dedupe.plan.disk_check import DiskCheck
from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.dedupe.safety.policy import SafetyPolicy

_JOURNAL_BEGUN = 8192
"""Bytes that a run's journal takes on disk for its header, and for the rest of its last block."""
_JOURNAL_LINES = 4
"""Lines about each step: two when it is done, two when it is deleted."""
_JOURNAL_FIELDS = 600
"""Bytes of a line for each path, besides the path and the one that is kept for it."""


@dataclass(frozen=True, slots=True)
class PlannedPlaces:
    """What the criteria look at."""

    sites: IndexLocations
    guard: SafetyPolicy

    def comes_after_others(self, step: PlanStep) -> int:
        """Rank steps that others make possible after all of those."""
        return step.turn

    def on_another_drive(self, step: PlanStep) -> int:
        """Rank a step last that leaves the only copy of something on another drive."""
        volume = self.sites.root_around(step.path).volume
        return any(self.sites.root_around(keep).volume != volume for keep in step.keeps)

    def in_project(self, step: PlanStep) -> int:
        """Rank what is in no project first, then whole projects, then what is taken out of one."""
        is_folder = step.kind == "folder"
        folder = self.sites.folder_at(step.path if is_folder else os.path.dirname(step.path))
        assert folder is not None, "a step is about what the index holds"
        site = self.sites.of_folder(folder)
        at = self.guard.project(site)
        if at is not None:
            return 1 if is_folder and site.levels[at].path == step.path else 2
        inside = self.sites.folders.forest.order[folder.first + 1 : folder.last + 1]
        return int(is_folder and any(each.marker is not None for each in inside))

    def without_copy_name(self, step: PlanStep) -> int:
        """Rank first what is under more names of copies than what is kept for it."""
        return len(copy_names_in(step.path)) <= len(copy_names_in(step.keep))

    def in_parts(self, step: PlanStep) -> int:
        """Rank folders that one other folder keeps as a whole before others, then single files."""
        if step.kind == "file":
            return 2
        return int(bool(step.nested or step.kept_in))


CRITERIA: tuple[Callable[[PlannedPlaces, PlanStep], int], ...] = (
    PlannedPlaces.comes_after_others,
    PlannedPlaces.on_another_drive,
    PlannedPlaces.in_project,
    PlannedPlaces.without_copy_name,
    PlannedPlaces.in_parts,
)
"""The order of the steps: each criterion decides among steps that are equal for those before it.
Then come size, the largest first, and the path. Any first part of it can be done by itself."""


def safest_first(steps: Sequence[PlanStep], places: PlannedPlaces) -> list[PlanStep]:
    """Return the steps of a plan in that order."""
    return sorted(
        steps,
        key=lambda step: (*(rank(places, step) for rank in CRITERIA), -step.size, step.path),
    )


def until_freed(
    steps: Sequence[PlanStep], wanted: int, places: PlannedPlaces, disk: DiskCheck
) -> tuple[list[PlanStep], FreeGoal]:
    """Return the first steps in that order that free the wanted bytes; all if they are not enough.

    What the run's journal takes is not counted as freed. ``disk`` counts these steps alone.
    """
    ranked = safest_first(steps, places)
    chosen: list[PlanStep] = []
    taken = _JOURNAL_BEGUN
    disk.start_over()
    for step in ranked:
        if disk.total.freed - taken >= wanted:
            break
        chosen.append(disk.sized(step))
        taken += _journal_bytes(step)
    left = ranked[len(chosen) :]
    freed = max(disk.total.freed - taken, 0)
    return chosen, FreeGoal(wanted, freed, len(left), sum(step.size for step in left))


def _journal_bytes(step: PlanStep) -> int:
    pairs = (*step.pairs, *step.nested)
    paths = sum(len(pair.path) + len(pair.keep) for pair in pairs)
    return _JOURNAL_LINES * (2 * paths + _JOURNAL_FIELDS * (1 + len(pairs)))
