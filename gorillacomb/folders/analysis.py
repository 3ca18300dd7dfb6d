"""Analyse the folders of the index: copies of one tree, and other repeated content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, filterfalse

from gorillacomb.canonical.keep_criteria import BUILT_IN, KeepCriteria
from gorillacomb.classify.copy_names import copy_names_in
from gorillacomb.classify.names import NOISE, is_version_control
from gorillacomb.classify.projects import is_repository_marker
from gorillacomb.classify.stores import is_opaque
from gorillacomb.folders import content_sets as contents
from gorillacomb.folders import tree as forests
from gorillacomb.folders.content_sets import ContentAmount, ContentSets
from gorillacomb.folders.coverage import (
    CoveredFolder,
    fully_covered_folders,
    partly_covered_folders,
)
from gorillacomb.folders.families import SIMILAR, FolderFamilies, find_families
from gorillacomb.folders.folder_place import FolderPlace
from gorillacomb.folders.identical import identical_folders
from gorillacomb.folders.path_groups import group_by_path
from gorillacomb.folders.relation import ComparedFolders, FolderRelation, compare_folders
from gorillacomb.folders.tree import (
    FolderTree,
    TreeFolder,
    are_parts_of_one_project,
    folder_and_parents,
    nested_folders,
)
from gorillacomb.index import stamps
from gorillacomb.index import tree_queries as stream
from gorillacomb.index.database import Index
from gorillacomb.index.folder_queries import load_arrivals, scans_before
from gorillacomb.index.roots import all_roots
from gorillacomb.marks.rules import NO_MARKS, MarkRules
from gorillacomb.model import Root

KEPT, IN_NO_TREE, GIVEN_UP = range(3)
"""Status of the copy of a tree that contains a folder."""


@dataclass(frozen=True, slots=True)
class FolderFamily:
    """Copies of one tree."""

    members: tuple[TreeFolder, ...]
    keep: TreeFolder
    reasons: tuple[str, ...]
    structural: bool
    """Whether all of them are inside one project: they are part of its structure."""


@dataclass(frozen=True, slots=True)
class MachineMadeFolders:
    """Machine-made folders of one name that have copies."""

    name: bytes
    folders: int
    """Outermost ones only, not those inside others."""
    files: int
    bytes: int


@dataclass(slots=True)
class FolderAnalysis:
    """The folders of an open index and how they relate to each other."""

    index: Index
    forest: FolderTree
    shares: ContentSets
    roots: dict[int, Root]
    """By id."""
    kin: FolderFamilies
    amounts: list[ContentAmount]
    """By position in the tree's order: the contents of each folder, without machine-made ones."""
    preferred: Callable[[bytes], int]
    marks: MarkRules
    stamped: dict[int, int]
    """How many canonical files are directly in a folder, by its id."""
    arrivals: Sequence[int]
    """See `scans_before`."""
    criteria: KeepCriteria = BUILT_IN
    _families: list[FolderFamily] | None = None
    _ranks: dict[TreeFolder, int] = field(default_factory=dict)
    """Of members of families: KEPT or GIVEN_UP; and of other folders that were asked for."""
    _places: dict[TreeFolder, FolderPlace] = field(default_factory=dict)
    _stamped_before: list[int] = field(default_factory=list)
    """By position in the tree's order: how many canonical files are directly in preceding folders,
    excluding machine-made ones."""

    def __post_init__(self) -> None:
        counts = (0 if each.machine else self.stamped.get(each.id, 0) for each in self.forest.order)
        self._stamped_before = list(accumulate(counts, initial=0))

    def path(self, folder: TreeFolder) -> bytes:
        """Return the absolute path of a folder."""
        return folder.path(self.roots[folder.root].path)

    def families(self) -> list[FolderFamily]:
        """Return the families, the one with the largest folder first.

        Where a tree has copies, a family inside it lists only the members in the copy that is kept:
        the other copies repeat them. Repetitions within a copy that is not kept are not listed
        either.
        """
        if self._families is None:
            self._families = self._find_families()
        return self._families

    def _find_families(self) -> list[FolderFamily]:
        found: list[FolderFamily] = []
        kept: dict[TreeFolder, TreeFolder] = {}
        for members in self.kin.families:
            left = list(members)
            for each in members:
                if _is_retold(each, members, left, kept):
                    left.remove(each)
            if len(left) > 1 and not self._is_settled(left):
                found.append(self.family(left))
                keep = found[-1].keep
                kept |= {each: keep for each in left if each is not keep}
                self._ranks |= {each: KEPT if each is keep else GIVEN_UP for each in left}
        for members in filterfalse(self._is_settled, self.kin.alike):
            keep = self.family(members).keep
            for each in members:
                self._ranks.setdefault(each, KEPT if each is keep else GIVEN_UP)
        return found

    def family(self, members: Sequence[TreeFolder]) -> FolderFamily:
        """Return a family with the copy to keep."""
        winner, reasons = self.criteria.choose(list(map(self.place, members)))
        structural = are_parts_of_one_project(members)
        return FolderFamily(tuple(members), members[winner], reasons, structural)

    def in_order(self, folders: Sequence[TreeFolder]) -> list[TreeFolder]:
        """Return folders in the order of places.

        A folder may be removed in favour of an earlier one with all of its content.
        """
        return [folders[at] for at in self.criteria.order([self.place(each) for each in folders])]

    def reasons(self, keep: TreeFolder, other: TreeFolder) -> tuple[str, ...]:
        """Return why one folder precedes another."""
        return self.criteria.choose([self.place(keep), self.place(other)])[1]

    def place(self, folder: TreeFolder) -> FolderPlace:
        """Return what the rules look at."""
        if folder not in self._places:
            path = self.path(folder)
            contents = folder.files if folder.machine else self.amounts[folder.first].files
            stamped = self._stamped_before[folder.last + 1] - self._stamped_before[folder.first]
            self._places[folder] = FolderPlace(
                folder,
                path,
                None if folder.project is None else self.path(folder.project),
                self.preferred(path),
                copy_names_in(path),
                contents,
                int(stamped >= contents > 0),
                scans_before(self.arrivals, folder.id),
                self._inner_project(folder),
                self._touched(folder),
                self.roots.get(folder.root),
            )
        return self._places[folder]

    def _touched(self, folder: TreeFolder) -> int:
        """Return when the project around a folder, or the newest inside it, was modified, ns.

        0 if none. The files in it are chosen, and stamped, by that.
        """
        if folder.project is not None:
            return folder.project.touched
        return max((each.touched for each in self._projects_in(folder)), default=0)

    def _inner_project(self, folder: TreeFolder) -> int:
        """Rank a folder outside any project by the projects inside it, which rank their files."""
        if folder.project is not None:
            return 2
        inside = self._projects_in(folder)
        return min((int(not is_repository_marker(each.marker)) for each in inside), default=2)

    def _projects_in(self, folder: TreeFolder) -> list[TreeFolder]:
        inside = self.forest.order[folder.first : folder.last + 1]
        return [each for each in inside if each.is_project_top]

    def rank_around(self, folder: TreeFolder) -> int:
        """Return KEPT, GIVEN_UP or IN_NO_TREE: the status of the innermost copy around a folder."""
        return IN_NO_TREE if folder.parent is None else self.rank_in(folder.parent)

    def rank_in(self, folder: TreeFolder) -> int:
        """Return the same for entries directly in a folder."""
        self.families()
        way = [folder]
        while (rank := self._ranks.get(way[-1])) is None and way[-1].parent is not None:
            way.append(way[-1].parent)
        rank = IN_NO_TREE if rank is None else rank
        self._ranks.update(dict.fromkeys(way, rank))
        return rank

    def around(self, folder: TreeFolder) -> FolderFamily | None:
        """Return the family of a folder, or of its innermost parent that has one."""
        at: TreeFolder | None = folder
        while at is not None and (found := self._told_of(at)) is None:
            at = at.parent
        return None if at is None else found

    def _told_of(self, folder: TreeFolder) -> FolderFamily | None:
        """Return the family of a folder, as listed by `families` if it is."""
        told = next((each for each in self.families() if folder in each.members), None)
        if told is not None:
            return told
        members = next((each for each in self.kin.families if folder in each), None)
        return None if members is None else self.family(members)

    def relations(self, families: Iterable[FolderFamily]) -> Iterator[list[FolderRelation]]:
        """Yield, for each family, how each other member relates to the one to keep."""
        inner = {
            each: copies
            for members in self.kin.families
            for each, copies in zip(members, nested_folders(members), strict=True)
        }

        def compared(family: FolderFamily) -> list[ComparedFolders]:
            keep = family.keep
            return [
                (each, keep, (*inner.get(keep, ()), *inner.get(each, ())))
                for each in family.members
                if each is not keep
            ]

        return compare_folders(self.index.connection, self.shares, map(compared, families))

    def via(self, family: FolderFamily) -> dict[TreeFolder, TreeFolder]:
        """Return the copies that lead to members too unlike the one to keep."""
        return self.kin.via(family.members, family.keep)

    def pairs(self, told: Iterable[CoveredFolder]) -> list[tuple[TreeFolder, TreeFolder]]:
        """Return folders whose contents are largely in others, with up to three of those.

        They are in no family. Omits those covered by ``told``, and those in one that is.
        """
        known = {each.inner for each in told}
        members = {each for family in self.kin.families for each in family}
        share, is_told = self.kin.test.similar, known.__contains__
        found = partly_covered_folders(self.shares, share, members, is_told)
        pairs: dict[tuple[TreeFolder, TreeFolder], None] = {}
        for each in found:
            if not are_parts_of_one_project((each.inner, *each.outer)):
                for outer in each.outer:
                    is_news = (outer, each.inner) not in pairs and not outer.holds(each.inner)
                    if is_news and not self._is_settled((outer, each.inner)):
                        pairs[each.inner, outer] = None
        return list(pairs)

    def pair_relations(
        self, pairs: Iterable[tuple[TreeFolder, TreeFolder]]
    ) -> Iterator[FolderRelation]:
        """Yield how two folders that are not copies of one tree relate to each other."""
        groups = ([(a, b, ())] for a, b in pairs)
        for found in compare_folders(self.index.connection, self.shares, groups):
            yield from found

    def identical(self, everything: bool = False) -> list[list[TreeFolder]]:
        """Return groups of identical folders, most files first.

        Unless ``everything`` is wanted, omits machine-made folders and groups that a family
        implies.
        """
        found = identical_folders(self.forest)
        if everything:
            return found
        of = {each: at for at, family in enumerate(self.kin.families) for each in family}
        return [
            group
            for group in found
            if not all(each.machine or each.shelf for each in group)
            and not are_parts_of_one_project(group)
            and not self._is_said(group, of)
            and not self._is_settled(group)
        ]

    def _is_settled(self, folders: Iterable[TreeFolder]) -> bool:
        """Return whether the user marked folders as intended, or as not duplicates."""
        return self.marks.settle(map(self.path, folders))

    def _is_said(self, group: Sequence[TreeFolder], of: Mapping[TreeFolder, int]) -> bool:
        """Return whether a whole group is below members of families and none is one."""
        return all(
            each not in of and each.parent is not None and _is_in(each.parent, of) for each in group
        )

    def elsewhere(self) -> list[CoveredFolder]:
        """Return folders whose contents all exist elsewhere, most bytes first.

        Omits copies of one tree, machine-made folders, and repetitions within one project.
        """
        known = {each for family in self.kin.families for each in family}

        def is_news(folder: TreeFolder) -> bool:
            return (
                not (folder.machine or folder.shelf)
                and not _is_in(folder, known)
                and not any(
                    one in known and one.files == folder.files
                    for one in self.forest.order[folder.first : folder.last + 1]
                )
            )

        found = [
            each
            for each in fully_covered_folders(self.shares, is_news)
            if not are_parts_of_one_project((each.inner, *each.outer))
            and not self._is_settled((each.inner, *each.outer))
        ]
        return sorted(found, key=lambda each: (-each.amount.bytes, each.inner.first))

    def machine_made(self) -> list[MachineMadeFolders]:
        """Return machine-made folders that exist in several places, by name, most bytes first."""
        tops = [
            each
            for each in self.forest.order
            if each.machine and each.parent is not None and not each.parent.machine
        ]
        # A store recognized by its contents has a name that the user gave it.
        told = [each for each in tops if not each.store or is_opaque(each.name)]
        names = Counter(each.name for each in told if not is_version_control(each.name))
        found = []
        for name, number in names.items():
            here = [each for each in told if each.name == name]
            found.append(
                MachineMadeFolders(
                    name, number, sum(each.files for each in here), sum(each.size for each in here)
                )
            )
        return sorted(found, key=lambda each: (-each.bytes, each.name))


