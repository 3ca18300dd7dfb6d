"""The documents of `gorillacomb mesh check` and `mesh dns`, and of consistency proofs."""

from __future__ import annotations

from typing import Literal, TypedDict


class HeldDocument(TypedDict):
    """A checkpoint that someone holds."""

    node: str
    """``here`` for this one."""
    size: int
    root: str


class TroubleDocument(TypedDict):
    """A node that could not be asked, and why."""

    node: str
    cause: str


class LogCheckDocument(TypedDict):
    """What the witnesses of one log hold, and whether it is of one log."""

    origin: str
    state: Literal["consistent", "unproven", "forked", "unseen"]
    reason: str | None
    """Why it is not consistent."""
    held: list[HeldDocument]
    troubles: list[TroubleDocument]
    fork: str | None
    """The file with both checkpoints; null if none was found."""


class MeshCheckDocument(TypedDict):
    """What the witnesses of each known log hold."""

    logs: list[LogCheckDocument]


class LookupDocument(TypedDict):
    """What DNS says of one name of a node."""

    node: str
    host: str
    state: Literal["unchanged", "first", "changed", "missing", "failed", "literal"]
    """``literal`` for an address in place of a name."""
    addresses: list[str]
    before: list[str]
    """At the last time that it had any."""
    reason: str | None


class MeshDnsDocument(TypedDict):
    """What DNS says of the names of the nodes."""

    names: list[LookupDocument]


class ConsistencyDocument(TypedDict):
    """A Merkle consistency proof (RFC 6962, section 2.1.2)."""

    origin: str
    """Of the log."""
    old: int
    new: int
    proof: list[str]
    """Hashes, in base64."""
