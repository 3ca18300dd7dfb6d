"""Apply named rules to places in turn, and collect the reasons of those that decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
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
    return _sorted(places, list(range(len(places))), [(rule,) for rule in rules])


RuleStages = Sequence[Sequence[RankingRule[Any]]]
"""Rules in their order, in stages: those of a stage are asked together, which costs less if their
ranks are cheap, and of the places that they leave equal, the next stage is asked."""


def order_with_reasons(
    places: Sequence[Any], stages: RuleStages
) -> tuple[list[int], tuple[str, ...]]:
    """Return what `order` and `rank` return: the order, and why the first place is the first."""
    if len(places) == 2:
        return _order_of_two(places[0], places[1], chain.from_iterable(stages))
    left = list(range(len(places)))
    after: list[int] = []
    reasons: list[str] = []
    for number, rules in enumerate(stages, 1):
        if len(left) < 2:
            break
        ranks = _ranks(places, left, rules)
        best = min(ranks)
        if best != max(ranks):
            reasons += _reasons(places, left, ranks, rules)
            by_rank = _by_rank(left, ranks)
            left = by_rank.pop(best)
            after = [*_sorted_by(places, by_rank, stages[number:]), *after]
    return left + after, tuple(reasons)


def _order_of_two(
    a: Any, b: Any, rules: Iterable[RankingRule[Any]]
) -> tuple[list[int], tuple[str, ...]]:
    """Return the same for two places, as most contents with copies have: the first rule decides."""
    for rule in rules:
        of_a, of_b = rule.rank(a), rule.rank(b)
        if of_a != of_b:
            a_is_first = min(of_a, of_b) == of_a
            reason = rule.reason(a, [b]) if a_is_first else rule.reason(b, [a])
            return [0, 1] if a_is_first else [1, 0], (reason,)
    return [0, 1], ()


_Ranks = tuple[int | bytes, ...]


def _ranks(
    places: Sequence[Any], positions: Sequence[int], rules: Sequence[RankingRule[Any]]
) -> list[_Ranks]:
    asked = [rule.rank for rule in rules]
    return [tuple([ask(place) for ask in asked]) for place in [places[at] for at in positions]]


def _by_rank(positions: Sequence[int], ranks: Sequence[_Ranks]) -> dict[_Ranks, list[int]]:
    found: dict[_Ranks, list[int]] = {}
    for at, each in zip(positions, ranks, strict=True):
        found.setdefault(each, []).append(at)
    return found


def _sorted(places: Sequence[Any], equal: list[int], stages: RuleStages) -> list[int]:
    """Return positions of places that all previous rules left equal, in the order of the others."""
    for number, rules in enumerate(stages, 1):
        if len(equal) < 2:
            break
        ranks = _ranks(places, equal, rules)
        if min(ranks) != max(ranks):
            return _sorted_by(places, _by_rank(equal, ranks), stages[number:])
    return equal


def _sorted_by(
    places: Sequence[Any], by_rank: dict[_Ranks, list[int]], stages: RuleStages
) -> list[int]:
    """Return the positions of places sorted by their ranks, and then by the other stages."""
    return [at for each in sorted(by_rank) for at in _sorted(places, by_rank[each], stages)]


def _reasons(
    places: Sequence[Any],
    positions: Sequence[int],
    ranks: Sequence[_Ranks],
    rules: Sequence[RankingRule[Any]],
) -> list[str]:
    """Return the reasons of those rules that drop a place, when asked one after the other."""
    best, reasons = min(ranks), []
    left = list(zip(positions, ranks, strict=True))
    for number, rule in enumerate(rules):
        kept = [each for each in left if each[1][number] == best[number]]
        if len(kept) < len(left):
            losers = [places[at] for at, each in left if each[number] != best[number]]
            reasons.append(rule.reason(places[kept[0][0]], losers))
            left = kept
    return reasons


def rank(
    places: Sequence[Any], rules: Sequence[RankingRule[Any]]
) -> tuple[list[int], tuple[str, ...]]:
    """Return which places the rules keep, by their positions in ``places``, and why.

    Each rule sees only the places that the previous rules kept.
    """
    if len(places) == 2:
        both, decisive = _order_of_two(places[0], places[1], rules)
        return (both[:1] if decisive else both), decisive
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
