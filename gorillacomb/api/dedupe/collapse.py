"""Plan how one tree is made of several drifted copies."""

from __future__ import annotations

import time

from gorillacomb.api.lookup import noise_names
from gorillacomb.api.paths import PathInput, PathsInput, absolute_path, encoded_paths
from gorillacomb.dedupe.model import Plan, PlanOptions
from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.dedupe.plan.planner import roots_apart
from gorillacomb.dedupe.plan.scope import PlanScope
from gorillacomb.dedupe.safety.environment import safety_policy_for
from gorillacomb.dedupe.safety.named_paths import NamedPaths
from gorillacomb.errors import UsageError
from gorillacomb.folders.analysis import FolderAnalysis
from gorillacomb.fs.volumes import is_online
from gorillacomb.index.database import Index
from gorillacomb.vault.settings import Settings

ALL = b"all"
"""Means all copies of trees, instead of the path of one."""


def trees_to_collapse(
    collapse: PathsInput, into: PathInput | None, is_limited: bool
) -> tuple[bytes, ...] | None:
    """Return the copies to collapse, none for all; None if that is not asked for.

    Raises UsageError.
    """
    paths = tuple(encoded_paths(collapse))
    if into is not None and not paths:
        raise UsageError("A copy to keep was named, but none to collapse.", "Add --collapse.")
    if paths and is_limited:
        raise UsageError(
            "A plan that makes one tree of several copies only quarantines whole copies.",
            "Use --collapse with --into, --prefer, --protect, --not-a-project and --across-volumes"
            " only.",
        )
    return (() if ALL in paths else tuple(map(absolute_path, paths))) if paths else None


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
    return CollapsePlanner(sites, policy, apart).plan(trees, into, time.time_ns())
