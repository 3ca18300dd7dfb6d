"""Disjoint sets (union-find), which make families transitive."""

from __future__ import annotations

from collections import defaultdict


class DisjointSets:
    """Disjoint sets of numbers."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def top(self, number: int) -> int | None:
        """Return the number that represents a set; None for a number in none."""
        above = self._above
        if number not in above:
            return None
        while above[number] != number:
            above[number] = above[above[number]]
            number = above[number]
        return number

    def tops(self) -> dict[int, int]:
        """Return the number that represents its set for each number."""
        return {each: top for each in self._above if (top := self.top(each)) is not None}

    def join(self, a: int, b: int) -> None:
        """Make one set of those of two numbers."""
        for each in (a, b):
            self._above.setdefault(each, each)
        first, second = self.top(a), self.top(b)
        assert first is not None and second is not None
        self._above[first] = second

    def joined(self, a: int, b: int) -> bool:
        """Return whether two numbers are in one set."""
        top = self.top(a)
        return top is not None and top == self.top(b)

    def groups(self) -> list[list[int]]:
        """Return the sets, sorted, and so is each of them."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for each, top in sorted(self.tops().items()):
            found[top].append(each)
        return sorted(found.values())
