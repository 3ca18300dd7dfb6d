"""The folders that a plan removes, and what is kept for everything in them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from gorillacomb.folders.tree import TreeFolder, find_descendant, relative_names


@dataclass(frozen=True, slots=True)
class RemovedFolder:
    """A folder to be removed."""

    folder: TreeFolder
    keep: TreeFolder
    """The folder that contains all of it."""
    reasons: tuple[str, ...]
    nested: Mapping[TreeFolder, TreeFolder]
    """Folders below it that other folders contain."""

    @property
    def pairs(self) -> Iterator[tuple[TreeFolder, TreeFolder]]:
        """Its own pair and those of what is nested in it."""
        yield self.folder, self.keep
        yield from self.nested.items()


@dataclass(slots=True)
class RemovalSet:
    """All folders to be removed; none is inside another."""

    _gone: dict[TreeFolder, RemovedFolder] = field(default_factory=dict)

    def __iter__(self) -> Iterator[RemovedFolder]:
        return iter(self._gone.values())

    def add(self, gone: RemovedFolder) -> None:
        """Add a folder; folders inside it that were added before become part of it."""
        for folder in [each for each in self._gone if gone.folder.holds(each)]:
            del self._gone[folder]
        self._gone[gone.folder] = gone

    def around(self, folder: TreeFolder) -> RemovedFolder | None:
        """Return the folder to be removed that contains another one, or is that folder."""
        if not self._gone:
            return None
        at: TreeFolder | None = folder
        while at is not None:
            if at in self._gone:
                return self._gone[at]
            at = at.parent
        return None

    def remaining(self, folder: TreeFolder) -> TreeFolder | None:
        """Return the folder that is kept for one that may be removed; itself if it is kept."""
        *_, last = self._way_to_remaining(folder)
        return last

    def _way_to_remaining(self, folder: TreeFolder) -> Iterator[TreeFolder | None]:
        """Yield a folder, what is kept for it, what is kept for that …; None at a dead end."""
        at: TreeFolder | None = folder
        for _ in range(len(self._gone) + 1):
            yield at
            gone = None if at is None else self.around(at)
            if at is None or gone is None:
                return
            at = _counterpart(gone, at)
        yield None

    def standing_pairs(self, gone: RemovedFolder) -> Iterator[tuple[TreeFolder, TreeFolder]]:
        """Yield a folder to be removed, and those below it whose kept copy is elsewhere.

        Each with what is kept for it: if something is removed from that, what is kept for that.
        """
        for victim, standing in self._followed(gone):
            assert standing is not None, "what something counts on stays, or something for it"
            yield victim, standing

    def would_go_for_itself(self, gone: RemovedFolder) -> bool:
        """Return whether nothing would be left for a part of a folder if that were removed too.

        Something may already be removed from its kept copy that relies on this part: the order of
        two folders is not always that of what is in them, for example if the user prefers some of
        the latter.
        """
        if not any(gone.keep.holds(each) for each in self._gone):
            return False
        after = RemovalSet(dict(self._gone))
        after.add(gone)
        return any(standing is None for _, standing in after._followed(gone))

    def _followed(self, gone: RemovedFolder) -> Iterator[tuple[TreeFolder, TreeFolder | None]]:
        """Yield the same as `standing_pairs`, with None where nothing is kept."""
        order = sorted(self._gone, key=lambda each: each.first)
        waiting = list(gone.pairs)
        while waiting:
            victim, keep = waiting.pop(0)
            *way, standing = self._way_to_remaining(keep)
            yield victim, standing
            if standing is None:
                continue
            others = [
                (other, at) for at in way if at is not None for other in self._nested_below(at)
            ]
            start = bisect_left(order, standing.first, key=lambda each: each.first)
            inside = takewhile(standing.holds, order[start:])
            for other, top in (*others, *((each, standing) for each in inside)):
                part = find_descendant(victim, relative_names(other, top))
                apart = part is None or any(
                    each is not victim and victim.holds(each) and each.holds(part)
                    for each in gone.nested
                )
                if part is not None and not apart:
                    waiting.append((part, other))

    def _nested_below(self, folder: TreeFolder) -> list[TreeFolder]:
        """Return what is in a folder to be removed and has its own kept copy."""
        gone = self.around(folder)
        assert gone is not None, "it is removed"
        return [each for each in gone.nested if each is not folder and folder.holds(each)]

    def relies_on(self, folder: TreeFolder) -> bool:
        """Return whether something is removed because it is directly in this folder too."""
        return any(True for _ in self._counting_on(folder))

    def counts_on_part_of(self, folder: TreeFolder) -> bool:
        """Return whether something is removed because it is in this folder, or below it, too."""
        return self.relies_on(folder) or any(
            folder.holds(standing) for _, standing in self._standing()
        )

    def _counting_on(self, folder: TreeFolder) -> Iterator[TreeFolder]:
        """Yield the folders around this one, or itself, that are kept for something."""
        for victim, standing in self._standing():
            if (
                standing.holds(folder)
                and find_descendant(victim, relative_names(folder, standing)) is not None
            ):
                yield standing

    def _standing(self) -> Iterator[tuple[TreeFolder, TreeFolder]]:
        """Yield what is removed, with what is kept for it."""
        for gone in self:
            for victim, keep in gone.pairs:
                standing = self.remaining(keep)
                if standing is not None:
                    yield victim, standing


def _counterpart(gone: RemovedFolder, folder: TreeFolder) -> TreeFolder | None:
    """Return where the kept copy has the counterpart of a folder in the removed one."""
    at = folder
    while at is not gone.folder and at not in gone.nested:
        assert at.parent is not None, "it is below the removed folder"
        at = at.parent
    return find_descendant(gone.nested.get(at, gone.keep), relative_names(folder, at))
