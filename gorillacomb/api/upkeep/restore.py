"""Put a backup of a vault back as the vault."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from gorillacomb import sqlite
from gorillacomb.api.documents.upkeep import VaultRestoreDocument
from gorillacomb.api.paths import PathInput
from gorillacomb.api.text import format_count
from gorillacomb.errors import (
    KeyMissing,
    RefusedForSafety,
    UntrustedInput,
    UsageError,
    VaultDamaged,
    VaultError,
    VaultNewer,
)
from gorillacomb.fs.durable_files import create_file
from gorillacomb.fs.openat import os_error_text, owner_advice
from gorillacomb.fs.paths import path_text
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.json_paths import path_to_json
from gorillacomb.scrolls.records import read_records
from gorillacomb.scrolls.store import store_problem
from gorillacomb.stamping.consistency import check_index
from gorillacomb.vault.folders import folder_entries, make_folders_like, sync_folders
from gorillacomb.vault.swap import vault_held
from gorillacomb.vault.vault import Vault, unwritable_error
from gorillacomb.vaultmesh.anchor import AnchorStore
from gorillacomb.vaultmesh.audit import audit
from gorillacomb.vaultmesh.checkpoint import parse_checkpoint
from gorillacomb.vaultmesh.error_text import translate_content_errors
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.open import anchor_store, key_store

__all__ = ["VaultRestore", "restore_vault"]

_CHUNK = 1 << 20
"""Bytes."""
_WRITE_AHEAD_LOGS = ("-wal", "-journal")


@dataclass(frozen=True, slots=True)
class VaultRestore:
    """A backup that is the vault now."""

    vault: Path
    """The folder of the vault, without links."""
    backup: Path
    size: int
    """Bytes that were copied."""
    log: str
    """The id of its trace, 32 hex digits."""
    entries: int
    """Entries of its trace; each was checked."""
    has_index: bool
    """Whether the backup had an index; without one, the next scan builds it."""
    needs_adopt: bool
    """Whether more was signed on this machine than it contains, or a key of it is missing: scans
    refuse it until `VaultTrace.adopt` began a new trace."""
    kept: Path | None
    """Where the vault is that was there before; None if there was none."""
    scrolls: str | None = None
    """Which scroll of the backup is missing or damaged; None if none is."""

    def to_dict(self) -> VaultRestoreDocument:
        """Return the document of ``vault restore --json``."""
        document = {
            "vault": path_to_json(bytes(self.vault)),
            "backup": path_to_json(bytes(self.backup)),
            "bytes": self.size,
            "log": self.log,
            "entries": self.entries,
            "has_index": self.has_index,
            "needs_adopt": self.needs_adopt,
            "kept": None if self.kept is None else path_to_json(bytes(self.kept)),
            "scrolls": self.scrolls,
        }
        return cast(VaultRestoreDocument, document)


def restore_vault(
    vault: Vault, backup: PathInput, *, replace: bool = False, without_keys: bool = False
) -> VaultRestore:
    """Put a backup back as the vault, as `OpenVault.restore` says."""
    source = Path(os.path.abspath(os.fsdecode(backup)))
    names = _names_in(source)
    with vault_held(vault) as place:
        if place.exists and os.path.samefile(source, place.folder):
            raise UsageError(
                f"Restoring the vault {vault.folder} from itself failed.", "Name a backup of it."
            )
        if place.has_content and not replace:
            raise RefusedForSafety(
                f"Restoring {path_text(bytes(source))} failed: there is a vault {place.folder}.",
                "To put the backup in its place: --replace (in Python replace=True). The vault that"
                " is there is kept beside it, under another name.",
            )
        with place.new_folder() as fresh:
            files = [Path(name) for name in names] + _folder_files_in(source, fresh)
            for name in files:
                _copy(source / name, fresh / name)
            size = sum(os.stat(fresh / name).st_size for name in files)
            try:
                log, entries, needs_adopt, scrolls = _verified(Vault(fresh), without_keys)
            except (VaultError, KeyMissing) as error:
                raise _about_backup(error, fresh, source) from error
            with _unwritable_as_error(fresh):
                sync_folders(fresh)
            kept = place.install(fresh)
    has_index = vault.index.name in names
    if scrolls is not None:
        scrolls = scrolls.replace(str(fresh), path_text(bytes(source)))
    return VaultRestore(
        place.folder, source, size, log, entries, has_index, needs_adopt, kept, scrolls
    )


def _names_in(source: Path) -> list[str]:
    """Return the names of a backup's databases. Raises UsageError if it is not a backup."""
    shown = path_text(bytes(source))
    like = Vault(source)
    try:
        found = sorted(os.listdir(source))
        names = [
            name
            for name in found
            if name in (like.index.name, like.trace.name)
            or (name.startswith("trace-") and name.endswith(".db"))
        ]
        odd = [name for name in names if not stat.S_ISREG(os.lstat(source / name).st_mode)]
        logs = [name + end for name in names for end in _WRITE_AHEAD_LOGS if name + end in found]
        logs = [name for name in logs if os.lstat(source / name).st_size]
    except OSError as error:
        raise UsageError(
            f"Reading the backup {shown} failed: {os_error_text(error)}.",
            owner_advice(str(source), error) or "Name a folder made by `gorillacomb vault backup`.",
        ) from error
    if like.trace.name not in names or odd:
        what = f"{odd[0]} is not a file" if odd else f"it lacks {like.trace.name}"
        raise UsageError(
            f"{shown} is not a backup of a vault: {what}.",
            "Name a folder made by `gorillacomb vault backup`.",
        )
    if logs:
        raise UsageError(
            f"{shown} is not a finished backup, but a copy of a vault in use: it has {logs[0]}.",
            f"Make a backup of it first: gorillacomb vault backup DIR --vault {shown}",
        )
    return names


