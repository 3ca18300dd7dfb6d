"""Checkpoints (C2SP tlog-checkpoint): size and root of a log at a moment, in a signed note."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gorillacomb.errors import UntrustedInput
from gorillacomb.vaultmesh.keys import note
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey
from gorillacomb.vaultmesh.keys.note import VerifierKey

_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tree head of a log."""

    origin: str
    size: int
    root: bytes
    """SHA-256, 32 bytes."""

    def text(self) -> str:
        """Return the text of its note."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def signed(self, keys: Iterable[Ed25519SigningKey]) -> bytes:
        """Return its signed note; each key signs under the origin's name."""
        return note.sign_note(self.text(), [(self.origin, key) for key in keys])


def parse_checkpoint(
    data: bytes, what: str = "The checkpoint"
) -> tuple[Checkpoint, note.SignedNote]:
    """Read a checkpoint without checking who signed it. Raises UntrustedInput."""
    found = note.parse_note(data, what)
    origin, *rest = found.text.split("\n")[:-1]
    if len(rest) < 2 or not origin or not all(rest) or not _NUMBER.fullmatch(rest[0]):
        raise UntrustedInput(f"{what} is refused: it is not a checkpoint of a log.")
    root = note.decode_base64(rest[1], what)
    if len(root) != 32:
        raise UntrustedInput(f"{what} is refused: its root is not a SHA-256 hash.")
    return Checkpoint(origin, int(rest[0]), root), found


def verify_checkpoint(
    data: bytes, publics: Iterable[bytes], what: str = "The checkpoint", hint: str = ""
) -> Checkpoint:
    """Read a checkpoint signed by one of these Ed25519 public keys. Raises UntrustedInput.

    ``hint`` says what to do if it is signed by another key.
    """
    found, signed = parse_checkpoint(data, what)
    if not signed.signers(VerifierKey(found.origin, public) for public in publics):
        raise UntrustedInput(f"{what} is signed by none of the keys that are known here.", hint)
    return found
