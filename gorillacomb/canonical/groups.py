"""Assemble groups of identical files, each with its canonical copy, from the index."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Protocol

from gorillacomb.canonical.file_copy import CopyFolder, DuplicateGroup, FileCopy
from gorillacomb.canonical.folder_traits import TraitReader
from gorillacomb.canonical.keep_criteria import BUILT_IN, KeepCriteria
from gorillacomb.fs.paths import is_below
from gorillacomb.index import content_queries
from gorillacomb.index.content_queries import ContentCopies, CopyReader, CopyRow
from gorillacomb.index.database import Index
from gorillacomb.index.duplicate_groups import ContentPlaces, content_places
from gorillacomb.index.paths import FileKey, FolderPaths
from gorillacomb.index.roots import all_roots
from gorillacomb.marks.rules import NO_MARKS, MarkRules
from gorillacomb.model import Root

IsOnline = Callable[[Root], bool]
"""Return whether a root's drive is mounted."""


class GroupReader:
    """Reads groups from an open index, caching what it learns about folders."""

    def __init__(
        self,
        index: Index,
        online: IsOnline,
        preferred: Callable[[bytes], bool],
        machine_made: frozenset[bytes] = frozenset(),
        marks: MarkRules = NO_MARKS,
        criteria: KeepCriteria = BUILT_IN,
        prefers_some: bool = True,
    ) -> None:
        """``machine_made`` are names of machine-made folders beyond the well-known ones.

        ``prefers_some`` says whether there may be a path that is ``preferred``.
        """
        self._index = index
        self.criteria = criteria
        self.roots = {root.id: root for root in all_roots(index.connection)}
        self.paths = FolderPaths(index.connection, self.roots)
        self.traits = TraitReader(index.connection, self.paths, self.roots, machine_made)
        self.online = {number: online(root) for number, root in self.roots.items()}
        """By the root's id: whether its drive is mounted."""
        self.preference = marks.preference(preferred)
        self.prefers_some = prefers_some or marks.has_kept
        self._marks = marks
        self.knows_orders = content_queries.has_copy_orders(index.connection)
        """Whether the order of the copies of any content was stored when this was opened."""
        self._folders: dict[int, CopyFolder | None] = {}
        self._one_file_twice = _may_show_one_file(self.roots.values())
        self._reader = CopyReader(index.connection, self._one_file_twice)

    def all(self) -> Iterator[DuplicateGroup]:
        """Yield all groups, most wasteful first."""
        self.paths.load()
        return filter(self.is_reported, self._filled(self._reader.by_waste()))

    def below(self, folder: int) -> Iterator[DuplicateGroup]:
        """Yield groups with a copy in a folder or below it, including their copies elsewhere."""
        self.paths.load()
        return filter(self.is_reported, self._filled(self._reader.by_waste(folder)))

    def is_reported(self, group: DuplicateGroup) -> bool:
        """Return whether a group is to be reported: the user may have said that all is well."""
        return not self._marks.settle(copy.path for copy in group.copies)

    def of_content(self, digest: bytes) -> DuplicateGroup | None:
        """Return the group of a content; None if it has only one copy."""
        content = self._reader.of(digest)
        return None if content is None else next(self._filled([content]), None)

    def of_any_content(self, digest: bytes) -> DuplicateGroup | None:
        """Return a content like a group even if it has one copy; None if no file has it."""
        content = self._reader.of_any(digest)
        copies = () if content is None else tuple(self.copies(content))
        if content is None or not copies:
            return None
        summary = replace(content.summary, names=len(copies))
        choice = self.criteria.choose_canonical(copies)
        return DuplicateGroup(summary, copies, choice, hard_link_of(copies))

    def contents_in(self, folders: Collection[int]) -> Iterator[ContentCopies]:
        """Yield every content with copies, one of them directly in one of some folders.

        The folders are given by their ids. Contents are sorted by digest.
        """
        self.paths.load()
        return self._reader.in_folders(folders)

    def contents_of(self, digests: Sequence[bytes]) -> Iterator[ContentCopies]:
        """Yield the contents with some digests that have copies."""
        return self._reader.of_digests(digests)

    def places(self) -> Iterator[ContentPlaces]:
        """Yield the folders of every content that has copies."""
        return content_places(self._index.connection, self._one_file_twice)

    def contents_to_stamp(self) -> Iterator[ContentCopies]:
        """Yield every content that is to be stamped again and that a file has."""
        self.paths.load()
        return self._reader.to_stamp()

    def contents_below(self, folder: int) -> Iterator[ContentCopies]:
        """Yield those with a copy in a folder or below it, including their copies elsewhere."""
        self.paths.load()
        return self._reader.by_waste(folder)

    def copies(self, content: ContentCopies) -> list[FileCopy]:
        """Return the files with a content, by path; omits those in detached folders."""
        found = [copy for row in content.files if (copy := self._copy(content, row)) is not None]
        if content.order is not None:
            numbers = number_copies(content_queries.parse_copy_order(content.order))
            for copy in found:
                copy.known_since = numbers.get((copy.folder, copy.name), len(numbers))
        return sorted(found, key=lambda copy: copy.path)

    def _filled(self, contents: Iterable[ContentCopies]) -> Iterator[DuplicateGroup]:
        for content in contents:
            copies = tuple(self.copies(content))
            links = hard_link_of(copies)
            if links.count(None) > 1:  # fewer until an interrupted scan is completed
                choice = self.criteria.choose_canonical(copies)
                yield DuplicateGroup(content.summary, copies, choice, links)

    def _copy(self, content: ContentCopies, row: CopyRow) -> FileCopy | None:
        number, name, blocks, mtime_ns, inode = row
        folder = self.folder(number)
        if folder is None:
            return None
        path = folder.path + name
        standing = int((number, name) == content.stamped)
        size = content.summary.size
        return FileCopy(folder, name, path, mtime_ns, size, blocks, inode, standing, 0)

    def known_order(self, digest: bytes) -> list[FileKey]:
        """Return the copies of a content in their order after the last scan; empty if not known."""
        if not self.knows_orders:
            return []
        return content_queries.copy_order(self._index.connection, digest)

    def copy_in(self, folder: int, name: bytes, mtime_ns: int, known_since: int = 0) -> FileCopy:
        """Return a file with the attributes that the rules look at."""
        within = self.folder(folder)
        if within is None:
            raise ValueError("a file is in a detached folder, which no scan leaves behind")
        return FileCopy(within, name, within.path + name, mtime_ns, 0, 0, 0, 0, known_since)

    def folder(self, number: int) -> CopyFolder | None:
        """Return a folder that contains copies; None for a detached one."""
        if number not in self._folders:
            place = self.paths.place(number)
            self._folders[number] = None if place is None else self._folder(number, *place)
        return self._folders[number]

    def _folder(self, number: int, root: int, path: bytes) -> CopyFolder:
        return CopyFolder(
            number,
            self.roots[root],
            path.rstrip(b"/") + b"/",
            self.online[root],
            self.traits.of(number),
            self.traits,
            self.preference,
        )


