"""The state of all marks, by which two people notice each other's changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from gorillacomb.api.dedupe.marks import MarkedPath, list_marks
from gorillacomb.fs.paths import path_and_parents
from gorillacomb.hashing import blake3_of_parts
from gorillacomb.vault.vault import Vault

__all__ = ["SeenMarks", "marks_digest", "read_marks"]


@dataclass(frozen=True, slots=True)
class SeenMarks:
    """All marks as they were when a page was made."""

    marks: tuple[MarkedPath, ...]
    digest: str
    """Names this state of them, as `marks_digest` does."""
    _by_path: dict[bytes, list[MarkedPath]] = field(repr=False)

    def about(self, path: bytes) -> list[MarkedPath]:
        """Return the marks of a path, then those of the folders around it."""
        if not self._by_path:
            return []
        return [mark for each in path_and_parents(path) for mark in self._by_path.get(each, ())]


def read_marks(vault: Vault) -> SeenMarks:
    """Read all marks. Raises VaultError."""
    marks = list_marks(vault)
    by_path = defaultdict(list)
    for mark in marks:
        by_path[mark.path].append(mark)
    return SeenMarks(marks, marks_digest(marks), dict(by_path))


def marks_digest(marks: Sequence[MarkedPath]) -> str:
    """Return BLAKE3 of all marks, 64 hex digits: it changes with each of them."""
    return blake3_of_parts(repr(mark.to_dict()).encode() for mark in marks).hex()
