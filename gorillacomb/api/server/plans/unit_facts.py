"""What a person has to know to decide about a pair of folders, or a single step."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass

from gorillacomb.api.dedupe.differences import (
    FolderDifferences,
    FolderEntry,
    Losses,
    differing_caches,
    entries_of,
    folder_differences,
    losses,
)
from gorillacomb.api.dedupe.pairs import FolderPair, FolderPairs, StayingFiles, single_steps
from gorillacomb.dedupe.model import CopyStep, PlanStep, RemovalPair

__all__ = ["UnitFacts"]

_PICTURES = (b".jpg", b".jpeg", b".png", b".gif", b".webp", b".avif")
_MOST_FILES = 20_000
"""Files of a unit whose names and dates are looked at on the disk."""


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """What leaves, what stays, and what is lost although every content is kept."""

    pair: FolderPair
    staying: StayingFiles | None
    """What stays in the folder; None if it is too much to count."""
    elsewhere: int
    """Files of the folder that other pairs remove."""
    is_member: bool
    """Whether it is a copy of a tree that leaves as a whole."""
    copied: int
    """Files of it that are copied first."""
    losses: Losses | None
    """None if it has too many files to look at each."""
    caches: tuple[bytes, ...]
    """Caches of git in it that are not as in the copy that stays; empty for too many files."""
    differences: FolderDifferences | None
    """Between the two folders, if it is one folder."""
    leaves: tuple[FolderEntry, ...]
    """What is in it, if it is one step: a folder, or a file with those that leave with it."""
    stays: tuple[FolderEntry, ...]
    """What is in the copy that is kept, if it is one step."""
    reason: str
    """Why the other copy is the one to keep."""

    @classmethod
    def of(
        cls,
        pairs: FolderPairs,
        unit: FolderPair,
        copies: Sequence[CopyStep],
        noise: Container[bytes],
    ) -> UnitFacts:
        """Look at a unit on the disk; ``pairs`` are those that it is one of.

        ``noise`` are the names of system files, which plans do not count, except in a copy of a
        tree that leaves as a whole.
        """
        leaving = tuple(step.path + b"/" for step in unit.steps if step.is_member)
        copied = sum(it.files for it in copies if (it.source + b"/").startswith(leaving))
        is_small = unit.files <= _MOST_FILES
        if len(unit.steps) == 1 and unit.steps[0].kind == "folder":
            [unit] = single_steps(unit.steps)  # not the folder that it was grouped by
        one = unit.steps[0] if len(unit.steps) == 1 and is_small else None
        uncounted = () if leaving else noise
        is_folder = one is not None and one.kind == "folder"
        reasons = Counter(reason for step in unit.steps for reason in step.reasons)
        return cls(
            unit,
            pairs.staying(unit),
            pairs.leaving_elsewhere(unit),
            bool(leaving),
            copied if leaving else 0,
            losses(unit) if is_small and not leaving else None,
            differing_caches(unit) if is_small else (),
            folder_differences(one) if one is not None and is_folder else None,
            _entries(one, "path", uncounted) if one is not None else (),
            _entries(one, "keep", uncounted) if one is not None else (),
            reasons.most_common(1)[0][0] if reasons else "",
        )

    @property
    def files(self) -> list[tuple[RemovalPair, int | None]]:
        """Each file and folder that leaves, with its size if the plan says it of that alone."""
        return [
            (pair, step.size if pair.path == step.path else None)
            for step in self.pair.steps
            for pair in step.pairs
        ]

    @property
    def folders(self) -> tuple[bytes, bytes]:
        """The folders of what is kept and of what leaves, if that is one step."""
        step = self.pair.steps[0]
        return os.path.dirname(step.keep), os.path.dirname(step.path)

    @property
    def is_file(self) -> bool:
        """Whether it is a single file."""
        return len(self.pair.steps) == 1 and self.pair.steps[0].kind == "file"

    @property
    def is_picture(self) -> bool:
        """Whether it is a single file with the name of a picture that browsers show."""
        return self.is_file and self.pair.steps[0].path.lower().endswith(_PICTURES)


def _entries(step: PlanStep, side: str, noise: Container[bytes]) -> tuple[FolderEntry, ...]:
    paths = [getattr(pair, side) for pair in step.pairs]
    return tuple(entry for path in paths for entry in entries_of(path, noise))