def number_copies(order: Iterable[FileKey]) -> dict[FileKey, int]:
    """Return the number of each copy in an order of copies."""
    return {copy: number for number, copy in enumerate(order)}


class _NamedFile(Protocol):
    @property
    def volume(self) -> str: ...

    @property
    def inode(self) -> int: ...


def hard_link_of(copies: Sequence[_NamedFile]) -> tuple[int | None, ...]:
    """Return, for each copy, the position of an earlier hard link of the same file.

    None if none.
    """
    first: dict[tuple[str, int], int] = {}
    links: list[int | None] = []
    for place, copy in enumerate(copies):
        key = (copy.volume, copy.inode)
        links.append(first.get(key) if copy.inode else None)
        first.setdefault(key, place)
    return tuple(links)


def group_by_inode(copies: Sequence[FileCopy]) -> list[list[FileCopy]]:
    """Group copies into separate files, each with all its names."""
    found: dict[object, list[FileCopy]] = {}
    for copy in copies:
        key = (copy.volume, copy.inode) if copy.inode else copy.path
        found.setdefault(key, []).append(copy)
    return list(found.values())


def _may_show_one_file(roots: Iterable[Root]) -> bool:
    """Return whether two of some roots may show one file: by mounts of one folder, for example."""
    return any(
        a.volume == b.volume and is_below(a.inner_path, b.inner_path)
        for a, b in permutations(roots, 2)
    )
