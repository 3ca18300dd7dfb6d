"""Find folders whose contents exist elsewhere too, all or many, under whatever names."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from gorillacomb.folders import content_sets as contents
from gorillacomb.folders.content_sets import ContentAmount, ContentSets
from gorillacomb.folders.tree import TreeFolder

_MOST_OUTER = 3
"""The most folders that are named as holding the rest."""


_LEAST = 5
"""The fewest contents that are worth telling if there are others beside them."""
_NEAR = 16
"""For a content in very many places, only this many on either side are considered."""


@dataclass(frozen=True, slots=True)
class CoveredFolder:
    """A folder whose contents all exist outside it."""

    inner: TreeFolder
    outer: tuple[TreeFolder, ...]
    """Folders that together hold all of it; empty if that takes too many to be useful."""
    amount: ContentAmount


def fully_covered_folders(
    shares: ContentSets, wanted: Callable[[TreeFolder], bool] = lambda folder: True
) -> Iterator[CoveredFolder]:
    """Yield the largest complete folders without content of their own, in the tree's order.

    ``wanted`` decides for which of them to find out where the content is.
    """
    own = contents.exclusive_amounts(shares)
    skip = -1
    for folder in shares.forest.order:
        if folder.first <= skip or own[folder.first].files or folder.gap is not None:
            continue
        batches = shares.batches(folder)
        if not batches:
            continue
        skip = folder.last
        if wanted(folder):
            yield CoveredFolder(
                folder, covering_folders(shares, folder, batches), shares.amount(batches)
            )


def partly_covered_folders(
    shares: ContentSets,
    share: float,
    members: Collection[TreeFolder],
    is_told: Callable[[TreeFolder], bool],
) -> Iterator[CoveredFolder]:
    """Yield the largest folders with much content that exists elsewhere, in the tree's order.

    That is at least ``share`` of their contents, and five. Machine-made folders do not count, nor
    do ``members`` of families and folders for which ``is_told``, which are reported anyway. The
    outer folders are where most of it is, and the amount is what is elsewhere.
    """
    order = shares.forest.order
    amounts = contents.distinct_amounts(shares)
    exclusive = contents.exclusive_amounts(shares, own=True)
    inside = sorted(each.first for each in members)
    known = set(members)
    skip = -1
    for folder in order:
        if folder.first <= skip:
            continue
        if folder.machine or folder in known or is_told(folder):
            skip = folder.last
            continue
        at = bisect_left(inside, folder.first)
        apart = at < len(inside) and inside[at] <= folder.last
        there = amounts[folder.first].files - exclusive[folder.first].files
        if there < _LEAST or (not apart and there < share * amounts[folder.first].files):
            continue
        batches = shares.own_batches(folder, known if apart else ())
        elsewhere = {batch for batch in batches if shares.exists_outside(batch, folder)}
        amount = shares.amount(elsewhere)
        if amount.files < max(_LEAST, share * shares.amount(batches).files):
            continue
        skip = folder.last
        outer = covering_folders(shares, folder, elsewhere, wholly=False)
        yield CoveredFolder(folder, outer, amount)


def covering_folders(
    shares: ContentSets, folder: TreeFolder, batches: set[int], wholly: bool = True
) -> tuple[TreeFolder, ...]:
    """Return the smallest few folders outside a folder that together hold all of these batches.

    Unless they need not ``wholly`` hold them, return none if more than a few are needed.

    The outside is divided into *branches*: the siblings of the folder and of its parents. Branches
    are chosen greedily, the one with the most remaining batches first, and each is descended to the
    smallest folder that still holds its part.
    """
    left = set(batches)
    branches: defaultdict[int, set[int]] = defaultdict(set)
    for batch in left:
        places = shares.places[batch]
        before, after = bisect_left(places, folder.first), bisect_right(places, folder.last)
        near = places[max(before - _NEAR, 0) : before] + places[after : after + _NEAR]
        for place in near:
            branches[_branch(shares, folder, place)].add(batch)
    found: list[TreeFolder] = []
    while left and len(found) < _MOST_OUTER:
        branch = max(branches, key=lambda at: (len(branches[at] & left), -at), default=None)
        if branch is None or not branches[branch] & left:
            break
        part = branches.pop(branch) & left
        left -= part
        found.append(_smallest(shares, shares.forest.order[branch], folder, part))
    return () if left and wholly else tuple(found)


def _branch(shares: ContentSets, folder: TreeFolder, place: int) -> int:
    """Return the position of the highest folder around a position that excludes the folder."""
    at = shares.forest.order[place]
    if at.holds(folder):
        return place  # it is directly in a parent of the folder
    while at.parent is not None and not at.parent.holds(folder):
        at = at.parent
    return at.first


def _smallest(
    shares: ContentSets, branch: TreeFolder, apart: TreeFolder, batches: set[int]
) -> TreeFolder:
    """Return the smallest folder in a branch that holds all of these batches."""
    at = branch
    while not at.holds(apart):
        holders = [
            child
            for child in at.children
            if all(shares.stands_in(batch, child) for batch in batches)
        ]
        if not holders:
            break
        at = min(holders, key=lambda child: (child.files, child.first))
    return at
