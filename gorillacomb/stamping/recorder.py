"""The record of a vault: opening its trace, and keeping it up to date as scans end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gorillacomb.canonical.groups import GroupReader, IsOnline
from gorillacomb.errors import VaultRolledBack
from gorillacomb.folders.kept_trees import KeptTrees, kept_trees
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.model import StampReport, TreeCopy
from gorillacomb.progress import Progress
from gorillacomb.stamping import stamper
from gorillacomb.stamping.damage_entries import record_damage
from gorillacomb.stamping.deferral import StampDeferral
from gorillacomb.stamping.resync import resync
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.open import open_trace_for_writing

if TYPE_CHECKING:
    from gorillacomb.folders.analysis import FolderAnalysis

_MANY = 2_000
"""Contents; to relate all folders for fewer beforehand, perhaps for none, is not worth it."""


def _read_trees(vault: Path, folders: Callable[[Index], FolderAnalysis]) -> dict[int, TreeCopy]:
    """Which trees are kept, by the index in a vault that another process writes to."""
    with Index.read(Vault(vault)) as index:
        return kept_trees(folders(index))


class StampRecorder:
    """Stamps in the trace what a scan found."""

    def __init__(
        self,
        online: IsOnline,
        preferred: Callable[[bytes], bool],
        prefers: bool,
        folders: Callable[[Index], FolderAnalysis],
        quiet_ns: int = 0,
        machine_made: frozenset[bytes] = frozenset(),
    ) -> None:
        """``folders`` reads how the folders of an index relate, by the user's settings.

        What is new in machine-made folders, known by the usual names and those given, is stamped
        when nothing new has come there for ``quiet_ns``.
        """
        self._folders = folders
        self._quiet_ns = quiet_ns
        self._machine_made = machine_made
        self._online = online
        self._preferred = preferred
        self._prefers = prefers
        self._ledger: Ledger | None = None

    def begin(self, index: Index) -> None:
        if stamps.synced_log_size(index.connection) is not None and not index.vault.trace.exists():
            raise VaultRolledBack(
                f"The trace {index.vault.trace} is not there; it is never deleted.",
                "Put it back from a backup; to begin a new one: gorillacomb trace adopt",
            )
        self._ledger = open_trace_for_writing(index.vault)
        self._ledger.refuse_rolled_back()
        resync(index, self._ledger)

    def aside(self, index: Index) -> Callable[[], dict[int, TreeCopy]] | None:
        # Which trees are kept is asked for as soon as a content with several copies is stamped.
        if not stamps.are_many_to_stamp(index.connection, _MANY):
            return None
        return partial(_read_trees, index.vault.folder, self._folders)

    def end(
        self,
        index: Index,
        scan: int,
        progress: Progress,
        aside: Callable[[], dict[int, TreeCopy]] | None,
    ) -> StampReport:
        assert self._ledger is not None
        progress.stage("Stamping", None, 0)
        trees = KeptTrees(aside or (lambda: kept_trees(self._folders(index))))
        groups = GroupReader(index, self._online, self._preferred, trees)
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