def _folder_files_in(source: Path, fresh: Path) -> list[Path]:
    """Create the folders that a backup has beside its databases; return their files.

    Raises UsageError if something in them is not a file, VaultError.
    """
    found = []
    try:
        for path, facts in folder_entries(source):
            if not stat.S_ISDIR(facts.st_mode) and not stat.S_ISREG(facts.st_mode):
                raise UsageError(
                    f"{path_text(bytes(source))} is not a backup of a vault: {path} is not a file.",
                    "Name a folder made by `gorillacomb vault backup`.",
                )
            if stat.S_ISREG(facts.st_mode):
                found.append(path)
    except OSError as error:
        raise UsageError(
            f"Reading the backup {path_text(bytes(source))} failed: {os_error_text(error)}.",
            owner_advice(str(source), error) or "Use another backup.",
        ) from error
    with _unwritable_as_error(fresh):
        make_folders_like(source, fresh)
    return found


@contextmanager
def _unwritable_as_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable_error(path, error) from error


def _copy(source: Path, target: Path) -> None:
    """Copy a file of a backup. Raises UsageError if reading fails, VaultError if writing does."""

    def pieces() -> Iterator[bytes]:
        try:
            with open(source, "rb") as file:
                while piece := file.read(_CHUNK):
                    yield piece
        except OSError as error:
            raise UsageError(
                f"Reading {path_text(bytes(source))} failed: {os_error_text(error)}.",
                owner_advice(str(source), error) or "Use another backup.",
            ) from error

    with _unwritable_as_error(target):
        create_file(target, pieces(), 0o600)


def _verified(fresh: Vault, without_keys: bool) -> tuple[str, int, bool, str | None]:
    """Check both databases; return the trace's id and size, and whether it has to be adopted.

    The last is what is wrong with the scrolls, which keeps nothing from being restored. Raises
    VaultError, KeyMissing.
    """
    with ExitStack() as opened:
        index = opened.enter_context(Index.read(fresh)) if fresh.index.exists() else None
        if index is not None:
            with translate_errors(fresh):
                wrong = sqlite.integrity_error(index.connection)
            if wrong is not None:
                raise VaultDamaged(f"The index {fresh.index} is damaged: {wrong}.")
        opened.enter_context(translate_content_errors(fresh.trace))
        # The anchor may be ahead of a backup: only what the backup contains is checked.
        no_anchors = AnchorStore(fresh.folder / "anchors")
        ledger = opened.enter_context(Ledger.read(fresh.trace, key_store(), no_anchors))
        lost = len(set(ledger.public_keys()) - set(ledger.our_keys()))
        if lost and not without_keys:
            raise KeyMissing(
                f"{format_count(lost, 'key')} that signed its trace"
                f" {'is' if lost == 1 else 'are'} missing here.",
                f"Put the backup of the keys back first, into {key_store().folder}; if they are"
                " lost: --without-keys",
            )
        report = audit(ledger, keys=ledger.public_keys() if without_keys else None)
        reason = report.reason
        if reason is None and index is not None:
            with translate_errors(fresh):
                reason = check_index(index, ledger)
        if reason is not None:
            raise VaultDamaged(f"The trace {fresh.trace} is not sound: {reason}.")
        scrolls = store_problem(fresh, read_records(ledger))
        return ledger.log, ledger.size, bool(lost) or _is_behind(ledger), scrolls


def _is_behind(ledger: Ledger) -> bool:
    """Return whether the anchor on this machine is of a longer trace, or of another one."""
    try:
        kept = anchor_store().read(ledger.log)
        if kept is None:
            return False
        anchor, _ = parse_checkpoint(kept, "The anchor")
    except (UntrustedInput, VaultError):
        return True
    return anchor.size > ledger.size or ledger.root(anchor.size) != anchor.root


def _about_backup(error: VaultError | KeyMissing, fresh: Path, source: Path) -> Exception:
    """Return the same error about the backup itself: a copy of it was checked."""
    shown = path_text(bytes(source))
    message = error.message.replace(str(fresh), shown)
    if isinstance(error, KeyMissing | VaultNewer):
        return type(error)(f"Restoring {shown} failed: {message}", error.hint)
    name = Vault(source).index.name
    hint = "The vault was not changed. Use another backup."
    if f"{shown}/{name}" in message:
        hint = (
            f"The vault was not changed. Delete {name} in a copy of the backup to restore its trace"
            " alone: the next scan builds the index."
        )
    return type(error)(f"Restoring {shown} failed: {message}", hint)
