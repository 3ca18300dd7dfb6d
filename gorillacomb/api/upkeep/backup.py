"""Back a vault up while it is in use."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from gorillacomb import sqlite
from gorillacomb.api.documents.upkeep import VaultBackupDocument
from gorillacomb.api.paths import PathInput
from gorillacomb.errors import UsageError
from gorillacomb.fs.durable_files import copy_file, remove_new_folder, sync_folder
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import path_text
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.json_paths import path_to_json
from gorillacomb.vault.folders import (
    delete_folders,
    folder_files,
    make_folders_like,
    sync_folders,
)
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.error_text import translate_errors as trace_explaining
from gorillacomb.vaultmesh.open import open_trace_for_reading

__all__ = ["VaultBackup", "back_up_vault"]


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
                make_folders_like(vault.folder, target)
                for inner in folder_files(vault.folder):
                    with suppress(FileNotFoundError):  # it was removed since
                        copy_file(vault.folder / inner, target / inner, 0o600)
                sync_folders(target)
                sync_folder(target)
                sync_folder(target.parent)
            except BaseException:
                names = (vault.index.name, vault.trace.name, *(path.name for path in adopted))
                with suppress(OSError):
                    delete_folders(target)
                remove_new_folder(target, names)  # half a backup is useless
                raise
    return VaultBackup(
        target, sum(each.stat().st_size for each in target.rglob("*") if each.is_file())
    )
