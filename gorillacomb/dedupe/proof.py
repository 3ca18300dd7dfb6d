"""Where each file of a copy of a tree is kept, as comparing it found when the copy left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Holder(StrEnum):
    """What keeps a file or link of a copy of a tree that leaves."""

    KEPT_TREE = "kept_tree"
    """The kept tree has it, perhaps under another name."""
    BROUGHT = "brought"
    """The kept tree has it, because it was put there from a copy."""
    SHELF = "shelf"
    """A copy of it is on the shelf."""
    HISTORY = "git_history"
    """The git history of the kept tree contains it."""
    REPOSITORY = "git_repository"
    """It is part of a `.git`, and the kept one has all objects and refs of that."""
    REGENERABLE = "regenerable"
    """It is in the quarantine alone: a program makes it again from a lock file that is kept."""
    SYSTEM = "system"
    """It is in the quarantine alone: a system left it behind, such as `.DS_Store`."""
    UNIQUE = "unique"
    """It is in the quarantine alone."""


@dataclass(frozen=True, slots=True)
class MemberProof:
    """Where the files and links of one copy of a tree are kept: each was compared."""

    path: bytes
    """The absolute path of the copy."""
    keep: bytes
    """The absolute path of the kept tree."""
    files: Mapping[str, int]
    """How many files and links are kept by what, by the values of `Holder`; none with 0."""

    @property
    def total(self) -> int:
        """How many files and links the copy has."""
        return sum(self.files.values())


def sum_of_proofs(proofs: Iterable[MemberProof]) -> Mapping[str, int]:
    """Return how many files and links of several copies are kept by what, in a fixed order."""
    total: Counter[str] = Counter()
    for each in proofs:
        total.update(each.files)
    order: list[str] = [*Holder, *sorted(total.keys() - set(Holder))]  # a later version's, too
    return {str(name): total[name] for name in order if total[name]}
