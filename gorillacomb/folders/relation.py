"""Relate one folder to another: identical, contained, overlapping, with exact figures."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from gorillacomb.folders.content_sets import ContentAmount, ContentSets
from gorillacomb.folders.diff import FolderDiff, diff_folders_in_index, differing_folders
from gorillacomb.folders.entries import FolderEntries
from gorillacomb.folders.name_similarity import names_match
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.sqlite import Connection


class RelationKind(StrEnum):
    """How folder A relates to folder B, the strongest that holds."""

    IDENTICAL = "identical"
    """The same names lead to the same contents, links, empty files and folders."""
    SAME_CONTENT = "same content"
    """The same contents under other names or in another layout."""
    CONTAINED = "contained"
    """All of A is at the same relative path in B."""
    CONTAINS = "contains"
    """All of B is at the same relative path in A."""
    CONTENT_CONTAINED = "content contained"
    """Every content of A is somewhere in B."""
    OVERLAPPING = "overlapping"
    """They have contents in common."""
    APART = "apart"
    """They have nothing in common: only their names are similar."""


class PathCounts(NamedTuple):
    """The files and links of folder A, without machine-made folders: each is counted once."""

    only: int
    """At paths that B lacks, and not ``moved``."""
    changed: int
    """At paths that lead to something different in B."""
    moved: int
    """With contents that B has at a path that A lacks."""
    unknown: int
    """At paths at which one of them was not read."""
    same: int


@dataclass(frozen=True, slots=True)
class FolderRelation:
    """How A relates to B. Amounts exclude machine-made folders; each content counts once."""

    a: TreeFolder
    b: TreeFolder
    kind: RelationKind
    shared: ContentAmount
    only_a: ContentAmount
    only_b: ContentAmount
    entries: FolderDiff
    """Path by path; everything counts, including machine-made folders."""
    counts: PathCounts
    cause: str | None = None
    """Why it is not called identical or contained although nothing that was read differs."""
    more_b: int = 0
    """The user's files and links in B at paths that A lacks, and not moved."""


_AT_ONCE = 4096
"""For about so many pairs of folders, what they need is read by one statement."""
ComparedFolders = tuple[TreeFolder, TreeFolder, Sequence[TreeFolder]]
"""Two folders, and other copies of the same tree, which may be inside them."""


def compare_folders(
    connection: Connection, shares: ContentSets, groups: Iterable[Sequence[ComparedFolders]]
) -> Iterator[list[FolderRelation]]:
    """Compare folders of an index, group by group, as `folder_relation` does."""
    entries = FolderEntries(connection)
    waiting = iter(groups)
    while True:
        here: list[Sequence[ComparedFolders]] = []
        for group in waiting:
            here.append(group)
            if sum(map(len, here)) >= _AT_ONCE:
                break
        if not here:
            return
        entries.load(
            {
                folder
                for group in here
                for a, b, apart in group
                for folder in differing_folders(a, b, *_copied_into(a, b, apart))
            }
        )
        for group in here:
            yield [folder_relation(entries, shares, *each) for each in group]


def folder_relation(
    entries: FolderEntries,
    shares: ContentSets,
    a: TreeFolder,
    b: TreeFolder,
    apart: Collection[TreeFolder] = (),
) -> FolderRelation:
    """Compare two folders of an index.

    ``apart`` are other copies of the same tree. Those inside one of the two folders do not count:
    what is in a copy need not be in the tree around it as well. Nor does one of the two in the
    other.
    """
    apart_a, apart_b = _copied_into(a, b, apart)
    ours, theirs = shares.own_batches(a, apart_a), shares.own_batches(b, apart_b)
    diff = diff_folders_in_index(entries, shares.forest, a, b, apart_a, apart_b)
    contents = shares.batches(a, apart_a), shares.batches(b, apart_b)
    kind = _kind(a, b, diff, *contents)
    cause = _gap(kind, a, b)
    if cause is not None:
        kind = RelationKind.OVERLAPPING
    return FolderRelation(
        a,
        b,
        kind,
        shares.amount(ours & theirs),
        shares.amount(ours - theirs),
        shares.amount(theirs - ours),
        diff,
        _path_counts(a, diff, apart_a),
        cause,
        sum(map(_UserPaths(b), diff.only_b)),
    )


