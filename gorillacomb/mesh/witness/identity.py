"""Who a witness is: a name that no other has, an Ed25519 and an ML-DSA-44 key, where its files are.

Its keys are in a folder of their own, named after the witness, and are never created again in
passing: keys without the record of what they signed would sign a second tree of some size.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import cast

from gorillacomb.errors import KeyMissing, UntrustedInput, UsageError, VaultDamaged, VaultUnwritable
from gorillacomb.fs.bounded_read import read_bounded
from gorillacomb.fs.durable_files import replace_file, sync_folder
from gorillacomb.fs.openat import os_error_text
from gorillacomb.mesh.folder import MeshFolder
from gorillacomb.vault.vault import LOCK, Vault, create_state_folder, state_folder
from gorillacomb.vaultmesh import jcs
from gorillacomb.vaultmesh.keys.cosign import COSIGNATURES, cosigner_key
from gorillacomb.vaultmesh.keys.key_store import KeyStore
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey, MlDsa44SigningKey
from gorillacomb.vaultmesh.keys.note import VerifierKey, is_key_name
from gorillacomb.vaultmesh.open import witness_keys

PREFIX = "gorillacomb/witness/"
"""What the names of witnesses begin with, unless a person chose one."""
CURRENT = "current"
"""The name of the file in the vault that says which witness it has."""
IDENTITY = "witness"
"""The same in the place apart: without it, nothing is known of what the witness signed."""
_MOST_BYTES = 1 << 16
_LONGEST = 255
"""Bytes of a name: a longer one has no ML-DSA-44 cosignature (C2SP tlog-cosignature)."""
_VERSION = 1
WitnessSigners = tuple[Ed25519SigningKey, MlDsa44SigningKey]


@dataclass(frozen=True, slots=True)
class WitnessIdentity:
    """The name and the public keys of a witness."""

    name: str
    keys: tuple[VerifierKey, VerifierKey]
    """Of its cosignatures: Ed25519 and ML-DSA-44."""

    @property
    def id(self) -> str:
        """The name of its folders, 16 hex digits, derived from its name."""
        return sha256(self.name.encode()).hexdigest()[:16]

    @property
    def key_folder(self) -> Path:
        """The folder with its private keys."""
        return _store(self.name).folder

    @property
    def apart(self) -> Path:
        """The folder in the state folder with the second copy of what it cosigned."""
        return state_folder() / "witnesses" / self.id

    def in_vault(self, vault: Vault) -> Path:
        """Return the folder in a vault with what it cosigned."""
        return _folder(vault) / self.id

    def record(self) -> bytes:
        """Return the content of the file that says who it is."""
        return jcs.canonical_json(
            {"v": _VERSION, "name": self.name, "vkeys": [str(key) for key in self.keys]}
        )


def read_identity(vault: Vault) -> WitnessIdentity | None:
    """Return the witness of a vault; None if it has none. Raises VaultError."""
    path = _folder(vault) / CURRENT
    try:
        return _parsed(read_bounded(path, _MOST_BYTES))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise VaultDamaged(f"Reading {path} failed: {os_error_text(error)}.") from error
    except UntrustedInput as error:
        raise VaultDamaged(
            f"The file {path} is damaged: {error.message}",
            "Restore it from a backup of the vault, or: gorillacomb mesh witness init --new-key",
        ) from error


def identity_of(vault: Vault) -> WitnessIdentity:
    """Return the witness of a vault. Raises UsageError if it has none, VaultError."""
    vault.check()
    found = read_identity(vault)
    if found is None:
        raise UsageError(
            f"The vault {vault.folder} has no witness.",
            "gorillacomb mesh witness init creates one.",
        )
    return found


def create_witness(vault: Vault, name: str | None = None, *, new: bool = False) -> WitnessIdentity:
    """Create the witness of a vault, with keys of its own; ``name`` defaults to a random one.

    With ``new``, it takes the place of another, whose files stay: a witness of another name, which
    has signed nothing yet. Raises UsageError if there is one already, or for a name that is taken
    or not allowed; VaultError, KeyMissing.
    """
    vault.create()
    if not (vault.folder / LOCK).exists():
        vault.lock()  # so that the folder is known as a vault from now on
        vault.unlock()
    with MeshFolder(vault).locked(), _unwritable_as_error(_folder(vault)):
        known = None if new else read_identity(vault)
        if known is not None:
            raise UsageError(
                f"The vault {vault.folder} has the witness {known.name} already.",
                "gorillacomb mesh witness show prints its keys; --new-key begins another one.",
            )
        chosen = PREFIX + secrets.token_hex(8) if name is None else name
        _check_name(chosen)
        store = _store(chosen)
        if store.folder.exists():
            raise UsageError(
                f"A witness has the name {chosen} already: its keys are in {store.folder}.",
                "Choose another name; two vaults may not sign with one key.",
            )
        signers = cast(WitnessSigners, (store.make("ed25519"), store.make("ml-dsa-44")))
        made = WitnessIdentity(chosen, _verifiers(chosen, signers))
        create_state_folder(made.apart.parent)
        _folder(vault).mkdir(mode=0o700, exist_ok=True)
        for folder in (made.apart, made.in_vault(vault)):
            folder.mkdir(mode=0o700)
            for each in (folder.parent, folder.parent.parent):
                sync_folder(each)
        replace_file(made.apart / IDENTITY, made.record(), 0o600)
        replace_file(_folder(vault) / CURRENT, made.record(), 0o600)
    return made


def signers_of(identity: WitnessIdentity) -> WitnessSigners:
    """Return the private keys of a witness. Raises KeyMissing, UntrustedInput."""
    store = _store(identity.name)
    edwards, lattice = store.current("ed25519"), store.current("ml-dsa-44")
    if isinstance(edwards, Ed25519SigningKey) and isinstance(lattice, MlDsa44SigningKey):
        signers = edwards, lattice
        if _verifiers(identity.name, signers) == identity.keys:
            return signers
    raise KeyMissing(
        f"The keys of the witness {identity.name} are not in {store.folder}.",
        "Restore them from a backup, or: gorillacomb mesh witness init --new-key",
    )


def has_place_apart(identity: WitnessIdentity) -> bool:
    """Return whether the place apart is the one that was made with the witness."""
    try:
        return read_bounded(identity.apart / IDENTITY, _MOST_BYTES) == identity.record()
    except OSError:
        return False


def _parsed(data: bytes) -> WitnessIdentity:
    what = "It"
    found = jcs.parse_strict(data, what)
    if not isinstance(found, dict) or found.keys() != {"v", "name", "vkeys"}:
        raise UntrustedInput(f"{what} has other keys than v, name and vkeys.")
    name, vkeys = found["name"], found["vkeys"]
    if found["v"] != _VERSION or not isinstance(name, str) or not isinstance(vkeys, list):
        raise UntrustedInput(f"{what} is of another version.")
    keys = [VerifierKey.parse(str(each), "A key in it", COSIGNATURES) for each in vkeys]
    if tuple(key.kind for key in keys) != COSIGNATURES or {key.name for key in keys} != {name}:
        raise UntrustedInput(f"{what} has not one key of each kind under its name.")
    return WitnessIdentity(name, (keys[0], keys[1]))


def _check_name(name: str) -> None:
    if not is_key_name(name) or not name.isprintable() or len(name.encode()) > _LONGEST:
        raise UsageError(
            f"The name {name[:80]!r} is refused: no spaces and no plus, {_LONGEST} bytes at most.",
            "A good one is an address without https://, such as example.org/witness.",
        )


def _verifiers(name: str, signers: WitnessSigners) -> tuple[VerifierKey, VerifierKey]:
    return cosigner_key(name, signers[0]), cosigner_key(name, signers[1])


def _store(name: str) -> KeyStore:
    return witness_keys(sha256(name.encode()).hexdigest()[:16])


def _folder(vault: Vault) -> Path:
    return vault.folder / "mesh" / "witness"


@contextmanager
def _unwritable_as_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = os.fsdecode(error.filename) if error.filename else path
        raise VaultUnwritable(
            f"Writing {where} failed: {os_error_text(error)}.",
            "Make room on that disk, or check its permissions.",
        ) from error
