"""What a row of the table of files that belong together is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class InUse(Enum):
    """What a companion says about the file that it belongs to."""

    NEVER = "nothing"
    PRESENT = "its being there says that a program has the file open, or crashed"
    NOT_EMPTY = "what is in it is not yet in the file"


@dataclass(frozen=True, slots=True)
class CompanionKind:
    """Files whose names share one stem, which ``{stem}`` stands for in all of them.

    In a template ``@`` is a digit, ``?`` any character and ``*`` one or more of any; case and
    character encoding are ignored. A template without ``{stem}`` belongs to the whole folder. One
    that ends in a slash is a folder, which is only ever removed together with the rest of its set.
    """

    what: str
    source: str
    mains: tuple[str, ...]
    """Names of the main files: without one there is no set."""
    others: tuple[str, ...] = ()
    in_use: InUse = InUse.NEVER
    mains_belong_together: bool = False
    """Whether two main files with one stem are a set without any other file."""

    @property
    def is_found_by_others(self) -> bool:
        """Whether its main files mean something only beside the others, in whatever order."""
        return not self.mains_belong_together and self.in_use is InUse.NEVER


def endings(text: str) -> tuple[str, ...]:
    """Return the templates of files that end in one of some extensions."""
    return tuple("{stem}." + each for each in text.split())
