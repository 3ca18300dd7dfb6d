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
    def reason(self) -> Callable[[_PlaceT, Iterable[_PlaceT]], str]: ...


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
        best, worst = min(ranks), max(ranks)
        if best != worst:
            losers = [at for at, each in zip(left, ranks, strict=True) if each == worst]
            left = [at for at, each in zip(left, ranks, strict=True) if each == best]
            reasons.append(rule.reason(places[left[0]], [places[at] for at in losers]))
    return left, tuple(reasons)
