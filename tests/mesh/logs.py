"""A log of which everything is computed from its entries, by the definitions of RFC 6962."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gorillacomb.vaultmesh.checkpoint import Checkpoint
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey
from gorillacomb.vaultmesh.keys.note import VerifierKey


def signing_key(seed: str) -> Ed25519SigningKey:
    """A key that is the same each time."""
    return Ed25519SigningKey(Ed25519PrivateKey.from_private_bytes(sha256(seed.encode()).digest()))


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over entries (section 2.1)."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    half = split(len(leaves))
    return sha256(b"\1" + root_of(leaves[:half]) + root_of(leaves[half:])).digest()


def consistency(old: int, leaves: Sequence[bytes], is_whole: bool = True) -> list[bytes]:
    """The proof that the first entries are the beginning of all (section 2.1.2)."""
    if old == len(leaves):
        return [] if is_whole else [root_of(leaves)]
    half = split(len(leaves))
    if old <= half:
        return [*consistency(old, leaves[:half], is_whole), root_of(leaves[half:])]
    return [*consistency(old - half, leaves[half:], False), root_of(leaves[:half])]


def split(size: int) -> int:
    half = 1
    while half * 2 < size:
        half *= 2
    return half


@dataclass
class MadeLog:
    """A log, its key, and whatever entries a test says."""

    origin: str = "example.com/log"
    entries: list[bytes] = field(default_factory=lambda: [b"entry %d" % n for n in range(64)])
    keys: list[Ed25519SigningKey] = field(default_factory=lambda: [signing_key("log")])

    @property
    def vkey(self) -> VerifierKey:
        return VerifierKey(self.origin, self.keys[0].public)

    def head(self, size: int) -> Checkpoint:
        return Checkpoint(self.origin, size, root_of(self.entries[:size]))

    def note(self, size: int) -> bytes:
        return self.head(size).signed(self.keys)

    def proof(self, old: int, size: int) -> list[bytes]:
        return consistency(old, self.entries[:size]) if 0 < old < size else []

    def request(self, old: int, size: int, proof: Sequence[bytes] | None = None) -> bytes:
        """The body of a request that a well-behaved client sends."""
        given = self.proof(old, size) if proof is None else proof
        return body_of(old, given, self.note(size))

    def forked(self, at: int) -> MadeLog:
        """The same log with other entries from one on."""
        kept, changed = self.entries[:at], self.entries[at:]
        return MadeLog(self.origin, [*kept, *(each + b"!" for each in changed)], self.keys)


def body_of(old: int | str, proof: Sequence[bytes], note: bytes) -> bytes:
    lines = [f"old {old}".encode(), *map(base64.b64encode, proof)]
    return b"\n".join([*lines, b"", note])
