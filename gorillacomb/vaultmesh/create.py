"""Begin a log: in a temporary file, renamed into place once its first entry is signed.

After a kill or a full disk at any moment, there is either a log with a genesis or none at all:
never a file that is not yet a log, which could not be told from one that was emptied.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gorillacomb.fs.durable_files import sync_folder
from gorillacomb.vaultmesh.anchor import AnchorStore
from gorillacomb.vaultmesh.entries import EntryBody
from gorillacomb.vaultmesh.error_text import translate_errors
from gorillacomb.vaultmesh.keys.key_store import KeyStore
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.store import TraceStore

_ASIDE = "trace-new-{}.db"
_ENDS = ("-wal", "-shm")


@dataclass(frozen=True, slots=True)
class NewLog:
    """A log of one entry, not yet in place."""

    log: str
    """Its id, 32 hex digits."""
    path: Path
    """Where it belongs."""
    aside: Path

    def install(self, name: str | None = None) -> Path | None:
        """Move it into place, and give an existing trace another name: it is never deleted.

        ``name`` becomes part of that name. Returns the existing trace's new path, None if there was
        none. Raises VaultError.
        """
        with translate_errors(self.path):
            kept = _set_aside(self.path, name or secrets.token_hex(4))
            os.rename(self.aside, self.path)
            sync_folder(self.path.parent)
        return kept


def create_log(path: Path, keys: KeyStore, anchors: AnchorStore) -> None:
    """Begin a log where there is none; the caller holds the vault's lock. Raises VaultError."""
    with new_log_beside(path, keys, anchors, {}) as fresh:
        fresh.install()


@contextmanager
def new_log_beside(
    path: Path, keys: KeyStore, anchors: AnchorStore, after: EntryBody
) -> Iterator[NewLog]:
    """Create a log for ``path`` whose genesis includes ``after``; delete it if not installed.

    Raises VaultError.
    """
    with translate_errors(path):
        _sweep(path, "*")  # from killed runs: temporary logs that nothing refers to
    token = secrets.token_hex(4)
    aside = path.with_name(_ASIDE.format(token))
    try:
        with translate_errors(aside), Ledger(TraceStore.make(aside), keys, anchors) as ledger:
            ledger.begin(after)
            ledger.tables.checkpoint_wal()
            log = ledger.log
        yield NewLog(log, path, aside)
    except BaseException:
        _sweep(path, token)
        raise


def _sweep(path: Path, token: str) -> None:
    for left in path.parent.glob(_ASIDE.format(token) + "*"):
        left.unlink()


def _set_aside(path: Path, name: str) -> Path | None:
    """Give the existing trace another name and return that; None if there is no trace.

    SQLite's files beside it are renamed first, even if it is missing itself: SQLite would apply
    them to the next file of that name.
    """
    kept = path.with_name(f"trace-{name}.db")
    if kept.exists() and not (path.exists() and kept.samefile(path)):
        kept = path.with_name(f"trace-{name}-{secrets.token_hex(4)}.db")
    for end in _ENDS:
        log = path.with_name(path.name + end)
        if log.exists():
            os.rename(log, kept.with_name(kept.name + end))
    if not os.path.lexists(path):
        return None
    if not kept.exists() and not path.is_symlink():
        with suppress(OSError):  # a folder, or a file system without hard links
            os.link(path, kept)
    if not kept.exists():
        os.rename(path, kept)
    return kept
