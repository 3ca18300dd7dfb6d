"""Find families: folders that are copies of one tree, diverged or not.

What makes two folders copies of one tree is that equal content is at the same relative path in
both: their *votes*. They are a *pair* if these are at least five, and half of the files of the
smaller one. A pair is *loose* if it is one pair of subfolders of the same name that is meant: it
has half of the votes, and what the smaller folder contains beside it is mostly not in the other
one. A pair that is not loose counts, unless it is at one relative path below two folders of one
family: that family implies it. A family is what such pairs connect.

What counts of a folder are the user's files: not empty, no noise, outside machine-made folders and
version control. Where a folder contains others that are copies of the one it is compared with, it
may be a copy of that one without these: the tree was copied into itself. Then, if the two have the
same name, one subfolder suffices.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from gorillacomb.folders.path_groups import PathGroups
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.folders.union_find import DisjointSets

SIMILAR = 0.5
"""How much of the smaller folder must be in the other one, under the same names."""
LEAST = 5
"""The fewest files that two copies of a tree have in common."""
HUBS_FROM = 64
"""In larger groups, folders already known to be copies of one tree are not compared with each
other: each is compared with the first of them, the hub."""
_MOST_COMPARED = 50_000_000
"""After so many votes, folders in large groups are compared with hubs alone."""
_MOST_LOOKS = 20_000_000
"""After so many folders were looked at, no more copies inside others are searched for."""
_LOOKS_TO_SORT = frozenset(4**at for at in range(16))
"""After so many looks at a large group its members are sorted by what connects them."""
_MOST_ROUNDS = 6

_TreeClass = tuple[int, ...] | None
"""What is equal for two folders only if a family already implies the pair of them."""


@dataclass(frozen=True, slots=True)
class FolderFamilies:
    """Which folders belong together."""

    families: list[list[TreeFolder]]
    """Copies of one tree, in the tree's order; the family with the largest folder first."""
    alike: list[list[TreeFolder]]
    """Folders in no family together that are much the same, but have too few files for one."""
    groups: PathGroups
    test: CopyTest
    links: list[tuple[int, int]]
    """Pairs that connect the families, by number."""

    @property
    def copies(self) -> list[list[TreeFolder]]:
        """Folders whose content may wholly be in another of the same list."""
        return [*self.families, *self.alike]

    def via(self, members: Sequence[TreeFolder], keep: TreeFolder) -> dict[TreeFolder, TreeFolder]:
        """Return the folders that lead from the one to keep to members too unlike it to be a pair.

        Such a member is a copy of that folder, or of another one that leads to it.
        """
        groups, test = self.groups, self.test
        numbers = [groups.number(each) for each in members if each is not keep]
        start = groups.number(keep)
        reached = {each for each in numbers if test.is_pair(start, each, groups.votes(start, each))}
        left = set(numbers) - reached
        if not left:
            return {}
        beside: defaultdict[int, list[int]] = defaultdict(list)
        for a, b in self.links:
            beside[a].append(b)
            beside[b].append(a)
        found = {}
        waiting = [start, *sorted(reached)]
        for at in waiting:  # grows
            for other in sorted(left.intersection(beside[at])):
                left.discard(other)
                waiting.append(other)
                found[groups.folders[other]] = groups.folders[at]
        return found


def find_families(
    groups: PathGroups, similar: float = SIMILAR, hubs_from: int = HUBS_FROM
) -> FolderFamilies:
    """Find the families. ``similar`` is the share of the smaller folder that makes a pair."""
    test = CopyTest(groups, similar)
    search = _FamilySearch(groups, test, hubs_from, DisjointSets())
    search.look_at_all()
    for _ in range(_MOST_ROUNDS if search.implies_itself else 0):
        earlier = search.found
        search = _FamilySearch(groups, test, hubs_from, earlier)
        search.look_at_all()
        if search.found.groups() == earlier.groups():
            break
    search.add_dropped()
    folders = groups.folders
    families = [
        sorted((folders[each] for each in family), key=lambda each: each.first)
        for family in search.found.groups()
    ]
    alike = DisjointSets()
    for a, b in search.alike:
        if not search.found.joined(a, b) and not search.is_implied(a, b, search.found.top):
            alike.join(a, b)
    return FolderFamilies(
        sorted(families, key=lambda each: (-max(one.files for one in each), each[0].first)),
        [
            sorted((folders[each] for each in members), key=lambda each: each.first)
            for members in alike.groups()
        ],
        groups,
        test,
        search.links,
    )


