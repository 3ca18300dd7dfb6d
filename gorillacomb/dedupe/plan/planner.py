"""Make a plan: whole folders first, then single files; nothing on disk is touched.

Everything is decided from the index; the disk is checked when the plan is applied.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gorillacomb.canonical.groups import GroupReader
from gorillacomb.classify.cloud_folders import cloud_folder_around
from gorillacomb.dedupe.model import DedupeAction, Plan, PlanStep, Refusal, SafetyRule
from gorillacomb.dedupe.plan.composition import StepComposition
from gorillacomb.dedupe.plan.disk_check import DiskCheck
from gorillacomb.dedupe.plan.file_steps import FileStepPlanner
from gorillacomb.dedupe.plan.folder_steps import FolderStepPlanner
from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.dedupe.plan.kept_places import kept_places
from gorillacomb.dedupe.plan.next_index import NextIndex
from gorillacomb.dedupe.plan.removal_set import RemovalSet
from gorillacomb.dedupe.plan.retire import FolderRetirer
from gorillacomb.dedupe.plan.safest_first import PlannedPlaces, until_freed
from gorillacomb.dedupe.plan.scope import PlanScope
from gorillacomb.dedupe.plan.skipped import SkippedItems
from gorillacomb.dedupe.plan.surplus import OTHER_DRIVE, SurplusCopies, SurplusTotals
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.folders.analysis import FolderAnalysis
from gorillacomb.fs.extents import DiskSpace
from gorillacomb.fs.paths import parent_path, path_and_parents, path_text
from gorillacomb.index.database import Index
from gorillacomb.model import Root
from gorillacomb.progress import Progress


@dataclass(frozen=True, slots=True)
class Planner:
    """Makes one plan.

    It includes what may be removed only when other steps are done, so that the next plan, after
    this one and a scan, has no steps.
    """

    index: Index
    read_groups: Callable[[Index], GroupReader]
    read_folders: Callable[[Index], FolderAnalysis]
    guard: SafetyPolicy
    scope: PlanScope
    online: Mapping[int, bool]
    """By the root's id."""
    progress: Progress

    def plan(self, now_ns: int) -> tuple[Plan, tuple[SurplusTotals, ...]]:
        """Return the plan, with its largest steps first, and what becomes of surplus copies.

        Raises VaultError.
        """
        self.progress.stage("Planning", None, None)
        folders, groups = self.read_folders(self.index), self.read_groups(self.index)
        sites = IndexLocations(folders, groups.roots, self.guard.companions)
        disk = DiskCheck(sites, self.guard.options.action)
        try:
            return self._plan(now_ns, groups, sites, disk)
        finally:
            disk.close()

    def _plan(
        self, now_ns: int, groups: GroupReader, sites: IndexLocations, disk: DiskCheck
    ) -> tuple[Plan, tuple[SurplusTotals, ...]]:
        left = SkippedItems(self.guard)
        steps = self._steps(groups, sites, disk, left, self.guard)
        if self.guard.options.action.empties_path and steps:
            steps = self._with_later_steps(steps, sites, disk)
        if self.guard.marks:
            steps = [step for step in steps if not self._breaks_marks(step)]
        steps = [_placed(disk.sized(step), sites) for step in steps]
        surplus = SurplusCopies(sites.folders, groups, steps, left, self.scope)
        surplus.add_up()
        goal = None
        if self.scope.free is not None:
            places = PlannedPlaces(sites, self.guard)
            steps, goal = until_freed(steps, self.scope.free, places, disk)
        steps.sort(key=lambda step: (-step.size, step.path))
        plan = Plan(
            secrets.token_hex(16),
            now_ns,
            self.guard.options,
            tuple(_numbered(steps)),
            surplus.left_alone(),
            (*plan_notes(steps, sites), *_promises(self.guard.options.action, disk.total)),
            goal,
        )
        return plan, surplus.totals()

    def _breaks_marks(self, step: PlanStep) -> bool:
        """Return whether what is kept in the end is marked as another thing than what is removed.

        Each copy may have been removed for a third one that is removed itself.
        """
        pairs = (*step.pairs, *step.nested)
        return any(self.guard.marks.refusal(pair.path, pair.keep) for pair in pairs)

    def _with_later_steps(
        self, steps: Sequence[PlanStep], sites: IndexLocations, disk: DiskCheck
    ) -> list[PlanStep]:
        """Add to some steps those that become possible when they are done, and so on."""
        found = StepComposition(sites)
        then = NextIndex(sites, self.guard, self.read_groups, self.read_folders)
        while steps:
            found.add(steps)
            then.take(steps)
            with then.read() as (folders, groups):
                disk.sites = IndexLocations(folders, groups.roots, self.guard.companions)
                guard = replace(self.guard, gone=then.gone)
                steps = self._steps(groups, disk.sites, disk, SkippedItems(guard), guard)
        disk.sites = sites
        for path, parts in found.parts.items():
            disk.absorb(path, parts)
        return found.steps

    def _steps(
        self,
        groups: GroupReader,
        sites: IndexLocations,
        disk: DiskCheck,
        left: SkippedItems,
        guard: SafetyPolicy,
    ) -> list[PlanStep]:
        """Make steps for everything that may be removed according to an index."""
        going = RemovalSet()
        apart = roots_apart(groups.roots, self.online, self.guard.options.across_volumes)
        files = FileStepPlanner(*(groups, sites, disk, guard, self.scope, going, left, apart))
        whole = FolderStepPlanner(sites, disk, guard, self.scope, going, left, files.counted, apart)
        steps: list[PlanStep] = []
        retirement = FolderRetirer(sites, going, files, whole.refusal, whole.held)
        for path in self.guard.options.retire:
            steps += retirement.retire(path)
        if self.scope.folders:
            whole.choose()
        tops = {sites.folders.path(gone.folder) for gone in going}
        # What is retired file by file may be removed with a folder around it after all.
        steps = [step for step in steps if tops.isdisjoint(path_and_parents(step.path))]
        if self.scope.files:
            steps += files.steps()
        return [*steps, *whole.steps(steps)]


