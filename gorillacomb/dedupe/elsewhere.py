"""Folders of which every content stands somewhere else too, under whatever names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from gorillacomb.dedupe import shares as contents
from gorillacomb.dedupe.forest import Folder
from gorillacomb.dedupe.shares import Amount, Shares

_MOST_OUTER = 3
"""Folders that are named as the places of the rest."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A folder whose contents all stand outside of it."""

    inner: Folder
    outer: tuple[Folder, ...]
    """Folders that hold all of it between them; empty when that takes too many to be of use."""
    amount: Amount


def all_elsewhere(shares: Shares) -> Iterator[Elsewhere]:
    """The largest complete folders that hold nothing of their own, in the forest's order."""
    own = contents.exclusive(shares)
    skip = -1
    for folder in shares.forest.order:
        if folder.first <= skip or own[folder.first].files or folder.gap is not None:
            continue
        batches = shares.batches(folder)
        if batches:
            skip = folder.last
            yield Elsewhere(folder, outer(shares, folder, batches), shares.amount(batches))


def outer(shares: Shares, folder: Folder, batches: set[int]) -> tuple[Folder, ...]:
    """The smallest few folders outside of a folder that hold all of these batches between them.

    What stands outside falls into *branches*: the folders beside the folder and beside those above
    it. Branches are taken greedily, the one that holds most of what is left first, and each is
    followed down to the smallest folder that still holds its part.
    """
    left = set(batches)
    branches: defaultdict[int, set[int]] = defaultdict(set)
    for batch in left:
        for place in shares.places[batch]:
            if not folder.first <= place <= folder.last:
                branches[_branch(shares, folder, place)].add(batch)
    found: list[Folder] = []
    while left and len(found) < _MOST_OUTER:
        branch = max(branches, key=lambda at: (len(branches[at] & left), -at), default=None)
        if branch is None or not branches[branch] & left:
            break
        part = branches.pop(branch) & left
        left -= part
        found.append(_smallest(shares, shares.forest.order[branch], folder, part))
    return () if left else tuple(found)


def _branch(shares: Shares, folder: Folder, place: int) -> int:
    """The place of the highest folder around a place that is not around the folder too."""
    at = shares.forest.order[place]
    if at.holds(folder):
        return place  # it stands right in a folder that the folder is in
    while at.parent is not None and not at.parent.holds(folder):
        at = at.parent
    return at.first


def _smallest(shares: Shares, branch: Folder, apart: Folder, batches: set[int]) -> Folder:
    """The smallest folder in a branch that holds all of these batches."""
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
