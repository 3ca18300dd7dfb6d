"""Check a vault, and back it up while it is in use."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from gorillacomb import sqlite
from gorillacomb.api.documents.upkeep import VaultBackupDocument, VaultCheckDocument
from gorillacomb.api.paths import PathInput
from gorillacomb.errors import UsageError, VaultError
from gorillacomb.fs.durable_files import copy_file, remove_new_folder, sync_folder
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import path_text
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.json_paths import path_to_json
from gorillacomb.stamping.consistency import check_index
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.audit import audit
from gorillacomb.vaultmesh.error_text import translate_content_errors
from gorillacomb.vaultmesh.error_text import translate_errors as trace_explaining
from gorillacomb.vaultmesh.open import open_trace_for_reading

__all__ = ["VaultBackup", "VaultCheck", "back_up_vault", "check_vault"]


@dataclass(frozen=True, slots=True)
class VaultCheck:
    """What is wrong with a vault: None for each part that is sound."""

    index: str | None
    trace: str | None
    together: str | None
    """How the index differs from the trace; None also if one of them is not sound."""
    entries: int
    """Entries of the trace that were checked."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.index or self.trace or self.together)

    def to_dict(self) -> VaultCheckDocument:
        """Return the document of ``vault check --json``."""
        return {
            "ok": self.is_sound,
            "entries": self.entries,
            "index": self.index,
            "trace": self.trace,
            "together": self.together,
        }


@dataclass(frozen=True, slots=True)
class VaultBackup:
    """A copy of a vault."""

    folder: Path
    size: int
    """Bytes."""

    def to_dict(self) -> VaultBackupDocument:
        """Return the document of ``vault backup --json``."""
        document = {"backup": path_to_json(bytes(self.folder)), "bytes": self.size}
        return cast(VaultBackupDocument, document)


def check_vault(vault: Vault) -> VaultCheck:
    """Check a vault, as `OpenVault.check` says."""
    index_error = trace_error = together = None
    entries = 0
    with ExitStack() as opened:
        # The index first: as of that moment it is never ahead of the trace.
        index = None
        try:
            index = opened.enter_context(Index.read(vault))
            with translate_errors(vault):
                index_error = sqlite.integrity_error(index.connection)
        except VaultError as error:
            if not vault.folder.exists():
                raise
            index_error = error.message
        try:
            with open_trace_for_reading(vault) as ledger, translate_content_errors(vault.trace):
                result = audit(ledger)
                trace_error, entries = result.reason, result.entries
                if index is not None and not (index_error or trace_error):
                    with translate_errors(vault):
                        together = check_index(index, ledger)
        except VaultError as error:
            trace_error = error.message
    return VaultCheck(index_error, trace_error, together, entries)


def back_up_vault(vault: Vault, folder: PathInput) -> VaultBackup:
    """Copy a vault into a new folder, as `OpenVault.back_up` says."""
    target = Path(os.fsdecode(folder))
    vault.check()
    with Index.read(vault) as index, translate_errors(vault):
        # The index first: one that is behind its trace is brought up to date by a scan.
        # The traces before an adopt, which no one writes to any more.
        adopted = [path for path in sorted(vault.folder.glob("trace-*.db*")) if path.is_file()]
        with open_trace_for_reading(vault) as ledger:
            try:
                target.mkdir(mode=0o700, parents=True)
            except OSError as error:
                raise UsageError(
                    f"Creating {path_text(bytes(target))} failed: {os_error_text(error)}.",
                    "Name a folder that does not exist yet.",
                ) from error
            try:
                with trace_explaining(target / vault.index.name):
                    sqlite.copy(index.connection, target / vault.index.name)
                ledger.tables.backup(target / vault.trace.name)
                for path in adopted:
                    copy_file(path, target / path.name, 0o600)
                sync_folder(target)
                sync_folder(target.parent)
            except BaseException:
                names = (vault.index.name, vault.trace.name, *(path.name for path in adopted))
                remove_new_folder(target, names)  # half a backup is useless
                raise
    return VaultBackup(target, sum(os.stat(path).st_size for path in target.iterdir()))
