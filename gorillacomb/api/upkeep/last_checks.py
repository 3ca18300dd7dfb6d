"""How the last check of the trace, and of each manifest, ended: kept in the state folder.

Whether a scroll may be released depends on them, and on how old they are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from gorillacomb.errors import VaultError
from gorillacomb.fs.bounded_read import read_bounded
from gorillacomb.fs.durable_files import replace_file
from gorillacomb.fs.openat import os_error_text
from gorillacomb.log import log_warning
from gorillacomb.vault.vault import Vault, create_state_folder, vault_state_folder
from gorillacomb.vaultmesh.audit import AuditReport
from gorillacomb.vaultmesh.ledger import Ledger

_MOST_BYTES = 1 << 16
_MOST_MANIFESTS = 1000
"""The checks of that many manifests are kept."""
_TRACE = "trace"
_MANIFEST = "manifest-"


@dataclass(frozen=True, slots=True)
class LastTraceCheck:
    """The last check of every entry of a vault's trace."""

    as_of_ns: int
    """When it was begun."""
    log: str
    """The id of the trace."""
    entries: int
    root: str
    """The root hash over them, in hex."""
    problem: str | None
    """What it found, in words; None for nothing."""


@dataclass(frozen=True, slots=True)
class LastManifestCheck:
    """The last comparison of a folder with a manifest."""

    as_of_ns: int
    """When it was begun."""
    root: str
    """The folder, as text to be shown."""
    problem: str | None
    """What it found, in words; None if the folder was as the manifest says."""


Check = TypeVar("Check", LastTraceCheck, LastManifestCheck)


def note_audit(vault: Vault, ledger: Ledger, report: AuditReport, started_ns: int) -> None:
    """Keep how an audit of a vault's trace ended."""
    try:
        log = ledger.log
    except VaultError:  # of a trace whose beginning is bad, as the report says
        log = ""
    check = LastTraceCheck(started_ns, log, report.entries, report.root.hex(), report.reason)
    _note(vault, _TRACE, asdict(check))


def note_manifest_check(vault: Vault, sha256: str, check: LastManifestCheck) -> None:
    """Keep how a comparison with a manifest ended; the SHA-256 is that of the manifest's file."""
    if vault.trace.exists():  # else there are no scrolls, and nothing to rely on it
        _note(vault, f"{_MANIFEST}{sha256}", asdict(check))


def last_trace_check(vault: Vault) -> LastTraceCheck | None:
    """Return the last check of the trace; None if none is known."""
    return _read(vault, _TRACE, LastTraceCheck)


def last_manifest_check(vault: Vault, sha256: str) -> LastManifestCheck | None:
    """Return the last comparison with a manifest; None if none is known."""
    return _read(vault, f"{_MANIFEST}{sha256}", LastManifestCheck)


def _note(vault: Vault, name: str, fields: Mapping[str, Any]) -> None:
    """Write a record; where that fails, the check was still done, and is not known later."""
    try:
        folder = vault_state_folder(vault, "checks")
        create_state_folder(folder)
        replace_file(folder / f"{name}.json", json.dumps(fields).encode(), 0o600)
        _drop_oldest(folder)
    except (OSError, VaultError) as error:
        cause = os_error_text(error) if isinstance(error, OSError) else error.message
        log_warning("The result of a check could not be kept: %s", cause)


def _drop_oldest(folder: Path) -> None:
    names = [name for name in os.listdir(folder) if name.startswith(_MANIFEST)]
    if len(names) > _MOST_MANIFESTS:
        names.sort(key=lambda name: os.stat(folder / name).st_mtime_ns)
        for name in names[: len(names) - _MOST_MANIFESTS]:
            (folder / name).unlink()


def _read(vault: Vault, name: str, kind: type[Check]) -> Check | None:
    """Return a record; None if there is none, or it is not one: it proves nothing then."""
    with suppress(OSError, ValueError, TypeError, VaultError):
        path = vault_state_folder(vault, "checks") / f"{name}.json"
        found = json.loads(read_bounded(path, _MOST_BYTES))
        check = kind(**found)
        if type(check.as_of_ns) is int and isinstance(check.problem, str | None):
            return check
    return None
