"""Relate one folder to another: identical, contained, overlapping, with exact figures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from gorillacomb.folders.content_sets import ContentAmount, ContentSets
from gorillacomb.folders.diff import FolderDiff, diff_folders_in_index
from gorillacomb.folders.name_similarity import names_match
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.index.database import Index


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
    cause: str | None = None
    """Why it is not called identical or contained although nothing that was read differs."""


def folder_relation(
    index: Index,
    shares: ContentSets,
    a: TreeFolder,
    b: TreeFolder,
    apart: Collection[TreeFolder] = (),
) -> FolderRelation:
    """Compare two folders of an index.

    ``apart`` are other copies of the same tree. Those inside one of the two folders, because it was
    copied into itself, do not count; any other folder inside them does.
    """
    apart_a = {each for each in (*apart, b) if is_copied_into_itself(a, each)}
    apart_b = {each for each in (*apart, a) if is_copied_into_itself(b, each)}
    ours, theirs = shares.own_batches(a, apart_a), shares.own_batches(b, apart_b)
    entries = diff_folders_in_index(index, shares.forest, a, b, apart_a, apart_b)
    contents = shares.batches(a, apart_a), shares.batches(b, apart_b)
    kind = _kind(a, b, entries, *contents)
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
        entries,
        cause,
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
