"""The record of a vault: opening its trace, and keeping it up to date as scans end."""

from __future__ import annotations

from collections.abc import Callable

from gorillacomb.dedupe import stamp
from gorillacomb.dedupe.groups import Groups, Online
from gorillacomb.errors import VaultRolledBack
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.vault import Vault, config_folder, state_folder
from gorillacomb.model import Progress, Stamps
from gorillacomb.vaultmesh.anchor import Anchors
from gorillacomb.vaultmesh.keys import KeyStore
from gorillacomb.vaultmesh.ledger import Ledger


def key_store() -> KeyStore:
    """The user's keys."""
    return KeyStore(config_folder() / "keys")


def anchors() -> Anchors:
    """The checkpoints that are kept apart from vaults and keys."""
    return Anchors(state_folder() / "anchors")


def read_trace(vault: Vault) -> Ledger:
    """Open the trace of a vault for reading. Raises VaultError."""
    vault.check()
    return Ledger.read(vault.trace, key_store(), anchors())


def write_trace(vault: Vault) -> Ledger:
    """Open the trace of a vault, whose lock the caller holds, to append. Raises VaultError."""
    return Ledger.write(vault.trace, key_store(), anchors())


class TraceRecorder:
    """Stamps in the trace what a scan found."""

    def __init__(self, online: Online, preferred: Callable[[bytes], bool], prefers: bool) -> None:
        self._online = online
        self._preferred = preferred
        self._prefers = prefers
        self._ledger: Ledger | None = None

    def begin(self, index: Index) -> None:
        if stamps.reflected(index.connection) is not None and not index.vault.trace.exists():
            raise VaultRolledBack(
                f"The trace {index.vault.trace} is not there; it is never deleted.",
                "Put it back from a backup; to begin a new one: gorillacomb trace adopt",
            )
        self._ledger = write_trace(index.vault)
        stamp.prepare(index, self._ledger)

    def end(self, index: Index, scan: int, progress: Progress) -> Stamps:
        assert self._ledger is not None
        groups = Groups(index, self._online, self._preferred)
        progress.stage("Stamping", None, 0)
        return stamp.stamp(
            index,
            self._ledger,
            groups,
            self._prefers,
            scan,
            lambda count: progress.advance(count, 0),
        )

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None
