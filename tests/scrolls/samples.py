"""Keys and signed scrolls for tests that need no vault."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gorillacomb.scrolls.envelope import sign_scroll
from gorillacomb.scrolls.model import Funding, ManifestRef, ScrollStatement
from gorillacomb.scrolls.statement import to_payload
from gorillacomb.vaultmesh.keys.keys import EcdsaSigningKey, Ed25519SigningKey, RsaSigningKey

STATEMENT = ScrollStatement(
    "treaty",
    ManifestRef("HealthTrack", "a1" * 32, "b2" * 32),
    "MIT OR LicenseRef-Ours",
    {"LicenseRef-Ours": "c3" * 32},
    Funding("50000.00", "USD"),
    "2999-12-31T23:59:59Z",
    f"gorillacomb/{'d4' * 16}",
    1_800_000_000_000_000_000,
    "e5" * 16,
)


def changed(**fields: Any) -> ScrollStatement:
    return replace(STATEMENT, **fields)


@functools.cache
def ed25519_key(number: int = 0) -> Ed25519SigningKey:
    return Ed25519SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


@functools.cache
def rsa_key(number: int = 0, bits: int = 2048) -> RsaSigningKey:
    return RsaSigningKey(rsa.generate_private_key(65537, bits))


@functools.cache
def ecdsa_key() -> EcdsaSigningKey:
    return EcdsaSigningKey(ec.generate_private_key(ec.SECP256R1()))


@functools.cache
def signed() -> bytes:
    """The envelope of the sample."""
    return sign_scroll(to_payload(STATEMENT), ed25519_key(), rsa_key())


def publics() -> list[Any]:
    """The pinned keys of the sample."""
    return [ed25519_key().public, rsa_key().private.public_key()]
