"""Apply named rules to places in turn, and collect the reasons of those that decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

_PlaceT = TypeVar("_PlaceT", contravariant=True)


class RankingRule(Protocol[_PlaceT]):
    """A rule for places of any kind, which gives a reason for the one kept."""

    @property
    def rank(self) -> Callable[[_PlaceT], int | bytes]:
        """How the rule ranks a place; lowest is best."""

    @property
    def reason(self) -> Callable[[_PlaceT, Iterable[_PlaceT]], str]:
        """Why the rule keeps a place, given those that it does not keep."""


def order(places: Sequence[Any], rules: Sequence[RankingRule[Any]]) -> list[int]:
    """Return the positions of places in the order of the rules, first place first.

    A rule is asked only about places that the previous rules left equal: the first few suffice for
    most, and later ones read more of the index.
    """
    return _in_order(places, list(range(len(places))), rules)


def _in_order(
    places: Sequence[Any], equal: list[int], rules: Sequence[RankingRule[Any]]
) -> list[int]:
    for number, rule in enumerate(rules, 1):
        if len(equal) < 2:
            break
        ranks = [rule.rank(places[at]) for at in equal]
        if min(ranks) != max(ranks):
            by_rank: dict[int | bytes, list[int]] = {}
            for at, each in zip(equal, ranks, strict=True):
                by_rank.setdefault(each, []).append(at)
            return [
                at
                for each in sorted(by_rank)
                for at in _in_order(places, by_rank[each], rules[number:])
            ]
    return equal


def rank(
    places: Sequence[Any], rules: Sequence[RankingRule[Any]]
) -> tuple[list[int], tuple[str, ...]]:
    """Return which places the rules keep, by their positions in ``places``, and why.

    Each rule sees only the places that the previous rules kept.
    """
    left = list(range(len(places)))
    reasons = []
    for rule in rules:
        if len(left) == 1:
            break
        ranks = [rule.rank(places[at]) for at in left]
        best = min(ranks)
        losers = [at for at, each in zip(left, ranks, strict=True) if each != best]
        if losers:
            left = [at for at, each in zip(left, ranks, strict=True) if each == best]
            reasons.append(rule.reason(places[left[0]], [places[at] for at in losers]))
    return left, tuple(reasons)
