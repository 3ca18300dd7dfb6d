"""The nodes of the mesh: add, remove and list them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gorillacomb.api.documents.mesh.nodes import (
    MeshNodeDocument,
    MeshNodesDocument,
    MeshRemovalDocument,
)
from gorillacomb.api.mesh.forks import ForkEvidence, fork_document, iso_time, list_forks
from gorillacomb.api.mesh.given_files import read_given_file
from gorillacomb.errors import UntrustedInput, UsageError
from gorillacomb.mesh.client import NodeClient
from gorillacomb.mesh.folder import MeshFolder, NodeSeen
from gorillacomb.mesh.node import MeshNode, make_node
from gorillacomb.mesh.witness.logs import trust_log
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.ledger import ORIGIN
from gorillacomb.vaultmesh.open import open_trace_for_reading, read_log_id

__all__ = [
    "KnownNode",
    "MeshNode",
    "MeshNodes",
    "NodeSeen",
    "RemovedNode",
    "add_node",
    "chosen_nodes",
    "list_nodes",
    "read_mesh",
    "remove_node",
]

ACTIVE_SECONDS = 25 * 3600
"""A node is active if it cosigned within this time: a checkpoint is shown again each day."""
_MOST_KEYS = 48
"""Of all nodes: a signed note takes 64 signatures, and the log's own are among them."""


@dataclass(frozen=True, slots=True)
class KnownNode:
    """A node, and what was last seen of it."""

    node: MeshNode
    seen: NodeSeen

    def is_active(self, now: float) -> bool:
        """Return whether it cosigned within 25 hours; ``now`` in s since 1970."""
        return 0 <= now - self.seen.cosigned_at < ACTIVE_SECONDS

    def to_dict(self) -> MeshNodeDocument:
        """Return the document of ``mesh add --json``, one of those of ``mesh list --json``."""
        return node_document(self, time.time())


@dataclass(frozen=True, slots=True)
class MeshNodes:
    """The nodes that are known, and the forks that were found."""

    nodes: tuple[KnownNode, ...]
    forks: tuple[ForkEvidence, ...]
    own: str | None = None
    """The origin of our log; None if there is no trace."""

    @property
    def open_forks(self) -> tuple[ForkEvidence, ...]:
        """Those of our log and of the nodes' logs; of an earlier log it is history."""
        known = {self.own, *(each.node.origin for each in self.nodes)}
        return tuple(fork for fork in self.forks if fork.origin in known)

    def to_dict(self) -> MeshNodesDocument:
        """Return the document of ``mesh list --json``."""
        now = time.time()
        return {
            "nodes": [node_document(each, now) for each in self.nodes],
            "active": sum(each.is_active(now) for each in self.nodes),
            "forks": [fork_document(each) for each in self.forks],
        }


@dataclass(frozen=True, slots=True)
class RemovedNode:
    """A node that was removed."""

    name: str
    is_in_policy: bool
    """Whether the policy still counts its cosignatures."""

    def to_dict(self) -> MeshRemovalDocument:
        """Return the document of ``mesh remove --json``."""
        return {"removed": self.name}


def add_node(
    vault: Vault,
    name: str,
    *,
    url: str,
    monitor: str | None,
    vkeys: Sequence[str],
    log_vkeys: Sequence[str] = (),
    ca: Path | None = None,
    replace: bool = False,
) -> KnownNode:
    """Add a node, whose witness is to cosign our log; ``replace`` one of that name.

    ``monitor`` is where it shows checkpoints, None for the same place; ``log_vkeys`` are the keys
    of its own log, which our witness cosigns from then on. Raises UsageError for a name
    that is taken or a file that cannot be read, UntrustedInput for what is not a key or address.
    """
    vault.check()
    text = None if ca is None else _certificates(ca)
    node = make_node(name, url, monitor or url, vkeys, log_vkeys, text)
    if text is not None:
        _check_certificates(node, text)
    if node.logs and vault.trace.exists() and node.origin == ORIGIN + read_log_id(vault):
        raise UsageError(f"The log of {name} has the origin of the log of this vault.")
    folder = MeshFolder(vault)
    with folder.locked():
        nodes = folder.nodes()
        if any(each.name == name for each in nodes) and not replace:
            raise UsageError(
                f"There is a node {name} already.",
                "--replace puts this one in its place, as after it has new keys.",
            )
        former = [each for each in nodes if each.name == name]
        nodes = [each for each in nodes if each.name != name]
        taken = {key.public: each.name for each in nodes for key in each.keys}
        for key in node.keys:
            if key.public in taken:
                raise UsageError(f"{taken[key.public]} has that key already.")
        if len(taken) + len(node.keys) > _MOST_KEYS:
            raise UsageError(f"All nodes together may have {_MOST_KEYS} keys, and these are more.")
        folder.put_nodes([*nodes, node])
    if not former or former[0].keys != node.keys:
        # What the new keys have signed is not that; and a sync may have run while another node of
        # that name was removed.
        folder.forget_seen(name)
    for key in node.logs:
        trust_log(vault, key)
    return KnownNode(node, folder.seen().get(name, NodeSeen()))


