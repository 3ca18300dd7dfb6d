"""Find which folders belong together: identical, contained, overlapping."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property

from gorillacomb.api.closing import Closing
from gorillacomb.api.documents.folders import FoldersDocument, folders_document, relation_text
from gorillacomb.api.find.families import (
    FamilyReport,
    RelatedFolder,
    SamePathReport,
    family_report,
    family_reports,
    folder_name,
    related_folder,
    same_path_report,
)
from gorillacomb.api.lookup import away_notes, folders_of, look_up_path, not_a_folder_error
from gorillacomb.api.paths import PathInput
from gorillacomb.folders.analysis import FolderFamily, MachineMadeFolders
from gorillacomb.folders.coverage import CoveredFolder
from gorillacomb.folders.families import SIMILAR
from gorillacomb.folders.relation import FolderRelation, RelationKind
from gorillacomb.folders.same_path import find_same_path
from gorillacomb.folders.tree import TreeFolder
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
    "SamePathReport",
    "family_report",
    "find_folders",
    "relation_text",
    "same_path_report",
]


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
        self._scope: TreeFolder | None = None
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
        self._scope = scope

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

    def same_path(self) -> SamePathReport | None:
        """Read what is at the path of the folder asked about in other copies of a tree around it.

        None if all folders were asked about, or if it is in no copy, or is one itself.
        """
        with translate_errors(self._vault):
            return None if self._scope is None else same_path_report(self._folders, self._scope)

    def families_here(self) -> list[FolderFamily]:
        """Return the families with a member at or below the folder asked about, its own first.

        If all folders were asked about, return all.
        """
        scope, found = self._scope, self.family_list()
        if scope is None:
            return found
        here = [each for each in found if any(map(scope.holds, each.members))]
        return sorted(here, key=lambda each: scope not in each.members)

    def family(self, family: FolderFamily) -> FamilyReport:
        """Read how the folders of a family relate to the one to keep."""
        with translate_errors(self._vault):
            return family_report(self._folders, family)

    def first_pair(self) -> tuple[bytes, bytes] | None:
        """Return a copy of the largest tree that has one, and the copy to keep; None if none has.

        Families inside single projects do not count, nor copies of a tree inside itself.
        """
        for family in (*self.families_here(), *self._counterparts()):
            for copy in () if family.structural else family.members:
                if not (copy.holds(family.keep) or family.keep.holds(copy)):
                    return self._folders.path(copy), self._folders.path(family.keep)
        return None

    def _counterparts(self) -> Iterator[FolderFamily]:
        found = None if self._scope is None else find_same_path(self._folders, self._scope)
        if found is not None and found.counterparts is not None:
            yield found.counterparts

    def family_name(self, family: FolderFamily) -> bytes:
        """Return the name of a family: that of the folder to keep."""
        return folder_name(self._folders, family.keep)

    def family_keep(self, family: FolderFamily) -> bytes:
        """Return the path of the folder to keep."""
        return self._folders.path(family.keep)

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
                    tuple(folder_name(self._folders, one) for one in each.outer),
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
                yield related_folder(self._folders, relation)

    def count_overlapping(self) -> int:
        """Return how many pairs of other folders overlap."""
        return len(self._pairs)

    def overlapping(self) -> Iterator[RelatedFolder]:
        """Read how folders in no family relate to others in which much of them exists."""
        with translate_errors(self._vault):
            for relation in self._folders.pair_relations(self._pairs):
                yield related_folder(self._folders, relation)

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


def find_folders(
    vault: Vault, path: PathInput | None = None, *, similar: float | None = None
) -> FolderReport:
    """Find which folders belong together, as `OpenVault.folders` says."""
    return FolderReport(vault, path, similar)
