"""What becomes of every surplus copy: the parts add up to all that is there twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gorillacomb.dedupe.model import SafetyRule
from gorillacomb.dedupe.plan.surplus import SurplusTotals

__all__ = ["SurplusFate", "SurplusPart", "SurplusReason"]


class SurplusFate(StrEnum):
    """What becomes of a surplus copy."""

    REMOVABLE = "removable"
    """A plan removes it: an equal copy is kept."""
    DECISION = "decision"
    """It is removed if the user says so."""
    STAYS = "stays"
    """It is needed where it is, or nothing proves that it is not."""


_DECIDED = {
    SafetyRule.UNIQUE,
    SafetyRule.ALBUM,
    SafetyRule.OTHER_VOLUME,
    SafetyRule.PROTECTED,
}
"""Rules that an option or a setting of the user's overrules."""


@dataclass(frozen=True, slots=True)
class SurplusReason:
    """Surplus copies that are left alone for one reason."""

    rule: SafetyRule | None
    """None if no rule forbids it: another copy is removed because this one is kept."""
    files: int
    bytes: int
    """On disk."""


@dataclass(frozen=True, slots=True)
class SurplusPart:
    """Surplus copies with one fate."""

    fate: SurplusFate
    files: int
    bytes: int
    """On disk."""
    reasons: tuple[SurplusReason, ...]
    """Why they are left alone, most bytes first; empty for what is removable."""


def surplus_parts(totals: Iterable[SurplusTotals]) -> tuple[SurplusPart, ...]:
    """Return what becomes of all copies but one of each content, by a plan for the same index.

    Files and bytes add up to the totals over all groups.
    """
    by_fate: dict[SurplusFate, list[SurplusReason]] = {fate: [] for fate in SurplusFate}
    for each in totals:
        reason = SurplusReason(each.rule, each.files, each.bytes)
        by_fate[_fate(each)].append(reason)
    parts = []
    for fate, reasons in by_fate.items():
        reasons.sort(key=lambda each: (-each.bytes, each.rule or ""))
        sums = sum(each.files for each in reasons), sum(each.bytes for each in reasons)
        parts.append(SurplusPart(fate, *sums, _reasons(fate, reasons)))
    return tuple(parts)


def _fate(each: SurplusTotals) -> SurplusFate:
    if each.is_removed:
        return SurplusFate.REMOVABLE
    return SurplusFate.DECISION if each.rule in _DECIDED else SurplusFate.STAYS


def _reasons(fate: SurplusFate, found: Iterable[SurplusReason]) -> tuple[SurplusReason, ...]:
    return () if fate is SurplusFate.REMOVABLE else tuple(found)
