"""A folder with the attributes that the order of places looks at."""

from __future__ import annotations

from dataclasses import dataclass

from gorillacomb.classify.projects import is_repository_marker
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.model import Root


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """A folder as a `Place`."""

    folder: TreeFolder
    path: bytes
    project: bytes | None
    preferred: int
    copy_names: tuple[bytes, ...]
    contents: int
    """Its contents, each counted once, without machine-made folders."""
    standing: int
    known_since: int
    inner_project: int
    touched: int
    """When the project around it, or the newest inside it, was last modified, ns."""
    root: Root | None
    is_folder = True
    company = 0
    mtime_ns = 0

    @property
    def worked_on_ns(self) -> int:
        return self.folder.touched if self.folder.project is None else self.touched

    @property
    def made(self) -> bool:
        return self.folder.machine

    @property
    def own_project(self) -> int:
        if self.folder.marker is None or self.folder.parent is None:
            return 2
        return 3 if not self.folder.is_project_top else int(not self.repository)

    @property
    def marker(self) -> str | None:
        project = self.folder.project
        return None if project is None else project.marker

    @property
    def repository(self) -> bool:
        return is_repository_marker(self.marker)

    @property
    def nested(self) -> bool:
        at: TreeFolder | None = self.folder
        while at is not None and at is not self.folder.project:
            if at.marker is not None:
                return self.folder.project is not None
            at = at.parent
        return False
