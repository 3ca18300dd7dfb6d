"""The witness of a vault: create it, choose which logs it cosigns, recover it, run it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from gorillacomb.api.documents.mesh.witness import (
    WitnessDocument,
    WitnessKeysDocument,
    WitnessLogDocument,
    WitnessRecoverDocument,
    WitnessTrustDocument,
)
from gorillacomb.api.paths import PathInput
from gorillacomb.errors import UntrustedInput, UsageError, VaultDamaged
from gorillacomb.fs.bounded_read import read_document
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import path_text
from gorillacomb.json_paths import path_to_json
from gorillacomb.mesh.witness.forks import known_forks
from gorillacomb.mesh.witness.identity import (
    WitnessIdentity,
    create_witness,
    identity_of,
    read_identity,
)
from gorillacomb.mesh.witness.logs import KINDS, trust_log, untrust_log
from gorillacomb.mesh.witness.protocol import MOST_BYTES, WitnessRefusal
from gorillacomb.mesh.witness.recover import CosignedLog, cosigned_logs, recover
from gorillacomb.mesh.witness.service import ClockSetBack, Witness
from gorillacomb.mesh.witness.state import WitnessState, name_of
from gorillacomb.model import SECOND
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.keys.mailed_text import without_mail_marks
from gorillacomb.vaultmesh.keys.note import VerifierKey

__all__ = [
    "MOST_BYTES",
    "ClockSetBack",
    "CosignedLog",
    "RecoveredWitness",
    "Witness",
    "WitnessKeys",
    "WitnessRefusal",
    "WitnessStatus",
    "WitnessTrust",
    "fork_met_by_own_witness",
    "held_by_own_witness",
    "init_witness",
    "own_witness_keys",
    "recover_witness",
    "trust_logs",
    "untrust_logs",
    "witness_status",
]

_MOST_FILE = 4 << 20


@dataclass(frozen=True, slots=True)
class WitnessKeys:
    """A witness and its public keys."""

    name: str
    vkeys: tuple[str, ...]
    """C2SP verifier keys of its cosignatures: Ed25519, then ML-DSA-44."""
    folder: Path
    """Where its private keys are."""

    def to_dict(self) -> WitnessKeysDocument:
        """Return the document of ``mesh witness init --json``."""
        folder = path_to_json(bytes(self.folder))
        document = {"name": self.name, "vkeys": list(self.vkeys), "folder": folder}
        return cast(WitnessKeysDocument, document)


@dataclass(frozen=True, slots=True)
class WitnessStatus:
    """A witness, and what it knows of each log."""

    keys: WitnessKeys
    logs: tuple[CosignedLog, ...]
    """Those that it trusts or has cosigned, sorted by origin."""

    @property
    def is_ready(self) -> bool:
        """Whether nothing keeps it from cosigning a log, and no log was found to be forked."""
        return not any(log.trouble or log.fork for log in self.logs)

    def to_dict(self) -> WitnessDocument:
        """Return the document of ``mesh witness show --json``."""
        return {**self.keys.to_dict(), "logs": _log_documents(self.logs)}


@dataclass(frozen=True, slots=True)
class WitnessTrust:
    """The keys of logs that were added to the trusted ones, or removed from them."""

    changed: tuple[VerifierKey, ...]

    def to_dict(self) -> WitnessTrustDocument:
        """Return the document of ``mesh witness trust --json`` and of ``untrust``."""
        return {"changed": [str(key) for key in self.changed]}


@dataclass(frozen=True, slots=True)
class RecoveredWitness:
    """Which logs were recovered, and what a witness knows of all of them now."""

    recovered: tuple[str, ...]
    """Their origins."""
    status: WitnessStatus

    def to_dict(self) -> WitnessRecoverDocument:
        """Return the document of ``mesh witness recover --json``."""
        return {"recovered": list(self.recovered), "logs": _log_documents(self.status.logs)}


def init_witness(vault: Vault, name: str | None = None, *, new_key: bool = False) -> WitnessKeys:
    """Create the witness of a vault, which is created too if it is missing.

    Its name is a random one unless given. ``new_key`` begins another one beside one that exists,
    with new keys, another name and no record. Raises UsageError if there is one, or for a name that
    is taken; VaultError, KeyMissing.
    """
    return _keys_of(create_witness(vault, name, new=new_key))


def witness_status(vault: Vault) -> WitnessStatus:
    """Return the witness of a vault, and its logs. Raises UsageError if it has none, VaultError."""
    identity = identity_of(vault)
    return WitnessStatus(_keys_of(identity), tuple(cosigned_logs(vault, identity)))


def own_witness_keys(vault: Vault) -> tuple[VerifierKey, ...]:
    """Return the keys of a vault's witness; none if it has no witness. Raises VaultError."""
    identity = read_identity(vault)
    return () if identity is None else identity.keys


