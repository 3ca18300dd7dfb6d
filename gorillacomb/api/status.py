"""What a vault knows: roots, files, redundancy, and what was not read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gorillacomb.api.roots import IndexFigures, RootStatus, index_with_figures, root_statuses
from gorillacomb.classify.state_text import FILE_CAUSES, FOLDER_CAUSES
from gorillacomb.dedupe.quarantine.run_folders import has_runs
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.index.content_queries import GroupTotals
from gorillacomb.index.database import Index
from gorillacomb.index.duplicate_groups import has_groups
from gorillacomb.model import EntryState, FolderState
from gorillacomb.vault.settings import Settings, load_settings
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.open import open_trace_for_reading

if TYPE_CHECKING:
    from gorillacomb.api.documents.status import StatusDocument
    from gorillacomb.dedupe.quarantine.inventory import QuarantinedRun

__all__ = [
    "FILE_CAUSES",
    "FOLDER_CAUSES",
    "QuarantinedRun",
    "RootStatus",
    "TraceTotals",
    "VaultStatus",
    "trace_totals",
    "vault_status",
]


@dataclass(frozen=True, slots=True)
class TraceTotals:
    """The state of the trace."""

    log: str
    """The trace's id, 32 hex digits."""
    entries: int
    root: bytes
    """The root hash of its Merkle tree."""
    stamps: int
    """Canonical files that are recorded."""


@dataclass(frozen=True, slots=True)
class VaultStatus:
    """What a vault knows."""

    path: Path
    roots: tuple[RootStatus, ...]
    has_groups: bool
    """Whether the first scan has looked for duplicates."""
    totals: GroupTotals
    files_by_state: Mapping[EntryState, tuple[int, int]]
    """Files and their bytes, of files that were not read or are damaged."""
    folders_by_state: Mapping[FolderState, int]
    """Folders that were not listed."""
    trace: TraceTotals | None
    """None if there is none."""
    quarantine: tuple[QuarantinedRun, ...]
    """What is in quarantines, by run."""
    settings: Settings

    def to_dict(self) -> StatusDocument:
        """Return the document of ``status --json``."""
        from gorillacomb.api.documents.status import status_document  # text output needs none of it

        return status_document(self)


def vault_status(vault: Vault) -> VaultStatus:
    """Read what a vault knows, as `OpenVault.status` says."""
    with index_with_figures(vault) as (index, figures):
        return index_status(index, figures)


def index_status(index: Index, figures: IndexFigures | None = None) -> VaultStatus:
    """Read what a vault knows from its open index; ``figures`` are those of it, if known."""
    figures = figures or IndexFigures(index)
    return VaultStatus(
        index.vault.folder,
        root_statuses(index, figures),
        has_groups(index.connection),
        figures.totals,
        figures.files_by_state,
        figures.folders_by_state,
        _trace_totals(index, figures),
        _waiting_runs(index),
        load_settings(),
    )


def _waiting_runs(index: Index) -> tuple[QuarantinedRun, ...]:
    roots = live_roots_of(index, suspect=True)
    if not has_runs(roots):
        return ()
    from gorillacomb.dedupe.quarantine.inventory import quarantined_runs  # loads journals

    return tuple(each for each in quarantined_runs(roots) if each.steps)


def trace_totals(vault: Vault) -> TraceTotals | None:
    """Return the state of the trace; None if there is none. Raises VaultError."""
    with index_with_figures(vault) as (index, figures):
        return _trace_totals(index, figures)


def _trace_totals(index: Index, figures: IndexFigures) -> TraceTotals | None:
    if not index.vault.trace.exists():
        return None
    with open_trace_for_reading(index.vault) as ledger:
        head = ledger.head
    return TraceTotals(head.log, head.size, head.root, figures.stamps)
