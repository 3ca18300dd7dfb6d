"""The documents of `gorillacomb vault` and of `gorillacomb doctor`."""

from __future__ import annotations

from typing import TypedDict

from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.api.documents.status import QuarantineDocument


class ExaminedDocument(PathDocument):
    """A root of a vault, and what ``doctor`` found of its volume."""

    fit: bool | None
    """Whether all works there that a removal needs; null if ``doctor`` was never asked."""


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
    tokens: str | None
    """What is wrong with the tokens of programs or their keys; null if nothing is, or the trace is
    not sound."""
    scrolls: str | None
    """Which scroll is missing or damaged; null if none is, or the trace is not sound."""
    mesh: str | None
    """What is wrong with the files of the mesh, such as a witness's; null if nothing is."""
    examined: list[ExaminedDocument]
    """Its roots, and what ``doctor`` found of their volumes."""


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
    scrolls: str | None
    """Which scroll of the backup is missing or damaged; null if none is."""


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


class TrialDocument(TypedDict):
    """One thing that was tried."""

    name: str
    """``identity``, ``case``, ``rename-file`` …"""
    result: str
    """``yes``, ``no`` or ``unknown``."""
    detail: str
    """What was found, in words."""


class DoctorDocument(PathDocument):
    """What a folder's volume and this system do, as measured in a temporary folder."""

    file_system: str
    """Its type."""
    volume: str
    """Its identity."""
    system: str
    """The operating system, its release and the kind of machine."""
    python: str
    """The version of Python."""
    python_build: str
    """When and with what it was built."""
    sqlite: str
    """The version of SQLite."""
    sqlite_build: str
    """The date and the check-in of the sources that it was built from."""
    trials: list[TrialDocument]
    promises: list[str]
    """What this program can promise there, in sentences."""
    limits: list[str]
    """What it cannot promise there, in sentences."""
    fit: bool
    """Whether all works that a removal needs."""
