"""The keys that sign the tokens of a vault's server: make and switch them, list the public ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from gorillacomb.api.documents.access.tokens import TokenKeyDocument, TokenKeysDocument
from gorillacomb.errors import UsageError
from gorillacomb.index.database import Index
from gorillacomb.tokens.key_ring import (
    KeyStep,
    TokenKey,
    complete_ring,
    read_ring,
    ring_held,
    rotate_ring,
)
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.open import open_trace_for_writing, read_log_id, token_key_folder

__all__ = [
    "TokenKeyFacts",
    "list_token_keys",
    "ring_with_keys",
    "rotate_token_key",
    "token_keys_document",
]


@dataclass(frozen=True, slots=True)
class TokenKeyFacts:
    """A key that signs tokens, will do so, or did."""

    kid: str
    """The thumbprint of its public key (RFC 7638)."""
    step: KeyStep
    bits: int

    def to_dict(self) -> TokenKeyDocument:
        """Return the document of an item of ``token key list --json``."""
        return {"kid": self.kid, "step": self.step, "bits": self.bits}


def rotate_token_key(vault: Vault) -> list[TokenKeyFacts]:
    """Let the next key sign tokens, and make another next one; return all of them.

    The key that signed until now is retired and deleted: tokens that it signed open nothing any
    more. Raises UsageError without a trace, VaultError, KeyMissing.
    """
    _check_trace(vault)
    with Index.write(vault), open_trace_for_writing(vault) as ledger:
        folder = token_key_folder(ledger.log)
        with ring_held(folder):
            return [_facts(key) for key in rotate_ring(read_ring(folder), ledger).keys]


def list_token_keys(vault: Vault) -> list[TokenKeyFacts]:
    """Return the active key, the next one and retired ones; nothing before the first token.

    Raises VaultError, KeyMissing.
    """
    _check_trace(vault)
    return [_facts(key) for key in read_ring(token_key_folder(read_log_id(vault))).keys]


def token_keys_document(keys: Iterable[TokenKeyFacts]) -> TokenKeysDocument:
    """Return the document of ``token key list --json`` and ``token key rotate --json``."""
    return {"keys": [each.to_dict() for each in keys]}


def ring_with_keys(
    vault: Vault, made: Callable[[TokenKeyFacts], object] | None = None
) -> tuple[str, Path]:
    """Return the id of a vault's log, and the folder of its token keys, with keys in it.

    Only if there are none yet, or a switch of keys was interrupted, the vault is locked. ``made``
    is called with the key that signs, if it is new. Raises UsageError, VaultError, KeyMissing.
    """
    _check_trace(vault)
    log = read_log_id(vault)
    folder = token_key_folder(log)
    if read_ring(folder).active() is not None:
        return log, folder
    with Index.write(vault), open_trace_for_writing(vault) as ledger, ring_held(folder):
        ring = complete_ring(read_ring(folder), ledger)
        if ring.active() is None:
            ring = rotate_ring(ring, ledger)
            if made is not None:
                made(_facts(ring.keys[0]))
    return log, folder


def _check_trace(vault: Vault) -> None:
    vault.check()
    if not vault.trace.exists():
        raise UsageError(
            f"A token names the log of the vault, and there is no trace {vault.trace}.",
            "gorillacomb scan PATH starts one; trace adopt continues one that was lost.",
        )


def _facts(key: TokenKey) -> TokenKeyFacts:
    return TokenKeyFacts(key.kid, key.step, key.jwk.bits)
