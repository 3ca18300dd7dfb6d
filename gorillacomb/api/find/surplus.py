"""What becomes of every surplus copy: the parts add up to all that is there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from gorillacomb.classify.copy_names import meaning_of_name
from gorillacomb.dedupe.model import PlanStep, SafetyRule
from gorillacomb.dedupe.plan.skipped import KeptRules
from gorillacomb.folders.analysis import GIVEN_UP, FolderAnalysis
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.fs.paths import join, path_and_parents
from gorillacomb.index.content_queries import GroupedName, names_in_groups

__all__ = ["SurplusFate", "SurplusPart", "SurplusReason"]


class SurplusFate(StrEnum):
    """What becomes of a surplus copy."""

    REMOVABLE = "removable"
    """A plan removes it: an equal copy is kept."""
    DECISION = "decision"
    """It is removed if the user says so."""
    STAYS = "stays"
    """It is needed where it is, or nothing proves that it is not."""


_DECIDED = {SafetyRule.UNIQUE, SafetyRule.OTHER_VOLUME, SafetyRule.PROTECTED}
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


@dataclass(slots=True)
class _Copy:
    """One file of a group, with all its names."""

    names: list[GroupedName] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return max(each.blocks for each in self.names) * 512


def surplus_parts(
    folders: FolderAnalysis, steps: Sequence[PlanStep], kept: KeptRules
) -> tuple[SurplusPart, ...]:
    """Return what becomes of all copies but one of each content, by a plan for the same index.

    Files and bytes add up to the totals over all groups.
    """
    fates = _Fates(folders, steps, kept)
    files: Counter[tuple[SurplusFate, SafetyRule | None]] = Counter()
    size: Counter[tuple[SurplusFate, SafetyRule | None]] = Counter()
    for _, names in groupby(names_in_groups(folders.index.connection), attrgetter("digest")):
        for fate, held in fates.of_group(list(names)):
            files[fate] += 1
            size[fate] += held
    parts = []
    for part in SurplusFate:
        keys = sorted(
            (key for key in files if key[0] is part), key=lambda key: (-size[key], key[1] or "")
        )
        reasons = tuple(SurplusReason(key[1], files[key], size[key]) for key in keys)
        totals = sum(each.files for each in reasons), sum(each.bytes for each in reasons)
        parts.append(SurplusPart(part, *totals, () if part is SurplusFate.REMOVABLE else reasons))
    return tuple(parts)


class _FolderFate(NamedTuple):
    """What is true for all files directly in a folder."""

    path: bytes
    goes: bool
    """Whether it is removed as a whole."""
    rule: SafetyRule | None
    """The rule that keeps all of it."""
    project: bytes | None
    """The path of the project that it is part of, if that is why."""
    is_given_up: bool
    """Whether it is in a copy of a tree whose other copy is to be kept."""


class _Fates:
    """Decides what becomes of the copies of one content after another."""

    def __init__(self, folders: FolderAnalysis, steps: Iterable[PlanStep], kept: KeptRules) -> None:
        self._folders = folders
        self._kept = kept
        self._files = {pair.path for step in steps for pair in step.pairs if step.kind == "file"}
        self._trees = {step.path for step in steps if step.kind == "folder"}
        self._places: dict[int, _FolderFate | None] = {}
        """By folder id; None for a folder without a path."""

    def of_group(
        self, names: Sequence[GroupedName]
    ) -> Iterator[tuple[tuple[SurplusFate, SafetyRule | None], int]]:
        """Yield for all copies of a content but one: what becomes of it, and its bytes on disk."""
        copies: dict[object, _Copy] = {}
        for name in names:
            key = (name.volume, name.inode) if name.inode else (name.folder, name.name)
            copies.setdefault(key, _Copy()).names.append(name)
        going, staying = [], []
        for copy in copies.values():
            if all(map(self._goes, copy.names)):
                going.append(copy)
            else:
                staying.append((self._rule(copy), copy))
        if not staying:  # no plan does that
            del going[:1]
        kept = min(staying, key=lambda each: self._keep_order(*each), default=None)
        rest = [each for each in staying if each is not kept]
        fates: list[tuple[tuple[SurplusFate, SafetyRule | None], int]] = [
            ((SurplusFate.REMOVABLE, None), copy.size) for copy in going
        ]
        is_inner = rest and self._is_inside_one_project(names)
        for rule, copy in rest:
            if rule is SafetyRule.PROJECT and is_inner:
                rule = SafetyRule.STRUCTURAL
            rule = rule or (None if kept is None else self._other_rule(copy, kept[1]))
            part = SurplusFate.DECISION if rule in _DECIDED else SurplusFate.STAYS
            fates.append(((part, rule), copy.size))
        if not fates:
            return  # an interrupted scan has not updated the group yet
        # Of copies with holes, the largest counts as the one that is not surplus.
        over = sum(size for _, size in fates) - names[0].reclaimable
        largest = max(range(len(fates)), key=lambda at: fates[at][1])
        for at, (fate, size) in enumerate(fates):
            yield fate, size - over if at == largest else size

    def _goes(self, name: GroupedName) -> bool:
        place = self._place(name.folder)
        if place is None:
            return False
        return place.goes or (bool(self._files) and join(place.path, name.name) in self._files)

    def _rule(self, copy: _Copy) -> SafetyRule | None:
        """Return the rule that keeps a copy: the one about a name of it that stays."""
        for name in copy.names:
            place = self._place(name.folder)
            if place is not None and not self._goes(name):
                rule = self._kept.files.get(join(place.path, name.name), place.rule)
                if rule is not None:
                    return rule
        return None

    def _is_inside_one_project(self, names: Iterable[GroupedName]) -> bool:
        """Return whether all are part of one project, which repeats them."""
        places = [self._place(name.folder) for name in names]
        projects = {None if each is None else each.project for each in places}
        return len(projects) == 1 and projects != {None}

    def _is_given_up(self, copy: _Copy) -> bool:
        places = [self._place(name.folder) for name in copy.names]
        return all(each is not None and each.is_given_up for each in places)

    def _keep_order(self, rule: SafetyRule | None, copy: _Copy) -> tuple[bool, bool]:
        """Return a key by which the copy that counts as the one to keep comes first."""
        return rule is not None, self._is_given_up(copy)

    def _other_rule(self, copy: _Copy, kept: _Copy) -> SafetyRule | None:
        """Return why a copy that no rule was asked about stays beside the one that is kept."""
        here, there = copy.names[0], kept.names[0]
        if here.volume != there.volume:
            return SafetyRule.OTHER_VOLUME
        if {meaning_of_name(each.name, each.size) for each in (here, there)} != {None}:
            return SafetyRule.NAME
        return SafetyRule.UNIQUE if self._is_given_up(copy) else None

    def _place(self, folder: int) -> _FolderFate | None:
        if folder not in self._places:
            self._places[folder] = self._read_place(self._folders.forest.folders.get(folder))
        return self._places[folder]

    def _read_place(self, folder: TreeFolder | None) -> _FolderFate | None:
        if folder is None:
            return None
        path, whole = self._folders.path(folder), self._kept.folders
        around = list(path_and_parents(path))
        closed = self._kept.closed.get(path)
        if closed is None:
            rule = next((whole[each] for each in around if each in whole), None)
        else:
            rule = closed.rule
        return _FolderFate(
            path,
            any(each in self._trees for each in around),
            rule,
            closed.protector if closed and closed.rule is SafetyRule.PROJECT else None,
            self._folders.rank_in(folder) == GIVEN_UP,
        )
