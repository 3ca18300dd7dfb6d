"""The logs that a witness trusts: a file of C2SP verifier keys, one a line, named by origin.

Several keys of one origin may be listed: those of a log before and after a rotation. A checkpoint
that both signed counts while either is trusted; nothing but `trust_log` makes a key trusted.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gorillacomb.errors import UntrustedInput, UsageError, VaultDamaged
from gorillacomb.fs.bounded_read import read_bounded
from gorillacomb.fs.durable_files import replace_file
from gorillacomb.fs.openat import os_error_text
from gorillacomb.mesh.folder import MeshFolder
from gorillacomb.vault.vault import Vault, unwritable_error
from gorillacomb.vaultmesh.keys.note import COSIGNATURE, COSIGNATURE_ML_DSA, ED25519, VerifierKey

KINDS = (ED25519, COSIGNATURE, COSIGNATURE_ML_DSA)
"""The signature types with which logs sign their checkpoints."""
_MOST_BYTES = 4 << 20
_MOST_KEYS = 1_000
_LONGEST = 255
"""Bytes of an origin: a longer one has no ML-DSA-44 cosignature (C2SP tlog-cosignature)."""


def trusted_logs(vault: Vault) -> dict[str, list[VerifierKey]]:
    """Return the keys of the trusted logs by origin, in the file's order. Raises VaultError."""
    path = _path(vault)
    try:
        text = read_bounded(path, _MOST_BYTES).decode("utf-8")
        keys = [
            VerifierKey.parse(line, f"Line {number}", KINDS)
            for number, line in enumerate(text.split("\n"), 1)
            if line.strip()
        ]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise VaultDamaged(f"Reading {path} failed: {os_error_text(error)}.") from error
    except (UnicodeDecodeError, UntrustedInput) as error:
        cause = error.message if isinstance(error, UntrustedInput) else "It is not UTF-8."
        raise VaultDamaged(
            f"The list of trusted logs {path} is damaged: {cause}",
            "Correct that line, or remove it and trust the log again.",
        ) from error
    found: dict[str, list[VerifierKey]] = {}
    for key in keys:
        found.setdefault(key.name, []).append(key)
    return found


def trust_log(vault: Vault, *keys: VerifierKey) -> list[VerifierKey]:
    """Trust keys for the logs of their names, all or none; return those not trusted before.

    Raises UsageError for one that no log can have here, or too many, VaultError.
    """
    for key in keys:
        if key.kind not in KINDS or len(key.name.encode()) > _LONGEST:
            raise UsageError(
                f"{key.name[:80]} is refused: over {_LONGEST} bytes, or of another kind."
            )
    with MeshFolder(vault).locked():
        known = _flat(trusted_logs(vault))
        added = [key for key in dict.fromkeys(keys) if key not in known]
        if len(known) + len(added) > _MOST_KEYS:
            raise UsageError(
                f"{_MOST_KEYS:,} keys at most are trusted: {len(known):,} are, and"
                f" {len(added):,} would be added."
            )
        if added:
            _write(vault, [*known, *added])
    return added


def untrust_log(vault: Vault, *names: str) -> list[VerifierKey]:
    """Stop trusting logs, named by their origins, or single keys of them; return what was trusted.

    What was cosigned stays known. Raises UsageError, and changes nothing, if nothing is trusted
    under one of the names; VaultError.
    """
    with MeshFolder(vault).locked():
        known = _flat(trusted_logs(vault))
        gone: list[VerifierKey] = []
        for name in names:
            found = [key for key in known if name.strip() in (key.name, str(key))]
            if not found:
                raise UsageError(
                    f"No log is trusted under the name {name[:80]}.",
                    "gorillacomb mesh witness show lists them.",
                )
            gone += [key for key in found if key not in gone]
        _write(vault, [key for key in known if key not in gone])
    return gone


def _flat(logs: dict[str, list[VerifierKey]]) -> list[VerifierKey]:
    return [key for keys in logs.values() for key in keys]


def _path(vault: Vault) -> Path:
    return vault.folder / "mesh" / "logs"


def _write(vault: Vault, keys: Iterable[VerifierKey]) -> None:
    path = _path(vault)
    try:
        replace_file(path, "".join(f"{key}\n" for key in keys).encode(), 0o600)
    except OSError as error:
        raise unwritable_error(path, error) from error