def _is_retold(
    folder: TreeFolder,
    members: Iterable[TreeFolder],
    left: Iterable[TreeFolder],
    kept: Mapping[TreeFolder, TreeFolder],
) -> bool:
    """Return whether a folder is in a copy that is not kept, and its family is in the kept one.

    ``left`` are the members still to be listed: of two that correspond, one is. ``kept`` maps each
    copy that is not kept to the one that is.
    """
    for at in folder_and_parents(folder):
        keep = None if at is folder else kept.get(at)
        if keep is not None and (
            all(at.holds(each) for each in members)
            or any(keep.holds(each) and not at.holds(each) for each in left)
        ):
            return True
    return False


def _is_in(folder: TreeFolder, known: Container[TreeFolder]) -> bool:
    return any(each in known for each in folder_and_parents(folder))


def load_analysis(
    index: Index,
    preferred: Callable[[bytes], bool],
    similar: float = SIMILAR,
    noise: frozenset[bytes] = NOISE,
    machine_made: frozenset[bytes] = frozenset(),
    marks: MarkRules = NO_MARKS,
    criteria: KeepCriteria = BUILT_IN,
) -> FolderAnalysis:
    """Read the folders of an index and relate them; no file is read.

    ``similar`` is the share of the smaller folder that makes two folders a pair. Raises VaultError.
    """
    connection = index.connection
    forest = forests.load_tree(index, noise, machine_made)
    shares = contents.load_content_sets(forest, stream.content_batches(connection, noise))
    groups = group_by_path(forest, stream.path_batches(connection, noise))
    return FolderAnalysis(
        index,
        forest,
        shares,
        {root.id: root for root in all_roots(connection)},
        find_families(groups, similar),
        contents.distinct_amounts(shares),
        marks.preference(preferred),
        marks,
        stamps.count_by_folder(connection),
        load_arrivals(connection),
        criteria,
    )
