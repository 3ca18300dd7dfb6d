"""Find the folders that hold no file at any depth, and plan to remove those that may be."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from gorillacomb.dedupe.model import EMPTY, Plan, PlanStep, Refusal, SafetyRule, SkippedCopy
from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.dedupe.plan.scope import PlanScope
from gorillacomb.dedupe.safety.empty_folders import empty_folder_refusal
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.index.folder_queries import has_entries
from gorillacomb.index.roots import has_our_folder

_REASONS = ("it holds no file, and no folder in it does",)


@dataclass(frozen=True, slots=True)
class EmptyFolder:
    """A folder that holds no file at any depth, and is in no other one."""

    path: bytes
    """Absolute."""
    folders: int
    """How many folders that is, itself included."""
    rule: SafetyRule | None = None
    """By which rule it is left alone; None if it may be removed."""
    cause: str | None = None
    """Why it is left alone; None if it may be removed."""


@dataclass(slots=True)
class EmptyFolderPlanner:
    """Finds them in the index."""

    sites: IndexLocations
    policy: SafetyPolicy
    scope: PlanScope
    online: Mapping[int, bool]
    """By the root's id."""

    def find(self) -> Iterator[EmptyFolder]:
        """Yield the outermost ones that may be removed, and those left alone that are in no other.

        In the order of the tree. If one is left alone only because of what is in it, it is not
        among them, but what may be removed in it is.
        """
        waiting = [each for each in self.sites.folders.forest.order if each.parent is None][::-1]
        refused: TreeFolder | None = None
        while waiting:
            folder = waiting.pop()
            if folder.parent is None or not self._is_empty(folder):
                waiting += reversed(folder.children)
                continue
            path, refusal = self.sites.folders.path(folder), self._refusal(folder)
            if refusal is None and not any(map(self._refusal, self._below(folder))):
                if self.scope.holds(path):
                    yield EmptyFolder(path, folder.folders + 1)
                    continue
            elif refusal is not None and not (refused and refused.holds(folder)):
                refused = folder
                if self.scope.holds(path):
                    count = folder.folders + 1
                    yield EmptyFolder(path, count, refusal.rule, refusal.cause)
            waiting += reversed(folder.children)

    def plan(self, now_ns: int) -> Plan:
        """Return the plan that removes those that may be removed, by path."""
        found = sorted(self.find(), key=lambda each: each.path)
        going = [each for each in found if each.rule is None]
        digits = len(str(len(going)))
        return Plan(
            secrets.token_hex(16),
            now_ns,
            self.policy.options,
            tuple(
                replace(_step(each), id=f"s{number:0{digits}}")
                for number, each in enumerate(going, 1)
            ),
            tuple(
                SkippedCopy(each.path, each.rule, each.cause, 0, 0)
                for each in found
                if each.rule is not None and each.cause is not None
            ),
        )

    def _is_empty(self, folder: TreeFolder) -> bool:
        """Return whether a scan listed a folder, and all in it, without finding anything else."""
        if folder.files or folder.links or folder.gap is not None:
            return False
        connection = self.sites.folders.index.connection
        return not any(
            has_entries(connection, each.id) or has_our_folder(connection, each.id)
            for each in (folder, *self._below(folder))
        )

    def _below(self, folder: TreeFolder) -> list[TreeFolder]:
        return self.sites.folders.forest.order[folder.first + 1 : folder.last + 1]

    def _refusal(self, folder: TreeFolder) -> Refusal | None:
        if not self.online[folder.root]:
            return Refusal(SafetyRule.OFFLINE, "is on a drive that is not there")
        return empty_folder_refusal(self.policy, self.sites.of_folder(folder))


def _step(found: EmptyFolder) -> PlanStep:
    return PlanStep("", EMPTY, found.path, b"", 0, 0, _REASONS, folders=found.folders)
