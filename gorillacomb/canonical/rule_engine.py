"""Apply named rules in their order to places, with the reasons of those that decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

_PlaceT = TypeVar("_PlaceT", contravariant=True)


class RankingRule(Protocol[_PlaceT]):
    """A rule about places of any kind, which says why one of them is kept."""

    @property
    def rank(self) -> Callable[[_PlaceT], int | bytes]:
        """What the rule thinks of a place; the lowest is the best."""

    @property
    def reason(self) -> Callable[[_PlaceT, Iterable[_PlaceT]], str]: ...


def rank(
    places: Sequence[Any], rules: Sequence[RankingRule[Any]]
) -> tuple[list[int], tuple[str, ...]]:
    """Return which places the rules leave, by their positions in ``places``, and why.

    A rule is asked only about what the rules before it left.
    """
    left = list(range(len(places)))
    reasons = []
    for rule in rules:
        if len(left) == 1:
            break
        ranks = [rule.rank(places[at]) for at in left]
        best, worst = min(ranks), max(ranks)
        if best != worst:
            losers = [at for at, each in zip(left, ranks, strict=True) if each == worst]
            left = [at for at, each in zip(left, ranks, strict=True) if each == best]
            reasons.append(rule.reason(places[left[0]], [places[at] for at in losers]))
    return left, tuple(reasons)
