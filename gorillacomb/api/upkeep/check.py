"""Check a vault."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import cast

from gorillacomb import sqlite
from gorillacomb.api.documents.upkeep import ExaminedDocument, VaultCheckDocument
from gorillacomb.api.upkeep.examined import ExaminedRoot, examined_roots
from gorillacomb.api.upkeep.last_checks import check_former_traces, note_audit
from gorillacomb.errors import GorillaCombError, VaultError
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.json_paths import path_to_json
from gorillacomb.scrolls.records import read_records
from gorillacomb.scrolls.store import store_problem
from gorillacomb.stamping.consistency import check_index
from gorillacomb.tokens.key_ring import read_ring, ring_error
from gorillacomb.tokens.store import TokenStore
from gorillacomb.vault.folders import odd_file
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.audit import audit
from gorillacomb.vaultmesh.error_text import translate_content_errors
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.open import open_trace_for_reading, token_key_folder

__all__ = ["VaultCheck", "check_vault"]


@dataclass(frozen=True, slots=True)
class VaultCheck:
    """What is wrong with a vault: None for each part that is sound."""

    index: str | None
    trace: str | None
    together: str | None
    """How the index differs from the trace; None also if one of them is not sound."""
    entries: int
    """Entries of the trace that were checked."""
    tokens: str | None = None
    """What is wrong with the tokens that programs use, or with the keys that sign them."""
    scrolls: str | None = None
    """Which scroll is missing or damaged; None also if the trace is not sound."""
    mesh: str | None = None
    """What is wrong with the witness and what it signed, or with other files of the mesh."""
    examined: tuple[ExaminedRoot, ...] = ()
    """What `doctor` found of the volumes of its roots; nothing that makes the vault unsound."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        parts = (self.index, self.trace, self.together, self.tokens, self.scrolls, self.mesh)
        return not any(parts)

    def to_dict(self) -> VaultCheckDocument:
        """Return the document of ``vault check --json``."""
        examined = [{**path_to_json(each.path), "fit": each.is_fit} for each in self.examined]
        return {
            "ok": self.is_sound,
            "entries": self.entries,
            "index": self.index,
            "trace": self.trace,
            "together": self.together,
            "tokens": self.tokens,
            "scrolls": self.scrolls,
            "mesh": self.mesh,
            "examined": cast(list[ExaminedDocument], examined),
        }


def check_vault(vault: Vault) -> VaultCheck:
    """Check a vault, as `OpenVault.check` says."""
    index_error = trace_error = together = token_error = scrolls_error = None
    entries = 0
    examined: tuple[ExaminedRoot, ...] = ()
    started_ns = time.time_ns()
    with ExitStack() as opened:
        # The index first: as of that moment it is never ahead of the trace.
        index = None
        try:
            index = opened.enter_context(Index.read(vault))
            with translate_errors(vault):
                index_error = sqlite.integrity_error(index.connection)
            examined = examined_roots(vault, index)
        except VaultError as error:
            if not vault.folder.exists():
                raise
            index_error = error.message
        try:
            with open_trace_for_reading(vault) as ledger, translate_content_errors(vault.trace):
                result = audit(ledger)
                trace_error, entries = result.reason, result.entries
                note_audit(vault, ledger, result, started_ns)
                if trace_error is None:
                    token_error = _token_error(vault, ledger)
                    scrolls_error = store_problem(vault, read_records(ledger))
                if index is not None and not (index_error or trace_error):
                    with translate_errors(vault):
                        together = check_index(index, ledger)
        except VaultError as error:
            trace_error = error.message
    check_former_traces(vault)
    errors = (token_error, scrolls_error, _mesh_error(vault))
    return VaultCheck(index_error, trace_error, together, entries, *errors, examined)


def _token_error(vault: Vault, ledger: Ledger) -> str | None:
    try:
        ring = read_ring(token_key_folder(ledger.log))
    except GorillaCombError as error:
        return error.message
    return TokenStore(vault.tokens).error() or ring_error(ring, ledger)


def _mesh_error(vault: Vault) -> str | None:
    """Return what is wrong with the files of the mesh; None if nothing is, or there are none."""
    wrong = odd_file(vault.folder)
    if wrong is None and (vault.folder / "mesh").exists():
        from gorillacomb.mesh.witness.recover import first_trouble  # few vaults have a witness

        try:
            wrong = first_trouble(vault)
        except VaultError as error:
            wrong = error.message
    return wrong
