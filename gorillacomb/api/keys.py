"""The user's keys, which sign the trace and manifests: create them, read the public ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from gorillacomb.api.documents.trace import KeyInitDocument, KeyRotateDocument
from gorillacomb.errors import UntrustedInput, UsageError
from gorillacomb.index.database import Index
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.error_text import translate_content_errors
from gorillacomb.vaultmesh.keys.cosign import WATCHER
from gorillacomb.vaultmesh.keys.keys import (
    RSA_BITS,
    AnySigningKey,
    EcdsaSigningKey,
    Ed25519SigningKey,
    KeyKind,
    RsaSigningKey,
    fingerprint,
    public_pem,
)
from gorillacomb.vaultmesh.keys.note import VerifierKey
from gorillacomb.vaultmesh.open import (
    key_store,
    open_trace_for_reading,
    open_trace_for_writing,
    watcher_keys,
)

__all__ = [
    "KeyKind",
    "SignerKey",
    "UserKey",
    "make_key",
    "public_keys",
    "rotate_key",
    "user_key",
    "watcher_public_keys",
]

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
    """The key that signs."""

    @property
    def public_pem(self) -> str:
        """Its public key in PEM, as OpenSSL reads it."""
        return self.signing.public_pem.decode("ascii")

    def to_dict(self) -> KeyInitDocument:
        """Return the document of ``keys init --json``."""
        folder = os.fsdecode(os.path.dirname(self.path))
        return {"kind": self.kind, "fingerprint": self.fingerprint, "folder": folder}


@dataclass(frozen=True, slots=True)
class SignerKey:
    """The public key of a signer, with which others check its signatures."""

    name: str | None
    """Whose it is: the origin of the trace that it signs, or the watcher; None if no trace was
    started with it yet.
    """
    public: bytes
    """The Ed25519 public key, 32 bytes."""

    @property
    def verifier(self) -> str | None:
        """The C2SP verifier key, ``name+id+base64``; None for a key without a name."""
        return None if self.name is None else str(VerifierKey(self.name, self.public))

    @property
    def pem(self) -> bytes:
        """The key in PEM, as OpenSSL reads it."""
        return public_pem(self.public)

    def to_dict(self) -> KeyRotateDocument:
        """Return the document of ``keys rotate --json``."""
        return {"key": self.verifier}


def user_key(kind: KeyKind, made: Callable[[UserKey], object] | None = None) -> UserKey:
    """Return the user's key of a kind; create it if there is none.

    ``made`` is then called: no one trusts the key yet, and if there was one before, it has been
    lost. Raises KeyMissing, UntrustedInput.
    """
    store = key_store()
    known = store.current(kind)
    signing = store.make(kind) if known is None else known
    path = store.folder / f"{kind}.pem"
    if not isinstance(signing, _CLASSES[kind]):
        raise UntrustedInput(
            f"Signing failed: the key in {path} is not of the kind {kind}.",
            "Put the right key there, or move that file away to have a new one created.",
        )
    key = UserKey(kind, fingerprint(signing.public), os.fsencode(path), signing)
    if known is None and made is not None:
        made(key)
    return key


def make_key(kind: KeyKind = "ed25519", rsa_bits: int = RSA_BITS) -> UserKey:
    """Create a key before it is needed. Raises UsageError if there is one, KeyMissing."""
    store = key_store()
    if store.current(kind) is not None:
        raise UsageError(
            f"There is an {kind} key already in {store.folder}.",
            "To switch to a new one: gorillacomb keys rotate"
            if kind == "ed25519"
            else "To switch to a new one: gorillacomb keys rotate --rsa"
            if kind == "rsa"
            else f"To create another {kind} key, move that file away.",
        )
    if kind == "rsa":
        store.make(kind, rsa_bits)
    return user_key(kind)


def public_keys(vault: Vault) -> list[SignerKey]:
    """Return the public keys of a vault's trace, as `VaultTrace.public_keys` says."""
    if vault.trace.exists():
        with open_trace_for_reading(vault) as ledger, translate_content_errors(vault.trace):
            found = [SignerKey(ledger.origin, public) for public in ledger.public_keys()]
        if found:
            return found
    publics = key_store().publics()
    if not publics:
        raise UsageError("There is no key yet.", "gorillacomb keys init creates one.")
    return [SignerKey(None, publics[0])]


def watcher_public_keys() -> list[SignerKey]:
    """Return the keys that verify a watcher's pulses. Raises UsageError, KeyMissing."""
    publics = watcher_keys().publics()
    if not publics:
        raise UsageError("There is no watcher key yet.", "gorillacomb watch creates one.")
    return [SignerKey(WATCHER, public) for public in publics]


def rotate_key(vault: Vault) -> SignerKey:
    """Make a new key that signs the trace from now on, as `VaultTrace.rotate_key` says."""
    vault.check()
    if not vault.trace.exists():  # a missing trace is not started again in passing
        raise UsageError(
            f"Rotating the key failed: there is no trace {vault.trace}.",
            "gorillacomb scan PATH starts one; trace adopt continues one that was lost.",
        )
    with Index.write(vault), open_trace_for_writing(vault) as ledger:
        return SignerKey(ledger.origin, ledger.rotate_key().public)
