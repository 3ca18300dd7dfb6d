"""Cosignatures (C2SP tlog-cosignature): a third party's statement that a checkpoint is consistent.

A signature, Ed25519 or ML-DSA-44, over a time and the checkpoint, in a signature line of its note.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from gorillacomb.errors import UntrustedInput
from gorillacomb.vaultmesh.checkpoint import Checkpoint, parse_checkpoint
from gorillacomb.vaultmesh.keys import note
from gorillacomb.vaultmesh.keys.keys import (
    Ed25519SigningKey,
    MlDsa44SigningKey,
    is_signed_by,
    is_signed_with_ml_dsa,
)
from gorillacomb.vaultmesh.keys.note import VerifierKey

WATCHER = "gorillacomb/watcher"
"""The name under which our watcher cosigns and signs its pulses."""
COSIGNATURES = (note.COSIGNATURE, note.COSIGNATURE_ML_DSA)
"""The signature types of cosignatures."""
_SIGNATURE_BYTES = {note.COSIGNATURE: 64, note.COSIGNATURE_ML_DSA: 2420}
_LATEST = (1 << 63) - 1
_LABEL = b"subtree/v1\n\0"


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A valid cosignature."""

    key: VerifierKey
    seconds: int
    """When it was made, by the cosigner's clock: since 1970, UTC."""


def cosigner_key(name: str, key: Ed25519SigningKey | MlDsa44SigningKey) -> VerifierKey:
    """Return the verifier key of the cosignatures that a key makes under a name."""
    is_ed25519 = isinstance(key, Ed25519SigningKey)
    return VerifierKey(
        name, key.public, note.COSIGNATURE if is_ed25519 else note.COSIGNATURE_ML_DSA
    )


def cosignature_line(
    checkpoint: bytes, name: str, key: Ed25519SigningKey | MlDsa44SigningKey, seconds: int
) -> str:
    """Return the signature line with which a key cosigns a checkpoint's signed note.

    ``seconds`` since 1970, UTC. Raises UntrustedInput if that is not a checkpoint, ValueError for a
    time that no cosignature may have.
    """
    if not 0 < seconds <= _LATEST:
        raise ValueError(f"{seconds} is not a time of a cosignature")
    found, signed = parse_checkpoint(checkpoint)
    verifier = cosigner_key(name, key)
    signature = key.sign(_message(verifier, seconds, found, signed.text))
    return note.signature_line(verifier, struct.pack(">Q", seconds) + signature)


def cosign_checkpoint(checkpoint: bytes, name: str, key: Ed25519SigningKey, seconds: int) -> bytes:
    """Add a cosignature line to a checkpoint's signed note; ``seconds`` since 1970, UTC."""
    return checkpoint + cosignature_line(checkpoint, name, key, seconds).encode()


def cosignatures(
    checkpoint: bytes, keys: Iterable[VerifierKey], what: str = "The checkpoint"
) -> list[Cosignature]:
    """Return the cosignatures that a checkpoint's note has of some keys, the latest of each.

    Lines of other keys are ignored. Raises UntrustedInput if it is not a checkpoint, or a line that
    names one of the keys is not a valid cosignature.
    """
    found, signed = parse_checkpoint(checkpoint, what)
    valid = []
    for key in keys:
        times = [
            _verified(key, line.signature, found, signed.text, what)
            for line in signed.lines_of(key)
        ]
        if times:
            valid.append(Cosignature(key, max(times)))
    return valid


def _verified(key: VerifierKey, blob: bytes, checkpoint: Checkpoint, text: str, what: str) -> int:
    """Return the time of a cosignature. Raises UntrustedInput if it is not valid."""
    if key.kind in COSIGNATURES and len(blob) == 8 + _SIGNATURE_BYTES[key.kind]:
        seconds = int.from_bytes(blob[:8], "big")
        check = is_signed_by if key.kind == note.COSIGNATURE else is_signed_with_ml_dsa
        if 0 < seconds <= _LATEST and check(
            key.public, blob[8:], _message(key, seconds, checkpoint, text)
        ):
            return seconds
    raise UntrustedInput(f"{what} is refused: the cosignature of {key.name} is not valid.")


def _message(key: VerifierKey, seconds: int, checkpoint: Checkpoint, text: str) -> bytes:
    """Return what is signed: with Ed25519 the whole text, with ML-DSA-44 origin, size and root."""
    if key.kind == note.COSIGNATURE:
        return f"cosignature/v1\ntime {seconds}\n{text}".encode()
    name, origin = key.name.encode(), checkpoint.origin.encode()
    if max(len(name), len(origin)) > 255:
        raise UntrustedInput("A name or an origin of over 255 bytes has no ML-DSA-44 cosignature.")
    return b"".join(
        (
            *(_LABEL, bytes([len(name)]), name, struct.pack(">Q", seconds)),
            *(bytes([len(origin)]), origin, struct.pack(">QQ", 0, checkpoint.size)),
            checkpoint.root,
        )
    )
