"""Going on after a restored backup or a lost key: a new log that names the one before it."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from gorillacomb.errors import VaultError
from gorillacomb.vaultmesh.anchor import Anchors
from gorillacomb.vaultmesh.entries import Body
from gorillacomb.vaultmesh.keys import KeyStore
from gorillacomb.vaultmesh.ledger import Head, Ledger

_ENDS = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Adopted:
    """How a new log took over."""

    old: Head | None
    """Where the old log stood; None when it could not be read."""
    new: str
    """The id of the new log."""
    kept: Path | None
    """Where the old trace stands now: it is never deleted. None when there was none any more."""


def adopt(path: Path, keys: KeyStore, anchors: Anchors) -> Adopted:
    """Set the trace aside as it is and begin a new one in its place. Raises VaultError.

    The caller holds the vault's lock. The genesis of the new log names id, size and root of the
    old one; what the old one is missing or has too much is for `trace verify` on both to tell.
    """
    fresh = path.with_name(f"trace-new-{secrets.token_hex(4)}.db")
    if not path.exists():
        with Ledger.write(fresh, keys, anchors, after={"adopts": None}) as ledger:
            new = ledger.log
        os.rename(fresh, path)
        return Adopted(None, new, None)
    old = _head(path, keys, anchors)
    name = old.log if old is not None else secrets.token_hex(4)
    kept = path.with_name(f"trace-{name}.db")
    if kept.exists():
        kept = path.with_name(f"trace-{name}-{secrets.token_hex(4)}.db")
    after: Body = {"adopts": None}
    if old is not None:
        after = {"adopts": old.log, "adopts_size": old.size, "adopts_root": old.root.hex()}
    with Ledger.write(fresh, keys, anchors, after=after) as ledger:
        new = ledger.log
    for end in _ENDS:
        if os.path.exists(f"{path}{end}"):
            os.rename(f"{path}{end}", f"{kept}{end}")
    os.rename(fresh, path)
    return Adopted(old, new, kept)


def _head(path: Path, keys: KeyStore, anchors: Anchors) -> Head | None:
    """Where a trace stands that need not be sound."""
    try:
        with Ledger.read(path, keys, anchors) as ledger:
            return ledger.head
    except VaultError:
        return None
