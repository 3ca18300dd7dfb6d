"""What each rule does in one choice, rule by rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gorillacomb.canonical.keep_criteria import KeepCriteria, Place
from gorillacomb.canonical.rule_engine import rank


@dataclass(frozen=True, slots=True)
class RuleEffect:
    """What one rule does in one choice."""

    name: str
    """As in the user's list; for a built-in rule, its name."""
    is_own: bool
    """Whether it is from the user's list."""
    left: int
    """How many places it leaves; 1 also if an earlier rule decided."""
    dropped: tuple[bytes, ...]
    """The paths of the others that it was asked about."""
    reason: str | None
    """Why it keeps what it keeps; None if it makes no difference, or was not needed."""


def rule_effects(criteria: KeepCriteria, places: Sequence[Place]) -> tuple[RuleEffect, ...]:
    """Return what each rule does when one of some places is chosen, in the order of the rules.

    Of one place or none, nothing is chosen.
    """
    effects = []
    left = list(places)
    for rule in criteria.rules if len(left) > 1 else ():
        kept, reasons = rank(left, [rule])
        dropped = sorted(each.path for at, each in enumerate(left) if at not in kept)
        left = [left[at] for at in kept]
        reason = reasons[0] if reasons else None
        effects.append(
            RuleEffect(rule.name, rule in criteria.own, len(left), tuple(dropped), reason)
        )
    return tuple(effects)
