"""Assemble groups of identical files, each with its canonical copy, from the index."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypedDict

from gorillacomb.canonical.folder_traits import TraitReader
from gorillacomb.canonical.keep_criteria import choose_canonical
from gorillacomb.classify.media import media_kind
from gorillacomb.fs.paths import join
from gorillacomb.index import content_queries
from gorillacomb.index.database import Index
from gorillacomb.index.paths import FileKey, FolderPaths
from gorillacomb.index.roots import all_roots
from gorillacomb.index.stamps import stamp_of
from gorillacomb.model import DuplicateGroup, FileCopy, GroupSummary, Root

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
    ) -> None:
        """``machine_made`` are names of machine-made folders beyond the well-known ones."""
        self._index = index
        self.roots = {root.id: root for root in all_roots(index.connection)}
        self.paths = FolderPaths(index.connection, self.roots)
        self.traits = TraitReader(index.connection, self.paths, self.roots, machine_made)
        self._online = {number: online(root) for number, root in self.roots.items()}
        self.is_preferred = preferred
        self._has_orders = content_queries.has_copy_orders(index.connection)

    def all(self, limit: int | None = None) -> Iterator[DuplicateGroup]:
        """Yield all groups, most wasteful first."""
        yield from self._filled(content_queries.groups(self._index.connection, limit))

    def below(self, folder: int) -> Iterator[DuplicateGroup]:
        """Yield groups with a copy in a folder or below it, including their copies elsewhere."""
        yield from self._filled(content_queries.groups_below(self._index.connection, folder))

    def of_content(self, digest: bytes) -> DuplicateGroup | None:
        """Return the group of a content; None if it has only one copy."""
        summary = content_queries.group_of(self._index.connection, digest)
        return None if summary is None else next(self._filled([summary]), None)

    def copies_of(self, digest: bytes) -> list[FileCopy]:
        """Return every file with a content, even if it has no second copy."""
        stamp = stamp_of(self._index.connection, digest)
        chosen = None if stamp is None else (stamp.folder, stamp.name)
        numbers = number_copies(self.known_order(digest))
        copies = []
        for file in content_queries.files_with(self._index.connection, self.paths, digest):
            root, name = self.roots[file.root], os.path.basename(file.path)
            copies.append(
                FileCopy(
                    path=file.path,
                    root_path=root.path,
                    volume=root.volume,
                    inode=file.inode,
                    mtime_ns=file.mtime_ns,
                    size=file.size,
                    blocks=file.blocks,
                    online=self._online[root.id],
                    folder=file.folder,
                    standing=int((file.folder, name) == chosen),
                    known_since=numbers.get((file.folder, name), len(numbers)),
                    **self._of_place(file.folder, file.path, name),
                )
            )
        return copies

    def _filled(self, summaries: Iterable[GroupSummary]) -> Iterator[DuplicateGroup]:
        for summary in summaries:
            copies = tuple(self.copies_of(summary.digest))
            links = hard_link_of(copies)
            if links.count(None) > 1:  # fewer until an interrupted scan is completed
                yield DuplicateGroup(summary, copies, choose_canonical(copies), links)

    def known_order(self, digest: bytes) -> list[FileKey]:
        """Return the copies of a content in their order after the last scan; empty if not known."""
        if not self._has_orders:
            return []
        return content_queries.copy_order(self._index.connection, digest)

    def copy_in(self, folder: int, name: bytes, mtime_ns: int, known_since: int = 0) -> FileCopy:
        """Return a file with the attributes that the rules look at."""
        place = self.paths.place(folder)
        if place is None:
            raise ValueError("a file is in a detached folder, which no scan leaves behind")
        root, path = self.roots[place[0]], join(place[1], name)
        return FileCopy(
            path=path,
            root_path=root.path,
            volume=root.volume,
            inode=0,
            mtime_ns=mtime_ns,
            size=0,
            blocks=0,
            online=self._online[root.id],
            folder=folder,
            known_since=known_since,
            **self._of_place(folder, path, name),
        )

    def _of_place(self, folder: int, path: bytes, name: bytes) -> _PlaceFields:
        """Return the attributes that a file has because of its place."""
        traits = self.traits.of(folder)
        project = traits.project
        return {
            "preferred": self.is_preferred(path),
            "made": traits.made,
            "nested": traits.nested,
            "project": None if project is None else project.path,
            "marker": None if project is None else project.marker,
            "repository": project is not None and project.repository,
            "company": self.traits.company(folder, media_kind(name)),
            "touched": self.traits.touched(folder),
        }


class _PlaceFields(TypedDict):
    """Fields of a `FileCopy` that are the same for all files of a kind in a folder."""

    preferred: bool
    made: bool
    nested: bool
    project: bytes | None
    marker: str | None
    repository: bool
    company: int
    touched: int


def number_copies(order: Iterable[FileKey]) -> dict[FileKey, int]:
    """Return the number of each copy in an order of copies."""
    return {copy: number for number, copy in enumerate(order)}


def hard_link_of(copies: Sequence[FileCopy]) -> tuple[int | None, ...]:
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
