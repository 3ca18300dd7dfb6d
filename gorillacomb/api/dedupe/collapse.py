"""Plan how one tree is made of several drifted copies, and say what will be where."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gorillacomb.api.lookup import look_up_path, noise_names
from gorillacomb.api.paths import PathInput, PathsInput, absolute_path, encoded_paths
from gorillacomb.dedupe.model import CopyStep, Plan, PlanOptions, PlanStep
from gorillacomb.dedupe.not_brought import BringRule, NotBrought
from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.dedupe.plan.planner import roots_apart
from gorillacomb.dedupe.plan.scope import PlanScope
from gorillacomb.dedupe.quarantine.inventory import recorded_runs
from gorillacomb.dedupe.quarantine.journal_entries import UNDONE
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.dedupe.safety.environment import safety_policy_for
from gorillacomb.dedupe.safety.named_paths import NamedPaths
from gorillacomb.errors import UsageError
from gorillacomb.folders.analysis import FolderAnalysis
from gorillacomb.fs.mounts import free_bytes
from gorillacomb.fs.paths import is_below, join, path_and_parents, path_prefixes, relative_path
from gorillacomb.fs.volumes import is_online
from gorillacomb.index.database import Index
from gorillacomb.vault.settings import Settings
from gorillacomb.vaultmesh.history import named_below
from gorillacomb.vaultmesh.open import open_trace_for_reading

__all__ = ["BringRule", "CollapsedTree", "CopyStep", "NotBrought", "SpaceNeeded"]

ALL = b"all"
"""Means all copies of trees, instead of the path of one."""


def named_or_all(given: PathsInput) -> tuple[bytes, ...] | None:
    """Return absolute paths, none for all; None if nothing is given."""
    paths = tuple(encoded_paths(given))
    return (() if ALL in paths else tuple(map(absolute_path, paths))) if paths else None


def trees_to_collapse(
    collapse: PathsInput, into: PathInput | None, bring: PathsInput, is_limited: bool
) -> tuple[bytes, ...] | None:
    """Return the copies to collapse, none for all; None if that is not asked for.

    Raises UsageError.
    """
    paths = named_or_all(collapse)
    if paths is None and (into is not None or named_or_all(bring) is not None):
        raise UsageError("A copy to keep was named, but none to collapse.", "Add --collapse.")
    if paths is not None and is_limited:
        raise UsageError(
            "A plan that makes one tree of several copies only quarantines whole copies.",
            "Use --collapse with --into, --bring, --prefer, --protect, --not-a-project and"
            " --across-volumes only.",
        )
    return paths


def plan_collapse(
    index: Index,
    folders: FolderAnalysis,
    options: PlanOptions,
    scope: PlanScope,
    settings: Settings,
    named: NamedPaths,
) -> Plan:
    """Plan how one tree is made of several copies. Raises UsageError."""
    # Only such a plan needs it.
    from gorillacomb.dedupe.collapse.planner import CollapsePlanner

    policy = safety_policy_for(index, options, settings, noise_names(settings), folders.marks)
    online = {number: is_online(root) for number, root in folders.roots.items()}
    sites = IndexLocations(folders, folders.roots, policy.companions)
    apart = roots_apart(folders.roots, online, options.across_volumes)
    trees = named.folders(scope.collapse or (), "--collapse")
    into = next(iter(named.folders([scope.into], "--into")), None) if scope.into else None
    bring = scope.bring and named.folders(scope.bring, "--bring")
    planner = CollapsePlanner(sites, policy, apart, lambda path: _traced(index, path), bring)
    return planner.plan(trees, into, time.time_ns())


def _traced(index: Index, tree: bytes) -> frozenset[bytes]:
    """Return what was ever in a tree, as far as the trace knows: paths relative to it."""
    root = look_up_path(index, tree).root
    if root is None or not index.vault.trace.exists():
        return frozenset()
    with open_trace_for_reading(index.vault) as ledger:
        found = frozenset(named_below(ledger, root.uid, relative_path(tree, root.path)))
    runs = recorded_runs(live_roots_of(index))
    # What an undo took out again was not deleted by anyone.
    taken = {
        relative_path(path, tree)
        for run in runs
        for copy in run.recorded.copies.values()
        if copy.is_brought and copy.state == UNDONE
        if is_below(path := join(run.base, copy.path), tree)
    }
    return frozenset(each for each in found if taken.isdisjoint(path_prefixes(each)))


@dataclass(frozen=True, slots=True)
class CollapsedTree:
    """A tree that is kept as it is, and what becomes of its copies."""

    keep: bytes
    """The absolute path of the kept tree."""
    leaving: tuple[PlanStep, ...]
    """The copies that leave, each as a whole; the largest first."""
    copies: tuple[CopyStep, ...]
    """What is first copied to the shelf beside the kept tree, or into it."""

    @property
    def shelved(self) -> tuple[CopyStep, ...]:
        """What is copied to the shelf."""
        return tuple(each for each in self.copies if not each.is_brought)

    @property
    def brought(self) -> tuple[CopyStep, ...]:
        """What is put into the kept tree."""
        return tuple(each for each in self.copies if each.is_brought)

    @property
    def not_brought(self) -> dict[BringRule, int]:
        """How many files are copied to the shelf by which rule, although things are brought."""
        found: Counter[BringRule] = Counter()
        for copy in self.shelved:
            for why in copy.not_brought:
                found[why.rule] += max(why.files, 1)  # a link, or an empty folder
        return dict(found.most_common())

    @property
    def shelf(self) -> bytes | None:
        """The absolute path of the shelf; None if nothing is copied there."""
        return next((os.path.dirname(each.target) for each in self.shelved), None)

    def shelved_files(self, step: PlanStep) -> int:
        """Return how many files of a copy are copied to the shelf."""
        return sum(each.files for each in self.shelved if each.source == step.path)


@dataclass(frozen=True, slots=True)
class SpaceNeeded:
    """What copies need on one volume."""

    path: bytes
    """The absolute path of a folder on it."""
    needed: int
    """Bytes of the content that is copied there."""
    free: int
    """Bytes that are free there now."""


def collapsed_trees(steps: Iterable[PlanStep], copies: Sequence[CopyStep]) -> list[CollapsedTree]:
    """Return the trees whose copies leave in some steps, those that free the most first."""
    leaving: dict[bytes, list[PlanStep]] = {}
    for step in steps:
        if step.is_member:
            leaving.setdefault(step.keep, []).append(step)
    found = []
    for keep, members in leaving.items():
        members.sort(key=lambda step: (-step.size, step.path))
        sources = {step.path for step in members}
        needed = tuple(
            each for each in copies if not sources.isdisjoint(path_and_parents(each.source))
        )
        found.append(CollapsedTree(keep, tuple(members), needed))
    return sorted(found, key=lambda tree: -sum(step.size for step in tree.leaving))


def space_needed(copies: Iterable[CopyStep]) -> list[SpaceNeeded]:
    """Return what copies need on each volume. Raises OSError."""
    found: dict[int, SpaceNeeded] = {}
    for copy in copies:
        folder = next(each for each in path_and_parents(copy.target) if os.path.isdir(each))
        device = os.stat(folder).st_dev
        before = found.get(device)
        needed = copy.size + (before.needed if before else 0)
        found[device] = SpaceNeeded(folder, needed, free_bytes(folder))
    return list(found.values())
