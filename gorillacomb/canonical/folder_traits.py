"""Read the folder attributes that the rules rank by from the index, and cache them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from gorillacomb.classify.copy_names import copy_names_in, looks_like_copy
from gorillacomb.classify.media import MediaKind, is_album, media_kind
from gorillacomb.classify.names import NOISE, is_machine_made
from gorillacomb.classify.projects import is_repository_marker, project_around
from gorillacomb.classify.stores import is_opaque
from gorillacomb.index import folder_queries
from gorillacomb.index.paths import FolderPaths
from gorillacomb.model import Root
from gorillacomb.sqlite import Connection

_ALBUM = 1 << 40
"""Added to the number of an album's files."""


class Project(NamedTuple):
    """An outermost project."""

    folder: int
    path: bytes
    marker: str
    repository: bool


class FolderTraits(NamedTuple):
    """Attributes shared by all files in a folder, derived from the names on its path."""

    project: Project | None
    """The outermost one around it. The folder that the user named as a root does not count: a stray
    marker there is common."""
    nested: bool
    """Whether that project contains another one around it."""
    made: bool
    """Whether it, or a folder around it, is machine-made or kept by a program."""
    copy_names: tuple[bytes, ...]
    """The components of its path that are names of copies."""
    depth: int
    """The number of slashes in its path."""


class TraitReader:
    """Reads the traits of folders, each once."""

    def __init__(
        self,
        connection: Connection,
        paths: FolderPaths,
        roots: Mapping[int, Root],
        machine_made: frozenset[bytes] = frozenset(),
    ) -> None:
        """``machine_made`` are names of machine-made folders beyond the well-known ones."""
        self._connection = connection
        self._paths = paths
        self._roots = roots
        self._machine_made = machine_made
        self._traits: dict[int, FolderTraits] = {}
        self._kinds: dict[int, Counter[MediaKind]] = {}
        self._projects: dict[int, tuple[int, int]] = {}
        self._times: dict[int, int] = {}

    def of(self, folder: int) -> FolderTraits:
        """Return the traits of a folder."""
        known = self._traits.get(folder)
        if known is not None:
            return known
        chain: list[tuple[int, bytes, str | None]] = []
        at = folder
        while at not in self._traits:
            root, parent, name, marker = self._paths.row(at) or (0, None, b"", None)
            if parent is None:
                path = self._roots[root].path if root in self._roots else b""
                names, depth = copy_names_in(path), path.rstrip(b"/").count(b"/")
                self._traits[at] = FolderTraits(None, False, False, names, depth)
            else:
                chain.append((at, name, marker))
                at = parent
        for inner, name, marker in reversed(chain):
            self._traits[inner] = self._below(self._traits[at], inner, name, marker)
            at = inner
        return self._traits[folder]

    def _below(
        self, above: FolderTraits, folder: int, name: bytes, marker: str | None
    ) -> FolderTraits:
        project, nested, made, names, depth = above
        made = (
            made
            or is_opaque(name)
            or is_machine_made(name, project is not None, self._machine_made)
        )
        if marker is not None:
            nested = nested or project is not None
            place = self._paths.place(folder)
            assert place is not None, "no scan leaves a folder detached"
            here = Project(folder, place[1], marker, is_repository_marker(marker))
            project = project_around(project, here, True)
        if looks_like_copy(name):
            names = *names, name
        return FolderTraits(project, nested, made, names, depth + 1)

    def company(self, folder: int, kind: MediaKind) -> int:
        """Return how many related files a file of a kind has in a folder.

        That is the number of contents of its project; outside any project, how many files of its
        kind the folder has, with those of an album ranking above all others.
        """
        project = self.of(folder).project
        if project is not None:
            return self._project(project.folder)[0]
        if folder not in self._kinds:
            files = folder_queries.files_with_content(self._connection, folder)
            self._kinds[folder] = Counter(
                media_kind(name) for name, _, _ in files if name not in NOISE
            )
        kinds = self._kinds[folder]
        album = kind is not MediaKind.OTHER and is_album(kinds[kind], kinds.total())
        return kinds[kind] + (_ALBUM if album else 0)

    def touched(self, folder: int) -> int:
        """Return when the project of a folder was last modified, ns; 0 outside any project."""
        project = self.of(folder).project
        return 0 if project is None else self._project(project.folder)[1]

    def worked_on_ns(self, folder: int, kind: MediaKind) -> int | None:
        """Return when the project of a folder, or the album that it is, was last modified, ns.

        What belongs together has one time, so that it stays together. None for a file of a kind
        that is in neither.
        """
        if self.of(folder).project is not None:
            return self.touched(folder)
        if kind is MediaKind.OTHER or self.company(folder, kind) < _ALBUM:
            return None
        if folder not in self._times:
            files = folder_queries.files_with_content(self._connection, folder)
            self._times[folder] = max(time for name, _, time in files if name not in NOISE)
        return self._times[folder]

    def _project(self, top: int) -> tuple[int, int]:
        """Return a project's number of contents and newest mtime, without machine-made folders."""
        if top not in self._projects:
            contents: set[bytes] = set()
            newest = 0
            waiting = [top]
            while waiting:
                folder = waiting.pop()
                for name, digest, mtime in folder_queries.files_with_content(
                    self._connection, folder
                ):
                    if name not in NOISE:
                        contents.add(digest)
                        newest = max(newest, mtime)
                waiting += [
                    child
                    for child, name in folder_queries.child_folders(self._connection, folder)
                    if not is_opaque(name) and not is_machine_made(name, True, self._machine_made)
                ]
            self._projects[top] = len(contents), newest
        return self._projects[top]
