"""The documents of `gorillacomb mesh list` and `mesh sync`, and of forks."""

from __future__ import annotations

from typing import Literal, TypedDict


class MeshNodeDocument(TypedDict):
    """A node of the mesh, and what was last seen of it."""

    name: str
    url: str
    monitor: str
    vkeys: list[str]
    """C2SP verifier keys of its witness."""
    log_vkeys: list[str]
    """Of its own log."""
    active: bool
    """Whether it cosigned within 25 hours."""
    size: int
    """Entries of our log that it cosigned last; 0 for never."""
    cosigned: str | None
    """When, ISO 8601 in UTC; null for never."""
    skew_seconds: int | None
    """By which its clock was ahead of ours at that time."""
    pulse: str | None
    """The state of its watcher when it was last asked; null if it did not say."""
    asked: str | None
    """When it was last asked for anything."""
    trouble: str | None
    """What was wrong at that time; null if nothing was."""
    tls_expires: str | None
    """When its TLS certificate expires; null without TLS."""
    addresses: list[str]
    """Of its names, as DNS answered last."""
    resolved: str | None
    """When that was."""


class MeshNodesDocument(TypedDict):
    """The nodes of the mesh that are known here."""

    nodes: list[MeshNodeDocument]
    active: int
    """How many cosigned within 25 hours."""
    forks: list[ForkDocument]
    """Those that were found on this machine, of any log."""


class NodeSyncDocument(TypedDict):
    """What came of showing the checkpoint to one node."""

    node: str
    state: Literal[
        "cosigned", "current", "refused", "unreachable", "at fault", "rolled back", "forked"
    ]
    size: int
    """Entries that it has cosigned now; 0 if not known."""
    reason: str | None
    """Why it did not cosign; null if it did."""


class MeshSyncDocument(TypedDict):
    """What came of showing the newest checkpoint to the nodes of the mesh."""

    size: int
    """Entries that the checkpoint covers."""
    root: str
    """The root hash over them, in hex."""
    cosigned: int
    """Nodes whose cosignatures of this size are held now."""
    quorum: bool | None
    """Whether they are enough for the policy; null if there is no policy."""
    policy_trouble: str | None
    """Why the policy fits the trace no more, as after a rotation; null if it does."""
    synced_size: int
    """Entries that the newest checkpoint with a quorum covers; 0 if there is none."""
    nodes: list[NodeSyncDocument]
    fork: str | None
    """The file with both checkpoints of a fork; null if none was found."""


class ForkDocument(TypedDict):
    """Two checkpoints of one log that contradict each other, both signed by it."""

    origin: str
    sizes: list[int]
    """Entries that each covers."""
    roots: list[str]
    """Their root hashes, in hex."""
    source: str
    """Who held the second one."""
    reason: str
    found: str | None
    """When, ISO 8601 in UTC."""
    file: str
    """Where both are kept."""
    checkpoints: list[str]
    """Both signed notes, in base64."""


class MeshRemovalDocument(TypedDict):
    """A node that was removed."""

    removed: str
    """Its name."""


class MeshPolicyDocument(TypedDict):
    """The policy in force: whose cosignatures are enough."""

    policy: str
    """The file, in the format of C2SP tlog-policy."""
    witnesses: int
    """Witness keys that it names."""
    quorum: int
    """The least number of them that are enough."""
