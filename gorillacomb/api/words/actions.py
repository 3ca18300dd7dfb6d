"""Say in plain words what a plan does with files, and what a run did."""

from __future__ import annotations

from typing import NamedTuple

from gorillacomb.api.dedupe.plan import DedupeAction


class Verb(NamedTuple):
    """What is done with files, in words: of one file, and of several."""

    one: str
    many: str

    def of(self, count: int) -> str:
        """Return the verb for so many files."""
        return self.one if count == 1 else self.many


PLANNED = {
    DedupeAction.QUARANTINE: Verb("leaves", "leave"),
    DedupeAction.DELETE: Verb("leaves", "leave"),
    DedupeAction.HARDLINK: Verb("becomes a hard link", "become hard links"),
    DedupeAction.SYMLINK: Verb("becomes a symbolic link", "become symbolic links"),
    DedupeAction.REFLINK: Verb("will share blocks", "will share blocks"),
}
"""What a plan does with the files, by its action."""
DONE = {
    DedupeAction.QUARANTINE: Verb("was quarantined", "were quarantined"),
    DedupeAction.DELETE: Verb("was deleted", "were deleted"),
    DedupeAction.HARDLINK: Verb("is a hard link now", "are hard links now"),
    DedupeAction.SYMLINK: Verb("is a symbolic link now", "are symbolic links now"),
    DedupeAction.REFLINK: Verb("shares blocks now", "share blocks now"),
}
"""What a run did with them."""
