"""How a log begins: in a file beside its place, put there when its first entry is signed.

Cut short at any moment, by a kill or a full disk, there is a log with a genesis or none at all:
never a file that is no log yet, which could not be told from one that was emptied.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gorillacomb.durable import sync_folder
from gorillacomb.vaultmesh.anchor import Anchors
from gorillacomb.vaultmesh.entries import Body
from gorillacomb.vaultmesh.failures import explaining
from gorillacomb.vaultmesh.key_store import KeyStore
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.tables import Tables

_ASIDE = "trace-new-{}.db"


@dataclass(frozen=True, slots=True)
class Beginning:
    """A log of one entry that stands beside its place."""

    log: str
    """Its id, 32 hex digits."""
    aside: Path

    def put(self, path: Path) -> None:
        """Give it its place, whatever file stands there, on the disk. Raises OSError."""
        os.rename(self.aside, path)
        sync_folder(path.parent)


def begin(path: Path, keys: KeyStore, anchors: Anchors) -> None:
    """Begin a log where there is none; the caller holds the vault's lock. Raises VaultError."""
    with begun_aside(path, keys, anchors, {}) as fresh, explaining(path):
        fresh.put(path)


@contextmanager
def begun_aside(path: Path, keys: KeyStore, anchors: Anchors, after: Body) -> Iterator[Beginning]:
    """A log for ``path``, whose genesis has the fields ``after`` too; gone if it is not put there.

    Raises VaultError.
    """
    _sweep(path, "*")  # of runs that were killed: beginnings that nothing refers to
    token = secrets.token_hex(4)
    aside = path.with_name(_ASIDE.format(token))
    try:
        with explaining(aside), Ledger(Tables.make(aside), keys, anchors) as ledger:
            ledger.begin(after)
            ledger.tables.fold()
            log = ledger.log
        yield Beginning(log, aside)
    except BaseException:
        _sweep(path, token)
        raise


def _sweep(path: Path, token: str) -> None:
    for left in path.parent.glob(_ASIDE.format(token) + "*"):
        left.unlink()
