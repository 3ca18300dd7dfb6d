"""Find candidate pairs: folders that may be copies of one another, by the contents that they share.

Two folders with a common content are a pair; so are their parents, their grandparents, and so on,
in step, as a copied tree keeps its depth. What each pair shares is added up on the way, every pair
once: from the deepest up, so that the sum is complete when its turn comes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

from gorillacomb.folders.content_sets import ContentAmount, ContentSets

MOST_PAIRED = 8
"""For a content in more folders, only neighbours are paired: LICENSE files say little. So two
folders that share only such contents, and are not neighbours, are not found."""
_BYTES = 1 << 40
_SharedTotals = defaultdict[int, int]
"""By pair, as one integer: ``bytes * _BYTES + files``."""


@dataclass(slots=True)
class CandidatePair:
    """Two folders that may have much in common, by position, in the tree's order."""

    a: int
    b: int
    shared: ContentAmount
    """An estimate: too high if contents repeat inside them."""
    nested: bool
    """Whether the first one contains the other."""
    heaviest: CandidatePair | None = None
    """The pair of subfolders that contributes most to it."""


def candidate_pairs(shares: ContentSets) -> list[CandidatePair]:
    """Return all pairs that share anything, without machine-made folders; the deepest first."""
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
    """Yield pairs of folders that directly contain the same contents."""
    for batch, places in enumerate(shares.own):
        if len(places) < 2:
            continue
        weight = shares.bytes[batch] * _BYTES + shares.files[batch]
        for pair in combinations(places, 2) if len(places) <= MOST_PAIRED else pairwise(places):
            yield pair, weight
