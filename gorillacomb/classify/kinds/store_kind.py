"""What a row of the table of stores is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreKind:
    """A kind of store; all the given signs must be present.

    Signs are globs in which ``|`` separates alternatives and ``/`` enters a subfolder; the first
    sign should be the most distinctive.
    """

    what: str
    source: str
    named: tuple[str, ...] = ()
    """The folder's own name, in lower case: one of these."""
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    is_loose: bool = False
    """Whether its files may be mixed with others, so that they do not make a store of a whole root.
    """

    @property
    def is_told_by_name(self) -> bool:
        """Whether the name alone identifies it."""
        return not self.folders and not self.files
