"""Groups of identical files, each with its canonical copy, put together from the index."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from gorillacomb.canonical.file_rules import choose_canonical
from gorillacomb.canonical.ranking import RuleRanks
from gorillacomb.classify.copy_names import looks_like_copy
from gorillacomb.classify.projects import is_repository_marker, project_around
from gorillacomb.index import content_queries
from gorillacomb.index.database import Index
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.roots import all_roots
from gorillacomb.index.stamps import stamp_of
from gorillacomb.model import (
    NO_TREE,
    CanonicalChoice,
    DuplicateGroup,
    FileCopy,
    GroupSummary,
    IndexedFile,
    Root,
    TreeCopy,
)

STANDING = "the standing choice, made with its folder or before the others were known"
"""Where the rules for files alone would choose another one now; the trace knows more."""

ProjectInfo = tuple[bytes, str, bool]
"""The folder of a project, the name that makes it one, whether that is version control."""

IsOnline = Callable[[Root], bool]
"""Says whether a root's drive is there now."""


class GroupReader:
    """Reads groups from an open index, remembering what it learned of folders on the way."""

    def __init__(
        self,
        index: Index,
        online: IsOnline,
        preferred: Callable[[bytes], bool],
        trees: Mapping[int, TreeCopy] | None = None,
    ) -> None:
        """``trees`` says by a folder's id of which tree it is part, as in `FileCopy.tree`."""
        self._index = index
        self._trees: Mapping[int, TreeCopy] = {} if trees is None else trees
        self.roots = {root.id: root for root in all_roots(index.connection)}
        self.paths = FolderPaths(index.connection, self.roots)
        self._online = {number: online(root) for number, root in self.roots.items()}
        self.is_preferred = preferred
        self._traits: dict[int, tuple[ProjectInfo | None, int, int]] = {}

    def all(self, limit: int | None = None) -> Iterator[DuplicateGroup]:
        """All groups, the most wasteful first."""
        yield from self._filled(content_queries.groups(self._index.connection, limit))

    def below(self, folder: int) -> Iterator[DuplicateGroup]:
        """Groups with a copy in a folder or below it; their other copies wherever they stand."""
        yield from self._filled(content_queries.groups_below(self._index.connection, folder))

    def of_content(self, digest: bytes) -> DuplicateGroup | None:
        """The group of a content; None when it stands in one copy only."""
        summary = content_queries.group_of(self._index.connection, digest)
        return None if summary is None else next(self._filled([summary]), None)

    def copies_of(self, digest: bytes) -> list[FileCopy]:
        """Every name of a content, also of one that has no second copy."""
        files = content_queries.files_with(self._index.connection, self.paths, digest)
        return [self._copy(file) for file in files]

    def _filled(self, summaries: Iterable[GroupSummary]) -> Iterator[DuplicateGroup]:
        for summary in summaries:
            copies = tuple(self.copies_of(summary.digest))
            links = hard_link_of(copies)
            if links.count(None) > 1:  # fewer while a scan that was killed has yet to be finished
                yield DuplicateGroup(summary, copies, self.choice(copies, summary.digest), links)

    def choice(self, copies: Sequence[FileCopy], digest: bytes) -> CanonicalChoice:
        """The canonical one of the copies of a content; of a file with several names, one name.

        What was stamped stays, as long as it stands.
        """
        best = choose_canonical(copies)
        stamp = stamp_of(self._index.connection, digest)
        if stamp is None:
            return best
        places = {(each.folder, os.path.basename(each.path)): at for at, each in enumerate(copies)}
        standing = places.get((stamp.folder, stamp.name), best.winner)
        return best if standing == best.winner else CanonicalChoice(standing, (STANDING,))

    def copy_in(self, folder: int) -> FileCopy:
        """What any copy in a folder is like, as far as its place says; its name is empty."""
        place = self.paths.place(folder)
        assert place is not None, "no scan leaves a folder without a place"
        root = self.roots[place[0]]
        path, marker, repository = self._project(folder) or (None, None, False)
        return FileCopy(
            path=place[1].rstrip(b"/") + b"/",
            root_path=root.path,
            volume=root.volume,
            inode=0,
            mtime_ns=0,
            size=0,
            blocks=0,
            online=self._online[root.id],
            project=path,
            marker=marker,
            repository=repository,
            folder=folder,
            tree=self._trees.get(folder, NO_TREE),
        )

    def _copy(self, file: IndexedFile) -> FileCopy:
        root = self.roots[file.root]
        path, marker, repository = self._project(file.folder) or (None, None, False)
        return FileCopy(
            path=file.path,
            folder=file.folder,
            root_path=root.path,
            volume=root.volume,
            inode=file.inode,
            mtime_ns=file.mtime_ns,
            size=file.size,
            blocks=file.blocks,
            online=self._online[root.id],
            project=path,
            marker=marker,
            repository=repository,
            preferred=self.is_preferred(file.path),
            tree=self._trees.get(file.folder, NO_TREE),
        )

    def _project(self, folder: int) -> ProjectInfo | None:
        return self._trait(folder)[0]

    def _project_info(self, folder: int, marker: str) -> ProjectInfo:
        place = self.paths.place(folder)
        assert place is not None, "no scan leaves a folder without a place"
        return place[1], marker, is_repository_marker(marker)

    def ranks_in(self, folder: int) -> RuleRanks:
        """What the rules of place think of a copy in a folder, its own name left aside."""
        project, smelly, depth = self._trait(folder)
        tree = self._trees.get(folder, NO_TREE).rank
        return (1, tree, 2 if project is None else int(not project[2]), smelly, depth)

    def _trait(self, folder: int) -> tuple[ProjectInfo | None, int, int]:
        """The outermost project around a folder, how many names smell, how many slashes there are.

        The folder that the user named as a root is no project: a loose marker stands there easily.
        """
        chain: list[tuple[int, bytes, str | None]] = []
        at = folder
        while at not in self._traits:
            root, parent, name, marker = self.paths.row(at) or (0, None, b"", None)
            if parent is None:
                path = self.roots[root].path if root in self.roots else b""
                self._traits[at] = (None, 0, path.rstrip(b"/").count(b"/") + 1)
            else:
                chain.append((at, name, marker))
                at = parent
        project, smelly, depth = self._traits[at]
        for at, name, marker in reversed(chain):
            if marker is not None:
                project = project_around(project, self._project_info(at, marker), True)
            smelly += looks_like_copy(name)
            depth += 1
            self._traits[at] = (project, smelly, depth)
        return project, smelly, depth


def hard_link_of(copies: Sequence[FileCopy]) -> tuple[int | None, ...]:
    """For each copy: the place of an earlier name of the same file, None for a file of its own."""
    first: dict[tuple[str, int], int] = {}
    links: list[int | None] = []
    for place, copy in enumerate(copies):
        key = (copy.volume, copy.inode)
        links.append(first.get(key) if copy.inode else None)
        first.setdefault(key, place)
    return tuple(links)
