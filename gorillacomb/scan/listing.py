"""The entries of one folder, sorted by what is to be done with them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from gorillacomb.scan.exclude import compile_patterns
from gorillacomb.scan.read import fold
from gorillacomb.scan.tasks import RootContext

OUR_FOLDER = b".gorillacomb"
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
_MARKERS = frozenset(map(os.fsencode, MARKERS))
_MARKER_SUFFIXES = (b".xcodeproj", b".xcworkspace")

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
    files, folders, names = listing.files, listing.folders, []
    excluded = compile_patterns(context.exclude) if context.exclude else None
    prefix = path + b"/" if path else b""
    own, boundaries, weak = context.own, context.boundaries, context.weak
    plain = excluded is None and not boundaries
    with os.scandir(descriptor) as entries:
        for entry in entries:
            name = entry.name.encode("utf-8", "surrogateescape")
            names.append(name)
            inode = entry.inode()
            is_file = entry.is_file(follow_symlinks=False)
            folder = not is_file and entry.is_dir(follow_symlinks=False)
            if inode in own or (folder and name == OUR_FOLDER):
                continue
            if not plain:
                # A file with something mounted over it is another drive's, or a second view of one
                # that stands elsewhere; such a folder is told of when its turn comes.
                mounted = prefix + name in boundaries
                left_out = not mounted and excluded is not None and excluded(prefix + name, folder)
                if folder and left_out:
                    listing.excluded_folders.append((name, fold(inode)))
                    continue
                if left_out or (mounted and not folder):
                    listing.excluded.append(name)
                    continue
            if is_file:
                files.append((inode, name))
            elif folder:
                folders.append((name, 0 if weak else fold(inode)))
            else:
                listing.others.append(name)
    listing.marker = _most_telling(names, folders)
    return listing


def _most_telling(names: list[bytes], folders: list[tuple[bytes, int]]) -> str | None:
    """Which of the names in a folder, if any, makes it a project."""
    marks = _MARKERS.intersection(names)
    for marker in MARKERS if marks else ():
        if os.fsencode(marker) in marks:
            return marker
    odd = [name for name, _ in folders if name.endswith(_MARKER_SUFFIXES)]
    return min(odd).decode("utf-8", "backslashreplace") if odd else None


class OpenFolders:
    """Descriptors of the folder visited last and of those above it.

    A folder is opened from its parent, step by step and never through a link: that reaches paths of
    any length, and cannot be led out of the root by a folder that is swapped for a link meanwhile.
    """

    _DEEPEST = 64

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._paths: list[bytes] = []
        self._descriptors: list[int] = []

    def open(self, path: bytes) -> int:
        """A descriptor of the folder at ``path`` below the root, good until the next call.

        Raises OSError.
        """
        paths, descriptors = self._paths, self._descriptors
        while paths and not _is_prefix(paths[-1], path):
            paths.pop()
            os.close(descriptors.pop())
        if not paths:
            descriptors.append(os.open(self._root, _FOLDER_FLAGS & ~os.O_NOFOLLOW))
            paths.append(b"")
        if path != paths[-1]:
            top = len(paths[-1])
            for name in path[top + 1 if top else 0 :].split(b"/"):
                descriptors.append(os.open(name, _FOLDER_FLAGS, dir_fd=descriptors[-1]))
                paths.append(paths[-1] + b"/" + name if paths[-1] else name)
                if len(paths) > self._DEEPEST:
                    paths.pop(1)
                    os.close(descriptors.pop(1))
        return descriptors[-1]

    def close(self) -> None:
        """Close them all."""
        self._paths.clear()
        while self._descriptors:
            os.close(self._descriptors.pop())


def _is_prefix(above: bytes, path: bytes) -> bool:
    return not above or above == path or path.startswith(above + b"/")
