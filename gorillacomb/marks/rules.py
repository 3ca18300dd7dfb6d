"""What the user's marks decide: which copies stay, and what is not reported as duplicates."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from gorillacomb.fs.paths import join, path_and_parents, path_text, relative_path


class MarkKind(StrEnum):
    """What a mark says about a file or folder."""

    KEEP = "keep"
    """It is the one to keep, and nothing in it is removed."""
    INTENDED = "intended"
    """It is meant to be there, although it is a copy."""
    NOT_DUPLICATES = "not-duplicates"
    """It is another thing than those marked together with it."""


class MarkState(StrEnum):
    """Whether what was marked is still there as it was."""

    CURRENT = "current"
    CHANGED = "changed"
    """Its content is no longer the one that was marked."""
    MISSING = "missing"
    """It is not in the index."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark as the trace records it."""

    seq: int
    """The last entry about it."""
    kind: MarkKind
    set: str
    """Random, the same for all that was marked together; 16 hex digits."""
    root: str
    """The id of its root, 32 hex digits."""
    path: bytes
    """Relative to the root, as of that entry."""
    is_folder: bool
    digest: str
    """Of the content when it was marked, in hex: BLAKE3 of a file, the tree's digest of a folder.
    Empty if it was not known."""
    note: str | None
    marked_ns: int


def key_of(mark: Mark) -> tuple[str, bytes, MarkKind, str]:
    """Return what identifies a mark in another trace: root, path, kind, set."""
    return mark.root, mark.path, mark.kind, mark.set


@dataclass(frozen=True, slots=True)
class PlacedMark:
    """A mark, and where what it is about is now."""

    mark: Mark
    path: bytes
    """Absolute; the last known one of what is missing."""
    state: MarkState

    @property
    def is_in_force(self) -> bool:
        """Whether it protects something: a copy to keep may change, the others may not."""
        if self.mark.kind is MarkKind.KEEP:
            return True
        return self.state is MarkState.CURRENT


class MarkRefusal(NamedTuple):
    """Why a path may not be removed."""

    cause: str
    path: bytes
    """The marked path."""


@dataclass(slots=True, eq=False)
class MarkRules:
    """The marks of a vault, by absolute path."""

    marks: Sequence[PlacedMark] = ()
    _stays: dict[bytes, MarkKind] = field(default_factory=dict)
    """Paths that are marked keep or intended."""
    _sets: Mapping[bytes, frozenset[str]] = field(default_factory=dict)
    """For paths that are marked as not duplicates: their sets of two or more."""
    _paths: list[bytes] = field(default_factory=list)
    """The paths of `_stays`, sorted."""
    _apart: list[bytes] = field(default_factory=list)
    """The paths of `_sets`, sorted."""

    def __post_init__(self) -> None:
        sets: defaultdict[bytes, set[str]] = defaultdict(set)
        for each in self.marks:
            if not each.is_in_force:
                continue
            if each.mark.kind is MarkKind.NOT_DUPLICATES:
                sets[each.path].add(each.mark.set)
            elif self._stays.get(each.path) is not MarkKind.KEEP:
                self._stays[each.path] = each.mark.kind
        members = Counter(each for found in sets.values() for each in found)
        self._sets = {
            path: frozenset(each for each in found if members[each] > 1)
            for path, found in sets.items()
        }
        self._paths = sorted(self._stays)
        self._apart = sorted(self._sets)

    def __bool__(self) -> bool:
        return bool(self._stays or self._sets)

    @property
    def has_kept(self) -> bool:
        """Whether any path is marked keep."""
        return MarkKind.KEEP in self._stays.values()

    def keeps(self, path: bytes) -> bool:
        """Return whether a path is marked keep, or is in a folder that is."""
        return self._around(path, MarkKind.KEEP) is not None

    def preference(self, preferred: Callable[[bytes], bool]) -> Callable[[bytes], int]:
        """Return how much the user prefers a path: 2 if it is marked keep, 1 by the settings."""
        if not self.has_kept:
            return preferred
        return lambda path: 2 if self.keeps(path) else int(preferred(path))

    def refusal(self, path: bytes, keep: bytes | None) -> MarkRefusal | None:
        """Return why a path may not be removed while ``keep`` is kept for it; None if it may."""
        if not self:
            return None
        for kind in MarkKind.KEEP, MarkKind.INTENDED:
            around = self._around(path, kind)
            if around == path:
                return MarkRefusal(f"is marked {kind}", around)
            if around is not None:
                name = path_text(around.rpartition(b"/")[2])
                return MarkRefusal(f"is in {name}, which is marked {kind}", around)
        for inside in _below(self._paths, path):
            name = path_text(relative_path(inside, path))
            return MarkRefusal(f"holds {name}, which is marked {self._stays[inside]}", inside)
        for one, other in () if keep is None else self._counterparts(path, keep):
            if self._are_apart([one, other]):
                return MarkRefusal(
                    f"and {path_text(other)} are marked {MarkKind.NOT_DUPLICATES}", one
                )
        return None

    def _counterparts(self, path: bytes, keep: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield a path and its kept copy, and those pairs in them of which one is marked."""
        yield path, keep
        for inside in _below(self._apart, path):
            yield inside, join(keep, relative_path(inside, path))
        for inside in _below(self._apart, keep):
            yield join(path, relative_path(inside, keep)), inside

    def settle(self, paths: Iterable[bytes]) -> bool:
        """Return whether the user said of copies that all are meant to be there, or are none."""
        if not self:
            return False
        paths = list(paths)
        if all(self._around(each, MarkKind.INTENDED) is not None for each in paths):
            return True
        return self._are_apart(paths)

    def _around(self, path: bytes, kind: MarkKind) -> bytes | None:
        """Return the innermost path that is or contains another one, and is marked like this."""
        if not self._stays:
            return None
        around = path_and_parents(path)
        return next((each for each in around if self._stays.get(each) is kind), None)

    def _are_apart(self, paths: Sequence[bytes]) -> bool:
        """Return whether of some paths each is, or is in, another member of one set."""
        if not self._sets:
            return False
        members: defaultdict[str, list[bytes]] = defaultdict(list)
        for path in paths:
            seen: set[str] = set()
            for each in path_and_parents(path):
                for one in self._sets.get(each, frozenset()) - seen:
                    members[one].append(each)
                    seen.add(one)
        return any(len(found) == len(set(found)) == len(paths) for found in members.values())


def _below(paths: Sequence[bytes], folder: bytes) -> Iterator[bytes]:
    """Yield those of some sorted paths that are inside a folder."""
    prefix = folder.rstrip(b"/") + b"/"
    for at in range(bisect_left(paths, prefix), len(paths)):
        if not paths[at].startswith(prefix):
            return
        yield paths[at]


NO_MARKS = MarkRules()
