"""Open the trace of a vault, for reading or writing, with its keys and anchors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gorillacomb.vault.vault import Vault, config_folder, state_folder
from gorillacomb.vaultmesh.anchor import AnchorStore
from gorillacomb.vaultmesh.chain import log_id_of_genesis
from gorillacomb.vaultmesh.error_text import translate_content_errors, translate_errors
from gorillacomb.vaultmesh.jcs import parse_own
from gorillacomb.vaultmesh.keys.key_store import KeyStore
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.store import TraceStore


def key_store() -> KeyStore:
    """Return the user's keys."""
    return KeyStore(config_folder() / "keys")


def watcher_keys() -> KeyStore:
    """Return the keys of the user's watcher, which are not those that sign the trace."""
    return KeyStore(config_folder() / "keys" / "watcher")


def token_key_folder(log: str) -> Path:
    """Return the folder of the keys that sign the tokens of a log's vault, and nothing else."""
    return config_folder() / "keys" / "tokens" / log


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


def read_log_id(vault: Vault) -> str:
    """Return the id of a vault's log, in constant time. Raises VaultError."""
    with translate_errors(vault.trace), closing(TraceStore.read(vault.trace)) as tables:
        return log_id_of_genesis(parse_own(tables.entry(0)))


@contextmanager
def open_trace(vault: Vault) -> Iterator[Ledger]:
    """Open the trace for reading; a forger's malformed entries become VaultError."""
    with open_trace_for_reading(vault) as ledger, translate_content_errors(vault.trace):
        yield ledger


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
