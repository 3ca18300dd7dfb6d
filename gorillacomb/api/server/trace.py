"""Pages of the trace: its entries as they were signed, the oldest first."""

from __future__ import annotations

from itertools import islice
from typing import Any

from gorillacomb.errors import UsageError
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh import jcs
from gorillacomb.vaultmesh.entries import checked_entry
from gorillacomb.vaultmesh.open import open_trace

__all__ = ["read_trace_entry", "read_trace_page"]


def read_trace_page(vault: Vault, start: int, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Return entries from a number on, at most ``limit``, and how many there are in all.

    Raises VaultError.
    """
    with open_trace(vault) as ledger:
        entries = islice(ledger.entries(start), limit)
        return [checked_entry(jcs.parse_own(entry)) for _, entry in entries], ledger.size


def read_trace_entry(vault: Vault, seq: int) -> dict[str, Any]:
    """Return one entry. Raises UsageError if there is none of that number, VaultError."""
    found, size = read_trace_page(vault, seq, 1)
    if not found or seq >= size:
        raise UsageError(f"The trace has no entry {seq:,}: it has {size:,}.")
    return found[0]
