"""The entries of one folder, sorted by what is to be done with them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gorillacomb.scan.exclude import compile_patterns
from gorillacomb.scan.read import fold
from gorillacomb.scan.tasks import RootContext

OUR_FOLDER = ".gorillacomb"
"""Quarantines and locks stand in folders of this name; no scan enters one."""

VERSION_CONTROL = (".git", ".hg", ".svn", ".jj")
MARKERS = (
    *VERSION_CONTROL,
    "package.json",
    "pyproject.toml",
    "setup.py",
    "Cargo.toml",
    "go.mod",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "Gemfile",
    "composer.json",
    "mix.exs",
    "pubspec.yaml",
    "Package.swift",
    "CMakeLists.txt",
)
"""Names that make the folder in which they stand a project, the most telling first."""
_MARKERS = frozenset(MARKERS)
_MARKER_SUFFIXES = (".xcodeproj", ".xcworkspace", ".sln")

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True)
class Listing:
    """What stands in a folder: names as bytes, not yet looked at."""

    files: list[tuple[int, bytes]] = field(default_factory=list)
    """(inode, name) of regular files: opened in inode order, a cold disk seeks less."""
    others: list[bytes] = field(default_factory=list)
    folders: list[tuple[bytes, int]] = field(default_factory=list)
    """(name, inode) of subfolders."""
    excluded: list[bytes] = field(default_factory=list)
    excluded_folders: list[tuple[bytes, int]] = field(default_factory=list)
    marker: str | None = None


def list_folder(descriptor: int, path: bytes, context: RootContext) -> Listing:
    """List an open folder; ``path`` is its place below the root. Raises OSError."""
    listing = Listing()
    marks = set()
    excluded = compile_patterns(context.exclude) if context.exclude else None
    prefix = path + b"/" if path else b""
    own = {inode for _, inode in context.own}
    with os.scandir(descriptor) as entries:
        for entry in entries:
            text = entry.name
            name = text.encode("utf-8", "surrogateescape")
            if text in _MARKERS or text.endswith(_MARKER_SUFFIXES):
                marks.add(text)
            folder = entry.is_dir(follow_symlinks=False)
            if folder:
                inode = entry.inode()
                if text == OUR_FOLDER or (inode in own and (context.device, inode) in context.own):
                    continue
                if excluded is not None and excluded(prefix + name, True):
                    listing.excluded_folders.append((name, fold(inode)))
                else:
                    listing.folders.append((name, 0 if context.weak else fold(inode)))
            elif excluded is not None and excluded(prefix + name, False):
                listing.excluded.append(name)
            elif entry.is_file(follow_symlinks=False):
                listing.files.append((entry.inode(), name))
            else:
                listing.others.append(name)
    listing.marker = _most_telling(marks)
    return listing


def _most_telling(marks: set[str]) -> str | None:
    for marker in MARKERS:
        if marker in marks:
            return marker
    return min(marks, default=None)


class OpenFolders:
    """Descriptors of the folders visited last, so that a subfolder is opened from its parent.

    Opening step by step, never through a link, reaches paths of any length and cannot be led out of
    the root by a folder that is swapped for a link meanwhile.
    """

    _LIMIT = 32

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._open: dict[bytes, int] = {}

    @contextmanager
    def folder(self, path: bytes) -> Iterator[int]:
        """A descriptor of the folder at ``path`` below the root; raises OSError."""
        descriptor = self._open.pop(path, None)
        if descriptor is None:
            descriptor = self._descend(path)
        try:
            yield descriptor
        finally:
            self._open[path] = descriptor
            if len(self._open) > self._LIMIT:
                os.close(self._open.pop(next(iter(self._open))))

    def _descend(self, path: bytes) -> int:
        parts = path.split(b"/") if path else []
        depth, descriptor = self._nearest(parts)
        for name in parts[depth:]:
            below = None
            try:
                below = os.open(name, _FOLDER_FLAGS, dir_fd=descriptor)
            finally:
                os.close(descriptor)
            descriptor = below
        return descriptor

    def _nearest(self, parts: list[bytes]) -> tuple[int, int]:
        """How many leading parts an open folder covers, and a new descriptor of that folder."""
        for depth in range(len(parts) - 1, 0, -1):
            known = self._open.get(b"/".join(parts[:depth]))
            if known is not None:
                return depth, os.dup(known)
        return 0, os.open(self._root, _FOLDER_FLAGS & ~os.O_NOFOLLOW)

    def close(self) -> None:
        """Close them all."""
        while self._open:
            os.close(self._open.popitem()[1])
