"""The folders in watched roots that are neither scanned nor watched."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from gorillacomb.errors import VaultError
from gorillacomb.fs.mounts import Mount, mounts
from gorillacomb.fs.openat import OUR_FOLDER
from gorillacomb.fs.paths import is_below, relative_path
from gorillacomb.index.database import Index
from gorillacomb.index.folder_queries import folder_facts
from gorillacomb.index.paths import find_folder
from gorillacomb.index.roots import all_roots
from gorillacomb.scan.exclude import compile_patterns, patterns_for_root
from gorillacomb.vault.vault import Vault, config_folder, state_folder


@dataclass(slots=True)
class WatchExclusions:
    """Folders that are excluded, that are ours, or that are on another file system."""

    vault: Vault
    _own: frozenset[bytes] = field(init=False)
    _mounts: frozenset[Mount] = frozenset()
    points: frozenset[bytes] = frozenset()
    """Mount points."""
    _excluded: list[tuple[bytes, tuple[str, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        ours = (self.vault.folder, config_folder(), state_folder())
        self._own = frozenset(os.path.realpath(os.fsencode(each)) for each in ours)

    def holds(self, path: bytes) -> bool:
        """Return whether a folder is one of these, or inside an excluded one."""
        if path.rpartition(b"/")[2] == OUR_FOLDER or path in self._own or path in self.points:
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
        """Replace the patterns: those for all roots, and those of single roots."""
        every = (
            (path, (*patterns_for_root(standing, path), *own.get(path, ())))
            for path in {*roots, *own}
        )
        self._excluded = [(path, patterns) for path, patterns in every if patterns]

    def learn_mounts(self) -> set[bytes]:
        """Read the current mount points; return those that changed since the last call."""
        before, self._mounts = self._mounts, frozenset(mounts())
        self.points = frozenset(each.point for each in self._mounts)
        return {each.point for each in before ^ self._mounts}

    def knows_files_in(self, folder: bytes) -> bool:
        """Return whether the index has files in a folder, by its path."""
        if not self.vault.index.exists():
            return False
        with suppress(VaultError), Index.read(self.vault) as index:
            for root in all_roots(index.connection):
                if is_below(folder, root.path):
                    relative = relative_path(folder, root.path)
                    known = find_folder(index.connection, root, relative)
                    if known is not None and folder_facts(index.connection, known).files:
                        return True
        return False
