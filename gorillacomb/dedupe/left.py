"""What a plan leaves alone, told by what protects it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from gorillacomb.bytepaths import is_below
from gorillacomb.dedupe.clutter import is_kept
from gorillacomb.dedupe.guards import Guard, Site
from gorillacomb.dedupe.steps import LeftAlone, Refusal, Rule
from gorillacomb.dedupe.vouch import is_trash

BY_PLACE = (Rule.PROJECT, Rule.STRUCTURAL, Rule.REPOSITORY, Rule.BUNDLE, Rule.TRASH)
"""Rules that a path obeys for what it stands in."""


@dataclass(slots=True)
class Left:
    """Adds up what is left alone."""

    guard: Guard
    _found: dict[tuple[bytes, Rule, str], list[int]] = field(default_factory=dict)

    def add(self, path: bytes, refusal: Refusal, files: int, size: int) -> None:
        """Tell of a path: of how many files there that have a copy, and their bytes on disk."""
        numbers = self._found.setdefault((path, refusal.rule, refusal.cause), [0, 0])
        numbers[0] += files
        numbers[1] += size

    def add_inside(self, site: Site, refusal: Refusal, files: int, size: int) -> None:
        """Tell of something by what is around it: the project, the library, its folder."""
        self.add(self.protector(site, refusal), refusal, files, size)

    def protector(self, site: Site, refusal: Refusal) -> bytes:
        """The path of what protects something by a rule."""
        at = self.guard.project(site)
        if refusal.rule in (Rule.PROJECT, Rule.STRUCTURAL, Rule.REPOSITORY) and at is not None:
            return site.levels[at].path
        if refusal.rule in (Rule.BUNDLE, Rule.TRASH):
            for level in site.levels:
                if level.store or is_kept(level.name) or is_trash(level.name):
                    return level.path
        return os.path.dirname(site.path)

    def told(self, going: list[bytes]) -> Iterator[LeftAlone]:
        """All of it, the largest first; what stands in a folder that goes is left out."""
        whole = {path for path, rule, _ in self._found if rule not in BY_PLACE}
        inside = {path: each for (path, rule, _), each in self._found.items() if rule in BY_PLACE}
        found = []
        for (path, rule, cause), numbers in self._found.items():
            if any(is_below(path, each) for each in going):
                continue
            if rule in BY_PLACE and path in whole:
                continue  # why the folder stays as a whole says more
            found.append(LeftAlone(path, rule, cause, *inside.get(path, numbers)))
        yield from sorted(found, key=lambda each: (-each.size, each.path, each.rule))
