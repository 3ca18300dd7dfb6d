"""Find which root of a run a path belongs to, and what surrounds it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gorillacomb.classify.companions import Companions, CompanionTable, companion_table
from gorillacomb.classify.projects import project_marker
from gorillacomb.classify.snapshots import SnapshotFinder
from gorillacomb.classify.stores import store_kind
from gorillacomb.dedupe.roots import LiveRoot
from gorillacomb.dedupe.safety.context import FolderContext, PathContext
from gorillacomb.fs.location import FileLocation
from gorillacomb.fs.openat import DiskFolder, OpenFolders, identity_of
from gorillacomb.fs.paths import innermost, join, relative_path

_REMEMBERED = 64
"""Folders."""


@dataclass(frozen=True, slots=True)
class _ListedFolder:
    """The files directly in a folder."""

    state: object
    """Compared to find out whether the listing is still valid."""
    names: list[bytes]
    companions: Companions


@dataclass(slots=True)
class PathResolver:
    """Resolves paths on disk, remembering which folders are projects."""

    roots: Sequence[LiveRoot]
    _levels: dict[bytes, FolderContext] = field(default_factory=dict)
    table: CompanionTable = field(default_factory=companion_table)
    """Which files belong together."""
    snapshots: SnapshotFinder = field(default_factory=SnapshotFinder)
    _listed: dict[bytes, _ListedFolder] = field(default_factory=dict)
    """The folders listed last, each in its state at that time."""

    def root_of(self, path: bytes) -> LiveRoot | None:
        """Return the innermost root around a path."""
        return innermost(path, self.roots, strictly=True)

    def location(self, path: bytes) -> FileLocation | None:
        """Return a path as the starting point of a comparison; None if it is in no root."""
        root = self.root_of(path)
        if root is None:
            return None
        inner = relative_path(path, root.path)
        return FileLocation(
            root.path, root.identity, inner, root.grain_ns, root.shows_others, root.kind
        )

    def with_file_system(self, place: FileLocation) -> FileLocation:
        """Add what is known of the file system of a location that was reached without its root.

        How exact its clock is says how long a comparison waits for a file that was just moved.
        """
        root = self.root_of(place.path)
        if root is None:
            return place
        return replace(
            place, grain_ns=root.grain_ns, shows_others=root.shows_others, kind=root.kind
        )

    def context(self, path: bytes, is_folder: bool) -> PathContext:
        """Return a path, in some root, as the rules see it. Raises OSError."""
        root = self.root_of(path)
        assert root is not None, "asked only for what is in a root"
        folder = path if is_folder else os.path.dirname(path)
        inner = relative_path(folder, root.path)
        parts = inner.split(b"/") if inner else []
        folders = OpenFolders(root.path, root.identity)
        try:
            top, *levels = [
                self._level(folders, root, b"/".join(parts[:at])) for at in range(len(parts) + 1)
            ]
        finally:
            folders.close()
        return PathContext(root.path, path, is_folder, tuple(levels), top.store)

    def companions(self, path: bytes) -> list[bytes]:
        """Return the paths of the files beside a file that belong to it. Raises OSError."""
        folder, name = os.path.split(path)
        return [join(folder, each) for each in self._beside(folder).companions.of(name)]

    def files_in(self, folder: bytes) -> list[bytes]:
        """Return the names of the files directly in the folder at a path. Raises OSError."""
        return self._beside(folder).names

    def size_of(self, path: bytes) -> int:
        """Return the size of a file in bytes; the path may have any length. Raises OSError."""
        location = self.location(path)
        assert location is not None, "asked only for what is in a root"
        with location.opened() as (folder, name):
            return os.stat(name, dir_fd=folder, follow_symlinks=False).st_size

    def sign_of_use(self, path: bytes) -> bytes | None:
        """Return a companion that shows that a file is or was left open. Raises OSError."""
        folder, name = os.path.split(path)

        def size_of(beside: bytes) -> int:
            return self.size_of(join(folder, beside))

        sign = self._beside(folder).companions.sign_of_use(name, size_of)
        return None if sign is None else join(folder, sign)

    def _beside(self, path: bytes) -> _ListedFolder:
        """Return the files directly in a folder."""
        root = self.root_of(join(path, b"*"))
        assert root is not None, "asked only for what is in a root"
        folders = OpenFolders(root.path, root.identity)
        try:
            inner = relative_path(path, root.path)
            facts = os.fstat(folders.open(inner))
            state = identity_of(facts), facts.st_mtime_ns
            known = self._listed.get(path)
            if known is None or known.state != state:
                if len(self._listed) >= _REMEMBERED:
                    self._listed.clear()
                listed = DiskFolder(folders, inner)
                companions = Companions(listed.files, self.table, listed.folders)
                known = _ListedFolder(state, listed.files, companions)
                self._listed[path] = known
        finally:
            folders.close()
        return known

    def _level(self, opened: OpenFolders, root: LiveRoot, inner: bytes) -> FolderContext:
        path = join(root.path, inner) if inner else root.path
        if path not in self._levels:
            folder = DiskFolder(opened, inner)
            kind = store_kind(os.path.basename(path), folder)
            is_store = kind is not None and not (kind.is_loose and not inner)
            marker = project_marker([*folder.files, *folder.folders], folder.folders)
            owner = None
            if inner and self.table.may_belong(os.path.basename(path)):
                owner = self._beside(os.path.dirname(path)).companions.owner_of(
                    os.path.basename(path)
                )
            self._levels[path] = FolderContext(path, marker, is_store, owner)
        return self._levels[path]