def _path_counts(a: TreeFolder, diff: FolderDiff, apart: Collection[TreeFolder]) -> PathCounts:
    """Count the user's files of A by how they differ; what is ``apart`` in it does not count."""
    is_users = _UserPaths(a)
    only, changed, moved, unknown = (
        sum(map(is_users, paths))
        for paths in (diff.only_a, diff.changed, [here for here, _ in diff.moved], diff.unknown)
    )
    total, end = a.user_entries, -1
    for each in sorted(apart, key=lambda each: each.first):
        if each.first > end:
            end = each.last
            total -= each.user_entries if a.machine or not each.machine else 0
    return PathCounts(only, changed, moved, unknown, total - only - changed - moved - unknown)


class _UserPaths:
    """Decides whether a path in a folder is the user's file or link, not machine-made."""

    def __init__(self, top: TreeFolder) -> None:
        self._top = top
        self._folders: dict[bytes, dict[bytes, TreeFolder]] = {b"": _by_name(top)}
        self._machine = {b"": False}
        """By the path of a folder: whether it is machine-made, and ``top`` is not."""

    def __call__(self, path: bytes) -> bool:
        above, _, name = path.rpartition(b"/")
        return name not in self._children(above) and not self._machine[above]

    def _children(self, path: bytes) -> dict[bytes, TreeFolder]:
        if path not in self._folders:
            above, _, name = path.rpartition(b"/")
            folder = self._children(above)[name]
            self._folders[path] = _by_name(folder)
            self._machine[path] = folder.machine and not self._top.machine
        return self._folders[path]


def _by_name(folder: TreeFolder) -> dict[bytes, TreeFolder]:
    return {each.name: each for each in folder.children}


def _copied_into(
    a: TreeFolder, b: TreeFolder, apart: Collection[TreeFolder] = ()
) -> tuple[set[TreeFolder], set[TreeFolder]]:
    """Return what does not count of each of two folders, of each other and of ``apart``."""
    return (
        {each for each in (*apart, b) if each is not a and a.holds(each)},
        {each for each in (*apart, a) if each is not b and b.holds(each)},
    )


def is_copied_into_itself(folder: TreeFolder, inner: TreeFolder) -> bool:
    """Return whether a folder inside another one has its name, or a copy's name of it."""
    return (
        inner is not folder
        and folder.holds(inner)
        and (inner.name == folder.name or names_match(inner.name, folder.name))
    )


def _kind(
    a: TreeFolder, b: TreeFolder, entries: FolderDiff, ours: set[int], theirs: set[int]
) -> RelationKind:
    unlike = bool(entries.changed or entries.moved)
    # If it was not read in one folder, it is not proven to exist there.
    in_b = not (unlike or entries.only_a or (entries.unknown and a.gap is None))
    in_a = not (unlike or entries.only_b or (entries.unknown and b.gap is None))
    if in_a and in_b:
        return RelationKind.IDENTICAL
    if in_b and entries.same:
        return RelationKind.CONTAINED
    if in_a and entries.same:
        return RelationKind.CONTAINS
    if ours and ours == theirs:
        return RelationKind.SAME_CONTENT
    if ours and ours <= theirs:
        return RelationKind.CONTENT_CONTAINED
    return RelationKind.OVERLAPPING if ours & theirs else RelationKind.APART


def _gap(kind: RelationKind, a: TreeFolder, b: TreeFolder) -> str | None:
    """Return why two folders cannot be called what they seem to be: one is not fully known."""
    if kind in (RelationKind.OVERLAPPING, RelationKind.APART):
        return None
    sides = {
        RelationKind.CONTAINED: (a,),
        RelationKind.CONTENT_CONTAINED: (a,),
        RelationKind.CONTAINS: (b,),
    }
    return next((each.gap for each in sides.get(kind, (a, b)) if each.gap is not None), None)
