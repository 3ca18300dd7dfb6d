"""The folder with the user's keys: key files of mode 0600, written atomically.

It is the folder ``keys`` of the user's config directory.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gorillacomb.errors import KeyMissing, UntrustedInput
from gorillacomb.fs.durable_files import replace_file
from gorillacomb.fs.openat import os_error_text
from gorillacomb.vaultmesh.keys.keys import (
    RSA_BITS,
    AnySigningKey,
    EcdsaSigningKey,
    Ed25519SigningKey,
    MlDsa44SigningKey,
    RsaSigningKey,
    StoredKind,
    fingerprint,
    generate,
    load_private,
    private_pem,
    read_key,
    signing_key_of,
    unreadable_key_error,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


class KeyStore:
    """The folder with the user's keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self, kind: StoredKind = "ed25519") -> AnySigningKey | None:
        """Return the current signing key; None if there is none yet.

        Raises KeyMissing, UntrustedInput.
        """
        path = self._path(kind)
        return load_private(path) if _is_there(path) else None

    def ed25519(self) -> Ed25519SigningKey:
        """Return the Ed25519 key, created if needed. Raises KeyMissing, UntrustedInput."""
        key = self.current() or self.make("ed25519")
        if not isinstance(key, Ed25519SigningKey):
            raise UntrustedInput(f"{self._path('ed25519')} is not an Ed25519 key.")
        return key

    def ecdsa(self) -> EcdsaSigningKey:
        """Return the P-256 key, created if needed. Raises KeyMissing, UntrustedInput."""
        key = self.current("ecdsa") or self.make("ecdsa")
        if not isinstance(key, EcdsaSigningKey):
            raise UntrustedInput(f"{self._path('ecdsa')} is not an ECDSA key on P-256.")
        return key

    def ml_dsa(self) -> MlDsa44SigningKey:
        """Return the ML-DSA-44 key, created if needed. Raises KeyMissing, UntrustedInput."""
        key = self.current("ml-dsa-44") or self.make("ml-dsa-44")
        if not isinstance(key, MlDsa44SigningKey):
            raise UntrustedInput(f"{self._path('ml-dsa-44')} is not an ML-DSA-44 key.")
        return key

    def make(self, kind: StoredKind, rsa_bits: int = RSA_BITS) -> AnySigningKey:
        """Create a key; an existing one is kept under the name of its public key.

        ``rsa_bits`` is the size of an RSA key. Raises KeyMissing if the folder cannot be written.
        """
        private = generate(kind, rsa_bits)
        path = self._path(kind)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked():
                if path.exists():
                    self._keep(path, self.folder / f"{kind}-{fingerprint_of(path)}.pem")
                replace_file(path, private_pem(private), 0o600)
        except OSError as error:
            raise KeyMissing(
                f"The key {path} cannot be written: {os_error_text(error)}.",
                "Free some space, or set XDG_CONFIG_HOME to a writable folder.",
            ) from error
        return signing_key_of(private)

    def find(self, public: bytes) -> Ed25519SigningKey:
        """Return the private key of an Ed25519 public key, current or rotated out.

        Raises KeyMissing.
        """
        old = self.folder / f"ed25519-{fingerprint(public)}.pem"
        for path in (self._path("ed25519"), old):
            if _is_there(path):
                key = load_private(path)
                if isinstance(key, Ed25519SigningKey) and key.public == public:
                    return key
        raise KeyMissing(
            f"The key {fingerprint(public)} of the trace is not in {self.folder}.",
            "Restore it from a backup; if it is lost, gorillacomb trace adopt begins a new log.",
        )

    def publics(self) -> list[bytes]:
        """Return the Ed25519 public keys of all key files, the current one first."""
        keys = self._all("ed25519")
        return [key.public for key in keys if isinstance(key, Ed25519SigningKey)]

    def rsa_publics(self) -> list[RSAPublicKey]:
        """Return the RSA public keys of all key files, the current one first."""
        keys = self._all("rsa")
        return [key.private.public_key() for key in keys if isinstance(key, RsaSigningKey)]

    def _all(self, kind: StoredKind) -> list[AnySigningKey]:
        paths = [self._path(kind), *sorted(self.folder.glob(f"{kind}-*.pem"))]
        return [load_private(path) for path in paths if _is_there(path)]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the folder lock: of two processes creating the first key, one uses the other's."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _keep(self, path: Path, name: Path) -> None:
        """Copy a key file to a second name, unless an interrupted run has already done so."""
        if not name.exists():
            replace_file(name, read_key(path), 0o600)

    def _path(self, kind: StoredKind) -> Path:
        return self.folder / f"{kind}.pem"


def fingerprint_of(path: Path) -> str:
    """Return the short name of a private key file's public key.

    Raises KeyMissing, UntrustedInput.
    """
    return fingerprint(load_private(path).public)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a parent folder without search permission
        raise unreadable_key_error(path, error) from error
