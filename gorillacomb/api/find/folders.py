"""Find which folders belong together: identical, contained, overlapping."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property

from gorillacomb.api.closing import Closing
from gorillacomb.api.documents.folders import (
    FamilyDocument,
    FoldersDocument,
    family_document,
    folders_document,
    relation_text,
)
from gorillacomb.api.lookup import away_notes, folders_of, look_up_path, not_a_folder_error
from gorillacomb.api.paths import PathInput
from gorillacomb.classify.names import is_machine_made
from gorillacomb.classify.stores import is_opaque
from gorillacomb.folders.analysis import FolderAnalysis, FolderFamily, MachineMadeFolders
from gorillacomb.folders.coverage import CoveredFolder
from gorillacomb.folders.families import SIMILAR
from gorillacomb.folders.relation import FolderRelation, RelationKind
from gorillacomb.folders.tree import TreeFolder, are_parts_of_one_project
from gorillacomb.fs.real_path import real_path
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.vault.vault import Vault

__all__ = [
    "SIMILAR",
    "CoveredFolders",
    "FamilyReport",
    "FolderFamily",
    "FolderReport",
    "IdenticalFolders",
    "MachineMadeFolders",
    "RelatedFolder",
    "RelationKind",
    "family_report",
    "find_folders",
    "relation_text",
]

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
class IdenticalFolders:
    """Folders in which the same names lead to the same contents."""

    paths: tuple[bytes, ...]
    keep: bytes
    """The path of the one to keep."""
    reasons: tuple[str, ...]
    files: int
    """Of each."""
    size: int
    is_in_family: bool
    """Whether all of them are members of one family."""


@dataclass(frozen=True, slots=True)
class CoveredFolders:
    """A folder whose contents all exist outside it, too."""

    path: bytes
    outer: tuple[bytes, ...]
    """Folders that together contain all of it; empty if that takes too many to be useful."""
    outer_names: tuple[bytes, ...]
    """Their names; the paths of those that are roots."""
    files: int
    size: int
    content_size: int
    """Bytes of its contents, each counted once."""
    is_mutual: bool
    """Whether the one other folder has nothing of its own either."""
    is_second: bool
    """Whether, in that case, the other one comes first."""


class FolderReport(Closing):
    """Which folders belong together, read from the index on demand.

    All of it is as of the moment when this was created. Close it, or use it in a ``with`` block.
    """

    def __init__(self, vault: Vault, path: PathInput | None, similar: float | None) -> None:
        self.warnings: tuple[str, ...] = ()
        """About other drives that were scanned at the path and are not connected now."""
        self._vault = vault
        self._is_wanted: Callable[[TreeFolder], bool] = lambda folder: True
        with ExitStack() as opened, translate_errors(vault):
            index = opened.enter_context(Index.read(vault))
            self._folders = folders_of(index, similar)
            if path is not None:
                self._keep_to(index, os.fsencode(path))
            # A report that is dropped without closing it leaves no open index behind.
            self._close = weakref.finalize(self, opened.pop_all().close)

    def _keep_to(self, index: Index, path: bytes) -> None:
        """Leave out what does not concern a folder: itself, those in it, and those around it."""
        found = look_up_path(index, real_path(path))
        self.warnings = tuple(away_notes(found))
        folders = self._folders.forest.folders
        scope = None if found.folder is None else folders.get(found.folder)
        if scope is None:
            raise not_a_folder_error(found)
        self._is_wanted = lambda folder: scope.holds(folder) or folder.holds(scope)

    def close(self) -> None:
        """Stop reading; nothing can be asked of it then."""
        self._close()

    def families(self) -> Iterator[FamilyReport]:
        """Read the families of copies of one tree, the one with the largest folder first."""
        with translate_errors(self._vault):
            yield from family_reports(self._folders, self.family_list())

    def family_list(self) -> list[FolderFamily]:
        """Return the families, without the relations of their folders."""
        return [
            each for each in self._folders.families() if any(map(self._is_wanted, each.members))
        ]

    def family(self, family: FolderFamily) -> FamilyReport:
        """Read how the folders of a family relate to the one to keep."""
        with translate_errors(self._vault):
            return family_report(self._folders, family)

    def first_pair(self) -> tuple[bytes, bytes] | None:
        """Return a copy of the largest tree that has one, and the copy to keep; None if none has.

        Families inside single projects do not count, nor copies of a tree inside itself.
        """
        for family in self.family_list():
            for copy in () if family.structural else family.members:
                if not (copy.holds(family.keep) or family.keep.holds(copy)):
                    return self._folders.path(copy), self._folders.path(family.keep)
        return None

    def family_name(self, family: FolderFamily) -> bytes:
        """Return the name of a family: that of the folder to keep."""
        return _name(self._folders, family.keep)

    def concerns(self, relation: FolderRelation) -> bool:
        """Return whether one of two folders is what was asked about."""
        return self._is_wanted(relation.a) or self._is_wanted(relation.b)

    def identical(self) -> list[IdenticalFolders]:
        """Return the groups of identical folders that a family does not explain."""
        members = [set(family.members) for family in self.family_list()]
        found = []
        for group in self._folders.identical():
            if any(map(self._is_wanted, group)):
                family = self._folders.family(group)
                found.append(
                    IdenticalFolders(
                        tuple(map(self._folders.path, group)),
                        self._folders.path(family.keep),
                        family.reasons,
                        family.keep.files,
                        family.keep.size,
                        any(set(group) <= each for each in members),
                    )
                )
        return found

    def covered(self) -> list[CoveredFolders]:
        """Return the folders whose contents all exist elsewhere, most bytes first."""
        reports = []
        for each in self._covered:
            is_mutual = each.inner in self._twins
            reports.append(
                CoveredFolders(
                    self._folders.path(each.inner),
                    tuple(map(self._folders.path, each.outer)),
                    tuple(_name(self._folders, one) for one in each.outer),
                    each.inner.files,
                    each.inner.size,
                    each.amount.bytes,
                    is_mutual,
                    is_mutual and each.inner.first > each.outer[0].first,
                )
            )
        return reports

    @cached_property
    def _covered(self) -> list[CoveredFolder]:
        return [each for each in self._folders.elsewhere() if self._is_wanted(each.inner)]

    @cached_property
    def _twins(self) -> dict[TreeFolder, TreeFolder]:
        """Each folder that has the same contents as one other, with that one."""
        outer = {each.inner: each.outer for each in self._covered}
        return {
            inner: places[0]
            for inner, places in outer.items()
            if len(places) == 1 and outer.get(places[0]) == (inner,)
        }

    def same_content(self) -> Iterator[RelatedFolder]:
        """Read how folders in no family relate that have the same contents; the second to keep."""
        pairs = []
        for first, second in self._twins.items():
            if first.first < second.first:
                keep, other = self._folders.in_order([first, second])
                pairs.append((other, keep))
        with translate_errors(self._vault):
            for relation in self._folders.pair_relations(pairs):
                yield _related(self._folders, relation)

    def count_overlapping(self) -> int:
        """Return how many pairs of other folders overlap."""
        return len(self._pairs)

    def overlapping(self) -> Iterator[RelatedFolder]:
        """Read how folders in no family relate to others in which much of them exists."""
        with translate_errors(self._vault):
            for relation in self._folders.pair_relations(self._pairs):
                yield _related(self._folders, relation)

    @cached_property
    def _pairs(self) -> list[tuple[TreeFolder, TreeFolder]]:
        pairs = self._folders.pairs(self._covered)
        return [pair for pair in pairs if any(map(self._is_wanted, pair))]

    def machine_made(self) -> list[MachineMadeFolders]:
        """Return machine-made folders that have copies, summarized by name."""
        return self._folders.machine_made()

    def to_dict(self) -> FoldersDocument:
        """Return the document of ``folders --json``."""
        return folders_document(self)


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
            _name(folders, keep),
            family.reasons,
            family.structural,
            keep.files,
            keep.size,
            keep.touched,
            folders.roots[keep.root].uid,
            tuple(_related(folders, each, via.get(each.a)) for each in relations),
        )


def _name(folders: FolderAnalysis, folder: TreeFolder) -> bytes:
    return folder.name or folders.path(folder)


def _related(
    folders: FolderAnalysis, relation: FolderRelation, via: TreeFolder | None = None
) -> RelatedFolder:
    return RelatedFolder(
        folders.path(relation.a),
        folders.path(relation.b),
        relation,
        relation.a.touched,
        folders.roots[relation.a.root].uid,
        None if via is None else folders.path(via),
    )


def find_folders(
    vault: Vault, path: PathInput | None = None, *, similar: float | None = None
) -> FolderReport:
    """Find which folders belong together, as `OpenVault.folders` says."""
    return FolderReport(vault, path, similar)
