"""Whether others have seen a scroll's entry: a proof of it, under the policy of the mesh."""

from __future__ import annotations

from gorillacomb.api.text import format_count
from gorillacomb.errors import UntrustedInput, VaultError
from gorillacomb.mesh.folder import MeshFolder
from gorillacomb.mesh.policy import TrustPolicy
from gorillacomb.model import SECOND
from gorillacomb.scrolls.gate import SyncFound
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.jcs import parse_strict
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.proof import check_inclusion, make_proof, parse_proof


def find_sync(vault: Vault, ledger: Ledger, seq: int, scroll_id: str) -> SyncFound:
    """Return whether the entry of a scroll is in a checkpoint that a quorum has cosigned."""
    mesh = MeshFolder(vault)
    try:
        policy, note = mesh.policy(), mesh.cosigned(ledger.log)
        if policy is None:
            return SyncFound(False, "No policy says whose cosignatures are enough.", None)
        if note is None:
            return SyncFound(False, "No witness has cosigned the trace.", None)
        return check_proof(make_proof(ledger, seq, note), policy, scroll_id)
    except ValueError:
        return SyncFound(False, "The cosigned checkpoint is older than the scroll.", None)
    except (UntrustedInput, VaultError) as error:
        return SyncFound(False, error.message, None)


def check_proof(proof: bytes, policy: TrustPolicy, scroll_id: str) -> SyncFound:
    """Check the proof of a scroll's entry, a tlog-proof, as anyone can who has the policy.

    Raises UntrustedInput if it does not hold.
    """
    found = parse_proof(proof)
    verdict = policy.judge(found.checkpoint, "The proof's checkpoint")
    check_inclusion(found, verdict.checkpoint)
    entry = parse_strict(found.entry, "The proof's entry")
    if not isinstance(entry, dict) or (entry.get("event"), entry.get("scroll_id")) != (
        "scroll",
        scroll_id,
    ):
        raise UntrustedInput("The proof does not hold: its entry is not that of this scroll.")
    times = [each.seconds for each in verdict.cosigned.values()]
    as_of = max(times) * SECOND if times else None
    count = format_count(len(times), "witness", "witnesses")
    if not times:
        return SyncFound(False, "No witness of the policy has cosigned the checkpoint.", None)
    if not verdict.is_enough:
        return SyncFound(False, f"{count} cosigned it: the policy asks for more.", as_of)
    return SyncFound(True, f"{count} cosigned it.", as_of)


def proof_file(vault: Vault, ledger: Ledger, seq: int) -> bytes:
    """Return the proof of an entry, in the cosigned checkpoint if that has it.

    Else in the last one of the trace. Raises VaultError.
    """
    try:
        note = MeshFolder(vault).cosigned(ledger.log)
        if note is not None:
            return make_proof(ledger, seq, note)
    except (ValueError, UntrustedInput):
        pass  # it is older than the entry, or of another log
    return make_proof(ledger, seq)
