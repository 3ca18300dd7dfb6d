"""The folders that a plan has go, and what stays for everything that stands in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gorillacomb.dedupe.plan.index_locations import find_descendant, relative_names
from gorillacomb.folders.tree import TreeFolder


@dataclass(frozen=True, slots=True)
class RemovedFolder:
    """A folder that goes."""

    folder: TreeFolder
    keep: TreeFolder
    """The folder that holds all of it."""
    reasons: tuple[str, ...]
    nested: Mapping[TreeFolder, TreeFolder]
    """Folders below it that other ones hold."""

    @property
    def pairs(self) -> Iterator[tuple[TreeFolder, TreeFolder]]:
        """It and what is nested in it, each with what stays for it."""
        yield self.folder, self.keep
        yield from self.nested.items()


@dataclass(slots=True)
class RemovalSet:
    """All of them; none stands in another."""

    _gone: dict[TreeFolder, RemovedFolder] = field(default_factory=dict)

    def __iter__(self) -> Iterator[RemovedFolder]:
        return iter(self._gone.values())

    def add(self, gone: RemovedFolder) -> None:
        """Have a folder go; those that stand in it go with it."""
        for folder in [each for each in self._gone if gone.folder.holds(each)]:
            del self._gone[folder]
        self._gone[gone.folder] = gone

    def around(self, folder: TreeFolder) -> RemovedFolder | None:
        """The folder that goes and in which another one stands, or which it is."""
        if not self._gone:
            return None
        at: TreeFolder | None = folder
        while at is not None:
            if at in self._gone:
                return self._gone[at]
            at = at.parent
        return None

    def remaining(self, folder: TreeFolder) -> TreeFolder | None:
        """The folder that stays for one that may be going; itself if it stays."""
        at: TreeFolder | None = folder
        for _ in range(len(self._gone) + 1):
            if at is None:
                return None
            gone = self.around(at)
            if gone is None:
                return at
            at = _counterpart(gone, at)
        return None

    def removes_from(self, keep: TreeFolder, victim: TreeFolder) -> bool:
        """Whether something goes out of ``keep`` which ``victim`` has at the same place."""
        return any(
            keep.holds(gone) and find_descendant(victim, relative_names(gone, keep)) is not None
            for gone in self._gone
        )

    def relies_on(self, folder: TreeFolder) -> bool:
        """Whether something goes because it stands right in this folder too."""
        return any(True for _ in self._counting_on(folder))

    def counts_on_all_around(self, folder: TreeFolder) -> bool:
        """Whether something goes because it stands in a folder of which this one is a part."""
        return any(standing is not folder for standing in self._counting_on(folder))

    def counts_on_part_of(self, folder: TreeFolder) -> bool:
        """Whether something goes because it stands in this folder, or below it, too."""
        return self.relies_on(folder) or any(
            folder.holds(standing) for _, standing in self._standing()
        )

    def _counting_on(self, folder: TreeFolder) -> Iterator[TreeFolder]:
        """The folders around this one, or itself, that stay for something with it in it."""
        for victim, standing in self._standing():
            if (
                standing.holds(folder)
                and find_descendant(victim, relative_names(folder, standing)) is not None
            ):
                yield standing

    def _standing(self) -> Iterator[tuple[TreeFolder, TreeFolder]]:
        """What goes, with what stays for it."""
        for gone in self:
            for victim, keep in gone.pairs:
                standing = self.remaining(keep)
                if standing is not None:
                    yield victim, standing


def _counterpart(gone: RemovedFolder, folder: TreeFolder) -> TreeFolder | None:
    """Where what stays has what a folder in the one that goes is a copy of."""
    at = folder
    while at is not gone.folder and at not in gone.nested:
        assert at.parent is not None, "it is below the one that goes"
        at = at.parent
    return find_descendant(gone.nested.get(at, gone.keep), relative_names(folder, at))
