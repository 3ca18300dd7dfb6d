"""The folders in watched roots in which nothing is scanned, and that are not watched either."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gorillacomb.fs.mounts import Mount, mounts
from gorillacomb.fs.openat import OUR_FOLDER
from gorillacomb.fs.paths import is_below, relative_path
from gorillacomb.scan.exclude import compile_patterns, patterns_for_root
from gorillacomb.vault.vault import Vault, config_folder, state_folder


@dataclass(slots=True)
class WatchExclusions:
    """What is excluded, what is ours, and what lies on another file system."""

    vault: Vault
    _own: frozenset[bytes] = field(init=False)
    _mounts: frozenset[Mount] = frozenset()
    _points: frozenset[bytes] = frozenset()
    _excluded: list[tuple[bytes, tuple[str, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        ours = (self.vault.folder, config_folder(), state_folder())
        self._own = frozenset(os.path.realpath(os.fsencode(each)) for each in ours)

    def holds(self, path: bytes) -> bool:
        """Whether a folder is one of them, or stands in one that is excluded."""
        if path.rpartition(b"/")[2] == OUR_FOLDER or path in self._own or path in self._points:
            return True
        return any(
            is_below(path, top) and compile_patterns(patterns)(relative_path(path, top), True)
            for top, patterns in self._excluded
        )

    def learn_patterns(
        self,
        standing: tuple[str, ...],
        roots: Iterable[bytes],
        own: Mapping[bytes, tuple[str, ...]],
    ) -> None:
        """Take over patterns: those that hold everywhere, and those of single roots."""
        every = (
            (path, (*patterns_for_root(standing, path), *own.get(path, ())))
            for path in {*roots, *own}
        )
        self._excluded = [(path, patterns) for path, patterns in every if patterns]

    def learn_mounts(self) -> set[bytes]:
        """Look what is mounted now; returns where that changed since the last time."""
        before, self._mounts = self._mounts, frozenset(mounts())
        self._points = frozenset(each.point for each in self._mounts)
        return {each.point for each in before ^ self._mounts}
