"""Limit a plan to the part that the user wants."""

from __future__ import annotations

from dataclasses import dataclass

from gorillacomb.fs.paths import is_below


@dataclass(frozen=True, slots=True)
class PlanScope:
    """The scope of a plan."""

    within: tuple[bytes, ...] = ()
    """Folders; empty for everywhere."""
    keep: int = 1
    """The number of copies to keep."""
    min_size: int = 0
    """The minimum of bytes on disk that a step must free."""
    free: int | None = None
    """The bytes to free with the safest steps; None for all steps."""
    files: bool = True
    folders: bool = True
    empty: bool = False
    """Whether it is for empty folders, and nothing else."""
    collapse: tuple[bytes, ...] | None = None
    """Copies of trees that are to become one, and nothing else: none named means all. None for
    another kind of plan."""
    into: bytes | None = None
    """The copy that is kept then; None for the one that is kept anyway."""

    bring: tuple[bytes, ...] | None = None
    """What only copies contain and is put into the kept tree: paths, or all that may be if none is
    named. None for nothing."""

    def holds(self, path: bytes) -> bool:
        """Return whether a step may be about this path."""
        return not self.within or any(is_below(path, each) for each in self.within)
