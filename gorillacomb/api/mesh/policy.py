"""The trust policy: whose cosignatures on our log are enough."""

from __future__ import annotations

from dataclasses import dataclass

from gorillacomb.api.documents.mesh.nodes import MeshPolicyDocument
from gorillacomb.api.mesh.witness import own_witness_keys
from gorillacomb.errors import UntrustedInput, UsageError
from gorillacomb.mesh.folder import MeshFolder
from gorillacomb.mesh.node import MeshNode
from gorillacomb.mesh.policy import TrustPolicy, parse_policy
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.keys import note
from gorillacomb.vaultmesh.keys.note import VerifierKey
from gorillacomb.vaultmesh.open import open_trace_for_reading

__all__ = ["InstalledPolicy", "make_policy", "read_policy", "set_policy"]

_SUFFIXES = {note.COSIGNATURE: "ed25519", note.COSIGNATURE_ML_DSA: "ml-dsa-44"}


@dataclass(frozen=True, slots=True)
class InstalledPolicy:
    """A policy that is in force."""

    data: bytes
    """The file, in the format of tlog-policy."""
    witnesses: int
    quorum: int
    """The least number of witness keys that are a quorum."""

    def to_dict(self) -> MeshPolicyDocument:
        """Return the document of ``mesh policy --json``."""
        return {
            "policy": self.data.decode("utf-8", "replace"),
            "witnesses": self.witnesses,
            "quorum": self.quorum,
        }


def read_policy(vault: Vault) -> InstalledPolicy | None:
    """Return the policy in force; None if there is none. Raises VaultError."""
    vault.check()
    folder = MeshFolder(vault)
    data, policy = folder.policy_file(), folder.policy()
    if data is None or policy is None:
        return None
    return InstalledPolicy(data, len(policy.witnesses), least_quorum(policy))


def set_policy(vault: Vault, data: bytes) -> InstalledPolicy:
    """Put a policy in force: a file in the format of tlog-policy.

    The keys of this node's own witness may be in no policy: a node that cosigns its own log proves
    nothing. Raises UntrustedInput for a malformed policy, UsageError for one that
    does not name our log.
    """
    vault.check()
    policy = parse_policy(data)
    with open_trace_for_reading(vault) as ledger:
        keys = [VerifierKey(ledger.origin, public) for public in ledger.public_keys()]
    if not set(keys) & set(policy.logs):
        raise UsageError(
            "The policy does not name the log of this vault.",
            f"Add the line: log {keys[-1]}",
        )
    mine = {key.public for key in own_witness_keys(vault)}
    for name, witness in policy.witnesses.items():
        if witness.key.public in mine:
            raise UsageError(
                f"The witness {name} of the policy is this node's own.",
                "A node that cosigns its own log proves nothing: leave it out.",
            )
    folder = MeshFolder(vault)
    with folder.locked():
        folder.put_policy(data)
    return InstalledPolicy(data, len(policy.witnesses), least_quorum(policy))


def make_policy(vault: Vault, quorum: int) -> bytes:
    """Return a policy by which ``quorum`` of the known nodes are enough, as a file.

    A node counts once, whichever of its keys cosigned. Raises UsageError for a number that the
    known nodes cannot give.
    """
    vault.check()
    nodes = MeshFolder(vault).nodes()
    if not 1 <= quorum <= len(nodes):
        raise UsageError(
            f"A quorum of {quorum} takes as many nodes; {len(nodes)} are known.",
            "gorillacomb mesh add adds one.",
        )
    with open_trace_for_reading(vault) as ledger:
        logs = [VerifierKey(ledger.origin, public) for public in ledger.public_keys()]
    lines = [f"log {key}" for key in logs]
    for node in nodes:
        lines += ["", *_node_lines(node)]
    names = " ".join(node.name for node in nodes)
    lines += ["", f"group quorum-of-nodes {quorum} {names}", "quorum quorum-of-nodes", ""]
    data = "\n".join(lines).encode()
    try:
        parse_policy(data)
    except UntrustedInput as error:
        raise UsageError(f"No policy can be made of these nodes: {error.message}") from error
    return data


def _node_lines(node: MeshNode) -> list[str]:
    """Return the lines of a node: a group of its keys, where any one counts."""
    if len(node.keys) == 1:
        return [f"witness {node.name} {node.keys[0]} {node.url}"]
    names = [f"{node.name}.{number}.{_SUFFIXES[key.kind]}" for number, key in enumerate(node.keys)]
    pairs = zip(names, node.keys, strict=True)
    return [
        *(f"witness {name} {key} {node.url}" for name, key in pairs),
        f"group {node.name} any {' '.join(names)}",
    ]


def least_quorum(policy: TrustPolicy) -> int:
    """Return the least number of witnesses that are a quorum; 0 if none is needed."""
    needed: dict[str, int] = dict.fromkeys(policy.witnesses, 1)
    for name, group in policy.groups.items():  # no member is in two groups, so that sums are exact
        needed[name] = sum(sorted(needed[each] for each in group.members)[: group.least])
    return needed.get(policy.quorum, 0)
