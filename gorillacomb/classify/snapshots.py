"""Find snapshots: versions of one tree that a program keeps, and prunes by itself.

A copy in a snapshot cannot be relied on, and nothing is removed from one.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from gorillacomb.fs.paths import join
from gorillacomb.fs.volumes import has_read_only_snapshots, is_read_only_snapshot

_SERIES = (
    re.compile(rb"(?P<series>.+)\.\d{1,5}"),
    # rsnapshot(1): hourly.0, hourly.1, or alpha.0: the levels are named by the user
    re.compile(rb"(?P<series>)\d{4}-?\d\d-?\d\d(?:[-_T.:]?\d[-\d_.:]*)?Z?"),
    # rsync-time-backup: 2024-05-01-100000; backintime-common: 20240501-100000-123;
    # rsync(1), --link-dest: a date, as most scripts name it
)
"""Names of snapshots; those of one series are in one folder."""
_LOOKED_AT = 2000
"""Number of entries among which a hard link must be found."""
_SIBLINGS = 3


@dataclass(slots=True)
class SnapshotFinder:
    """Finds the snapshots around folders, and caches the results."""

    _around: dict[bytes, bytes | None] = field(default_factory=dict)
    _members: dict[bytes, frozenset[bytes]] = field(default_factory=dict)
    """By folder: the names in it that are snapshots of one tree."""
    _may_be_read_only: bool | None = None
    """Whether any file system is mounted that has read-only snapshots; None before it matters."""

    def around(self, folder: bytes) -> bytes | None:
        """Return the outermost snapshot that contains an absolute path, or is it; None if none.

        A folder that is missing, or cannot be listed, is not a snapshot.
        """
        if folder not in self._around:
            parent, _, name = folder.rpartition(b"/")
            above = self.around(parent or b"/") if name else None
            self._around[folder] = above or (folder if self._is_one(parent, name, folder) else None)
        return self._around[folder]

    def _is_one(self, parent: bytes, name: bytes, folder: bytes) -> bool:
        if _series_of(name) is not None and name in self._members_of(parent or b"/"):
            return True
        if self._may_be_read_only is None:
            self._may_be_read_only = has_read_only_snapshots()
        if not self._may_be_read_only:
            return False
        try:
            facts = os.stat(folder)
            # The top of a subvolume has this inode number, and nothing else in it does.
            return facts.st_ino == 256 and is_read_only_snapshot(folder)
        except OSError:
            return False

    def _members_of(self, parent: bytes) -> frozenset[bytes]:
        if parent not in self._members:
            try:
                self._members[parent] = frozenset(_find_members(parent))
            except OSError:
                self._members[parent] = frozenset()
        return self._members[parent]


@lru_cache(maxsize=65536)
def _series_of(name: bytes) -> tuple[int, bytes] | None:
    """Return which series a name belongs to; None if it is not a snapshot name."""
    for number, pattern in enumerate(_SERIES):
        found = pattern.fullmatch(name)
        if found:
            return number, found["series"]
    return None


def _find_members(parent: bytes) -> Iterator[bytes]:
    """Find the names in a folder that are snapshots of one tree, built from hard links.

    A series of names qualifies if two nearby members share at least one file at the same path.
    Raises OSError.
    """
    series: defaultdict[tuple[int, bytes], list[bytes]] = defaultdict(list)
    with os.scandir(parent) as entries:
        for entry in entries:
            key = _series_of(entry.name)
            if key is not None and entry.is_dir(follow_symlinks=False):
                series[key].append(entry.name)
    for names in series.values():
        names.sort(key=_in_order)
        for at, name in enumerate(names):
            near = names[max(at - _SIBLINGS, 0) : at] + names[at + 1 : at + 1 + _SIBLINGS]
            if _shares_a_file(join(parent, name), [join(parent, each) for each in near]):
                yield name


def _in_order(name: bytes) -> tuple[int, bytes]:
    return len(name), name


def _shares_a_file(folder: bytes, others: list[bytes]) -> bool:
    looked = 0
    for at, _, names in os.walk(folder):
        for name in names:
            looked += 1
            path = join(at, name)
            inner = path[len(folder) + 1 :]
            if any(_is_same(path, join(other, inner)) for other in others):
                return True
        if looked >= _LOOKED_AT:
            return False
    return False


def _is_same(path: bytes, other: bytes) -> bool:
    """Return whether two paths are hard links of one file."""
    try:
        facts = os.lstat(path)
        return facts.st_nlink > 1 and os.path.samestat(facts, os.lstat(other))
    except OSError:
        return False  # one is missing