def remove_node(vault: Vault, name: str) -> RemovedNode:
    """Remove a node. Raises UsageError if there is none of that name."""
    vault.check()
    folder = MeshFolder(vault)
    with folder.locked():
        nodes = folder.nodes()
        (removed,) = chosen_nodes(nodes, [name])
        folder.put_nodes([each for each in nodes if each.name != name])
    folder.forget_seen(name)
    policy = folder.policy()
    counted = set() if policy is None else {each.key for each in policy.witnesses.values()}
    return RemovedNode(name, any(key in counted for key in removed.keys))


def list_nodes(vault: Vault) -> list[KnownNode]:
    """Return the nodes that are known, sorted by name. Raises VaultError."""
    vault.check()
    folder = MeshFolder(vault)
    seen = folder.seen()
    return [KnownNode(node, seen.get(node.name, NodeSeen())) for node in folder.nodes()]


def read_mesh(vault: Vault) -> MeshNodes:
    """Return the nodes that are known, and the forks that were found. Raises VaultError."""
    own = None
    if vault.trace.exists():
        with open_trace_for_reading(vault) as ledger:
            own = ledger.origin
    return MeshNodes(tuple(list_nodes(vault)), tuple(list_forks()), own)


def chosen_nodes(nodes: Sequence[MeshNode], names: Iterable[str]) -> list[MeshNode]:
    """Return the nodes of some names, or all if none is named. Raises UsageError."""
    by_name = {node.name: node for node in nodes}
    names = list(names)
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise UsageError(
            f"There is no node {unknown[0]!r}.",
            f"Known: {', '.join(by_name) or 'none; gorillacomb mesh add adds one'}.",
        )
    return [by_name[name] for name in names] if names else list(nodes)


def node_document(known: KnownNode, now: float) -> MeshNodeDocument:
    """Return the document of one node; ``now`` in s since 1970."""
    node, seen = known.node, known.seen
    return {
        "name": node.name,
        "url": node.url,
        "monitor": node.monitor,
        "vkeys": [str(key) for key in node.keys],
        "log_vkeys": [str(key) for key in node.logs],
        "active": known.is_active(now),
        "size": seen.size,
        "cosigned": iso_time(seen.cosigned_at),
        "skew_seconds": seen.skew,
        "pulse": seen.pulse,
        "asked": iso_time(seen.asked_at),
        "trouble": seen.trouble,
        "tls_expires": iso_time(seen.tls_expires_at or 0),
        "addresses": list(seen.addresses),
        "resolved": iso_time(seen.resolved_at),
    }


def _check_certificates(node: MeshNode, text: str) -> None:
    """Refuse certificates that are none, or that no connection would be checked with."""
    for url in (node.url, node.monitor):
        if not url.startswith("https:"):
            raise UsageError(f"Certificates are for https, and {url} is without.")
    try:
        with NodeClient(text):
            pass
    except UntrustedInput as error:
        raise UsageError(error.message) from error


def _certificates(path: Path) -> str:
    try:
        return read_given_file(path).decode("ascii")
    except UnicodeDecodeError:
        raise UsageError(f"{path} holds no certificates in PEM.") from None
