"""The proof that the trace only grew between two sizes, for those who hold checkpoints of both."""

from __future__ import annotations

import base64

from gorillacomb.api.documents.mesh.checks import ConsistencyDocument
from gorillacomb.errors import UsageError
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh import merkle
from gorillacomb.vaultmesh.open import open_trace_for_reading

__all__ = ["prove_consistency"]


def prove_consistency(vault: Vault, old: int, new: int) -> ConsistencyDocument:
    """Return the proof that the first ``new`` entries begin with the first ``old``.

    Raises UsageError unless 0 < old <= new and the trace has as many, VaultError.
    """
    vault.check()
    with open_trace_for_reading(vault) as ledger:
        if not 0 < old <= new <= ledger.size:
            raise UsageError(
                f"Between {old:,} and {new:,} entries there is no proof: the trace has"
                f" {ledger.size:,}."
            )
        hashes = merkle.consistency_proof(old, new, ledger.node)
        return {
            "origin": ledger.origin,
            "old": old,
            "new": new,
            "proof": [base64.b64encode(each).decode() for each in hashes],
        }
