"""Candidates: pairs of folders that may be copies of one another, found from what they share.

Two folders that hold one content are a pair; so are the folders around them, the ones around those,
and so on, in step, as a copied tree keeps its depth. What each pair shares is added up on the way,
every pair once: from the deepest up, so that it is complete when its turn comes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

from gorillacomb.folders.content_sets import ContentAmount, ContentSets

MOST_PAIRED = 8
"""Of a content in more folders only neighbours are paired: LICENSE files tell little.

So two folders that share nothing but such contents, and are not neighbours, are not found.
"""
_BYTES = 1 << 40
_SharedTotals = defaultdict[int, int]
"""By pair, as one integer: ``bytes * _BYTES + files``."""


@dataclass(slots=True)
class CandidatePair:
    """Two folders that may have much in common, by their places, the first one before the other."""

    a: int
    b: int
    shared: ContentAmount
    """As an estimate: too high where contents repeat inside of them."""
    nested: bool
    """Whether the first one holds the other."""
    heaviest: CandidatePair | None = None
    """The pair of subfolders that brings most of it."""


def candidate_pairs(shares: ContentSets) -> list[CandidatePair]:
    """All pairs that share anything, machine-made folders left out; the deepest ones first."""
    order = shares.forest.order
    count = len(order)
    parents = [-1 if each.parent is None else each.parent.first for each in order]
    lasts = [each.last for each in order]
    depths = [0] * count
    for place, above in enumerate(parents):
        if above >= 0:
            depths[place] = depths[above] + 1
    levels: defaultdict[int, _SharedTotals] = defaultdict(lambda: defaultdict(int))
    for (a, b), weight in _direct(shares):
        levels[depths[a] + depths[b]][a * count + b] += weight
    found: list[CandidatePair] = []
    heaviest: dict[int, CandidatePair] = {}
    for level in range(max(levels, default=0), -1, -1):
        for key, weight in levels.pop(level, {}).items():
            a, b = divmod(key, count)
            nested = lasts[a] >= b
            amount = ContentAmount(weight % _BYTES, weight // _BYTES)
            pair = CandidatePair(a, b, amount, nested, heaviest.pop(key, None))
            found.append(pair)
            above, other = parents[a], parents[b]
            if nested or above < 0 or other < 0 or above == other:
                continue
            up = above * count + other if above < other else other * count + above
            levels[level - 2][up] += weight
            known = heaviest.get(up)
            if known is None or known.shared.files < amount.files:
                heaviest[up] = pair
    return found


def _direct(shares: ContentSets) -> Iterator[tuple[tuple[int, int], int]]:
    """Pairs of folders that hold the same contents themselves."""
    for batch, places in enumerate(shares.own):
        if len(places) < 2:
            continue
        weight = shares.bytes[batch] * _BYTES + shares.files[batch]
        for pair in combinations(places, 2) if len(places) <= MOST_PAIRED else pairwise(places):
            yield pair, weight
