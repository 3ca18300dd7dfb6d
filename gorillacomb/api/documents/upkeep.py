"""The documents of `gorillacomb vault`: of `check`, `backup`, `restore` and `remove`."""

from __future__ import annotations

from typing import TypedDict

from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.api.documents.status import QuarantineDocument


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


class VaultRestoreDocument(TypedDict):
    """A backup that is the vault now."""

    vault: PathDocument
    """The folder of the vault."""
    backup: PathDocument
    bytes: int
    """Bytes that were copied."""
    log: str
    """The id of its trace, 32 hex digits."""
    entries: int
    """Entries of its trace; each was checked."""
    has_index: bool
    """Whether the backup had an index; without one, the next scan builds it."""
    needs_adopt: bool
    """Whether scans refuse it until `trace adopt`: more was signed here, or a key is missing."""
    kept: PathDocument | None
    """Where the vault is that was there before; null if there was none."""


class VaultRemovalDocument(TypedDict):
    """A vault that was removed."""

    vault: PathDocument
    """Where it was."""
    bytes: int
    """Bytes of its files."""
    entries: int | None
    """Entries of its trace, which are lost; null if it had none, or a damaged one."""
    quarantine: list[QuarantineDocument]
    """What waits in quarantines on connected drives, and is left where it is."""
    not_connected: list[PathDocument]
    """Roots that are not connected: what waits in quarantines there is not known."""
    index_readable: bool
    """Whether the index could be read; if not, nothing is known about quarantines."""
    keys: PathDocument
    """The folder with the keys, which is left where it is."""
