"""Compare what the witnesses of a log hold: all of it has to be of one log."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from gorillacomb.errors import UntrustedInput
from gorillacomb.mesh.client import NodeClient, NodeUnreachable
from gorillacomb.mesh.fork import ForkEvidence, signed_head
from gorillacomb.mesh.node import MeshNode
from gorillacomb.vaultmesh import merkle
from gorillacomb.vaultmesh.checkpoint import Checkpoint
from gorillacomb.vaultmesh.jcs import parse_strict
from gorillacomb.vaultmesh.keys.note import VerifierKey

ProveConsistency = Callable[[int, int], Sequence[bytes]]
"""Returns the proof between two sizes of a log. Raises NodeUnreachable, UntrustedInput."""
_MOST_HASHES = 63


class LogState(StrEnum):
    """What a check of a log found."""

    CONSISTENT = "consistent"
    UNPROVEN = "unproven"
    """Its owner did not prove that two of the trees that its witnesses hold are of one log."""
    FORKED = "forked"
    UNSEEN = "unseen"
    """No witness that was asked holds anything of it."""


@dataclass(frozen=True, slots=True)
class HeldHead:
    """A checkpoint of a log that someone holds."""

    holder: str
    """The name of the node; ``here`` for what this one has."""
    head: Checkpoint
    note: bytes


@dataclass(frozen=True, slots=True)
class LogCheck:
    """What the witnesses of one log hold, and whether it is of one log."""

    origin: str
    state: LogState
    heads: tuple[HeldHead, ...] = ()
    reason: str | None = None
    """In words, if it is not consistent."""
    evidence: ForkEvidence | None = None
    troubles: tuple[tuple[str, str], ...] = ()
    """Nodes that could not be asked, or showed what is not a checkpoint of the log, and why."""


def check_log(origin: str, held: Iterable[HeldHead], prove: ProveConsistency, now: int) -> LogCheck:
    """Check that heads of a log, whose signatures were checked, are of one log.

    Sizes that follow each other are compared: what holds between those holds between all. ``prove``
    asks the owner of the log; ``now`` in s since 1970.
    """
    heads = tuple(sorted(held, key=lambda each: (each.head.size, each.holder)))
    if not heads:
        return LogCheck(origin, LogState.UNSEEN, reason="no witness holds a checkpoint of it")
    unproven = None
    for old, new in pairwise(heads):
        if old.head.size == new.head.size:
            if old.head.root != new.head.root:
                why = f"two roots were signed for {old.head.size:,} entries"
                evidence = ForkEvidence(
                    *(origin, old.note, new.note, f"{old.holder}, {new.holder}", why, now)
                )
                return LogCheck(origin, LogState.FORKED, heads, why, evidence)
        elif old.head.size and unproven is None:
            unproven = _unproven(old, new, prove)
    if unproven is not None:
        return LogCheck(origin, LogState.UNPROVEN, heads, unproven)
    return LogCheck(origin, LogState.CONSISTENT, heads)


def _unproven(old: HeldHead, new: HeldHead, prove: ProveConsistency) -> str | None:
    """Return why the tree of one head was not proven to continue that of the other one."""
    sizes = f"{old.head.size:,} ({old.holder}) and {new.head.size:,} entries ({new.holder})"
    try:
        proof = prove(old.head.size, new.head.size)
    except (NodeUnreachable, UntrustedInput) as error:
        return f"between {sizes} there is no proof: {error.message}"
    roots = (old.head.root, new.head.root)
    if not merkle.is_consistent(old.head.size, new.head.size, *roots, list(proof)):
        return f"the proof between {sizes} does not hold"
    return None


def remote_proof(client: NodeClient, owner: MeshNode, origin: str) -> ProveConsistency:
    """Return the function that asks a log's owner, at its witness's address."""

    def prove(old: int, new: int) -> list[bytes]:
        url = f"{owner.monitor}/trace/consistency?old={old}&new={new}"
        answer = client.get(url)
        if answer.status != 200:
            raise NodeUnreachable(f"{url} answered {answer.status}: {answer.text()}")
        return parse_consistency(answer.body, origin, old, new)

    return prove


def parse_consistency(data: bytes, origin: str, old: int, new: int) -> list[bytes]:
    """Read a proof that a log's owner sent. Raises UntrustedInput."""
    what = "The consistency proof"
    fields = parse_strict(data, what)
    if not isinstance(fields, dict) or set(fields) != {"origin", "old", "new", "proof"}:
        raise UntrustedInput(
            f"{what} is refused: it has other fields than origin, old, new, proof."
        )
    if (fields["origin"], fields["old"], fields["new"]) != (origin, old, new):
        raise UntrustedInput(f"{what} is refused: it is of another log, or other sizes.")
    proof = fields["proof"]
    if not isinstance(proof, list) or len(proof) > _MOST_HASHES:
        raise UntrustedInput(f"{what} is refused: it is too long.")
    try:
        hashes = [base64.b64decode(each, validate=True) for each in proof]
    except (ValueError, TypeError):
        raise UntrustedInput(f"{what} is refused: bad base64.") from None
    if any(len(each) != 32 for each in hashes):
        raise UntrustedInput(f"{what} is refused: it has a hash that is not SHA-256.")
    return hashes


def held_head(holder: str, note: bytes, logs: Iterable[VerifierKey]) -> HeldHead:
    """Check who signed a checkpoint that someone holds. Raises UntrustedInput."""
    return HeldHead(holder, signed_head(note, logs, f"The checkpoint that {holder} shows"), note)
