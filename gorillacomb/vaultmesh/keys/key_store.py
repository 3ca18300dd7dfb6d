"""The folder with the user's keys: key files of mode 0600, put in place whole or not at all.

It is the folder ``keys`` of the user's config directory.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gorillacomb.errors import KeyMissing, UntrustedInput
from gorillacomb.fs.durable_files import replace_file
from gorillacomb.fs.openat import os_error_text
from gorillacomb.vaultmesh.keys.keys import (
    AnySigningKey,
    EcdsaSigningKey,
    Ed25519SigningKey,
    KeyKind,
    fingerprint,
    generate,
    load_private,
    private_pem,
    read_key,
    signing_key_of,
    unreadable_key_error,
)


class KeyStore:
    """The folder with the user's keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self, kind: KeyKind = "ed25519") -> AnySigningKey | None:
        """The key that signs now; None when there is none yet. Raises KeyMissing, Untrusted."""
        path = self._path(kind)
        return load_private(path) if _is_there(path) else None

    def ed25519(self) -> Ed25519SigningKey:
        """The Ed25519 key, made at first need. Raises KeyMissing, Untrusted."""
        key = self.current() or self.make("ed25519")
        if not isinstance(key, Ed25519SigningKey):
            raise UntrustedInput(f"{self._path('ed25519')} is no Ed25519 key.")
        return key

    def ecdsa(self) -> EcdsaSigningKey:
        """The P-256 key, made at first need. Raises KeyMissing, Untrusted."""
        key = self.current("ecdsa") or self.make("ecdsa")
        if not isinstance(key, EcdsaSigningKey):
            raise UntrustedInput(f"{self._path('ecdsa')} is no ECDSA key on P-256.")
        return key

    def make(self, kind: KeyKind) -> AnySigningKey:
        """Make a key; one that is there is kept under the name of its public key.

        Raises KeyMissing when the folder cannot be written.
        """
        private = generate(kind)
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
                "Make room, or set XDG_CONFIG_HOME to a folder that can be written.",
            ) from error
        return signing_key_of(private)

    def find(self, public: bytes) -> Ed25519SigningKey:
        """The private key of an Ed25519 public key, current or rotated out. Raises KeyMissing."""
        old = self.folder / f"ed25519-{fingerprint(public)}.pem"
        for path in (self._path("ed25519"), old):
            if _is_there(path):
                key = load_private(path)
                if isinstance(key, Ed25519SigningKey) and key.public == public:
                    return key
        raise KeyMissing(
            f"The key {fingerprint(public)} of the trace is not in {self.folder}.",
            "Bring it back from a backup; if it is lost, gorillacomb trace adopt begins a new log.",
        )

    def publics(self) -> list[bytes]:
        """The Ed25519 public keys of all key files, the current one first."""
        paths = [self._path("ed25519"), *sorted(self.folder.glob("ed25519-*.pem"))]
        keys = [load_private(path) for path in paths if _is_there(path)]
        return [key.public for key in keys if isinstance(key, Ed25519SigningKey)]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One at a time: of two that make the first key at once, the second keeps the first's."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _keep(self, path: Path, name: Path) -> None:
        """Give a key file a second name, if it has not got it since a run that was cut short."""
        if not name.exists():
            replace_file(name, read_key(path), 0o600)

    def _path(self, kind: KeyKind) -> Path:
        return self.folder / f"{kind}.pem"


def fingerprint_of(path: Path) -> str:
    """The short name of the public key of a private key file. Raises KeyMissing, Untrusted."""
    return fingerprint(load_private(path).public)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a folder above it that may not be entered
        raise unreadable_key_error(path, error) from error
