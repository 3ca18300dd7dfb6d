"""Combine the pictures removed from an album into one step, whose kept copies are in one folder."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from gorillacomb.canonical.file_copy import FileCopy
from gorillacomb.classify.media import album_members
from gorillacomb.dedupe.model import PlanOptions, PlanStep, Refusal, SafetyRule
from gorillacomb.dedupe.plan_file.serialize import fits_a_line
from gorillacomb.dedupe.safety.albums import (
    HOLES,
    SCATTERED,
    album_refusal,
    fewest_to_leave,
    taken_of,
)
from gorillacomb.fs.paths import base_name, parent_path

_ENDLESS = Refusal(SafetyRule.ALBUM, "is part of an album of more files than a step can name")


@dataclass(slots=True)
class AlbumPlanner:
    """Keeps the pictures of an album together, both in the folder to keep and on removal."""

    options: PlanOptions
    names_in: Callable[[bytes], list[bytes]]
    """Returns the names of the files in a folder, given its path."""
    keeping: Callable[[PlanStep, FileCopy], PlanStep | None]
    """Returns a step for the same file with another copy to keep; None if that is not allowed."""
    leave: Callable[[bytes, Refusal, PlanStep], None]
    """Called with steps that are dropped, and their folder."""
    _members: dict[bytes, list[bytes]] = field(default_factory=dict)
    """By folder: the pictures of the album that it is."""

    def for_one_folder(
        self, found: Mapping[bytes, PlanStep], before: Callable[[bytes], Sequence[FileCopy]]
    ) -> dict[bytes, PlanStep]:
        """Return steps for single files, in which the pictures of one album all rely on one folder.

        That is the folder that contains the most of them. If it has too few of them, none is
        removed. ``before`` gives, for each file to remove, the files that could be kept for it,
        best first. They may be removed themselves, so the folders are handled in an order in which
        this is known for most of them.
        """
        left = dict(found)
        if not self.options.action.empties_path:
            return left
        albums: list[tuple[int, bytes, _Album]] = []
        for folder, steps in _by_folder(found.values()).items():
            members, names = self._taken(folder, steps)
            taken = [step for step in steps if base_name(step.path) in names]
            if taken:
                latest = max(len(before(step.path)) for step in taken)
                albums.append((latest, folder, _Album(members, taken, steps)))
        for _, folder, album in sorted(albums, key=lambda each: each[:2]):
            stay = {
                step.path: _folders_of(
                    [each for each in before(step.path) if each.path not in left]
                )
                for step in album.steps
            }
            for path, made in self._of_album(folder, album, stay):
                if made is None:
                    del left[path]
                else:
                    left[path] = made
        return left

    def _of_album(
        self, folder: bytes, album: _Album, stay: Mapping[bytes, Mapping[bytes, FileCopy]]
    ) -> Iterator[tuple[bytes, PlanStep | None]]:
        """Yield the steps for the files in an album, by path; None for a step that is dropped.

        ``stay`` has for each of them the folders with a kept copy, best first.
        """
        number = len(album.taken)
        fewest = fewest_to_leave(folder, album.members)
        if self.options.retires(folder):
            fewest = (number + 1) // 2
        first = stay[album.taken[0].path]
        counts = Counter(each for step in album.taken for each in stay[step.path] if each != folder)
        order = {each: -at for at, each in enumerate(first)}
        keep = max(counts, key=lambda each: (counts[each], order.get(each, -len(order))))
        pictures = {step.path for step in album.taken}
        for step in album.steps:
            copy = stay[step.path].get(keep)
            made = None
            if counts[keep] >= fewest and copy is not None:
                is_there = parent_path(step.keep) == keep
                made = step if is_there else self.keeping(step, copy)
            if made is None and step.path not in pictures:
                continue
            if made is None:
                self.leave(folder, HOLES if number < fewest else SCATTERED, step)
            yield step.path, made

    def as_units(self, steps: Iterable[PlanStep]) -> list[PlanStep]:
        """Combine the steps that remove pictures from one album into one, or drop them all.

        Retired folders are removed file by file: what is kept there has no other copy, so no holes
        matter.
        """
        steps = list(steps)
        if not self.options.action.empties_path:
            return steps
        left: list[PlanStep] = []
        for folder, here in _by_folder(steps).items():
            retired = self.options.retires(folder)
            names = set() if retired else self._taken(folder, here)[1]
            if not names:
                left += here
                continue
            unit: list[PlanStep] = []
            for step in here:
                is_part = any(base_name(pair.path) in names for pair in step.pairs)
                (unit if is_part else left).append(step)
            whole = _merged(unit)
            pairs = list(whole.pairs)
            refusal = album_refusal(folder, self.names_in(folder), pairs, self.options)
            if refusal is None and not fits_a_line(whole):
                refusal = _ENDLESS
            if refusal is None:
                left.append(whole)
            else:
                self.leave(folder, refusal, whole)
        return left

    def _taken(self, folder: bytes, steps: Iterable[PlanStep]) -> tuple[int, set[bytes]]:
        """Count the pictures of the album that a folder is, and find those that steps remove."""
        if folder not in self._members:
            self._members[folder] = album_members(base_name(folder), self.names_in(folder))
        members = self._members[folder]
        pairs = (pair for step in steps for pair in step.pairs)
        return len(members), set(taken_of(folder, members, pairs) if members else ())


class _Album(NamedTuple):
    """An album from which pictures would be removed."""

    members: int
    taken: Sequence[PlanStep]
    """Steps for single pictures."""
    steps: Sequence[PlanStep]
    """Steps for those and for other files in its folder."""


def _by_folder(steps: Iterable[PlanStep]) -> dict[bytes, list[PlanStep]]:
    found: defaultdict[bytes, list[PlanStep]] = defaultdict(list)
    for step in steps:
        found[parent_path(step.path)].append(step)
    return found


def _folders_of(copies: Sequence[FileCopy]) -> dict[bytes, FileCopy]:
    """Return copies by their folders, in order; of several in one folder, the first."""
    found: dict[bytes, FileCopy] = {}
    for copy in copies:
        found.setdefault(parent_path(copy.path), copy)
    return found


def _merged(steps: Sequence[PlanStep]) -> PlanStep:
    """Merge several steps into one."""
    first, *others = sorted(steps, key=lambda step: step.path)
    return replace(
        first,
        files=sum(step.files for step in steps),
        size=sum(step.size for step in steps),
        sidecars=(*first.sidecars, *(pair for step in others for pair in step.pairs)),
    )
