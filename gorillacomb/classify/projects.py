"""Find the project around a path: a unit from which single files are not removed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

from gorillacomb.classify.names import VERSION_CONTROL

MARKERS = (
    *VERSION_CONTROL,
    b"package.json",
    b"pyproject.toml",
    b"setup.py",
    b"Cargo.toml",
    b"go.mod",
    b"pom.xml",
    b"build.gradle",
    b"build.gradle.kts",
    b"Gemfile",
    b"composer.json",
    b"mix.exs",
    b"pubspec.yaml",
    b"Package.swift",
    b"CMakeLists.txt",
)
"""In order of significance."""
_MARKERS = frozenset(MARKERS)
_MARKER_SUFFIXES = (b".xcodeproj", b".xcworkspace")


def project_marker(names: Collection[bytes], folders: Iterable[bytes]) -> str | None:
    """Return which of the names in a folder, if any, makes it a project.

    ``folders`` are those of the names that are folders.
    """
    marks = _MARKERS.intersection(names)
    for marker in MARKERS if marks else ():
        if marker in marks:
            return marker.decode()
    odd = [name for name in folders if name.endswith(_MARKER_SUFFIXES)]
    return min(odd).decode("utf-8", "backslashreplace") if odd else None


def is_repository_marker(marker: str | None) -> bool:
    """Return whether a folder is a project because of version control."""
    return marker is not None and marker.encode() in VERSION_CONTROL


_T = TypeVar("_T")


def project_around(around: _T | None, here: _T, is_marked: bool) -> _T | None:
    """Return the outermost project at or above ``here``, given that of the parent folder.

    Not to be called for the top of a root: a stray marker does not make it a project.
    """
    return around if around is not None or not is_marked else here


def outermost_project(levels: Iterable[_T], counts: Callable[[_T], bool]) -> int | None:
    """Return the index of the first folder, from the top down, that ``counts``."""
    return next((at for at, level in enumerate(levels) if counts(level)), None)


@dataclass(frozen=True, slots=True)
class ProjectRules:
    """Which folders with a marker count as projects when planning."""

    not_projects: Collection[bytes] = ()
    """Paths that the user declared not to be projects."""
    homes: Collection[bytes] = ()
    fixed: Collection[bytes] = ()
    """Roots, mount points and the like, where a stray marker is common."""

    def counts(self, path: bytes, marker: str | None) -> bool:
        """Return whether a folder with this marker is a project."""
        return marker is not None and not (
            path in self.not_projects
            or path in self.homes
            or path in self.fixed
            or path.rpartition(b"/")[2].lower() == b"downloads"
        )
