"""The copies of a content as the rules see them; what is costly to find out is read on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gorillacomb.canonical.folder_traits import FolderTraits, TraitReader
from gorillacomb.classify.copy_names import looks_like_copy
from gorillacomb.classify.media import media_kind
from gorillacomb.model import CanonicalChoice, GroupSummary, Root


@dataclass(frozen=True, slots=True, eq=False)
class CopyFolder:
    """A folder with copies, and what they have in common because they are in it."""

    id: int
    root: Root
    path: bytes
    """Absolute, with a slash at the end."""
    online: bool
    """Whether its drive is mounted."""
    traits: FolderTraits
    reader: TraitReader
    preference: Callable[[bytes], int]
    """How much the user prefers a path in it."""

    @property
    def project(self) -> bytes | None:
        """The path of the outermost project around it, below the root that the user named."""
        project = self.traits.project
        return None if project is None else project.path


@dataclass(slots=True, eq=False)
class FileCopy:
    """One name of a content: a `Place`."""

    within: CopyFolder
    name: bytes
    path: bytes
    mtime_ns: int
    size: int
    blocks: int
    inode: int
    """0 if it can have no other name that is known, or the file system has no stable inodes."""
    standing: int
    """1 if it is stamped as the canonical copy."""
    known_since: int
    """Its number in the order of the copies after the last scan; new ones follow those."""

    @property
    def folder(self) -> int:
        """The index id of its folder."""
        return self.within.id

    @property
    def volume(self) -> str:
        """The identity of its volume."""
        return self.within.root.volume

    @property
    def online(self) -> bool:
        """Whether its drive is mounted."""
        return self.within.online

    @property
    def preferred(self) -> int:
        """1 if it is in a place that the user prefers, 2 if it is marked to be kept; else 0."""
        return self.within.preference(self.path)

    @property
    def made(self) -> bool:
        """Whether it is in a folder that programs make or keep."""
        return self.within.traits.made

    @property
    def copy_names(self) -> tuple[bytes, ...]:
        """The components of its path that are names of copies."""
        above = self.within.traits.copy_names
        return (*above, self.name) if looks_like_copy(self.name) else above

    @property
    def nested(self) -> bool:
        """Whether it is in a project inside another project."""
        return self.within.traits.nested

    @property
    def project(self) -> bytes | None:
        """The path of the outermost project around it."""
        return self.within.project

    @property
    def marker(self) -> str | None:
        """The name that makes that folder a project, such as ``package.json``."""
        project = self.within.traits.project
        return None if project is None else project.marker

    @property
    def repository(self) -> bool:
        """Whether that project is under version control."""
        project = self.within.traits.project
        return project is not None and project.repository

    @property
    def company(self) -> int:
        """How many related files it has, as `TraitReader.company` counts them."""
        return self.within.reader.company(self.within.id, media_kind(self.name))

    @property
    def touched(self) -> int:
        """When its project was last modified, ns; 0 outside any project."""
        return self.within.reader.touched(self.within.id)

    @property
    def worked_on_ns(self) -> int:
        """When its album or project was last modified, ns; its own mtime if it is in neither."""
        time = self.within.reader.worked_on_ns(self.within.id, media_kind(self.name))
        return self.mtime_ns if time is None else time

    @property
    def root(self) -> Root:
        """The root that it is in."""
        return self.within.root

    @property
    def is_folder(self) -> bool:
        return False

    @property
    def own_project(self) -> int:
        return 0

    @property
    def inner_project(self) -> int:
        return 2

    @property
    def contents(self) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """A group of identical files with its canonical copy."""

    summary: GroupSummary
    copies: tuple[FileCopy, ...]
    choice: CanonicalChoice
    hardlink_of: tuple[int | None, ...]
    """For each copy: the position of an earlier hard link of the same file, if any."""
