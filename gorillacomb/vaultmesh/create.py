"""How a log begins: in a file beside its place, put there when its first entry is signed.

Cut short at any moment, by a kill or a full disk, there is a log with a genesis or none at all:
never a file that is no log yet, which could not be told from one that was emptied.
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
    """A log of one entry that stands beside its place."""

    log: str
    """Its id, 32 hex digits."""
    path: Path
    """The place that is meant for it."""
    aside: Path

    def install(self, name: str | None = None) -> Path | None:
        """Give it its place, and what stands there another: it is never deleted.

        ``name`` is what the other one is called after. Returns where that stands now, None when
        there was none. Raises VaultError.
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
    """A log for ``path``, whose genesis has the fields ``after`` too; gone if it is not put there.

    Raises VaultError.
    """
    with translate_errors(path):
        _sweep(path, "*")  # of runs that were killed: beginnings that nothing refers to
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
    """Give the trace that stands there a second name; None when there is none.

    What SQLite keeps beside it, even beside one that is gone, gets its name first: it would be
    taken into whatever stands there next.
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
