"""Of what may be a step, which part the user wants."""

from __future__ import annotations

from dataclasses import dataclass

from gorillacomb.fs.paths import is_below


@dataclass(frozen=True, slots=True)
class PlanScope:
    """What a plan is about."""

    within: tuple[bytes, ...] = ()
    """Folders; empty for everywhere."""
    keep: int = 1
    """How many copies stay."""
    min_size: int = 0
    """Bytes on disk that a step has to bring."""
    files: bool = True
    folders: bool = True

    def holds(self, path: bytes) -> bool:
        """Whether a step may be about this path."""
        return not self.within or any(is_below(path, each) for each in self.within)
