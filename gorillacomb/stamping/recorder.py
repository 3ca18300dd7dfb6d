"""Open a vault's trace, and keep it up to date as scans complete."""

from __future__ import annotations

from collections.abc import Callable

from gorillacomb.canonical.groups import GroupReader, IsOnline
from gorillacomb.errors import VaultRolledBack
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.model import StampReport
from gorillacomb.progress import Progress
from gorillacomb.stamping import stamper
from gorillacomb.stamping.damage_entries import record_damage
from gorillacomb.stamping.deferral import StampDeferral
from gorillacomb.stamping.resync import resync
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.open import open_trace_for_writing


class StampRecorder:
    """Stamps in the trace what a scan found."""

    def __init__(
        self,
        online: IsOnline,
        preferred: Callable[[bytes], bool],
        prefers: bool,
        quiet_ns: int = 0,
        machine_made: frozenset[bytes] = frozenset(),
    ) -> None:
        """Set up stamping; ``prefers`` says whether ``preferred`` is true of any path at all.

        New files in machine-made folders (usual names plus ``machine_made``) are stamped once
        nothing was added there for ``quiet_ns``.
        """
        self._quiet_ns = quiet_ns
        self._machine_made = machine_made
        self._online = online
        self._preferred = preferred
        self._prefers = prefers
        self._ledger: Ledger | None = None

    def begin(self, index: Index) -> None:
        if stamps.synced_log_size(index.connection) is not None and not index.vault.trace.exists():
            raise VaultRolledBack(
                f"The trace {index.vault.trace} is missing; Gorilla Comb never deletes it.",
                "Restore it from a backup; to begin a new one: gorillacomb trace adopt",
            )
        self._ledger = open_trace_for_writing(index.vault)
        self._ledger.refuse_rolled_back()
        resync(index, self._ledger)

    def end(self, index: Index, scan: int, progress: Progress) -> StampReport:
        assert self._ledger is not None
        progress.stage("Stamping", None, 0)
        groups = GroupReader(index, self._online, self._preferred, self._machine_made)
        stamped = stamper.stamp_scan(
            index,
            self._ledger,
            groups,
            self._prefers,
            scan,
            StampDeferral(index.connection, groups.paths, self._quiet_ns, self._machine_made),
            lambda count: progress.advance(count, 0),
        )
        record_damage(index, self._ledger, scan)
        return stamped

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None
