"""Inclusion proofs as files (C2SP tlog-proof): check an entry of the trace without the trace."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gorillacomb.errors import UntrustedInput, VaultRolledBack
from gorillacomb.vaultmesh import checkpoint as checkpoints
from gorillacomb.vaultmesh import merkle
from gorillacomb.vaultmesh.checkpoint import Checkpoint
from gorillacomb.vaultmesh.error_text import ROLLED_BACK
from gorillacomb.vaultmesh.keys.note import decode_base64
from gorillacomb.vaultmesh.ledger import Ledger

_HEADER = "c2sp.org/tlog-proof@v1"
_MOST_BYTES = 4 << 20
_MOST_HASHES = 64
_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}")
_WHAT = "The proof"


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """A parsed proof, not yet checked."""

    index: int
    entry: bytes
    """The entry itself, from the proof's extra data."""
    hashes: tuple[bytes, ...]
    checkpoint: bytes


def make_proof(ledger: Ledger, seq: int, checkpoint: bytes | None = None) -> bytes:
    """Make the proof that entry ``seq`` is in the trace, as of its last checkpoint.

    Or as of an earlier one, such as one that others have cosigned. Raises ValueError if the entry
    is not in that tree, UntrustedInput if that is not a checkpoint of this trace, and
    VaultRolledBack if the trace is not as it was signed, so that it can prove nothing.
    """
    note = ledger.checkpoint() if checkpoint is None else checkpoint
    what = "The last checkpoint of the trace" if checkpoint is None else "The checkpoint"
    signed, _ = checkpoints.parse_checkpoint(note, what)
    if signed.origin != ledger.origin:
        raise UntrustedInput(f"{what} is that of another log ({signed.origin}).")
    if signed.size > ledger.size:
        raise VaultRolledBack(
            f"The trace {ledger.path} has {ledger.size:,} entries, and {signed.size:,} were"
            " signed before.",
            ROLLED_BACK,
        )
    # What was added to a trace without being signed must not look like what is not in it.
    size = ledger.size if checkpoint is None else signed.size
    hashes = merkle.inclusion_proof(seq, size, ledger.node)
    leaf = merkle.leaf_hash(ledger.entry(seq))
    if merkle.root_of_inclusion(leaf, seq, size, hashes) != signed.root:
        raise VaultRolledBack(
            f"Entry {seq} of the trace {ledger.path} is not in the tree that was signed.",
            "gorillacomb trace verify names the first entry that is not as it was signed.",
        )
    lines = [
        _HEADER,
        f"extra {base64.b64encode(ledger.entry(seq)).decode()}",
        f"index {seq}",
        *(base64.b64encode(each).decode() for each in hashes),
        "",
        "",
    ]
    return "\n".join(lines).encode() + note


def parse_proof(data: bytes) -> InclusionProof:
    """Read a proof. Raises UntrustedInput."""
    if len(data) > _MOST_BYTES:
        raise UntrustedInput(f"{_WHAT} is refused: it is over 4 megabytes long.")
    head, found, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise UntrustedInput(f"{_WHAT} is refused: it is not a C2SP tlog-proof.") from None
    if not found or len(lines) < 3 or lines[0] != _HEADER:
        raise UntrustedInput(f"{_WHAT} is refused: it is not a C2SP tlog-proof, or was truncated.")
    extra, index, *rest = lines[1:]
    number = index.removeprefix("index ")
    if not extra.startswith("extra ") or number == index or not _NUMBER.fullmatch(number):
        raise UntrustedInput(f"{_WHAT} is refused: it names no entry.")
    hashes = tuple(decode_base64(line, _WHAT) for line in rest)
    if len(hashes) > _MOST_HASHES or any(len(each) != 32 for each in hashes):
        raise UntrustedInput(f"{_WHAT} is refused: it has a hash that is not SHA-256.")
    return InclusionProof(
        int(number), decode_base64(extra.removeprefix("extra "), _WHAT), hashes, checkpoint
    )


def verify_proof(data: bytes, publics: Iterable[bytes]) -> tuple[InclusionProof, Checkpoint]:
    """Check a proof against Ed25519 public keys (32 bytes each). Raises UntrustedInput."""
    proof = parse_proof(data)
    checkpoint = checkpoints.verify_checkpoint(
        proof.checkpoint,
        publics,
        "The proof's checkpoint",
        "If you were sent it, name a file with its author's public key: --key FILE",
    )
    check_inclusion(proof, checkpoint)
    return proof, checkpoint


def check_inclusion(proof: InclusionProof, checkpoint: Checkpoint) -> None:
    """Raise UntrustedInput unless a proof's entry is in the tree of its checkpoint."""
    try:
        root = merkle.root_of_inclusion(
            merkle.leaf_hash(proof.entry), proof.index, checkpoint.size, list(proof.hashes)
        )
    except ValueError as error:
        raise UntrustedInput(f"{_WHAT} does not hold: {error}.") from None
    if root != checkpoint.root:
        raise UntrustedInput(f"{_WHAT} does not hold: the entry is not in the signed tree.")
