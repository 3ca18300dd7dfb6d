"""Open the trace of a vault, for reading or writing, with its keys and anchors."""

from __future__ import annotations

import os
from pathlib import Path

from gorillacomb.vault.vault import Vault, config_folder, state_folder
from gorillacomb.vaultmesh.anchor import AnchorStore
from gorillacomb.vaultmesh.keys.key_store import KeyStore
from gorillacomb.vaultmesh.ledger import Ledger


def key_store() -> KeyStore:
    """Return the user's keys."""
    return KeyStore(config_folder() / "keys")


def watcher_keys() -> KeyStore:
    """Return the keys of the user's watcher, which are not those that sign the trace."""
    return KeyStore(config_folder() / "keys" / "watcher")


def witness_keys(name: str) -> KeyStore:
    """Return the keys of one witness: no two vaults, and nothing else, may sign with them."""
    return KeyStore(config_folder() / "keys" / "witness" / name)


def anchor_store() -> AnchorStore:
    """Return the checkpoints kept apart from vaults and keys."""
    return AnchorStore(state_folder() / "anchors")


def open_trace_for_reading(vault: Vault) -> Ledger:
    """Open the trace of a vault for reading. Raises VaultError."""
    vault.check()
    return Ledger.read(vault.trace, key_store(), anchor_store())


def open_trace_for_writing(vault: Vault) -> Ledger:
    """Open a vault's trace to append, creating it if missing; the caller holds the vault's lock.

    Raises VaultError.
    """
    if not os.path.lexists(vault.trace):
        from gorillacomb.vaultmesh.create import create_log  # needed once per vault

        create_log(vault.trace, key_store(), anchor_store())
    return Ledger.write(vault.trace, key_store(), anchor_store())


def former_traces(vault: Vault) -> list[Path]:
    """Return the traces that `adopt` kept beside a vault's trace, sorted by name."""
    return sorted(vault.folder.glob("trace-*.db"))