def held_by_own_witness(vault: Vault, origin: str) -> bytes | None:
    """Return the checkpoint of a log that a vault's own witness cosigned last; None for none.

    Raises VaultError, VaultRolledBack.
    """
    identity = read_identity(vault)
    if identity is None:
        return None
    state = WitnessState(vault, identity)
    with state.locked():
        found = state.current(name_of(origin))
    return None if found is None else found.note


def fork_met_by_own_witness(vault: Vault, origin: str) -> bytes | None:
    """Return the checkpoint that a vault's own witness refused to cosign, as the log has forked.

    None if it met no fork of that log. Raises VaultError.
    """
    identity = read_identity(vault)
    if identity is None:
        return None
    path = known_forks(WitnessState(vault, identity)).get(name_of(origin))
    try:
        return None if path is None else read_document(path, _MOST_FILE)
    except OSError as error:
        raise VaultDamaged(f"Reading {path} failed: {os_error_text(error)}.") from error


def trust_logs(vault: Vault, keys: Iterable[str]) -> WitnessTrust:
    """Let a witness cosign logs: those of C2SP verifier keys, or of files with one a line.

    Returns the keys that were not trusted before. Raises UsageError, UntrustedInput, VaultError.
    """
    vault.check()
    parsed = [key for each in keys for key in _keys_in(each)]
    return WitnessTrust(tuple(trust_log(vault, *parsed)))


def untrust_logs(vault: Vault, names: Iterable[str]) -> WitnessTrust:
    """Stop cosigning logs, named by their origins, or trusting single keys of them.

    Raises UsageError for one that is not trusted, VaultError.
    """
    vault.check()
    return WitnessTrust(tuple(untrust_log(vault, *names)))


def recover_witness(vault: Vault, files: Sequence[PathInput] = ()) -> RecoveredWitness:
    """Let a witness go on whose vault was set back, with checkpoints that its peers have kept.

    Each file is the newest checkpoint of one log that has the witness's cosignature. Without files,
    nothing is changed: the result says which logs need one. Raises UsageError, UntrustedInput,
    RefusedForSafety for a checkpoint that is older than what is known, VaultError.
    """
    identity = identity_of(vault)
    found = [recover(vault, identity, _read(file)) for file in files]
    origins = tuple(each.checkpoint.origin for each in found if each is not None)
    return RecoveredWitness(origins, witness_status(vault))


def _keys_of(identity: WitnessIdentity) -> WitnessKeys:
    vkeys = tuple(str(key) for key in identity.keys)
    return WitnessKeys(identity.name, vkeys, identity.key_folder)


def _keys_in(text: str) -> list[VerifierKey]:
    """Return the keys that an argument names: itself, or the lines of a file."""
    if "+" in text and not os.path.exists(text):
        return [VerifierKey.parse(text, "The key of the log", KINDS)]
    try:
        lines = without_mail_marks(_read(text)).decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise UntrustedInput(f"{path_text(os.fsencode(text))} is not a list of keys.") from None
    found = [
        VerifierKey.parse(line, f"Line {number}", KINDS)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    if not found:
        raise UntrustedInput(f"{path_text(os.fsencode(text))} has no keys of logs.")
    return found


def _read(path: PathInput) -> bytes:
    try:
        return read_document(os.fsencode(path), _MOST_FILE)
    except OSError as error:
        raise UsageError(
            f"Reading {path_text(os.fsencode(path))} failed: {os_error_text(error)}."
        ) from error


def _log_documents(logs: Iterable[CosignedLog]) -> list[WitnessLogDocument]:
    documents = [
        {
            "origin": log.origin,
            "hash": log.name,
            "trusted_keys": log.trusted_keys,
            "size": log.size,
            "cosigned_ns": None if log.seconds is None else log.seconds * SECOND,
            "trouble": log.trouble,
            "fork": None if log.fork is None else path_to_json(bytes(log.fork)),
        }
        for log in logs
    ]
    return cast(list[WitnessLogDocument], documents)
