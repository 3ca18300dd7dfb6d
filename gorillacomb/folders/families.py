"""Find families: folders that are copies of one tree, whole or in part, diverged or not.

Candidate pairs are examined from the largest to the smallest. A pair consists of copies if enough
of the smaller folder is in the other; then no pair inside the two is reported, as it is already
implied. Two folders that merely *contain* two copies, beside other things, are not copies of each
other: the pair inside is meant.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from gorillacomb.folders import content_sets as contents
from gorillacomb.folders.candidate_pairs import MOST_PAIRED, CandidatePair, candidate_pairs
from gorillacomb.folders.content_sets import ContentAmount, ContentSets
from gorillacomb.folders.identical import identical_folders
from gorillacomb.folders.name_similarity import copy_stem, names_match
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.folders.union_find import FolderSets

SIMILAR = 0.5
"""How much of the smaller folder must be in the other, by files and by bytes."""
_ALIKE = 0.1
"""The same, if the names suggest that one is a copy of the other."""
_OF_LARGER = 0.3
"""How much of the larger one copies must share: a folder with a single file is not a copy."""
_FEW = 4
"""From this many shared contents on, even those in very many folders are evidence."""
_MOST_BY_NAME = 8
"""The most folders that join a family by name alone."""


@dataclass(frozen=True, slots=True)
class FolderOverlap:
    """What two folders have in common, without machine-made folders; each content counts once."""

    shared: ContentAmount
    only_a: ContentAmount
    only_b: ContentAmount

    @property
    def share(self) -> float:
        """The share of the smaller one that is in the other, by files or bytes: the lesser."""
        files = self.shared.files + min(self.only_a.files, self.only_b.files)
        size = self.shared.bytes + min(self.only_a.bytes, self.only_b.bytes)
        return min(self.shared.files / files, self.shared.bytes / size) if files else 0.0


def folder_overlap(shares: ContentSets, a: TreeFolder, b: TreeFolder) -> FolderOverlap:
    """Compare two folders by content; if one contains the other, only the rest of it counts."""
    ours = shares.own_batches(a, {b} if a.holds(b) else ())
    theirs = shares.own_batches(b, {a} if b.holds(a) else ())
    return FolderOverlap(
        shares.amount(ours & theirs), shares.amount(ours - theirs), shares.amount(theirs - ours)
    )


@dataclass(frozen=True, slots=True)
class FolderFamilies:
    """Which folders belong together."""

    families: list[list[TreeFolder]]
    """Copies of one tree, in the tree's order; the family with the largest folder first."""
    pairs: list[tuple[TreeFolder, TreeFolder]]
    """The smaller and the larger of folders that share enough and are not copies of one tree."""
    by_name: frozenset[TreeFolder]
    """Folders in a family of copies only because of their names: none of them is the one to keep.
    """
    amounts: list[ContentAmount]
    """By position: the contents of each folder, without machine-made folders."""


def find_families(shares: ContentSets, similar: float = SIMILAR) -> FolderFamilies:
    """Find related folders, omitting those inside two folders already reported.

    ``similar`` is the share of the smaller folder, by files and by bytes, that makes a pair.
    """
    search = _FamilySearch(shares, similar)
    found = candidate_pairs(shares)
    found += search.twins(found)
    for pair in search.by_size(found):
        search.look_at(pair)
    search.join_by_name()
    families = search.groups.all()
    said = search.groups.is_said
    return FolderFamilies(
        [each for each in families if not _is_said(search.groups, each)],
        [(a, b) for a, b in search.loose if not said(a, b)],
        frozenset(search.by_name),
        search.amounts,
    )


def _is_said(groups: FolderSets, family: list[TreeFolder]) -> bool:
    """Return whether all of a family are in different members of another one, found later."""
    around = [
        {group: member for group, member in groups.around(each).items() if member != each.first}
        for each in family
    ]
    shared = set(around[0]).intersection(*around[1:])
    return any(len({each[group] for each in around}) == len(family) for group in shared)


