"""Progress of long work: a protocol that callers implement, and one that shows nothing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What long work tells of itself. Implementations must be cheap: called many times a second."""

    def stage(self, name: str, files: int | None, size: int | None) -> None:
        """A new stage begins; totals in files and bytes, None while unknown."""

    def total(self, files: int | None, size: int | None) -> None:
        """Better totals for the current stage."""

    def advance(self, files: int, size: int) -> None:
        """So many files and bytes more are done."""

    def close(self) -> None:
        """The work ended."""


class NullProgress:
    """The progress that shows nothing."""

    def stage(self, name: str, files: int | None, size: int | None) -> None: ...

    def total(self, files: int | None, size: int | None) -> None: ...

    def advance(self, files: int, size: int) -> None: ...

    def close(self) -> None: ...
