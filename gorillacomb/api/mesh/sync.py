"""Have the nodes of the mesh cosign the trace's newest checkpoint."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gorillacomb.api.documents.mesh.nodes import MeshSyncDocument
from gorillacomb.api.mesh.forks import fork_file
from gorillacomb.api.mesh.nodes import chosen_nodes
from gorillacomb.api.mesh.standing import head_standing, is_enough
from gorillacomb.errors import UntrustedInput, UsageError
from gorillacomb.mesh.client import SECONDS, NodeClient, NodeUnreachable
from gorillacomb.mesh.folder import SYNC_LOCK, MeshFolder, NodeSeen
from gorillacomb.mesh.node import MeshNode
from gorillacomb.mesh.sync import (
    LogView,
    NodeSync,
    NodeSyncer,
    SyncState,
    with_cosignatures,
)
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.checkpoint import parse_checkpoint
from gorillacomb.vaultmesh.jcs import parse_strict
from gorillacomb.vaultmesh.open import anchor_store, open_trace_for_reading

__all__ = ["MeshSync", "SyncState", "sync_mesh"]

_THREADS = 8
_MUTE = (SyncState.UNREACHABLE, SyncState.REFUSED)
"""What says nothing of our log."""
_PULSES = ("alive", "degraded", "dead", "none")


@dataclass(frozen=True, slots=True)
class MeshSync:
    """What came of showing the newest checkpoint to the nodes of the mesh."""

    size: int
    root: bytes
    nodes: tuple[NodeSync, ...]
    cosigned: int
    """Nodes whose cosignatures of this size are held now."""
    has_quorum: bool | None
    """Whether they are enough; None without a policy."""
    synced_size: int
    """Entries that the newest checkpoint with a quorum covers; 0 if there is none."""
    fork: str | None
    """The file with both checkpoints of a fork; None if none was found."""

    @property
    def is_forked(self) -> bool:
        """Whether a witness holds a checkpoint that contradicts our trace."""
        return self.fork is not None

    @property
    def is_wrong(self) -> bool:
        """Whether anything was found that a person has to look at."""
        bad = (SyncState.AT_FAULT, SyncState.ROLLED_BACK, SyncState.FORKED)
        return self.is_forked or any(each.state in bad for each in self.nodes)

    @property
    def is_incomplete(self) -> bool:
        """Whether a node was not reached, or refused."""
        return any(each.state in _MUTE for each in self.nodes)

    def to_dict(self) -> MeshSyncDocument:
        """Return the document of ``mesh sync --json``."""
        return {
            "size": self.size,
            "root": self.root.hex(),
            "cosigned": self.cosigned,
            "quorum": self.has_quorum,
            "synced_size": self.synced_size,
            "nodes": [
                {
                    "node": each.node,
                    "state": each.state.value,
                    "size": each.size,
                    "reason": each.reason,
                }
                for each in self.nodes
            ],
            "fork": self.fork,
        }


def sync_mesh(vault: Vault, names: Iterable[str] = (), *, seconds: float = SECONDS) -> MeshSync:
    """Show the newest checkpoint to nodes, all if none is named, and keep their cosignatures.

    ``seconds`` is the most that each answer may take. A fork that is found is written to the folder
    of anchors, and nothing is appended to the trace any more. Raises UsageError if there is no such
    node, VaultError, KeyMissing.
    """
    vault.check()
    folder = MeshFolder(vault)
    nodes = chosen_nodes(folder.nodes(), names)
    if not nodes:
        raise UsageError("The mesh has no nodes.", "gorillacomb mesh add adds one.")
    with folder.locked(SYNC_LOCK):
        seen = folder.seen()
        with open_trace_for_reading(vault) as ledger:
            view = LogView.of(ledger)
            log = ledger.log
        with ThreadPoolExecutor(min(_THREADS, len(nodes))) as pool:
            found = list(
                pool.map(
                    lambda node: _sync_one(vault, view, node, seen.get(node.name), seconds), nodes
                )
            )
        return _collected(folder, view, log, found)


def _sync_one(
    vault: Vault, view: LogView, node: MeshNode, known: NodeSeen | None, seconds: float
) -> NodeSync:
    """Sync one node, and write what was seen of it; evidence of a fork first."""
    seen = known or NodeSeen()
    with NodeClient(node.ca, seconds) as client:
        syncer = NodeSyncer(
            *(node, client, view), lambda: open_trace_for_reading(vault), lambda: int(time.time())
        )
        found = syncer.sync(seen)
        if found.evidence is not None:
            found.evidence.keep(anchor_store())
        pulse = None if found.state is SyncState.UNREACHABLE else _pulse_of(client, node)
    now = int(time.time())
    is_well = found.state in (SyncState.COSIGNED, SyncState.CURRENT)
    changes: dict[str, object] = {
        "asked_at": now,
        "pulse": pulse,
        "trouble": None if is_well else f"{found.state.value}: {found.reason}",
    }
    if found.tls_expires_at is not None:
        changes["tls_expires_at"] = found.tls_expires_at
    if found.state is SyncState.COSIGNED:
        changes |= {"origin": found.origin, "size": found.size, "root": found.root.hex()}
        changes |= {"signed_at": found.signed_at, "cosigned_at": now}
    MeshFolder(vault).update_seen(node.name, **changes)
    return found


def _pulse_of(client: NodeClient, node: MeshNode) -> str | None:
    """Return what a node says of its watcher; None if it says nothing of it."""
    try:
        answer = client.get(f"{node.monitor}/health")
        fields = parse_strict(answer.body, "The health of a node")
    except (NodeUnreachable, UntrustedInput):
        return None  # another program's witness has no such page
    pulse = fields.get("pulse") if isinstance(fields, dict) else None
    return pulse if pulse in _PULSES else None


def _collected(folder: MeshFolder, view: LogView, log: str, found: Sequence[NodeSync]) -> MeshSync:
    """Keep the cosignatures of a round."""
    note = folder.newest_cosigned(log)
    if note is None or parse_checkpoint(note)[0] != view.head:
        note = view.note
    for each in found:
        if each.lines and each.size == view.head.size:
            note = with_cosignatures(note, each.lines)
    if note != view.note:
        folder.put_cosigned(log, note, is_quorum=is_enough(folder.policy(), note))
    standing = head_standing(folder, log, view.head)
    return MeshSync(
        view.head.size,
        view.head.root,
        tuple(found),
        cosigned=standing.cosigned,
        has_quorum=standing.quorum,
        synced_size=standing.synced_size,
        fork=fork_file(view.head.origin),
    )
