"""Collect what a plan leaves alone, by what protects it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from gorillacomb.classify.location import is_transient
from gorillacomb.classify.names import is_version_control
from gorillacomb.dedupe.model import PlanStep, Refusal, SafetyRule, SkippedCopy
from gorillacomb.dedupe.safety.policy import PathContext, SafetyPolicy
from gorillacomb.fs.paths import path_and_parents

BY_PLACE = (
    SafetyRule.PROJECT,
    SafetyRule.STRUCTURAL,
    SafetyRule.REPOSITORY,
    SafetyRule.BUNDLE,
    SafetyRule.TRASH,
)
"""Rules that depend on what a path is in."""


class _LeftFiles(NamedTuple):
    """Files that have a copy and are kept for one reason, counted together."""

    paths: Collection[bytes]
    size: int


class ClosedFolder(NamedTuple):
    """Why no file directly in a folder may be removed."""

    rule: SafetyRule
    protector: bytes
    """The path of what protects them, such as the project around it."""


class KeptRules(NamedTuple):
    """Which safety rule keeps which path."""

    files: Mapping[bytes, SafetyRule]
    folders: Mapping[bytes, SafetyRule]
    """Those that are kept as a whole."""
    closed: Mapping[bytes, ClosedFolder]
    """Folders from which no file may be removed."""


@dataclass(slots=True)
class SkippedItems:
    """Adds up what is left alone."""

    guard: SafetyPolicy
    _found: dict[tuple[bytes, SafetyRule, str], list[_LeftFiles]] = field(default_factory=dict)
    _counted: dict[tuple[bytes, SafetyRule, str], tuple[int, int]] = field(default_factory=dict)
    """Files and bytes of the same that no step can remove."""
    _closed: dict[bytes, ClosedFolder] = field(default_factory=dict)
    """By path: the folders that those are in."""
    _whole: dict[bytes, SkippedCopy] = field(default_factory=dict)
    """Folders that would have been removed as a whole, by path."""

    def add_whole(self, path: bytes, refusal: Refusal, files: int, size: int) -> None:
        """Report a folder that is kept as a whole; the first reason counts."""
        found = SkippedCopy(path, refusal.rule, refusal.cause, files, size)
        self._whole.setdefault(path, found)

    def add(self, path: bytes, refusal: Refusal, files: Collection[bytes], size: int) -> None:
        """Report a path, with the files in it that have a copy, and their bytes on disk."""
        known = self._found.setdefault((path, refusal.rule, refusal.cause), [])
        known.append(_LeftFiles(files, size))

    def add_counted(self, path: bytes, refusal: Refusal, files: int, size: int) -> None:
        """Do the same for a number of files that no step removes, whatever else it removes."""
        key = path, refusal.rule, refusal.cause
        before = self._counted.get(key, (0, 0))
        self._counted[key] = before[0] + files, before[1] + size

    def add_closed(self, folder: bytes, protector: bytes, rule: SafetyRule) -> None:
        """Note a folder that has such files."""
        self._closed[folder] = ClosedFolder(rule, protector)

    def add_inside(self, site: PathContext, refusal: Refusal, size: int) -> None:
        """Report a file under what is around it: the project, the library, its folder."""
        self.add(self.protector(site, refusal), refusal, [site.path], size)

    def protector(self, site: PathContext, refusal: Refusal) -> bytes:
        """Return the path of what protects something by a rule."""
        if refusal.place is not None:
            return refusal.place
        at = self.guard.project(site)
        if (
            refusal.rule in (SafetyRule.PROJECT, SafetyRule.STRUCTURAL, SafetyRule.REPOSITORY)
            and at is not None
        ):
            return site.levels[at].path
        if refusal.rule in (SafetyRule.BUNDLE, SafetyRule.TRASH):
            for level in site.levels:
                if level.store or is_version_control(level.name) or is_transient(level.name):
                    return level.path
        return os.path.dirname(site.path)

    def rules(self) -> KeptRules:
        """Return by path what each rule keeps, whatever became of it since."""
        files: dict[bytes, SafetyRule] = {}
        for (path, rule, _), parts in self._found.items():
            for part in parts:
                for file in part.paths:
                    files.setdefault(file, self._rule_around(path, rule))
        folders = {path: each.rule for path, each in self._whole.items()}
        closed = {
            path: each._replace(rule=self._rule_around(each.protector, each.rule))
            for path, each in self._closed.items()
        }
        return KeptRules(files, folders, closed)

    def _rule_around(self, protector: bytes, rule: SafetyRule) -> SafetyRule:
        """Return why what protects something is kept as a whole, if it is: that says more."""
        whole = self._whole.get(protector) if rule in BY_PLACE else None
        return rule if whole is None else whole.rule

    def as_skipped(self, steps: Collection[PlanStep]) -> Iterator[SkippedCopy]:
        """Return all of it, largest first, without what is removed after all.

        Something may block a file that is removed with another step.
        """
        gone = {pair.path for step in steps for pair in step.pairs}
        sums = dict(self._counted)
        for key, parts in self._found.items():
            stay = [each for each in parts if gone.isdisjoint(each.paths)]
            if stay:
                files, size = sums.get(key, (0, 0))
                files += sum(len(each.paths) for each in stay)
                sums[key] = files, size + sum(each.size for each in stay)
        inside: dict[bytes, tuple[int, int]] = {}
        for (path, rule, _), (files, size) in sums.items():
            if rule in BY_PLACE:
                others = inside.get(path, (0, 0))
                inside[path] = others[0] + files, others[1] + size
        found = []
        for path, each in self._whole.items():
            around = [
                self._whole[above] for above in path_and_parents(path) if above in self._whole
            ]
            if any(other is not each and other.rule is each.rule for other in around):
                continue  # that counts it already
            files, size = inside.get(path, (each.files, each.size))
            found.append(replace(each, files=files, size=size))
        for (path, rule, cause), (files, size) in sums.items():
            whole = [self._whole[above] for above in path_and_parents(path) if above in self._whole]
            if rule in BY_PLACE and path in self._whole:
                continue  # why the folder is kept as a whole says more
            if not any(each.rule is rule for each in whole):  # else that counts it already
                found.append(SkippedCopy(path, rule, cause, files, size))
        for each in sorted(found, key=lambda each: (-each.size, each.path, each.rule)):
            if gone.isdisjoint(path_and_parents(each.path)):
                yield each
