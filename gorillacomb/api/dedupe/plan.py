"""Plan what to remove: make the plan, write it to a file, read it again."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict, Unpack, cast

from gorillacomb.api.dedupe.collapse import (
    CollapsedTree,
    SpaceNeeded,
    collapsed_trees,
    plan_collapse,
    space_needed,
)
from gorillacomb.api.dedupe.request import plan_request
from gorillacomb.api.documents.plan import (
    EmptyFolderStepDocument,
    PlanDocument,
    PlanHeaderDocument,
    PlanStepDocument,
    SavedPlanDocument,
    folder_pair_documents,
)
from gorillacomb.api.lookup import criteria_of, folders_of, noise_names
from gorillacomb.api.paths import PathInput, PathsInput
from gorillacomb.api.upkeep.examined import is_examined
from gorillacomb.canonical.groups import GroupReader
from gorillacomb.dedupe.model import (
    EMPTY,
    DedupeAction,
    FreeGoal,
    Plan,
    PlanOptions,
    PlanStep,
    SafetyRule,
    SkippedCopy,
)
from gorillacomb.dedupe.plan.empty_folders import EmptyFolder, EmptyFolderPlanner
from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.dedupe.plan.planner import Planner
from gorillacomb.dedupe.plan.scope import PlanScope
from gorillacomb.dedupe.plan.surplus import SurplusTotals
from gorillacomb.dedupe.plan_file import serialize
from gorillacomb.dedupe.safety.environment import safety_policy_for
from gorillacomb.dedupe.safety.named_paths import NamedPaths
from gorillacomb.folders.analysis import FolderAnalysis
from gorillacomb.fs.darwin.untested import refuse_untested
from gorillacomb.fs.output_file import write_file
from gorillacomb.fs.volumes import is_online
from gorillacomb.hashing import blake3_of_parts
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.model import Root
from gorillacomb.progress import Progress, ProgressCallback, as_progress
from gorillacomb.vault.settings import Settings, load_settings
from gorillacomb.vault.vault import Vault

__all__ = [
    "DedupeAction",
    "DedupePlan",
    "FreeGoal",
    "PlanKeywords",
    "PlanStep",
    "SafetyRule",
    "SkippedCopy",
    "make_plan",
    "read_plan",
]


class PlanKeywords(TypedDict, total=False):
    """The keywords of `OpenVault.plan`, which explains them. All are optional."""

    action: str
    within: PathsInput
    prefer: PathsInput
    protect: PathsInput
    keep: int
    min_size: int
    free: int | None
    files: bool
    folders: bool
    retire: PathsInput
    not_a_project: PathsInput
    across_volumes: bool
    empty_folders: bool
    collapse: PathsInput
    into: PathInput | None
    bring: PathsInput


@dataclass(frozen=True, slots=True)
class DedupePlan:
    """What is to be removed, not yet done, and why other copies are left alone."""

    contents: Plan
    warnings: tuple[str, ...] = ()
    """Patterns of ``protect`` and ``prefer`` that match nothing."""
    file: Path | None = None
    """Where it was read from; ``-`` is standard input."""

    @property
    def action(self) -> DedupeAction:
        """What is done with the copies that are not kept."""
        return self.contents.options.action

    @property
    def steps(self) -> Sequence[PlanStep]:
        """Files and folders to remove, the largest first."""
        return self.contents.steps

    @property
    def left_alone(self) -> Sequence[SkippedCopy]:
        """What has a copy and is not removed, and why."""
        return self.contents.left_alone

    @property
    def free(self) -> FreeGoal | None:
        """What it was to free, and what it omits for that; None if it has all steps."""
        return self.contents.free

    @property
    def is_of_empty_folders(self) -> bool:
        """Whether it is about empty folders, and nothing else."""
        steps, left = self.steps, self.left_alone
        return (
            bool(steps or left)
            and all(step.kind == EMPTY for step in steps)
            and not any(each.files or each.size for each in left)
        )

    @property
    def is_collapse(self) -> bool:
        """Whether it makes one tree of several copies."""
        return serialize.is_collapse(self.contents)

    @property
    def trees(self) -> list[CollapsedTree]:
        """The trees whose copies it removes as a whole, after copying what only they contain."""
        return collapsed_trees(self.steps, self.contents.copies)

    def space_needed(self) -> list[SpaceNeeded]:
        """Return what it copies to each volume. Raises OSError."""
        return space_needed(self.contents.copies)

    @property
    def digest(self) -> str:
        """BLAKE3 of the plan as it is saved, 64 hex digits.

        That of a plan with the answers of a review covers both: it is about what is then removed.
        """
        return blake3_of_parts(serialize.plan_lines(self.contents)).hex()

    @property
    def files(self) -> int:
        """Files in all steps."""
        return sum(step.files for step in self.steps)

    def with_steps(self, steps: Iterable[PlanStep]) -> DedupePlan:
        """Return another plan that has these steps instead."""
        return DedupePlan(
            replace(self.contents, uid=secrets.token_hex(16), steps=tuple(steps), free=None),
            self.warnings,
        )

    def lines(self) -> Iterator[bytes]:
        """Yield the plan as JSON Lines: the header first, then one step a line."""
        return serialize.plan_lines(self.contents)

    def save(self, path: PathInput) -> None:
        """Write the plan to a new file, completely or not at all.

        Raises RefusedForSafety if the file exists, UsageError if it cannot be written.
        """
        write_file(os.fsencode(path), b"".join(self.lines()))

    def header(self) -> PlanHeaderDocument:
        """Return the first line of the plan."""
        return cast(PlanHeaderDocument, serialize.plan_header(self.contents))

    def saved_document(self) -> SavedPlanDocument:
        """Return the document of ``dedupe -o FILE --json``: the plan without its steps."""
        return {**self.header(), "warnings": list(self.warnings)}

    def to_dict(self) -> PlanDocument:
        """Return the document of ``dedupe --json``."""
        documents = map(serialize.plan_document, self.steps)
        steps = [cast(PlanStepDocument | EmptyFolderStepDocument, each) for each in documents]
        found = {
            **self.header(),
            "step_list": steps,
            "pairs": folder_pair_documents(self.steps, self.contents.options.retire),
            "warnings": list(self.warnings),
        }
        if self.contents.copies:
            found["copies"] = list(map(serialize.copy_document, self.contents.copies))
        return cast(PlanDocument, found)


def read_plan(path: PathInput) -> DedupePlan:
    """Read a plan from a file; ``-`` is standard input.

    Nothing in it is trusted: each step is checked again when it is applied. Raises UntrustedInput.
    """
    file = Path(os.fsdecode(path))
    return DedupePlan(serialize.read_plan(file), file=file)


def make_plan(
    vault: Vault,
    *,
    untested_macos: bool = False,
    progress: Progress | ProgressCallback | None = None,
    **wanted: Unpack[PlanKeywords],
) -> DedupePlan:
    """Plan what is removed, as `OpenVault.plan` says."""
    request = plan_request(**wanted)
    if request[0].action is DedupeAction.HARDLINK:
        what = "Replacing files with hard links"
        refuse_untested(what, untested_macos, lambda: is_examined(vault))
    shown = as_progress(progress)
    try:
        with Index.read(vault) as index, translate_errors(vault):
            return _planned(index, *request, shown).plan
    finally:
        shown.close()


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """The usual plan for an open index, with what it was made from."""

    plan: DedupePlan
    surplus: tuple[SurplusTotals, ...]
    """What becomes of surplus copies."""
    folders: FolderAnalysis
    """The analysis of the same index."""


def plan_of_index(index: Index, progress: Progress) -> IndexPlan:
    """Make the plan that `make_plan` makes if nothing else is wanted."""
    return _planned(index, *plan_request(), progress)


def _planned(
    index: Index,
    options: PlanOptions,
    scope: PlanScope,
    prefer: Sequence[str],
    progress: Progress,
) -> IndexPlan:
    """Make a plan for what is asked for, whose paths are not resolved yet."""
    named, settings = NamedPaths(index), load_settings()
    settings = replace(
        settings,
        prefer=(
            *named.patterns(settings.prefer, "prefer in config.toml"),
            *named.patterns(prefer, "--prefer"),
        ),
        protect=named.patterns(settings.protect, "protect in config.toml"),
        rules=named.rules(settings.rules),
    )
    options = replace(
        options,
        protect=(*settings.protect, *named.patterns(options.protect, "--protect")),
        retire=named.folders(options.retire, "--retire"),
        not_a_project=named.folders(options.not_a_project, "--not-a-project"),
    )
    scope = replace(scope, within=named.folders(scope.within, "--within"))
    folders = folders_of(index, settings=settings)
    if scope.empty:
        made = _empty_planner(index, folders, options, scope, settings).plan(time.time_ns())
        return IndexPlan(DedupePlan(made, tuple(named.warnings)), (), folders)
    if scope.collapse is not None:
        made = plan_collapse(index, folders, options, scope, settings, named)
        return IndexPlan(DedupePlan(made, tuple(named.warnings)), (), folders)
    planner = _planner(index, folders, options, scope, settings, progress)
    made, surplus = planner.plan(time.time_ns())
    return IndexPlan(DedupePlan(made, tuple(named.warnings)), surplus, folders)


def find_empty_folders(index: Index) -> Iterator[EmptyFolder]:
    """Yield the empty folders of an open index; those that stay have a reason."""
    settings = load_settings()
    folders = folders_of(index, settings=settings)
    return _empty_planner(index, folders, PlanOptions(), PlanScope(), settings).find()


def _empty_planner(
    index: Index,
    folders: FolderAnalysis,
    options: PlanOptions,
    scope: PlanScope,
    settings: Settings,
) -> EmptyFolderPlanner:
    policy = safety_policy_for(index, options, settings, noise_names(settings), folders.marks)
    table = policy.companions
    online = {number: is_online(root) for number, root in folders.roots.items()}
    return EmptyFolderPlanner(IndexLocations(folders, folders.roots, table), policy, scope, online)


def _planner(
    index: Index,
    folders: FolderAnalysis,
    options: PlanOptions,
    scope: PlanScope,
    settings: Settings,
    progress: Progress,
) -> Planner:
    online: dict[int, bool] = {}
    marks = folders.marks

    def is_there(root: Root) -> bool:
        if root.id not in online:
            online[root.id] = is_online(root)
        return online[root.id]

    def groups_of(read: Index) -> GroupReader:
        names = settings.machine_names
        criteria = criteria_of(settings)
        given = read, is_there, settings.preferred, names, marks, criteria
        return GroupReader(*given, prefers_some=bool(settings.prefer))

    def analysis_of(read: Index) -> FolderAnalysis:
        if read is index:
            return folders
        return folders_of(read, settings=settings, marks=marks)

    guard = safety_policy_for(index, options, settings, noise_names(settings), marks)
    return Planner(index, groups_of, analysis_of, guard, scope, online, progress)
