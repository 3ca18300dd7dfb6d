"""The documents of `gorillacomb vault check --json` and `gorillacomb vault backup --json`."""

from __future__ import annotations

from typing import TypedDict

from gorillacomb.api.documents.paths import PathDocument


class VaultCheckDocument(TypedDict):
    """Whether a vault is sound."""

    ok: bool
    entries: int
    """Entries of the trace that were checked."""
    index: str | None
    """What is wrong with the index; null if it is sound."""
    trace: str | None
    """What is wrong with the trace; null if it is sound."""
    together: str | None
    """How the index differs from the trace; null if it does not, or one of them is not sound."""


class VaultBackupDocument(TypedDict):
    """A copy of a vault."""

    backup: PathDocument
    """The new folder."""
    bytes: int
