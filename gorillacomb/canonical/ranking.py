"""Apply named rules in their order to ranked copies, with the reasons of those that decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

_ItemT = TypeVar("_ItemT", contravariant=True)


class _ReasonedRule(Protocol[_ItemT]):
    """A rule about copies of anything, which says why one of them stayed."""

    @property
    def reason(self) -> Callable[[_ItemT, Iterable[_ItemT]], str]: ...


RuleRanks = tuple[int | bytes, ...]
"""What each rule thinks of a copy, the lowest is the best."""


def rank(
    ranks: Sequence[RuleRanks], rules: Sequence[_ReasonedRule[Any]], copy_at: Callable[[int], Any]
) -> tuple[list[int], tuple[str, ...]]:
    """Which copies, of files or folders, the rules leave, by their places in ``ranks``, and why.

    ``copy_at`` gives the copy at a place; it is asked only for those that a reason speaks of: the
    winner, and of the losers those that were worst.
    """
    left = list(range(len(ranks)))
    reasons = []
    for at, rule in enumerate(rules):
        if len(left) == 1:
            break
        here = [ranks[place][at] for place in left]
        best, worst = min(here), max(here)
        if best != worst:
            losers = [place for place in left if ranks[place][at] == worst]
            left = [place for place in left if ranks[place][at] == best]
            reasons.append(rule.reason(copy_at(left[0]), map(copy_at, losers)))
    return left, tuple(reasons)
