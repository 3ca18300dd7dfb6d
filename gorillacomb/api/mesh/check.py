"""Compare what the witnesses of each known log hold, and look names up."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from gorillacomb.api.documents.mesh.checks import (
    LogCheckDocument,
    MeshCheckDocument,
    MeshDnsDocument,
)
from gorillacomb.api.mesh.forks import fork_file
from gorillacomb.api.mesh.nodes import chosen_nodes
from gorillacomb.api.mesh.witness import fork_met_by_own_witness, held_by_own_witness
from gorillacomb.errors import UntrustedInput, UsageError, VaultError
from gorillacomb.mesh.check import (
    HeldHead,
    LogCheck,
    LogState,
    check_log,
    held_head,
    remote_proof,
)
from gorillacomb.mesh.client import SECONDS, NodeClient, NodeUnreachable
from gorillacomb.mesh.folder import MeshFolder, NodeSeen
from gorillacomb.mesh.fork import ForkEvidence
from gorillacomb.mesh.node import MeshNode
from gorillacomb.mesh.resolve import DnsState, NameLookup, look_up
from gorillacomb.mesh.sync import contradiction, refuse_behind
from gorillacomb.mesh.witness_client import held_checkpoint
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh import merkle
from gorillacomb.vaultmesh.keys.note import VerifierKey
from gorillacomb.vaultmesh.ledger import ORIGIN, Ledger
from gorillacomb.vaultmesh.open import anchor_store, key_store, open_trace_for_reading

__all__ = [
    "DnsState",
    "LogCheck",
    "LogState",
    "MeshCheck",
    "MeshNames",
    "NameLookup",
    "check_mesh",
    "look_up_nodes",
]

_HERE = "here"
_OUR_ORIGIN = re.compile(re.escape(ORIGIN) + "([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class MeshNames:
    """What DNS says of the names of the nodes."""

    names: tuple[NameLookup, ...]

    def to_dict(self) -> MeshDnsDocument:
        """Return the document of ``mesh dns --json``."""
        return {
            "names": [
                {
                    "node": each.node,
                    "host": each.host,
                    "state": each.state.value,
                    "addresses": list(each.addresses),
                    "before": list(each.before),
                    "reason": each.reason,
                }
                for each in self.names
            ]
        }


@dataclass(frozen=True, slots=True)
class MeshCheck:
    """What the witnesses of each known log hold."""

    logs: tuple[LogCheck, ...]

    @property
    def is_wrong(self) -> bool:
        """Whether a log forked, or was not proven to be one."""
        return any(each.state in (LogState.FORKED, LogState.UNPROVEN) for each in self.logs)

    @property
    def is_incomplete(self) -> bool:
        """Whether a node could not be asked, or nothing was there to compare."""
        return any(each.troubles or each.state is LogState.UNSEEN for each in self.logs)

    def to_dict(self) -> MeshCheckDocument:
        """Return the document of ``mesh check --json``."""
        return {"logs": [_log_document(each) for each in self.logs]}


def _log_document(found: LogCheck) -> LogCheckDocument:
    return {
        "origin": found.origin,
        "state": found.state.value,
        "reason": found.reason,
        "held": [
            {"node": each.holder, "size": each.head.size, "root": each.head.root.hex()}
            for each in found.heads
        ],
        "troubles": [{"node": name, "cause": cause} for name, cause in found.troubles],
        "fork": fork_file(found.origin),
    }


def check_mesh(
    vault: Vault,
    names: Iterable[str] = (),
    *,
    seconds: float = SECONDS,
) -> MeshCheck:
    """Check our own log and those of the nodes whose log is known here; ``names`` asks only these.

    A fork is written to the folder of anchors. Raises UsageError for an unknown node, VaultError.
    """
    vault.check()
    nodes = chosen_nodes(MeshFolder(vault).nodes(), names)
    if not nodes:
        raise UsageError("The mesh has no nodes.", "gorillacomb mesh add adds one.")
    with ExitStack() as stack:
        clients = {node.name: stack.enter_context(NodeClient(node.ca, seconds)) for node in nodes}
        found = [_own_log(vault, nodes, clients)]
        for node in nodes:
            if node.logs:
                found.append(_log_of(vault, node, nodes, clients))
    for each in found:
        if each.evidence is not None:
            each.evidence.keep(anchor_store())
    return MeshCheck(tuple(found))


def _own_log(
    vault: Vault, nodes: Sequence[MeshNode], clients: Mapping[str, NodeClient]
) -> LogCheck:
    with open_trace_for_reading(vault) as ledger:
        origin = ledger.origin
        logs = tuple(VerifierKey(origin, public) for public in ledger.trusted_keys())
    held, troubles = _held(nodes, clients, origin, logs)
    with open_trace_for_reading(vault) as ledger:  # it may have grown since, and been cosigned
        logs = tuple(VerifierKey(origin, public) for public in ledger.trusted_keys())
        own = held_head(_HERE, ledger.checkpoint(), logs)

        def prove(old: int, new: int) -> list[bytes]:
            if new > ledger.size:
                raise UntrustedInput(f"the trace here has {ledger.size:,} entries")
            return merkle.consistency_proof(old, new, ledger.node)

        now = int(time.time())
        found = check_log(origin, [own, *held], prove, now)
        if found.state is LogState.UNPROVEN:
            found = _not_ours(ledger, own, held, now) or found
    return _with_troubles(found, troubles)


def _not_ours(ledger: Ledger, own: HeldHead, held: Sequence[HeldHead], now: int) -> LogCheck | None:
    """Return the fork of our log that is in one of the heads that nodes hold; None for none."""
    refuse_behind(ledger)
    for each in held:
        why = contradiction(ledger, each.head)
        if why is not None:
            origin = own.head.origin
            evidence = ForkEvidence(*(origin, own.note, each.note, each.holder, why, now))
            return LogCheck(origin, LogState.FORKED, (own, *held), why, evidence)
    return None


def _log_of(
    vault: Vault,
    owner: MeshNode,
    nodes: Sequence[MeshNode],
    clients: Mapping[str, NodeClient],
) -> LogCheck:
    origin = owner.logs[0].name
    logs = _believed(owner.logs)
    if not logs:
        trouble = (owner.name, "it says that a log of this user is its own")
        return LogCheck(origin, LogState.UNSEEN, reason=trouble[1], troubles=(trouble,))
    held, troubles = _held(nodes, clients, origin, logs)
    try:
        note = held_by_own_witness(vault, origin)
        if note is not None:
            held.append(held_head(_HERE, note, logs))
        other = fork_met_by_own_witness(vault, origin)
        if other is not None:
            held.append(held_head(_HERE, other, logs))
    except (VaultError, UntrustedInput) as error:
        troubles.append((_HERE, error.message))
    prove = remote_proof(clients[owner.name], owner, origin)
    return _with_troubles(check_log(origin, held, prove, int(time.time())), troubles)


def _believed(logs: Sequence[VerifierKey]) -> list[VerifierKey]:
    """Return the keys of a node's log that may speak for it: a log of the user has only the user's.

    Evidence of a fork stops a log, and any node could bring some.
    """
    found = _OUR_ORIGIN.fullmatch(logs[0].name)
    if found is None or anchor_store().read(found[1]) is None:
        return list(logs)
    ours = set(key_store().publics())
    return [key for key in logs if key.public in ours]


def _held(
    nodes: Sequence[MeshNode],
    clients: Mapping[str, NodeClient],
    origin: str,
    logs: Sequence[VerifierKey],
) -> tuple[list[HeldHead], list[tuple[str, str]]]:
    """Return the checkpoints of a log that nodes hold, and the nodes that did not say."""
    held, troubles = [], []
    for node in nodes:
        try:
            note = held_checkpoint(clients[node.name], node, origin)
            if note is not None:
                held.append(held_head(node.name, note, logs))
        except (NodeUnreachable, UntrustedInput) as error:
            troubles.append((node.name, error.message))
    return held, troubles


def look_up_nodes(
    vault: Vault,
    names: Iterable[str] = (),
    *,
    resolver: tuple[str, int] | None = None,
    seconds: float = SECONDS,
) -> list[NameLookup]:
    """Ask DNS for the addresses of nodes, and compare them with those of the last time.

    ``resolver`` is the server to ask, None for the system's. Raises UsageError, VaultError.
    """
    vault.check()
    folder = MeshFolder(vault)
    nodes = chosen_nodes(folder.nodes(), names)
    seen = folder.seen()
    found = []
    for node in nodes:
        known = seen.get(node.name, NodeSeen())
        looked_up = look_up(node, known.addresses, resolver, seconds)
        changes: dict[str, object] = {"resolved_at": int(time.time())}
        if any(each.state in (DnsState.FIRST, DnsState.CHANGED) for each in looked_up):
            addresses = {each for name in looked_up for each in name.addresses}
            changes["addresses"] = tuple(sorted(addresses))
        if any(each.addresses for each in looked_up):
            folder.update_seen(node.name, **changes)
        found += looked_up
    return found


def _with_troubles(found: LogCheck, troubles: Sequence[tuple[str, str]]) -> LogCheck:
    return LogCheck(
        *(found.origin, found.state, found.heads, found.reason, found.evidence), tuple(troubles)
    )
