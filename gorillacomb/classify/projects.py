"""Names that make a folder a project: one thing, out of which nothing is taken."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gorillacomb.classify.stores import VERSION_CONTROL

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
"""The most telling first."""
_MARKERS = frozenset(MARKERS)
_MARKER_SUFFIXES = (b".xcodeproj", b".xcworkspace")


def project_marker(names: Collection[bytes], folders: Iterable[bytes]) -> str | None:
    """Which of the names in a folder, if any, makes it a project.

    ``folders`` are those of the names that are folders.
    """
    marks = _MARKERS.intersection(names)
    for marker in MARKERS if marks else ():
        if marker in marks:
            return marker.decode()
    odd = [name for name in folders if name.endswith(_MARKER_SUFFIXES)]
    return min(odd).decode("utf-8", "backslashreplace") if odd else None
