"""Group the contents of the index by the set of folders that hold them.

Contents in exactly the same folders are one *batch*: four copies of a tree with 60,000 files have
some 10,000 batches. All figures are exact sums over batches; each content counts once per folder,
however often it occurs there. Folders are identified by their position in the tree's order
(preorder), so that a folder with everything below it is a range of positions.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from gorillacomb.folders.tree import FolderTree, TreeFolder
from gorillacomb.index.tree_queries import ContentBatch

_BYTES = 1 << 40
"""Files and bytes in one integer, ``bytes * _BYTES + files``: half the additions."""


_RECENT = 8


@dataclass(frozen=True, slots=True)
class ContentAmount:
    """Contents and their bytes, each content counted once."""

    files: int = 0
    bytes: int = 0

    def __sub__(self, other: ContentAmount) -> ContentAmount:
        return ContentAmount(self.files - other.files, self.bytes - other.bytes)


@dataclass(slots=True)
class ContentSets:
    """The contents of a folder tree, in batches."""

    forest: FolderTree
    places: list[tuple[int, ...]]
    """For each batch: the folders that hold its contents, in order."""
    files: list[int]
    """For each batch: how many contents."""
    bytes: list[int]
    at: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """The batches directly in a folder."""
    own: list[tuple[int, ...]] = field(default_factory=list)
    """As `places`, without machine-made folders."""
    _recent: dict[int, set[int]] = field(default_factory=dict)
    """The own batches of recently used folders: a large one is compared with many small ones."""

    def batches(self, folder: TreeFolder, without: Collection[TreeFolder] = ()) -> set[int]:
        """Return the batches in a folder and below it, excluding some folders inside it."""
        return self._batches(folder, without, machine=True)

    def own_batches(self, folder: TreeFolder, without: Collection[TreeFolder] = ()) -> set[int]:
        """Return the same, excluding machine-made folders."""
        if without:
            return self._batches(folder, without, machine=folder.machine)
        found = self._recent.get(folder.first)
        if found is None:
            if len(self._recent) >= _RECENT:
                self._recent.pop(next(iter(self._recent)))
            found = self._batches(folder, (), machine=folder.machine)
            self._recent[folder.first] = found
        return found

    def _batches(
        self, folder: TreeFolder, without: Collection[TreeFolder], machine: bool
    ) -> set[int]:
        found: set[int] = set()
        order, at = self.forest.order, self.at
        place = folder.first
        while place <= folder.last:
            here = order[place]
            if here in without or (here.machine and not machine):
                place = here.last + 1
                continue
            if place in at:
                found.update(at[place])
            place += 1
        return found

    def amount(self, batches: Iterable[int]) -> ContentAmount:
        """Return the number of contents and bytes of some batches."""
        files, size = self.files, self.bytes
        batches = list(batches)
        return ContentAmount(
            sum([files[each] for each in batches]), sum([size[each] for each in batches])
        )

    def exists_outside(self, batch: int, folder: TreeFolder) -> bool:
        """Return whether a batch is in a folder that is neither this one nor machine-made."""
        places = self.own[batch]
        return bool(places) and (places[0] < folder.first or places[-1] > folder.last)

    def stands_in(self, batch: int, folder: TreeFolder) -> bool:
        """Return whether a batch is in a folder or below it."""
        places = self.places[batch]
        at = bisect_left(places, folder.first)
        return at < len(places) and places[at] <= folder.last


def load_content_sets(forest: FolderTree, batches: Iterable[ContentBatch]) -> ContentSets:
    """Load every content of the index, as returned by `content_batches`."""
    numbers = {number: folder.first for number, folder in forest.folders.items()}
    sums: defaultdict[tuple[int, ...], int] = defaultdict(int)
    for held, files, size in batches:
        found = {numbers[number] for number in map(int, held.split(",")) if number in numbers}
        if found:
            sums[tuple(sorted(found))] += size * _BYTES + files
    places = sorted(sums)  # an order independent of ids, which each scan assigns again
    shares = ContentSets(
        forest,
        places,
        [sums[each] % _BYTES for each in places],
        [sums[each] // _BYTES for each in places],
    )
    machine = [folder.machine for folder in forest.order]
    anywhere = any(machine)
    for batch, here in enumerate(places):
        own = tuple([place for place in here if not machine[place]]) if anywhere else here
        shares.own.append(own)
        for place in here:
            shares.at[place].append(batch)
    return shares


def distinct_amounts(shares: ContentSets) -> list[ContentAmount]:
    """Return, by position, the contents in each folder and below it, without machine-made folders.

    Counts as for distinct colours in subtrees (Hui 1992): each position of a batch adds it, and the
    lowest common ancestor of two consecutive ones subtracts it again.
    """
    order = shares.forest.order
    sums = [0] * len(order)
    for batch, places in enumerate(shares.own):
        weight = shares.bytes[batch] * _BYTES + shares.files[batch]
        before = -1
        for place in places:
            sums[place] += weight
            top = -1 if before < 0 else common_ancestor(order, before, place)
            if top >= 0:
                sums[top] -= weight
            before = place
    return _summed_up(shares.forest, sums)


def exclusive_amounts(shares: ContentSets, own: bool = False) -> list[ContentAmount]:
    """Return, by position, the contents in each folder and below it that exist nowhere else.

    With ``own``, what is in machine-made folders does not count, here or elsewhere.
    """
    order = shares.forest.order
    sums = [0] * len(order)
    for batch, places in enumerate(shares.own if own else shares.places):
        top = common_ancestor(order, places[0], places[-1]) if places else -1
        if top >= 0:
            sums[top] += shares.bytes[batch] * _BYTES + shares.files[batch]
    return _summed_up(shares.forest, sums)


def _summed_up(forest: FolderTree, sums: list[int]) -> list[ContentAmount]:
    for folder in reversed(forest.order):
        if folder.parent is not None:
            sums[folder.parent.first] += sums[folder.first]
    return [ContentAmount(each % _BYTES, each // _BYTES) for each in sums]


def common_ancestor(order: list[TreeFolder], a: int, b: int) -> int:
    """Return the position of the lowest folder containing both ``a <= b``; -1 for two roots."""
    at: TreeFolder | None = order[a]
    while at is not None and at.last < b:
        at = at.parent
    return -1 if at is None else at.first
