"""The certificate that a server makes for itself, and keeps until it is about to expire."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gorillacomb.api.server.state import (
    own_host_name,
    read_private,
    server_folder,
    write_private,
)
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.keys.certificate import fingerprint, make_self_signed, names_of

__all__ = ["ServerCertificate", "make_certificate"]

_ANY = {"0.0.0.0", "::"}
_LEFT = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """The files of a certificate and its key, and what a browser shows of it."""

    certificate: Path
    key: Path
    fingerprint: str
    """SHA-256 of the certificate, as pairs of hex digits."""


def make_certificate(vault: Vault, names: Iterable[str] = ()) -> ServerCertificate:
    """Return the certificate of a vault's server, for all names that it may be reached under.

    ``names`` are those besides its own and this machine's: where it listens, and what is allowed.
    The one that was made before is used as long as it has those names and does not expire within
    two weeks, so that its fingerprint stays. Raises VaultError.
    """
    folder = server_folder(vault)
    files = folder / "certificate.pem", folder / "certificate.key"
    given = {*names, socket.gethostname()}
    wanted = {name.strip("[]").lower() for name in given if name and name.isascii()} - _ANY
    wanted |= {own_host_name(vault), "localhost", "127.0.0.1", "::1"}
    found = read_private(files[0])
    wanted |= _names_in(found)  # what others know it by
    if found is None or read_private(files[1]) is None or not _is_good(found, wanted):
        found, key = make_self_signed(sorted(wanted))
        write_private(files[1], key)
        write_private(files[0], found)
    return ServerCertificate(*files, fingerprint(found))


def _names_in(certificate: bytes | None) -> set[str]:
    try:
        return set() if certificate is None else set(names_of(certificate)[0])
    except ValueError:
        return set()


def _is_good(certificate: bytes, wanted: set[str]) -> bool:
    try:
        names, until = names_of(certificate)
    except ValueError:
        return False
    return wanted <= names and until - datetime.now(UTC) > _LEFT
