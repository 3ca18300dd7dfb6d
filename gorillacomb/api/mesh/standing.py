"""How far our log was cosigned: by whom as it is now, and whether that is enough."""

from __future__ import annotations

from dataclasses import dataclass

from gorillacomb.api.mesh.nodes import MeshNodes, read_mesh
from gorillacomb.errors import UntrustedInput
from gorillacomb.mesh.folder import MeshFolder
from gorillacomb.mesh.policy import TrustPolicy
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.checkpoint import Checkpoint, parse_checkpoint
from gorillacomb.vaultmesh.keys.cosign import cosignatures
from gorillacomb.vaultmesh.open import open_trace_for_reading

__all__ = ["HeadStanding", "MeshStanding", "head_standing", "mesh_standing"]


@dataclass(frozen=True, slots=True)
class HeadStanding:
    """Who has cosigned a checkpoint of our log."""

    cosigned: int
    """Nodes whose cosignatures of it are held."""
    quorum: bool | None
    """Whether they are enough; None without a policy."""
    policy_trouble: str | None
    """Why the policy fits the trace no more, in words; None if it does."""
    synced_size: int
    """Entries that the newest checkpoint with a quorum covers; 0 if there is none."""


@dataclass(frozen=True, slots=True)
class MeshStanding:
    """How far our log was cosigned, as it is known without asking."""

    mesh: MeshNodes
    size: int
    """Entries of our log now."""
    head: HeadStanding
    """Who has cosigned it as it is now."""


def mesh_standing(vault: Vault) -> MeshStanding:
    """Return how far the log of a vault was cosigned. Raises VaultError."""
    mesh = read_mesh(vault)
    if mesh.own is None:
        return MeshStanding(mesh, 0, HeadStanding(0, None, None, 0))
    with open_trace_for_reading(vault) as ledger:
        head, log = parse_checkpoint(ledger.checkpoint())[0], ledger.log
    return MeshStanding(mesh, head.size, head_standing(MeshFolder(vault), log, head))


def head_standing(folder: MeshFolder, log: str, head: Checkpoint) -> HeadStanding:
    """Return who has cosigned the checkpoint of a log. Raises VaultError."""
    note = folder.newest_cosigned(log)
    if note is not None and parse_checkpoint(note)[0] != head:
        note = None
    policy = folder.policy()
    named = {key: node.name for node in folder.nodes() for key in node.keys}
    known = [] if note is None else cosignatures(note, named)
    enough, trouble = (False, None) if note is None else judged(policy, note)
    synced = folder.cosigned_with_quorum(log)
    is_synced = synced is not None and judged(policy, synced)[0]
    return HeadStanding(
        len({named[each.key] for each in known}),
        None if policy is None else enough,
        trouble,
        parse_checkpoint(synced)[0].size if is_synced and synced is not None else 0,
    )


def judged(policy: TrustPolicy | None, note: bytes) -> tuple[bool, str | None]:
    """Return whether a checkpoint's cosignatures are a quorum, and why the policy does not fit it.

    Without a policy, nothing is enough.
    """
    if policy is None:
        return False, None
    try:
        return policy.judge(note).is_enough, None
    except UntrustedInput as error:  # after a rotation, or an adopt
        return False, error.message