@dataclass(slots=True)
class CopyTest:
    """Decides whether folders are copies of each other, by the files that count."""

    groups: PathGroups
    similar: float
    _looks: int = 0

    def is_pair(self, a: int, b: int, votes: int) -> bool:
        """Return whether folders with so many votes are a pair, loose or not."""
        least = min(self._files(a, (b,)), self._files(b, (a,)))
        return votes >= max(LEAST, self.similar * least) or self.are_copies(a, b, votes)

    def are_copies(self, a: int, b: int, votes: int) -> bool:
        """Return whether folders with so many votes are a pair that is not loose."""
        if votes < LEAST:
            return False
        if self.are_alike(a, b, votes):
            return True
        inside_a, inside_b = self._copies_inside(a, b), self._copies_inside(b, a)
        names = self.groups.names
        return bool(inside_a or inside_b) and self._are_copies(
            a, b, votes, (b, *inside_a), (a, *inside_b), names[a] == names[b]
        )

    def are_alike(self, a: int, b: int, votes: int) -> bool:
        """Return the same, however few the votes, with all that is in them but each other."""
        return self._are_copies(a, b, votes, (b,), (a,))

    def _are_copies(
        self,
        a: int,
        b: int,
        votes: int,
        apart_a: Sequence[int],
        apart_b: Sequence[int],
        one_suffices: bool = False,
    ) -> bool:
        """Return the same, excluding some folders inside each of the two.

        With ``one_suffices`` all votes may be those of one subfolder.
        """
        files_a, files_b = self._files(a, apart_a), self._files(b, apart_b)
        least = min(files_a, files_b)
        if votes < self.similar * least:
            return False
        for x, y, inner in self.heavy_children(a, b, votes):
            sides = ((a, apart_a, x, files_a), (b, apart_b, y, files_b))
            beside = [
                self._files(top, (*apart, child))
                for top, apart, child, files in sides
                if files == least
            ]
            alone = inner == votes and not one_suffices
            if alone or votes - inner < self.similar * min(beside):
                return False
        return True

    def _copies_inside(self, folder: int, other: int) -> list[int]:
        """Return the outermost folders inside a folder that are copies of another one."""
        groups = self.groups
        if groups.deepest[other] <= groups.depths[folder]:
            return []
        found: list[int] = []
        waiting = [folder]
        while waiting:
            for each in groups.children(waiting.pop()).values():
                self._looks += 1
                if groups.shared[each] < LEAST or each == other or self._looks > _MOST_LOOKS:
                    continue
                votes = groups.votes(each, other)
                if self.are_copies(each, other, votes):
                    found.append(each)
                else:
                    waiting.append(each)
        return found

    def _files(self, folder: int, apart: Collection[int]) -> int:
        """Return how many count in a folder, excluding some inside it."""
        folders, files = self.groups.folders, self.groups.files
        top = folders[folder]
        count, last = files[folder], -1
        inside = {at for each in apart if top.first < (at := folders[each].first) <= top.last}
        for first in sorted(inside):
            if first > last:
                inner = self.groups.numbers[first]
                count -= files[inner]
                last = folders[inner].last
        return count

    def heavy_children(self, a: int, b: int, votes: int) -> Iterator[tuple[int, int, int]]:
        """Yield subfolders of the same name with half of the votes of two folders, and theirs."""
        shared = self.groups.shared
        ours, theirs = self.groups.children(a), self.groups.children(b)
        for name in ours.keys() & theirs.keys():
            x, y = ours[name], theirs[name]
            if 2 * min(shared[x], shared[y]) >= votes:
                inner = self.groups.votes(x, y)
                if 2 * inner >= votes:
                    yield x, y, inner


@dataclass(slots=True)
class _LargeGroup:
    """What is known about the members of a large group."""

    small: list[int] | None = None
    """The members that share enough for a pair with a larger folder."""
    looks: int = 0
    others: list[int] | None = None
    """The members without the most of them that one family connects."""


