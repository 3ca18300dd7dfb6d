"""Families of copies of one tree, as reports show them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gorillacomb.api.documents.folders import FamilyDocument, family_document
from gorillacomb.classify.names import is_machine_made
from gorillacomb.classify.stores import is_opaque
from gorillacomb.folders.analysis import FolderAnalysis, FolderFamily
from gorillacomb.folders.relation import FolderRelation, RelationKind
from gorillacomb.folders.same_path import find_same_path
from gorillacomb.folders.tree import TreeFolder, are_parts_of_one_project

_COVERED = {
    RelationKind.IDENTICAL,
    RelationKind.CONTAINED,
    RelationKind.SAME_CONTENT,
    RelationKind.CONTENT_CONTAINED,
}
"""Relations in which a folder has nothing that the other one lacks."""


@dataclass(frozen=True, slots=True)
class RelatedFolder:
    """A folder, and how it relates to another one."""

    path: bytes
    to: bytes
    """The path of the other one: in a family, of the folder to keep."""
    relation: FolderRelation
    last_work_ns: int
    """When a file in it was last modified, outside machine-made folders; 0 if there is none."""
    root: str
    """The id of its root."""
    via: bytes | None = None
    """For a copy too unlike the one to keep: the path of the one that it is a copy of instead."""

    @property
    def own(self) -> int:
        """How many of the user's files only it has: of content that the other one lacks."""
        return len(self._users(self.relation.entries.only_a))

    @property
    def kind(self) -> RelationKind:
        """The strongest relation that holds."""
        return self.relation.kind

    @property
    def is_structural(self) -> bool:
        """Whether both are inside one project, as part of how it is built."""
        return are_parts_of_one_project((self.relation.a, self.relation.b))

    def own_paths(self) -> list[bytes]:
        """Return the user's files in it that the other one lacks or has in another version."""
        entries = self.relation.entries
        return self._users((*entries.only_a, *entries.changed))

    def _users(self, paths: Iterable[bytes]) -> list[bytes]:
        if self.kind in _COVERED or not self.relation.only_a.files:
            return []
        return [
            path
            for path in paths
            if not any(is_opaque(part) or is_machine_made(part, True) for part in path.split(b"/"))
        ]


@dataclass(frozen=True, slots=True)
class FamilyReport:
    """Copies of one tree."""

    keep: bytes
    """The path of the one to keep."""
    name: bytes
    """Its name; its path if it is a root."""
    reasons: tuple[str, ...]
    is_structural: bool
    """Whether all are inside one project, as part of how it is built."""
    files: int
    """Of the folder to keep."""
    size: int
    last_work_ns: int
    """As for the others."""
    root: str
    """The id of the root of the folder to keep."""
    others: tuple[RelatedFolder, ...]

    def to_dict(self) -> FamilyDocument:
        """Return it as a member of the document of ``folders --json``."""
        return family_document(self)


@dataclass(frozen=True, slots=True)
class SamePathReport:
    """A folder inside a copy of a tree, and what the other copies have at its path."""

    tree: bytes
    """The name of the tree; its path if the copy to keep is a root."""
    copies: int
    """How many copies of the tree there are."""
    counterparts: FamilyReport | None
    """The folder and those at the same path in the other copies; None if none of them has one."""


def same_path_report(folders: FolderAnalysis, folder: TreeFolder) -> SamePathReport | None:
    """Read what other copies of the tree around a folder have at its path.

    None if it is in no copy of a tree, or is one itself.
    """
    found = find_same_path(folders, folder)
    if found is None:
        return None
    there = found.counterparts
    return SamePathReport(
        folder_name(folders, found.tree.keep),
        len(found.tree.members),
        None if there is None else family_report(folders, there),
    )


def family_report(folders: FolderAnalysis, family: FolderFamily) -> FamilyReport:
    """Read how the folders of a family relate to the one to keep."""
    return next(family_reports(folders, [family]))


def family_reports(
    folders: FolderAnalysis, families: Sequence[FolderFamily]
) -> Iterator[FamilyReport]:
    """Read how the folders of each family relate to the one to keep."""
    for family, relations in zip(families, folders.relations(families), strict=True):
        keep, via = family.keep, folders.via(family)
        yield FamilyReport(
            folders.path(keep),
            folder_name(folders, keep),
            family.reasons,
            family.structural,
            keep.files,
            keep.size,
            keep.touched,
            folders.roots[keep.root].uid,
            tuple(related_folder(folders, each, via.get(each.a)) for each in relations),
        )


def folder_name(folders: FolderAnalysis, folder: TreeFolder) -> bytes:
    """Return the name of a folder; the path of a root."""
    return folder.name or folders.path(folder)


def related_folder(
    folders: FolderAnalysis, relation: FolderRelation, via: TreeFolder | None = None
) -> RelatedFolder:
    """Return a folder, and how it relates to another one."""
    return RelatedFolder(
        folders.path(relation.a),
        folders.path(relation.b),
        relation,
        relation.a.touched,
        folders.roots[relation.a.root].uid,
        None if via is None else folders.path(via),
    )
