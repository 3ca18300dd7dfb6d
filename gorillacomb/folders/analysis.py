"""All that the index tells of its folders: families with the copy to keep, and what else stands
in more than one place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from gorillacomb.canonical.place_rules import choose_place, order_places
from gorillacomb.classify.names import NOISE
from gorillacomb.classify.projects import is_repository_marker
from gorillacomb.classify.stores import is_opaque, is_version_control
from gorillacomb.folders import content_sets as contents
from gorillacomb.folders import tree as forests
from gorillacomb.folders.content_sets import ContentSets
from gorillacomb.folders.coverage import CoveredFolder, fully_covered_folders
from gorillacomb.folders.families import SIMILAR, FolderFamilies, find_families
from gorillacomb.folders.folder_place import FolderPlace
from gorillacomb.folders.identical import identical_folders
from gorillacomb.folders.relation import FolderRelation, folder_relation
from gorillacomb.folders.tree import FolderTree, TreeFolder
from gorillacomb.index import stamps
from gorillacomb.index import tree_queries as stream
from gorillacomb.index.database import Index
from gorillacomb.index.folder_queries import load_arrivals, scans_before
from gorillacomb.index.roots import all_roots

KEPT, IN_NO_TREE, GIVEN_UP = range(3)
"""What becomes of the copy of a tree that a folder stands in."""


@dataclass(frozen=True, slots=True)
class FolderFamily:
    """Copies of one tree."""

    members: tuple[TreeFolder, ...]
    keep: TreeFolder
    reasons: tuple[str, ...]
    structural: bool
    """Whether all of them stand inside one project: they belong to how it is built."""


@dataclass(frozen=True, slots=True)
class MachineMadeFolders:
    """Machine-made folders of one name of which copies exist."""

    name: bytes
    folders: int
    """Outermost ones: what stands inside of others is not counted."""
    files: int
    bytes: int


@dataclass(slots=True)
class FolderAnalysis:
    """The folders of an open index and how they relate to each other."""

    index: Index
    forest: FolderTree
    shares: ContentSets
    roots: dict[int, bytes]
    """The roots' paths by their ids."""
    kin: FolderFamilies
    preferred: Callable[[bytes], bool]
    stamped: dict[int, int]
    """How many canonical files stand right in a folder, by its id."""
    arrivals: Sequence[int]
    """See `scans_before`."""
    _families: list[FolderFamily] | None = None
    _ranks: dict[TreeFolder, int] = field(default_factory=dict)
    """Of the members of families: KEPT or GIVEN_UP."""
    _places: dict[TreeFolder, FolderPlace] = field(default_factory=dict)
    _stamped_before: list[int] = field(default_factory=list)
    """By place in the forest's order: how many canonical files stand right in folders before it,
    machine-made ones left out."""

    def __post_init__(self) -> None:
        counts = (0 if each.machine else self.stamped.get(each.id, 0) for each in self.forest.order)
        self._stamped_before = list(accumulate(counts, initial=0))

    def path(self, folder: TreeFolder) -> bytes:
        """The absolute path of a folder."""
        return folder.path(self.roots[folder.root])

    def families(self) -> list[FolderFamily]:
        """Families, the one with the largest folder first.

        Where a tree has copies, of a family inside of it only the members in the copy that is kept
        are told: what stands in the others, stands in them as in that one. Nor is told what a copy
        that is not kept repeats in itself.
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
            if len(left) > 1:
                found.append(self._family(left))
                keep = found[-1].keep
                kept |= {each: keep for each in left if each is not keep}
                self._ranks |= {each: KEPT if each is keep else GIVEN_UP for each in left}
        return found

    def family(self, members: Sequence[TreeFolder]) -> FolderFamily:
        """A family with the copy to keep."""
        self.families()
        return self._family(members)

    def _family(self, members: Sequence[TreeFolder]) -> FolderFamily:
        able = [each for each in members if each not in self.kin.by_name] or list(members)
        winner, reasons = choose_place([self._place(each) for each in able])
        return FolderFamily(
            tuple(members), able[winner], reasons, are_parts_of_one_project(members)
        )

    def in_order(self, folders: Sequence[TreeFolder]) -> list[TreeFolder]:
        """The folders in the order of places: one may go for one before it that has all of it."""
        return [folders[at] for at in order_places([self._place(each) for each in folders])]

    def reasons(self, keep: TreeFolder, other: TreeFolder) -> tuple[str, ...]:
        """Why one folder comes before another one."""
        return choose_place([self._place(keep), self._place(other)])[1]

    def _place(self, folder: TreeFolder) -> FolderPlace:
        found = self._places.get(folder)
        if found is None:
            path = self.path(folder)
            contents = folder.files if folder.machine else self.kin.amounts[folder.first].files
            stamped = self._stamped_before[folder.last + 1] - self._stamped_before[folder.first]
            found = self._places[folder] = FolderPlace(
                folder,
                path,
                None if folder.project is None else self.path(folder.project),
                self.preferred(path),
                contents,
                int(stamped >= contents > 0),
                scans_before(self.arrivals, folder.id),
                self._inner_project(folder),
                self._touched(folder),
            )
        return found

    def _touched(self, folder: TreeFolder) -> int:
        """When the project around a folder was last worked on, or the newest in it, ns; 0 for none.

        The files in it are chosen by that, and stamped.
        """
        if folder.project is not None:
            return folder.project.touched
        return max((each.touched for each in self._projects_in(folder)), default=0)

    def _inner_project(self, folder: TreeFolder) -> int:
        """Rank a folder in no project by those in it, by which the files in these are chosen."""
        if folder.project is not None:
            return 2
        inside = self._projects_in(folder)
        return min((int(not is_repository_marker(each.marker)) for each in inside), default=2)

    def _projects_in(self, folder: TreeFolder) -> list[TreeFolder]:
        inside = self.forest.order[folder.first : folder.last + 1]
        return [each for each in inside if each.is_project_top]

    def rank_around(self, folder: TreeFolder) -> int:
        """KEPT, GIVEN_UP, or IN_NO_TREE: by the innermost copy of a tree around a folder."""
        return IN_NO_TREE if folder.parent is None else self.rank_in(folder.parent)

    def rank_in(self, folder: TreeFolder) -> int:
        """The same for what lies right in a folder."""
        self.families()
        at: TreeFolder | None = folder
        while at is not None and at not in self._ranks:
            at = at.parent
        return IN_NO_TREE if at is None else self._ranks[at]

    def around(self, folder: TreeFolder) -> FolderFamily | None:
        """The family of a folder: of itself, or of the innermost folder around it that has one.

        What shares but a name with its family is told of by the next folder around it, if any.
        """
        by_name: FolderFamily | None = None
        at: TreeFolder | None = folder
        while at is not None:
            found = self._told_of(at)
            if found is not None and at not in self.kin.by_name:
                return found
            by_name = by_name or found
            at = at.parent
        return by_name

    def _told_of(self, folder: TreeFolder) -> FolderFamily | None:
        """The family that a folder is in, as `families` tells it if it does."""
        told = next((each for each in self.families() if folder in each.members), None)
        if told is not None:
            return told
        members = next((each for each in self.kin.families if folder in each), None)
        return None if members is None else self.family(members)

    def relations(self, family: FolderFamily) -> list[FolderRelation]:
        """How each other member of a family relates to the one to keep."""
        inner = dict(zip(family.members, nested_folders(family.members), strict=True))
        apart = inner[family.keep]
        return [
            folder_relation(self.index, self.shares, each, family.keep, (*apart, *inner[each]))
            for each in family.members
            if each is not family.keep
        ]

    def pairs(self, told: Iterable[CoveredFolder]) -> list[tuple[TreeFolder, TreeFolder]]:
        """Folders that share much of the smaller one, which comes first, and are no copies.

        Those of which the smaller one is told, or stands in a folder that is, are left out.
        """
        known = {each.inner for each in told}
        return [pair for pair in self.kin.pairs if not _is_in(pair[0], known)]

    def relation(self, a: TreeFolder, b: TreeFolder) -> FolderRelation:
        """How two folders that are no copies of one tree relate to each other."""
        return folder_relation(self.index, self.shares, a, b)

    def identical(self, everything: bool = False) -> list[list[TreeFolder]]:
        """Groups of identical folders, most files first.

        Unless ``everything`` is wanted, those in machine-made folders, and those that are said by a
        family, are left out.
        """
        found = identical_folders(self.forest)
        if everything:
            return found
        of = {each: at for at, family in enumerate(self.kin.families) for each in family}
        return [
            group
            for group in found
            if not all(each.machine for each in group)
            and not are_parts_of_one_project(group)
            and not self._is_said(group, of)
        ]

    def _is_said(self, group: Sequence[TreeFolder], of: Mapping[TreeFolder, int]) -> bool:
        """Whether all of a group stand in folders of which a family tells, and are none of them."""
        return all(
            each not in of and each.parent is not None and _is_in(each.parent, of) for each in group
        )

    def elsewhere(self) -> list[CoveredFolder]:
        """Folders of which every content stands elsewhere, most bytes first.

        Copies of one tree, machine-made folders, and what one project repeats in itself are not
        among them.
        """
        known = {each for family in self.kin.families for each in family}

        def is_news(folder: TreeFolder) -> bool:
            return (
                not folder.machine
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
        ]
        return sorted(found, key=lambda each: (-each.amount.bytes, each.inner.first))

    def machine_made(self) -> list[MachineMadeFolders]:
        """Machine-made folders that stand in several places, most bytes first, by name."""
        tops = [
            each
            for each in self.forest.order
            if each.machine and each.parent is not None and not each.parent.machine
        ]
        # A store that is told by what is in it has a name of the user's.
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
    """Whether a folder stands in a copy that is not kept, and others of its family in the kept one.

    Those others are ``left`` to be told: of two that stand for each other one is. ``kept`` has for
    each copy that is not kept the one that is.
    """
    at = folder.parent
    while at is not None:
        keep = kept.get(at)
        if keep is not None and (
            all(at.holds(each) for each in members)
            or any(keep.holds(each) and not at.holds(each) for each in left)
        ):
            return True
        at = at.parent
    return False


def _is_in(folder: TreeFolder, known: Container[TreeFolder]) -> bool:
    at: TreeFolder | None = folder
    while at is not None and at not in known:
        at = at.parent
    return at is not None


def nested_folders(folders: Sequence[TreeFolder]) -> list[list[TreeFolder]]:
    """For each of some folders, in the forest's order: those of them that stand inside of it."""
    found = []
    for at, folder in enumerate(folders):
        end = at + 1
        while end < len(folders) and folders[end].first <= folder.last:
            end += 1
        found.append(list(folders[at + 1 : end]))
    return found


def are_parts_of_one_project(folders: Iterable[TreeFolder]) -> bool:
    """Whether all folders stand inside one and the same project, below its top."""
    around = {each.project if each.is_inside_project else None for each in folders}
    return len(around) == 1 and None not in around


def load_analysis(
    index: Index,
    preferred: Callable[[bytes], bool],
    similar: float = SIMILAR,
    noise: frozenset[bytes] = NOISE,
    machine_made: frozenset[bytes] = frozenset(),
) -> FolderAnalysis:
    """Read the folders of an index and find what belongs together; no file is read for it.

    ``similar`` is the share of the smaller folder that makes two folders a pair. Raises VaultError.
    """
    connection = index.connection
    forest = forests.load_tree(index, noise, machine_made)
    shares = contents.load_content_sets(forest, stream.content_batches(connection, noise))
    return FolderAnalysis(
        index,
        forest,
        shares,
        {root.id: root.path for root in all_roots(connection)},
        find_families(shares, similar),
        preferred,
        stamps.count_by_folder(connection),
        load_arrivals(connection),
    )
