"""The user's keys, which sign the trace and manifests: make them, read the public ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from gorillacomb.errors import UntrustedInput
from gorillacomb.vaultmesh.keys.keys import (
    AnySigningKey,
    EcdsaSigningKey,
    Ed25519SigningKey,
    KeyKind,
    RsaSigningKey,
    fingerprint,
)
from gorillacomb.vaultmesh.open import key_store

__all__ = ["KeyKind", "UserKey", "user_key"]

_CLASSES = {"ed25519": Ed25519SigningKey, "rsa": RsaSigningKey, "ecdsa": EcdsaSigningKey}


@dataclass(frozen=True, slots=True)
class UserKey:
    """One of the user's keys."""

    kind: KeyKind
    fingerprint: str
    """The short name of its public key."""
    path: bytes
    """Where its file is."""
    signing: AnySigningKey = field(repr=False)
    """What signs with it."""

    @property
    def public_pem(self) -> str:
        """Its public key in PEM, as OpenSSL reads it."""
        return self.signing.public_pem.decode("ascii")


def user_key(kind: KeyKind, made: Callable[[UserKey], object] | None = None) -> UserKey:
    """Return the user's key of a kind, which is made where there is none.

    ``made`` is then called: nobody trusts the key yet, and where there was one before, that one has
    been lost. Raises KeyMissing, UntrustedInput.
    """
    store = key_store()
    known = store.current(kind)
    signing = store.make(kind) if known is None else known
    path = store.folder / f"{kind}.pem"
    if not isinstance(signing, _CLASSES[kind]):
        raise UntrustedInput(
            f"Signing failed: the key in {path} is not of the kind {kind}.",
            "Put the right key there, or move that file away to have a new one made.",
        )
    key = UserKey(kind, fingerprint(signing.public), os.fsencode(path), signing)
    if known is None and made is not None:
        made(key)
    return key
