"""Open a vault's trace, and keep it up to date as scans complete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gorillacomb.errors import VaultRolledBack
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.roots import all_roots
from gorillacomb.model import Root, StampReport
from gorillacomb.progress import Progress
from gorillacomb.stamping.damage_entries import record_damage
from gorillacomb.stamping.deferral import StampDeferral
from gorillacomb.stamping.mark_log import follow_marks, sync_marks
from gorillacomb.stamping.resync import resync
from gorillacomb.stamping.unstamped import UnstampedChanges, find_unstamped
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.open import open_trace_for_writing

if TYPE_CHECKING:
    from gorillacomb.vault.keep_rules import KeepRule


class StampRecorder:
    """Stamps in the trace what a scan found."""

    def __init__(
        self,
        online: Callable[[Root], bool],
        preferred: Callable[[bytes], bool],
        prefers: bool,
        quiet_ns: int = 0,
        machine_made: frozenset[bytes] = frozenset(),
        choice: str = "",
        rules: Sequence[KeepRule] = (),
    ) -> None:
        """Set up stamping; ``prefers`` says whether ``preferred`` is true of any path at all.

        ``choice`` is what the settings say about the choice, as text: if that changed since the
        last scan, everything is chosen again. ``rules`` are the user's.

        New files in machine-made folders (usual names plus ``machine_made``) are stamped once
        nothing was added there for ``quiet_ns``.
        """
        self._quiet_ns = quiet_ns
        self._machine_made = machine_made
        self._online = online
        self._preferred = preferred
        self._prefers = prefers
        self._choice = choice
        self._rules = rules
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
        sync_marks(index, self._ledger)

    def end(self, index: Index, scan: int, progress: Progress) -> StampReport:
        assert self._ledger is not None
        progress.stage("Stamping", None, 0)
        connection = index.connection
        roots = all_roots(connection)
        paths = FolderPaths(connection, {root.id: root for root in roots})
        deferral = StampDeferral(connection, paths, self._quiet_ns, self._machine_made)
        unstamped = find_unstamped(connection, roots, deferral, self._choice)
        if unstamped is None:
            stamped = StampReport(due_ns=deferral.due_ns())
        else:
            stamped = self._stamp(index, scan, progress, deferral, unstamped)
        record_damage(index, self._ledger, scan)
        follow_marks(index, self._ledger)
        return stamped

    def _stamp(
        self,
        index: Index,
        scan: int,
        progress: Progress,
        deferral: StampDeferral,
        unstamped: UnstampedChanges,
    ) -> StampReport:
        # The rules about what is kept: a scan that finds nothing to stamp needs none of them.
        from gorillacomb.canonical.groups import GroupReader
        from gorillacomb.canonical.user_rules import keep_criteria
        from gorillacomb.stamping.stamper import stamp_scan

        assert self._ledger is not None
        # Without the user's marks, which are in the trace themselves: the order that a scan leaves
        # outlives it, and clearing a mark must bring back what was there before.
        return stamp_scan(
            index,
            self._ledger,
            GroupReader(
                *(index, self._online, self._preferred, self._machine_made),
                criteria=keep_criteria(self._rules),
            ),
            self._prefers,
            self._choice,
            scan,
            deferral,
            unstamped,
            lambda count: progress.advance(count, 0),
        )

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None
