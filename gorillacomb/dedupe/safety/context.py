"""Paths as the safety rules see them: with the folders around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gorillacomb.fs.paths import join


@dataclass(frozen=True, slots=True)
class FolderContext:
    """A folder below a root's top."""

    path: bytes
    marker: str | None
    """The name in it that makes it a project."""
    store: bool = False
    """Whether one program manages it as a unit: a library, a mailbox, a backup."""
    owner: bytes | None = None
    """The name of a file beside it that it belongs to: ``page.html`` for ``page_files``."""
    name: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.path.rpartition(b"/")[2])


class PathContext(NamedTuple):
    """A path as the rules see it."""

    root: bytes
    """The root's path."""
    path: bytes
    is_folder: bool
    levels: tuple[FolderContext, ...]
    """The folders from below the top down to the path, or to the one that contains the file."""
    root_is_store: bool = False

    @property
    def folder(self) -> bytes:
        """The path of the folder itself, or of the one that contains the file."""
        return self.path if self.is_folder else self.path.rpartition(b"/")[0] or b"/"

    def inside(self, name: bytes) -> PathContext:
        """Return a file in this folder."""
        path = join(self.path, name)
        return PathContext(self.root, path, False, self.levels, self.root_is_store)

    @property
    def above(self) -> Sequence[FolderContext]:
        """The folders around it."""
        return self.levels[:-1] if self.is_folder else self.levels
