"""Have the nodes of the mesh cosign the trace's newest checkpoint."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gorillacomb.api.documents.mesh.nodes import MeshSyncDocument
from gorillacomb.api.mesh.forks import fork_file
from gorillacomb.api.mesh.nodes import chosen_nodes
from gorillacomb.api.mesh.standing import head_standing, judged
from gorillacomb.errors import UntrustedInput, UsageError
from gorillacomb.mesh.client import SECONDS, NodeClient, NodeUnreachable
from gorillacomb.mesh.folder import SYNC_LOCK, MeshFolder, NodeSeen
from gorillacomb.mesh.node import MeshNode
from gorillacomb.mesh.sync import (
    LogView,
    NodeSync,
    NodeSyncer,
    SyncState,
    has_cosigned,
    refuse_behind,
    with_cosignatures,
)
from gorillacomb.vault.vault import Vault
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
    policy_trouble: str | None
    """Why the policy fits the trace no more, in words; None if it does."""
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
        """Whether a node was not reached, or refused, or all that cosigned are not enough."""
        return self.has_quorum is False or any(each.state in _MUTE for each in self.nodes)

    def to_dict(self) -> MeshSyncDocument:
        """Return the document of ``mesh sync --json``."""
        return {
            "size": self.size,
            "root": self.root.hex(),
            "cosigned": self.cosigned,
            "quorum": self.has_quorum,
            "policy_trouble": self.policy_trouble,
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
            refuse_behind(ledger)
            view, log = LogView.of(ledger), ledger.log

        def sync_one(node: MeshNode) -> NodeSync:
            return _sync_one(vault, view, node, seen.get(node.name, NodeSeen()), seconds)

        with ThreadPoolExecutor(min(_THREADS, len(nodes))) as pool:
            found = list(pool.map(sync_one, nodes))
        return _collected(folder, view, log, found)


def _sync_one(
    vault: Vault, view: LogView, node: MeshNode, seen: NodeSeen, seconds: float
) -> NodeSync:
    """Sync one node, and write at once what it gave: the round may be interrupted.

    Evidence of a fork is written first.
    """
    folder = MeshFolder(vault)
    pulse = None
    try:
        with NodeClient(node.ca, seconds) as client:
            syncer = NodeSyncer(
                *(node, client, view),
                lambda: open_trace_for_reading(vault),
                lambda: int(time.time()),
            )
            found = syncer.sync(seen, folder.given(node.name))
            if found.evidence is not None:
                found.evidence.keep(anchor_store())
            if found.state is not SyncState.UNREACHABLE:
                pulse = _pulse_of(client, node)
    except UntrustedInput as error:  # its certificates
        found = NodeSync(node.name, SyncState.UNREACHABLE, seen.size, error.message)
    now = int(time.time())
    is_well = found.state in (SyncState.COSIGNED, SyncState.CURRENT)
    changes: dict[str, object] = {
        "asked_at": now,
        "pulse": pulse,
        "trouble": None if is_well else f"{found.state.value}: {found.reason}",
    }
    if found.tls_expires_at is not None:
        changes["tls_expires_at"] = found.tls_expires_at
    if found.given:
        folder.put_given(node.name, found.given)
        changes |= {"origin": view.head.origin, "size": found.size}
        changes |= {"signed_at": found.signed_at, "cosigned_at": now}
    folder.update_seen(node.name, **changes)
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
    """Keep the cosignatures of a round, and the first fork that it found."""
    note = view.note
    for node in folder.nodes():
        given = folder.given(node.name)
        if given is not None and has_cosigned(node, view.head, given):
            note = with_cosignatures(note, LogView.lines_of(given, node.keys))
    if note != view.note:
        folder.put_cosigned(log, note, is_quorum=judged(folder.policy(), note)[0])
    standing = head_standing(folder, log, view.head)
    return MeshSync(
        view.head.size,
        view.head.root,
        tuple(found),
        cosigned=standing.cosigned,
        has_quorum=standing.quorum,
        policy_trouble=standing.policy_trouble,
        synced_size=standing.synced_size,
        fork=fork_file(view.head.origin),
    )