def roots_apart(
    roots: Mapping[int, Root], online: Mapping[int, bool], across_volumes: bool
) -> Callable[[int, int], Refusal | None]:
    """Return a function that says why one root, by id, must not rely on another one.

    It gets the one from which something is removed, and the one that keeps it.
    """

    def apart(victim: int, keep: int) -> Refusal | None:
        for number, verb in ((victim, "is"), (keep, "has its other copy")):
            if not online[number]:
                suspect = roots[number].suspect is not None
                what = "in a folder that may not be what it was"
                where = what if suspect else "on a drive that is not there"
                return Refusal(SafetyRule.OFFLINE, f"{verb} {where}")
        if roots[victim].volume != roots[keep].volume and not across_volumes:
            return Refusal(SafetyRule.OTHER_VOLUME, OTHER_DRIVE)
        return None

    return apart


def _placed(step: PlanStep, sites: IndexLocations) -> PlanStep:
    places = kept_places(step, sites)
    return replace(step, kept_in=places) if places else step


def plan_notes(steps: Collection[PlanStep], sites: IndexLocations) -> Iterator[str]:
    """Yield what the user should know of steps beforehand: what reaches the cloud, or a drive."""
    synced: set[bytes] = set()
    drives: set[bytes] = set()
    # One step for each pair of folders: all of them would be answered alike.
    for step in {(parent_path(each.path), parent_path(each.keep)): each for each in steps}.values():
        root, other = map(sites.root_around, (step.path, step.keep))
        folder = cloud_folder_around(step.path)
        if folder is not None:
            synced.add(folder)
        if root.volume != other.volume:
            drives.add(other.path)
    for folder in sorted(synced):
        yield (
            f"{path_text(folder)} is synced with the cloud: what is removed there is removed"
            " for everyone it is shared with."
        )
    for drive in sorted(drives):
        yield f"The only copy for some steps will be on the drive of {path_text(drive)}."


def _promises(action: DedupeAction, space: DiskSpace) -> Iterator[str]:
    """Say what emptying the quarantine will not free, or may not."""
    if action.frees_at_once:
        return
    if space.unknown:
        yield (
            "It is unknown how many bytes emptying the quarantine frees: some files are"
            f" {'; some are '.join(space.unknown)}."
        )
    elif space.freed < space.held:
        yield (
            f"Emptying the quarantine frees about {space.freed:,} of the {space.held:,} quarantined"
            " bytes, while hard links, reflinks or snapshots hold the rest."
        )


def _numbered(steps: Collection[PlanStep]) -> Iterator[PlanStep]:
    digits = len(str(len(steps)))
    for number, step in enumerate(steps, 1):
        yield replace(step, id=f"s{number:0{digits}}")