@dataclass(slots=True)
class _FamilySearch:
    shares: ContentSets
    similar: float
    amounts: list[ContentAmount] = field(default_factory=list)
    """By position: the contents of each folder, without machine-made folders."""
    telling: list[ContentAmount] = field(default_factory=list)
    """The same, without contents in too many folders to be evidence."""
    groups: FolderSets = field(default_factory=FolderSets)
    loose: list[tuple[TreeFolder, TreeFolder]] = field(default_factory=list)
    partners: defaultdict[int, list[TreeFolder]] = field(default_factory=lambda: defaultdict(list))
    """By position: the folders with which a folder is a loose pair."""
    by_name: set[TreeFolder] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.amounts = contents.distinct_amounts(self.shares)
        self.telling = contents.distinct_amounts(self.shares, MOST_PAIRED)

    def twins(self, known: Sequence[CandidatePair]) -> list[CandidatePair]:
        """Return pairs of identical folders whose contents are too common to be found as pairs."""
        there = {(pair.a, pair.b): pair for pair in known}
        found = []
        for group in identical_folders(self.shares.forest):
            for a, b in pairwise(group):
                pair = there.get((a.first, b.first))
                if pair is not None:
                    pair.shared = self.amounts[a.first]
                elif not a.machine and not b.machine:
                    found.append(
                        CandidatePair(a.first, b.first, self.amounts[a.first], nested=False)
                    )
        return found

    def by_size(self, found: Sequence[CandidatePair]) -> list[CandidatePair]:
        amounts = self.amounts
        return sorted(
            found, key=lambda pair: (-amounts[pair.a].files - amounts[pair.b].files, pair.a, pair.b)
        )

    def look_at(self, pair: CandidatePair) -> None:
        """Join the two folders if they are copies of each other."""
        order = self.shares.forest.order
        a, b = order[pair.a], order[pair.b]
        alike = names_match(a.name, b.name) and (a.name != b.name or _are_projects(a, b))
        enough = min(_ALIKE, self.similar) if alike else self.similar
        if not self._may_suffice(pair, enough) or self._is_said(a, b):
            return
        if self._merely_holds(pair, a, b) or not self._stands_in_step(pair, a, b, enough):
            return
        found = self._overlap(a, b)
        if found.share < enough or not (alike or self._tells(a, b, found)):
            return
        larger = found.shared.files + max(found.only_a.files, found.only_b.files)
        if alike or found.shared.files >= _OF_LARGER * larger:
            self.groups.join(a, b)
        else:
            self.loose.append((a, b) if self._size(a) <= self._size(b) else (b, a))
            self.partners[a.first].append(b)
            self.partners[b.first].append(a)

    def _size(self, folder: TreeFolder) -> tuple[int, int]:
        """Return a folder's size for comparison; machine-made contents break ties."""
        return self.amounts[folder.first].files, folder.files

    def _overlap(self, a: TreeFolder, b: TreeFolder) -> FolderOverlap:
        """As `folder_overlap`, reusing known amounts: a large folder is met again and again."""
        if a.holds(b) or b.holds(a):
            return folder_overlap(self.shares, a, b)
        ours, theirs = self.shares.own_batches(a), self.shares.own_batches(b)
        shared = self.shares.amount(ours & theirs)
        return FolderOverlap(shared, self.amounts[a.first] - shared, self.amounts[b.first] - shared)

    def _tells(self, a: TreeFolder, b: TreeFolder, found: FolderOverlap) -> bool:
        """Return whether what two folders share is evidence: a ubiquitous LICENSE is not."""
        return (
            found.shared.files >= _FEW
            or _are_identical(a, b)
            or any(
                len(self.shares.own[batch]) <= MOST_PAIRED
                for batch in self.shares.own_batches(a) & self.shares.own_batches(b)
            )
        )

    def _is_said(self, a: TreeFolder, b: TreeFolder) -> bool:
        if self.groups.is_said(a, b):
            return True
        at: TreeFolder | None = a
        while at is not None:
            if any(each.holds(b) for each in self.partners.get(at.first, ())):
                return True
            at = at.parent
        return False

    def _may_suffice(self, pair: CandidatePair, enough: float) -> bool:
        """Return whether the estimate, which is never too low for what was paired, is enough."""
        a, b = self.telling[pair.a], self.telling[pair.b]
        if pair.nested:
            a = ContentAmount(max(a.files - b.files, 1), max(a.bytes - b.bytes, 1))
        return pair.shared.files >= enough * min(
            a.files, b.files
        ) and pair.shared.bytes >= enough * min(a.bytes, b.bytes)

    def _merely_holds(self, pair: CandidatePair, a: TreeFolder, b: TreeFolder) -> bool:
        """Return whether all that the two share is in one subfolder of each."""
        inner = pair.heaviest
        if inner is None or names_match(a.name, b.name) or _are_projects(a, b):
            return False
        order = self.shares.forest.order
        x, y = inner.a, inner.b
        if order[x].parent is not a:
            x, y = y, x
        if _are_identical(a, b):
            return order[x].files == a.files
        rest_a = self.amounts[a.first] - self.amounts[x]
        rest_b = self.amounts[b.first] - self.amounts[y]
        if pair.nested:
            rest_a = rest_a - rest_b
        rest = pair.shared - inner.shared
        smaller = min(rest_a.files, rest_b.files)
        return smaller <= 0 or rest.files < self.similar * smaller

    def _stands_in_step(
        self, pair: CandidatePair, a: TreeFolder, b: TreeFolder, enough: float
    ) -> bool:
        """Return whether one folder repeats the other under the same names, in all subfolders.

        The share in step must be ``enough`` for a copy inside its own original, else half of that.
        """
        found: set[int] = set()
        waiting = [(a, b)]
        while waiting:
            ours, theirs = waiting.pop()
            found |= self.shares.common(ours.first, theirs.first)
            names = {each.name: each for each in ours.children if each is not b}
            waiting += [
                (names[each.name], each)
                for each in theirs.children
                if each.name in names and not each.machine
            ]
        smaller = self.amounts[b.first].files
        if not pair.nested:
            smaller, enough = min(smaller, self.amounts[a.first].files), enough / 2
        return self.shares.amount(found).files >= enough * smaller

    def join_by_name(self) -> None:
        """Join folders to a family, and projects to each other, by their names alone.

        Their content may have diverged widely; the figures will show.
        """
        by_stem: defaultdict[bytes, list[TreeFolder]] = defaultdict(list)
        for folder in self.shares.forest.order:
            if (
                folder.parent is not None
                and not folder.machine
                and self.amounts[folder.first].files
            ):
                by_stem[copy_stem(folder.name)].append(folder)
        by_stem.pop(b"", None)
        stems = sorted(by_stem)
        for group in self.groups.all():
            largest = max(group, key=lambda each: (each.files, -each.first))
            name = copy_stem(largest.name)
            if name in by_stem:
                self._join_alike(largest, _alike(name, stems, by_stem))
        for name in stems:
            projects = [each for each in _alike(name, stems, by_stem) if each.is_project_top]
            if len(projects) > 1:
                largest = max(projects, key=lambda each: (each.files, -each.first))
                if largest in by_stem[name]:
                    self._join_alike(largest, projects)

    def _join_alike(self, to: TreeFolder, found: list[TreeFolder]) -> None:
        """Join folders with a similar name to a folder's family, unless inside a member of it.

        Nor folders with copies of their own, which would be lost among those of another tree.
        """
        has_copies = self.groups.has(to)
        room = _MOST_BY_NAME
        for folder in found:
            if not room:
                break
            if folder is to or self.groups.has(folder) or self.groups.shares_family(to, folder):
                continue
            self.groups.join(to, folder)
            room -= 1
            if has_copies:
                self.by_name.add(folder)


def _alike(
    name: bytes, stems: list[bytes], by_stem: dict[bytes, list[TreeFolder]]
) -> list[TreeFolder]:
    found = []
    for at in range(bisect_left(stems, name), len(stems)):
        if not stems[at].startswith(name):
            break
        found += [each for each in by_stem[stems[at]] if names_match(name, each.name)]
    return found


def _are_identical(a: TreeFolder, b: TreeFolder) -> bool:
    return a.digest == b.digest and a.gap is None and b.gap is None


def _are_projects(a: TreeFolder, b: TreeFolder) -> bool:
    return a.marker is not None and b.marker is not None
