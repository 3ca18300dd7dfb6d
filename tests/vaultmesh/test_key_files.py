"""Key files that are damaged: they are refused, or what they sign is still right."""

from __future__ import annotations

from base64 import encodebytes
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from gorillacomb.errors import KeyMissing
from gorillacomb.vaultmesh.keys.keys import (
    RsaSigningKey,
    generate_rsa,
    is_signed_by,
    load_private,
)

STEP = 5
"""Bytes from one that is damaged to the next."""


def test_any_bit_of_an_rsa_key(tmp_path: Path) -> None:
    """With most damage there is still a way to the right signature, which the library takes."""
    made = generate_rsa(2048)
    public = made.private.public_key()
    kind = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
    whole = made.private.private_bytes(*kind, serialization.NoEncryption())
    file = tmp_path / "key.pem"
    file.touch(0o600)
    refused = signed = 0
    for at in range(0, len(whole), STEP):
        data = bytearray(whole)
        data[at] ^= 1 << at % 8
        text = encodebytes(data).decode()
        file.write_text(f"-----BEGIN PRIVATE KEY-----\n{text}-----END PRIVATE KEY-----\n")
        try:
            key = load_private(file)
        except KeyMissing as error:
            assert "damaged" in error.message
            refused += 1
            continue
        assert isinstance(key, RsaSigningKey)
        assert is_signed_by(public, key.sign(b"some text"), b"some text"), at
        signed += 1
    assert refused > 50 and signed > 50
