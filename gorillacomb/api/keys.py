"""The user's keys, which sign the trace and manifests: make them, read the public ones."""

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
    """What signs with it."""

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
    """The public key of a signer: what others check signatures by."""

    name: str | None
    """Whose it is: the origin of the trace that it signs, or the watcher; None where no trace was
    begun with it yet."""
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


def make_key(kind: KeyKind = "ed25519") -> UserKey:
    """Make a key before it is needed. Raises UsageError where there is one, KeyMissing."""
    store = key_store()
    if store.current(kind) is not None:
        raise UsageError(
            f"There is an {kind} key already in {store.folder}.",
            "To go over to a new one: gorillacomb keys rotate"
            if kind == "ed25519"
            else f"To make another {kind} key, move that file away.",
        )
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
        raise UsageError("There is no key yet.", "gorillacomb keys init makes one.")
    return [SignerKey(None, publics[0])]


def watcher_public_keys() -> list[SignerKey]:
    """Return the keys by which a watcher's pulses are known. Raises UsageError, KeyMissing."""
    publics = watcher_keys().publics()
    if not publics:
        raise UsageError("There is no key of a watcher yet.", "gorillacomb watch makes one.")
    return [SignerKey(WATCHER, public) for public in publics]


def rotate_key(vault: Vault) -> SignerKey:
    """Make a new key that signs the trace from now on, as `VaultTrace.rotate_key` says."""
    vault.check()
    if not vault.trace.exists():  # one that is gone is not begun again in passing
        raise UsageError(
            f"There is no trace {vault.trace} whose key could be changed.",
            "gorillacomb scan PATH begins one; trace adopt goes on after one that was lost.",
        )
    with Index.write(vault), open_trace_for_writing(vault) as ledger:
        return SignerKey(ledger.origin, ledger.rotate_key().public)
