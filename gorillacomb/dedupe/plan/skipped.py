"""Remember what a plan leaves alone, and by what it is protected."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gorillacomb.classify.location import is_transient
from gorillacomb.classify.names import is_version_control
from gorillacomb.dedupe.model import Refusal, SafetyRule
from gorillacomb.dedupe.safety.context import PathContext
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.fs.paths import join, parent_path, path_and_parents

BY_PLACE = (
    SafetyRule.PROJECT,
    SafetyRule.STRUCTURAL,
    SafetyRule.REPOSITORY,
    SafetyRule.BUNDLE,
    SafetyRule.TRASH,
)
"""Rules that depend on what a path is in."""


class KeptReason(NamedTuple):
    """Why a path is left alone."""

    place: bytes
    """What the reason is about: the path itself, or the project, library or folder around it."""
    rule: SafetyRule
    cause: str


@dataclass(slots=True)
class SkippedItems:
    """Collects why paths are left alone; the first reason for each counts."""

    guard: SafetyPolicy
    _files: dict[bytes, KeptReason] = field(default_factory=dict)
    _closed: dict[bytes, KeptReason] = field(default_factory=dict)
    """By path: folders from which no file may be removed."""
    _whole: dict[bytes, KeptReason] = field(default_factory=dict)
    """By path: folders that would have been removed as a whole."""
    _reported: dict[KeptReason, KeptReason] = field(default_factory=dict)
    """What is reported instead of a reason; forgotten when that may be another one."""

    def add_whole(self, path: bytes, refusal: Refusal) -> None:
        """Remember why a folder is kept as a whole."""
        self._reported.clear()
        self._whole.setdefault(path, KeptReason(path, refusal.rule, refusal.cause))

    def add(self, place: bytes, refusal: Refusal, files: Collection[bytes]) -> None:
        """Remember why some files are kept; ``place`` is what is reported."""
        for path in files:
            self._files.setdefault(path, KeptReason(place, refusal.rule, refusal.cause))

    def add_inside(self, site: PathContext, refusal: Refusal) -> None:
        """Remember why a file is kept; what protects it is reported."""
        self.add(self.protector(site, refusal), refusal, [site.path])

    def close_with_parent(self, folder: bytes, refusal: Refusal) -> bool:
        """Remember why no file directly in a folder may be removed, if it is as for its parent.

        Return whether it is: what is around the parent then protects this folder too.
        """
        parent = parent_path(folder)
        above = self._closed.get(parent)
        if (
            above is None
            or above.rule is not refusal.rule
            or above.cause != refusal.cause
            or above.place == parent
            or refusal.place not in (None, above.place)
        ):
            return False
        self._closed[folder] = above
        return True

    def add_closed(self, folder: PathContext, refusal: Refusal) -> None:
        """Remember why no file directly in a folder may be removed; its parent comes first."""
        if self.close_with_parent(folder.path, refusal):
            return
        inside = folder._replace(path=join(folder.path, b"*"), is_folder=False)
        place = self.protector(inside, refusal)
        self._closed[folder.path] = KeptReason(place, refusal.rule, refusal.cause)

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

    def whole(self) -> Iterator[KeptReason]:
        """Yield why folders are kept as a whole, once for each reason."""
        yield from dict.fromkeys(map(self._around, self._whole.values()))

    def of_file(self, path: bytes) -> KeptReason | None:
        """Return why a file is kept, if there is a reason of its own."""
        found = self._files.get(path)
        return None if found is None else self._around(found)

    def of_files_in(self, folder: bytes) -> KeptReason | None:
        """Return why all files directly in a folder are kept."""
        found = self._closed.get(folder)
        if found is None:
            whole = (self._whole.get(each) for each in path_and_parents(folder))
            found = next((each for each in whole if each is not None), None)
        if found is None:
            return None
        if found not in self._reported:
            self._reported[found] = self._around(found)
        return self._reported[found]

    def folders_of_files(self) -> set[bytes]:
        """Return the folders with files that have a reason of their own."""
        return set(map(parent_path, self._files))

    def _around(self, found: KeptReason) -> KeptReason:
        """Return why what protects something is kept as a whole, if it is: that says more.

        Of folders inside each other that are kept for one reason, the outermost is reported.
        """
        if found.rule in BY_PLACE:
            found = self._whole.get(found.place, found)
        for path in path_and_parents(found.place):
            whole = self._whole.get(path)
            if whole is not None and whole.rule is found.rule:
                found = whole
        return found
