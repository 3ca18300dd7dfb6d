"""The keys that sign scrolls: which there are, switch to another one, retire one, give one up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from gorillacomb.api.documents.share.scrolls import KeyStepDocument
from gorillacomb.api.keys import UserKey, user_key
from gorillacomb.api.scrolls.traces import open_traces
from gorillacomb.errors import RefusedForSafety, UsageError
from gorillacomb.index.database import Index
from gorillacomb.scrolls.envelope import SignerKind
from gorillacomb.scrolls.records import (
    ACTIVE,
    COMPROMISED,
    RETIRED,
    KeyLife,
    TraceRecords,
    read_records,
    step_entry,
)
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.error_text import translate_content_errors
from gorillacomb.vaultmesh.keys.keys import RSA_BITS, fingerprint, load_der, public_pem
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.open import key_store, open_trace_for_writing

__all__ = [
    "KeyStep",
    "compromise_key",
    "retire_key",
    "rotate_rsa_key",
    "scroll_key_pems",
]


@dataclass(frozen=True, slots=True)
class KeyStep:
    """What a key is from now on."""

    kind: SignerKind
    fingerprint: str
    step: Literal["retired", "compromised"]
    seq: int
    """The entry that says so."""
    was_usable: bool
    """Whether it has signed until now: then another one has to take its place."""

    def to_dict(self) -> KeyStepDocument:
        """Return the document of ``keys retire --json``."""
        return {
            "kind": self.kind,
            "fingerprint": self.fingerprint,
            "step": self.step,
            "seq": self.seq,
        }


def scroll_key_pems(vault: Vault) -> tuple[list[bytes], list[str]]:
    """Return the public keys by which others check the scrolls of a vault, in PEM, each once.

    And the fingerprints of those that are compromised: nobody should trust them. Raises VaultError.
    """
    with open_traces(vault) as traces:
        lives = traces.all_keys()
    pems = [
        public_pem(life.public if life.kind == "ed25519" else load_der(life.public))
        for life in lives
        if life.compromised is None
    ]
    return pems, [life.key_id for life in lives if life.compromised is not None]


def rotate_rsa_key(vault: Vault, rsa_bits: int = RSA_BITS) -> UserKey:
    """Switch to a new RSA key, and record it; the old one stays, to check what it signed.

    Raises VaultError, KeyMissing.
    """
    with _writing(vault) as (ledger, records):
        store = key_store()
        before = store.current("rsa")
        store.make("rsa", rsa_bits)
        new = user_key("rsa")
        entries = [step_entry("rsa", new.fingerprint, new.signing.public, ACTIVE)]
        life = None if before is None else records.keys.get(fingerprint(before.public))
        if life is not None and life.is_usable:
            entries.insert(0, step_entry(life.kind, life.key_id, life.public, RETIRED))
        ledger.append(entries)
        return new


def retire_key(vault: Vault, name: str) -> KeyStep:
    """Record that a key signs no scrolls any more; what it has signed stays valid.

    Raises UsageError for a key that the trace does not know, RefusedForSafety for one that signs
    the trace itself, VaultError.
    """
    with _writing(vault) as (ledger, records):
        life = _known(records.keys, name)
        if _signs_trace(ledger, life):
            raise RefusedForSafety(
                f"Retiring the key {life.key_id} failed: it signs the trace.",
                "gorillacomb keys rotate switches to another one, which retires it.",
            )
        if life.compromised is not None or life.retired is not None:
            seq = life.retired if life.compromised is None else life.compromised
            raise UsageError(
                f"Retiring the key {life.key_id} failed: since entry {seq:,} of the trace it signs"
                " no scrolls."
            )
        ledger.append([step_entry(life.kind, life.key_id, life.public, RETIRED)])
        return KeyStep(life.kind, life.key_id, "retired", ledger.size - 1, was_usable=True)


def compromise_key(vault: Vault, name: str) -> KeyStep:
    """Record that others may have a key: no scroll that it has signed is authorised any more.

    Raises UsageError for a key that the trace does not know, VaultError.
    """
    with _writing(vault) as (ledger, _):
        life = _known(_of_all(vault), name)
        if life.compromised is not None:
            log = "" if life.compromised_in is None else f" of {life.compromised_in}"
            raise UsageError(
                f"The key {life.key_id} is compromised already, says entry"
                f" {life.compromised:,}{log}."
            )
        ledger.append([step_entry(life.kind, life.key_id, life.public, COMPROMISED)])
        seq = ledger.size - 1
        return KeyStep(life.kind, life.key_id, "compromised", seq, life.is_usable)


@contextmanager
def _writing(vault: Vault) -> Iterator[tuple[Ledger, TraceRecords]]:
    """Open an existing trace to append to it. Raises UsageError if there is none, VaultError."""
    vault.check()
    if not vault.trace.exists():
        raise UsageError(f"There is no trace {vault.trace}.", "gorillacomb scan PATH starts one.")
    with Index.write(vault), open_trace_for_writing(vault) as ledger:
        with translate_content_errors(vault.trace):
            records = read_records(ledger)
        yield ledger, records


def _of_all(vault: Vault) -> dict[str, KeyLife]:
    """Return the keys of all traces of a vault, those of earlier ones too."""
    with open_traces(vault) as traces:
        return {life.key_id: life for life in traces.all_keys()}


def _known(keys: Mapping[str, KeyLife], name: str) -> KeyLife:
    life = keys.get(name)
    if life is None:
        known = ", ".join(f"{each.key_id} ({each.kind})" for each in keys.values())
        raise UsageError(
            f"The trace has no key {name[:40]!r} that signs scrolls.", f"It has: {known}."
        )
    return life


def _signs_trace(ledger: Ledger, life: KeyLife) -> bool:
    return life.kind == "ed25519" and ledger.public_keys()[-1] == life.public
