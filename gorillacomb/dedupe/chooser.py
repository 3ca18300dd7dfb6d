"""The canonical choice for many contents at once: what depends on folders is worked out once."""

from __future__ import annotations

from dataclasses import replace

from gorillacomb.dedupe.canonical import RULES_OF_PLACE, choose, narrow, smells
from gorillacomb.dedupe.groups import Groups
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.stamps import Holder

_ONLY = ("the only copy",)


class Chooser:
    """Chooses as `canonical.choose` does, from the few columns that `stamps.holders` gives.

    ``prefers`` says whether the user prefers some paths.
    """

    def __init__(self, index: Index, groups: Groups, prefers: bool) -> None:
        self._index = index
        self._groups = groups
        self._prefers = prefers
        self._chosen: dict[tuple[int, ...], tuple[list[int], tuple[str, ...]]] = {}

    def choose(self, copies: list[Holder]) -> tuple[int, tuple[str, ...]]:
        """Which of the copies is canonical, and why."""
        if len(copies) == 1:
            return 0, _ONLY
        if self._prefers or any(map(smells, {each[4] for each in copies})):
            return self._choose_by_all_rules(copies, list(range(len(copies))), ())
        folders = tuple(each[3] for each in copies)
        if folders not in self._chosen:
            ranks = [self._groups.ranks_in(folder) for folder in folders]
            self._chosen[folders] = narrow(
                ranks, RULES_OF_PLACE, lambda at: self._groups.copy_in(folders[at])
            )
        left, reasons = self._chosen[folders]
        return (
            (left[0], reasons)
            if len(left) == 1
            else self._choose_by_all_rules(copies, left, reasons)
        )

    def _choose_by_all_rules(
        self, copies: list[Holder], left: list[int], reasons: tuple[str, ...]
    ) -> tuple[int, tuple[str, ...]]:
        """Choose among some of the copies, which needs their names and times."""
        found = []
        for place in left:
            *_, folder, name = copies[place]
            at = self._groups.copy_in(folder)
            path = at.path + name
            preferred = self._prefers and self._groups.is_preferred(path)
            mtime = stamps.mtime_of(self._index.connection, folder, name)
            found.append(replace(at, path=path, mtime_ns=mtime, preferred=preferred))
        choice = choose(found)
        return left[choice.winner], (*reasons, *choice.reasons)
