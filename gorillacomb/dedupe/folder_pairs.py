"""Group the steps of a plan or a run by the two folders that a person thinks of.

A step says what one file or folder is removed for. Most of them have something in common: whatever
is removed from a backup is kept in the folder that it is a backup of. Each such pair of folders is
found here, from the paths of the steps and from what is on disk, so that the preview, a review, a
dry run, the report of a run and its history all show the same.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from gorillacomb.dedupe.model import KeptPlace, PlanStep
from gorillacomb.fs.openat import OUR_FOLDER
from gorillacomb.fs.paths import is_below, join_relative, parent_path, path_and_parents

_MOST_PLACES = 4
"""A folder whose files are kept in more places has one pair for all that keep fewer than this part
of them."""
_MOST_ENTRIES = 100_000
"""Entries read to count what stays in a folder."""
_NAMED = 5


class StayingFiles(NamedTuple):
    """The files of a folder that no step removes."""

    files: int
    names: tuple[bytes, ...]
    """Relative to the folder: the first few of them."""


@dataclass(frozen=True, slots=True)
class FolderPair:
    """A folder from which steps remove something, and the folder that keeps it."""

    path: bytes
    keep: bytes
    """The same as ``path`` for copies within one folder."""
    steps: tuple[PlanStep, ...]
    """Largest first."""
    kept_in: tuple[KeptPlace, ...]
    """Where the files are kept, most files first; more than ``keep`` for small remainders, and
    for folders that no other folder contains as a whole."""

    @property
    def kept_around(self) -> bytes | None:
        """The folder around all places where files are kept, if it has nothing else to do with this
        pair; None if there is none."""
        if len(self.kept_in) <= _MOST_PLACES:
            return None
        around = os.path.commonpath([place.path for place in self.kept_in])
        return None if is_below(self.path, around) or is_below(around, self.path) else around

    @property
    def files(self) -> int:
        """Files that are removed."""
        return _files(self.steps)

    @property
    def size(self) -> int:
        """Bytes on disk of those."""
        return sum(step.size for step in self.steps)


class _Base(NamedTuple):
    """The two folders that a single step is about."""

    path: bytes
    keep: bytes


@dataclass(slots=True)
class FolderPairs:
    """Steps by pair of folders, the largest pair first."""

    pairs: tuple[FolderPair, ...]
    _disk: _Disk
    _leaving: Counter[bytes]
    """Files that leave a folder, by each folder around them."""

    @classmethod
    def of(cls, steps: Iterable[PlanStep], retired: Sequence[bytes] = ()) -> FolderPairs:
        """Group steps; each folder that is ``retired`` is one of the two folders of a pair."""
        steps = list(steps)
        disk = _Disk({pair.path for step in steps for pair in step.pairs})
        grouping = _Grouping(steps, disk, retired)
        found: dict[_Base, list[PlanStep]] = {}
        for step, pair in zip(steps, grouping.folders(), strict=True):
            found.setdefault(pair, []).append(step)
        pairs = sorted(_merged(found), key=lambda pair: (-pair.size, pair.path, pair.keep))
        return cls(tuple(pairs), disk, grouping.leaving)

    def __iter__(self) -> Iterator[FolderPair]:
        return iter(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def staying(self, pair: FolderPair) -> StayingFiles | None:
        """Return which files of a pair's folder stay on disk; None if it has too many to count."""
        return self._disk.staying(pair.path)

    def leaving_elsewhere(self, pair: FolderPair) -> int:
        """Return how many files of a pair's folder other pairs remove."""
        return self._leaving[pair.path] - pair.files


@dataclass(slots=True)
class _Disk:
    """Counts the files on disk that no step removes; each folder is read once."""

    going: Collection[bytes]
    """Paths of what is removed."""
    _counts: dict[bytes, int] = field(default_factory=dict)
    """Files that stay below a folder that was read to its end."""

    def staying(self, folder: bytes) -> StayingFiles | None:
        """Return which files stay in a folder; None if it has too many to count."""
        names: list[bytes] = []
        count = 0
        for number, name in enumerate(self._entries(folder)):
            if number >= _MOST_ENTRIES:
                return None
            if name is not None:
                count += 1
                if len(names) < _NAMED:
                    names.append(name)
        return StayingFiles(count, tuple(names))

    def leaves_for_the_most_part(self, folder: bytes, leaving: int) -> bool:
        """Return whether fewer files of a folder stay than leave."""
        if folder in self._counts:
            return self._counts[folder] < leaving
        count = 0
        for number, name in enumerate(self._entries(folder)):
            count += name is not None
            if count >= leaving or number >= _MOST_ENTRIES:
                return False
        self._counts[folder] = count
        return True

    def _entries(self, top: bytes) -> Iterator[bytes | None]:
        """Yield the relative name of each file that stays, and None for every other entry."""
        is_going = any(each in self.going for each in path_and_parents(top))
        waiting = [] if is_going else [b""]
        while waiting:
            inner = waiting.pop()
            try:
                with os.scandir(os.path.join(top, inner)) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except OSError:
                continue  # removed, or not ours to list
            folders = []
            for entry in entries:
                name = join_relative(inner, entry.name)
                if entry.path.rstrip(b"/") in self.going or entry.name == OUR_FOLDER:
                    yield None
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                    yield None
                else:
                    yield name if entry.is_file(follow_symlinks=False) else None
            waiting += reversed(folders)