@dataclass
class _FamilySearch:
    groups: PathGroups
    test: CopyTest
    hubs_from: int
    earlier: DisjointSets
    """The families found by the search before."""
    found: DisjointSets = field(default_factory=DisjointSets)
    links: list[tuple[int, int]] = field(default_factory=list)
    alike: dict[tuple[int, int], None] = field(default_factory=dict)
    """Pairs of too few files for a family."""
    dropped: list[tuple[int, int]] = field(default_factory=list)
    """Pairs that are implied by the earlier families alone."""
    _known: dict[int, int] = field(default_factory=dict)
    """The families that pairs of less depth connect: what they imply is independent of the order
    of folders of one depth."""
    _large: defaultdict[int, _LargeGroup] = field(default_factory=lambda: defaultdict(_LargeGroup))
    _compared: int = 0

    @property
    def implies_itself(self) -> bool:
        """Whether families imply pairs that connect families."""
        return any(self.is_implied(a, b, self.found.top) for a, b in self.links)

    def look_at_all(self) -> None:
        """Compare all folders, from the highest down."""
        for _, here in groupby(sorted(self.groups.groups), key=self.groups.depths.__getitem__):
            self._known = self.found.tops()
            for folder in here:
                self._look_at(folder)

    def _look_at(self, folder: int) -> None:
        """Compare a folder with all that come after it."""
        weights, files = self.groups.weights, self.groups.files
        may_be_smaller = self._may_be_smaller(folder)
        votes: Counter[int] = Counter()
        for group in self.groups.groups[folder]:
            weight = weights[group]
            others = self._others(group, folder, may_be_smaller)
            if weight == 1:
                votes.update(others)
            else:
                for other in others:
                    votes[other] += weight
        similar = self.test.similar
        enough = min(LEAST, similar * files[folder])
        for other, count in votes.items():
            if count >= enough or count >= similar * files[other]:
                self._compare(folder, other, count)

    def _may_be_smaller(self, folder: int) -> bool:
        """Return whether a folder shares enough for a pair with a larger one.

        A folder inside it with enough files may be a copy of it that does not count.
        """
        shared = self.groups.shared
        return shared[folder] >= self.test.similar * self.groups.files[folder] or any(
            shared[each] >= LEAST for each in self.groups.children(folder).values()
        )

    def _others(self, group: int, folder: int, may_be_smaller: bool) -> Sequence[int]:
        """Return the members of a group with which to compare a folder."""
        members = self.groups.members[group]
        if len(members) > self.hubs_from:
            if self._compared > _MOST_COMPARED and folder > members[self.hubs_from]:
                return ()
            members = self._apart_from(group, folder, members, may_be_smaller)
        found = members[bisect_right(members, folder) :]
        self._compared += len(found)
        return found

    def _apart_from(
        self, group: int, folder: int, members: Sequence[int], may_be_smaller: bool
    ) -> Sequence[int]:
        """Return the members of a large group without some that cannot be a pair with a folder.

        Or that a family already connects with it.
        """
        large = self._large[group]
        if not may_be_smaller:
            if large.small is None:
                large.small = list(filter(self._may_be_smaller, members))
            return large.small
        large.looks += 1
        if large.looks in _LOOKS_TO_SORT:
            classes = [self._class(each) for each in members]
            counts = Counter(each for each in classes if each is not None)
            best = max(counts.items(), key=lambda each: each[1], default=(None, 0))
            if best[1] > 1:
                large.others = [
                    each for each, its in zip(members, classes, strict=True) if its != best[0]
                ]
        others = large.others
        if others is None or others[(at := bisect_left(others, folder)) : at + 1] == [folder]:
            return members
        return others

    def _class(self, folder: int) -> _TreeClass:
        top = self.found.top(folder)
        if top is not None:
            return (top,)
        parents, names = self.groups.parents, self.groups.names
        path = []
        while folder >= 0 and folder not in self._known:
            path.append(names[folder])
            folder = parents[folder]
        return None if folder < 0 else (self._known[folder], *path)

    def _compare(self, a: int, b: int, votes: int) -> None:
        """Join two folders if they are copies of each other; ``b`` is the one that comes later."""
        folders, files = self.groups.folders, self.groups.files
        # The first one is not deeper, so it is the only one that can contain the other.
        least = min(files[a] - (files[b] if folders[a].holds(folders[b]) else 0), files[b])
        if votes < min(LEAST, self.test.similar * least):
            return
        if self.found.joined(a, b) or self.is_implied(a, b, self._known.get):
            return
        if self.test.are_copies(a, b, votes):
            if self.is_implied(a, b, self.earlier.top):
                self.dropped.append((a, b))
            else:
                self.found.join(a, b)
                self.links.append((a, b))
        elif votes < LEAST and self.test.are_alike(a, b, votes):
            self._note_alike(a, b)

    def is_implied(self, a: int, b: int, top: Callable[[int], int | None]) -> bool:
        """Return whether two folders are at one relative path below two members of a family."""
        parents, names = self.groups.parents, self.groups.names
        while names[a] == names[b]:
            a, b = parents[a], parents[b]
            if a < 0 or b < 0 or a == b:
                return False
            family = top(a)
            if family is not None and family == top(b):
                return True
        return False

    def _note_alike(self, a: int, b: int) -> None:
        """Note two small folders that are much the same, unless they are in two noted before."""
        parents, names = self.groups.parents, self.groups.names
        x, y = a, b
        while names[x] == names[y] and parents[x] >= 0 and parents[y] >= 0:
            x, y = sorted((parents[x], parents[y]))
            if (x, y) in self.alike:
                return
        self.alike[a, b] = None

    def add_dropped(self) -> None:
        """Join the folders dropped because of earlier families that were not found again."""
        for a, b in self.dropped:
            if not self.found.joined(a, b) and not self.is_implied(a, b, self.found.top):
                self.found.join(a, b)
                self.links.append((a, b))
