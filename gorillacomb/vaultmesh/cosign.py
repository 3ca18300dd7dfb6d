"""Cosignatures (C2SP tlog-cosignature): somebody else's statement that a checkpoint is consistent.

An Ed25519 signature over a time and the checkpoint's text, in a signature line of its note.
"""

from __future__ import annotations

import base64
import struct
from hashlib import sha256

from gorillacomb.errors import Untrusted
from gorillacomb.vaultmesh import note
from gorillacomb.vaultmesh.keys import SigningKey, is_signed_by

WATCHER = "gorillacomb/watcher"
"""The name under which our watcher cosigns, and signs its pulses."""
_COSIGNATURE = b"\x04"


def key_id(name: str, public: bytes) -> bytes:
    """The key ID of a cosigner, 4 bytes: SHA-256(name, newline, signature type, public key)."""
    return sha256(name.encode() + b"\n" + _COSIGNATURE + public).digest()[:4]


def cosigned(checkpoint: bytes, name: str, key: SigningKey, seconds: int) -> bytes:
    """A checkpoint's signed note with one more line; ``seconds`` is the time since 1970, UTC."""
    text = note.parse(checkpoint, "The checkpoint").text
    signature = key.sign(_message(text, seconds))
    blob = key_id(name, key.public) + struct.pack(">Q", seconds) + signature
    return checkpoint + f"\u2014 {name} {base64.b64encode(blob).decode()}\n".encode()


def cosigned_at(checkpoint: bytes, name: str, public: bytes) -> int:
    """When somebody cosigned a checkpoint, in seconds since 1970. Raises Untrusted."""
    found = note.parse(checkpoint, "The checkpoint")
    for line in found.signatures:
        if (line.name, line.key_id) == (name, key_id(name, public)) and len(line.signature) == 72:
            (seconds,) = struct.unpack(">Q", line.signature[:8])
            if is_signed_by(public, line.signature[8:], _message(found.text, seconds)):
                return int(seconds)
    raise Untrusted(f"The checkpoint has no valid cosignature of {name}.")


def _message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
