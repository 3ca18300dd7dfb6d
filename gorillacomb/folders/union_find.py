"""Disjoint sets of folders (union-find), which make families transitive."""

from __future__ import annotations

from collections import defaultdict

from gorillacomb.folders.tree import TreeFolder


class FolderSets:
    """Disjoint sets of folders, and which of them contain a folder."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}
        self._members: dict[int, TreeFolder] = {}

    def _top(self, place: int) -> int:
        above = self._above
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    def join(self, a: TreeFolder, b: TreeFolder) -> None:
        for each in (a, b):
            if each.first not in self._above:
                self._above[each.first] = each.first
                self._members[each.first] = each
        self._above[self._top(a.first)] = self._top(b.first)

    def has(self, folder: TreeFolder) -> bool:
        """Return whether a folder is in a family."""
        return folder.first in self._above

    def around(self, folder: TreeFolder) -> dict[int, int]:
        """Return the families around a folder, each with its innermost member."""
        found: dict[int, int] = {}
        at: TreeFolder | None = folder
        while at is not None:
            if at.first in self._above:
                found.setdefault(self._top(at.first), at.first)
            at = at.parent
        return found

    def shares_family(self, member: TreeFolder, folder: TreeFolder) -> bool:
        """Return whether a folder is, or is inside, a folder of a member's family."""
        if member.first not in self._above:
            return member.holds(folder)
        return self._top(member.first) in self.around(folder)

    def is_said(self, a: TreeFolder, b: TreeFolder) -> bool:
        """Return whether the two are, or are inside, different folders of one family."""
        if not self._above:
            return False
        first = self.around(a)
        if not first:
            return False
        second = self.around(b)
        return any(second.get(group, member) != member for group, member in first.items())

    def all(self) -> list[list[TreeFolder]]:
        """Return each family in the tree's order; the one with the largest folder first."""
        found: defaultdict[int, list[TreeFolder]] = defaultdict(list)
        for place in sorted(self._members):
            found[self._top(place)].append(self._members[place])
        return sorted(
            found.values(), key=lambda each: (-max(one.files for one in each), each[0].first)
        )
