"""The folder ``scrolls`` of a vault: the envelope of each scroll, named by its id."""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path

from gorillacomb.errors import VaultDamaged
from gorillacomb.fs.bounded_read import UnexpectedFile, read_bounded
from gorillacomb.fs.durable_files import replace_file, sync_folder
from gorillacomb.fs.openat import os_error_text
from gorillacomb.scrolls.envelope import MOST_BYTES
from gorillacomb.scrolls.records import ScrollRecord, TraceRecords
from gorillacomb.vault.vault import SCROLLS, Vault, unwritable_error

ENDING = ".dsse"
_NAME = re.compile(r"([0-9a-f]{64})\.dsse", re.ASCII)


class ScrollStore:
    """Reads and writes the envelopes. A writer must hold the vault's lock."""

    def __init__(self, vault: Vault) -> None:
        self.folder = vault.folder / SCROLLS

    def path(self, scroll_id: str) -> Path:
        """Return where the envelope of a scroll is."""
        return self.folder / f"{scroll_id}{ENDING}"

    def put(self, scroll_id: str, envelope: bytes) -> None:
        """Write an envelope, flushed to the disk with its name. Raises VaultUnwritable.

        Without an entry of the trace that names it, it is no scroll yet.
        """
        path = self.path(scroll_id)
        try:
            if not self.folder.exists():
                self.folder.mkdir(mode=0o700)
                sync_folder(self.folder.parent)
            replace_file(path, envelope, 0o600)
        except OSError as error:
            raise unwritable_error(path, error) from error

    def read(self, record: ScrollRecord) -> bytes:
        """Return the envelope that an entry of the trace names.

        Raises VaultDamaged if it is missing, cannot be read, or is not that one.
        """
        path = self.path(record.scroll_id)
        named = f"The scroll {record.scroll_id[:16]}"
        try:
            data = read_bounded(path, MOST_BYTES)
        except FileNotFoundError:
            raise VaultDamaged(f"{named} is missing: {path}.", _RESTORE) from None
        except UnexpectedFile:
            raise VaultDamaged(
                f"{named} is damaged: {path} is not a file, or far too large.", _RESTORE
            ) from None
        except OSError as error:
            raise VaultDamaged(
                f"{named} cannot be read: {path}: {os_error_text(error)}.", _RESTORE
            ) from error
        if sha256(data).hexdigest() != record.envelope:
            raise VaultDamaged(
                f"{named} is damaged: {path} is not what entry {record.seq:,} of the trace names.",
                _RESTORE,
            )
        return data

    def others(self) -> list[str]:
        """Return the names of what is not ours in the folder. Raises VaultDamaged."""
        return [name for name in self._list() if not _NAME.fullmatch(name) and name[0] != "."]

    def names(self) -> set[str]:
        """Return the ids of all envelopes, scrolls or not. Raises VaultDamaged."""
        return {match[1] for match in map(_NAME.fullmatch, self._list()) if match is not None}

    def _list(self) -> list[str]:
        try:
            return os.listdir(self.folder)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise VaultDamaged(
                f"The folder {self.folder} cannot be read: {os_error_text(error)}."
            ) from error


_RESTORE = "Put it back from a backup of the vault."


def store_problem(vault: Vault, records: TraceRecords) -> str | None:
    """Return which scroll of a trace is missing or damaged, in words; None if none is."""
    store = ScrollStore(vault)
    for record in records.scrolls.values():
        try:
            store.read(record)
        except VaultDamaged as error:
            return error.message
    return None
