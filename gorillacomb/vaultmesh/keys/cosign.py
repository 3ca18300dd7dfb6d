"""Cosignatures (C2SP tlog-cosignature): a third party's statement that a checkpoint is consistent.

An Ed25519 signature over a time and the checkpoint's text, in a signature line of its note.
"""

from __future__ import annotations

import base64
import struct

from gorillacomb.vaultmesh.keys import note
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey

WATCHER = "gorillacomb/watcher"
"""The name under which our watcher cosigns and signs its pulses."""


def cosign_checkpoint(checkpoint: bytes, name: str, key: Ed25519SigningKey, seconds: int) -> bytes:
    """Add a cosignature line to a checkpoint's signed note; ``seconds`` since 1970, UTC."""
    text = note.parse_note(checkpoint, "The checkpoint").text
    signature = key.sign(f"cosignature/v1\ntime {seconds}\n{text}".encode())
    number = note.verifier_key_id(name, note.COSIGNATURE, key.public)
    blob = number + struct.pack(">Q", seconds) + signature
    return checkpoint + f"\u2014 {name} {base64.b64encode(blob).decode()}\n".encode()
