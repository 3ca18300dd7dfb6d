"""Start over after a restored backup or a lost key: a new log that names the one before it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gorillacomb import sqlite
from gorillacomb.errors import VaultError
from gorillacomb.vaultmesh.anchor import AnchorStore
from gorillacomb.vaultmesh.create import new_log_beside
from gorillacomb.vaultmesh.entries import EntryBody
from gorillacomb.vaultmesh.error_text import translate_errors
from gorillacomb.vaultmesh.keys.key_store import KeyStore
from gorillacomb.vaultmesh.ledger import Ledger, LogHead


@dataclass(frozen=True, slots=True)
class AdoptionResult:
    """How a new log took over."""

    old: LogHead | None
    """The head of the old log; None if it could not be read."""
    new: str
    """The id of the new log."""
    kept: Path | None
    """Where the old trace is now: it is never deleted. None if it no longer existed."""


def adopt(path: Path, keys: KeyStore, anchors: AnchorStore) -> AdoptionResult:
    """Keep the trace under another name and begin a new one in its place. Raises VaultError.

    The caller holds the vault's lock. The genesis of the new log names id, size and root of the old
    one; what the old one lacks, or has too much, is for `trace verify` to report.

    If killed at any moment, either the old or the new trace is in place, and adopting again
    continues from there.
    """
    old = None
    if path.is_file() and not path.is_symlink():
        _fold(path)
        old = _head(path, keys, anchors)
    after: EntryBody = {"adopts": None}
    if old is not None:
        after = {"adopts": old.log, "adopts_size": old.size, "adopts_root": old.root.hex()}
    with new_log_beside(path, keys, anchors, after) as fresh:
        if old is not None:
            # Before it is in place: killed between, scrolls of the old log are in doubt needlessly.
            anchors.add_follower(old.log, fresh.log)
        kept = fresh.install(None if old is None else old.log)
    return AdoptionResult(old, fresh.log, kept)


def _fold(path: Path) -> None:
    """Checkpoint a trace's WAL, which would otherwise be applied to the next file of that name.

    A trace that SQLite cannot open keeps its WAL; `NewLog.install` renames both.
    """
    with suppress(sqlite.DatabaseError):
        connection = sqlite.open_writer(path)
        try:
            sqlite.checkpoint_wal(connection)
        finally:
            connection.close()


def _head(path: Path, keys: KeyStore, anchors: AnchorStore) -> LogHead | None:
    """Return the head of a trace that may be damaged; None if it cannot be read."""
    try:
        with translate_errors(path), Ledger.read(path, keys, anchors) as ledger:
            return ledger.head
    except VaultError:
        return None