@dataclass(slots=True)
class _Grouping:
    """Finds the pair of folders for each of some steps."""

    steps: Sequence[PlanStep]
    disk: _Disk
    retired: Sequence[bytes]
    leaving: Counter[bytes] = field(default_factory=Counter)
    """Files that leave a folder, by each folder around them."""

    def folders(self) -> list[_Base]:
        """Return the pair of folders of each step."""
        for step in self.steps:
            for around in path_and_parents(_base(step).path):
                self.leaving[around] += step.files
        found = self._in_retired(list(map(_base, self.steps)))
        found = self._corresponding(found)
        return self._scattered(found)

    def _in_retired(self, bases: list[_Base]) -> list[_Base]:
        return [
            next((_seen_from(top, each) for top in self.retired if is_below(each.path, top)), each)
            for each in bases
        ]

    def _corresponding(self, bases: list[_Base]) -> list[_Base]:
        """Replace pairs by the outermost pair of corresponding folders around several of them."""
        branches: dict[_Base, set[_Base]] = {}
        chains = {each: list(_chain(each, self.retired)) for each in bases}
        for chain in chains.values():
            for inner, outer in pairwise(chain):
                branches.setdefault(outer, set()).add(inner)
        for each in chains:
            branches.setdefault(each, set()).add(each)
        wide = {
            each for each, inner in branches.items() if len(inner) > 1 and self._leaves(each.path)
        }
        return [next((it for it in chains[each][::-1] if it in wide), each) for each in bases]

    def _scattered(self, bases: list[_Base]) -> list[_Base]:
        """Replace many pairs by those of the folder around them, if it keeps nothing for any."""
        keeps: set[bytes] = set()
        inside: dict[bytes, set[_Base]] = {}
        for step in self.steps:
            keeps.update(around for keep in step.keeps for around in path_and_parents(keep))
        for each in set(bases):
            for around in path_and_parents(each.path):
                if around in keeps:
                    break
                inside.setdefault(around, set()).add(each)
        tops = {
            folder
            for folder, each in inside.items()
            if len(each) > _MOST_PLACES and self._leaves(folder)
        }
        found = []
        for each in bases:
            around_it = [folder for folder in path_and_parents(each.path) if folder in tops]
            found.append(_seen_from(around_it[-1], each) if around_it else each)
        return found

    def _leaves(self, folder: bytes) -> bool:
        return self.disk.leaves_for_the_most_part(folder, self.leaving[folder])


def _base(step: PlanStep) -> _Base:
    if step.kind == "folder":
        return _Base(step.path, step.keep)
    return _Base(parent_path(step.path), parent_path(step.keep))


def _chain(pair: _Base, retired: Sequence[bytes]) -> Iterator[_Base]:
    """Yield a pair of folders, and those around them as long as their names are the same."""
    path, keep = pair
    yield pair
    while path != keep and path not in retired:
        (path, name), (keep, other) = map(os.path.split, (path, keep))
        if name != other or b"/" in (path, keep):
            return
        yield _Base(path, keep)


def _seen_from(top: bytes, pair: _Base) -> _Base:
    """Return a pair with a folder around its own instead, and what corresponds to that."""
    path, keep = pair
    while path != top:
        path, name = os.path.split(path)
        if os.path.basename(keep) == name and parent_path(keep) != b"/":
            keep = parent_path(keep)
    return _Base(top, keep)


def _merged(found: dict[_Base, list[PlanStep]]) -> Iterator[FolderPair]:
    """Make the pairs; the small ones of a folder that has many of them become one."""
    by_path: dict[bytes, list[tuple[_Base, list[PlanStep]]]] = {}
    for pair, steps in found.items():
        by_path.setdefault(pair.path, []).append((pair, steps))
    for pairs in by_path.values():
        pairs.sort(key=lambda each: (-_files(each[1]), each[0]))
        apart = len(pairs)
        if len(pairs) > _MOST_PLACES:
            least = sum(_files(steps) for _, steps in pairs) / _MOST_PLACES
            apart = sum(_files(steps) >= least for _, steps in pairs)
        for each in pairs[:apart]:
            yield _pair([each])
        if pairs[apart:]:
            yield _pair(pairs[apart:])


def _beside(pair: _Base, step: PlanStep, place: KeptPlace) -> bytes:
    """Return which folder contains a kept copy, where the one that keeps all contains both copies.

    That is the outermost one that does not contain what is removed, too.
    """
    if step.kept_in:
        folder = place.path
    else:
        folder = step.keep if step.kind == "folder" else parent_path(step.keep)
    outer = folder
    while outer != pair.keep and is_below(outer, pair.keep):
        folder, outer = outer, parent_path(outer)
        if is_below(pair.path, outer):
            break
    return folder


def _files(steps: Iterable[PlanStep]) -> int:
    return sum(step.files for step in steps)


def _pair(parts: Sequence[tuple[_Base, list[PlanStep]]]) -> FolderPair:
    places: Counter[bytes] = Counter()
    for pair, steps in parts:
        for step in steps:
            for place in step.kept_in or (KeptPlace(pair.keep, step.files),):
                if is_below(pair.path, pair.keep) and pair.path != pair.keep:
                    around = _beside(pair, step, place)
                elif is_below(place.path, pair.keep) and not step.is_member:
                    around = pair.keep
                else:
                    around = place.path
                places[around] += place.files
    first = parts[0][0]
    steps = [step for _, each in parts for step in each]
    steps.sort(key=lambda step: (-step.size, step.path))
    kept = tuple(KeptPlace(path, files) for path, files in places.most_common())
    return FolderPair(first.path, first.keep, tuple(steps), kept)
