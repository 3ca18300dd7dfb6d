"""How the last check of the trace, and of each manifest, ended: kept in the state folder.

Whether a scroll may be released depends on them, and on how old they are.
"""

from __future__ import annotations

import json
import os
import time
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
from gorillacomb.scrolls.records import read_records
from gorillacomb.vault.vault import Vault, create_state_folder, vault_state_folder
from gorillacomb.vaultmesh.audit import AuditReport, audit
from gorillacomb.vaultmesh.error_text import translate_content_errors
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.open import anchor_store, former_traces, key_store

_MOST_BYTES = 1 << 16
_MOST_MANIFESTS = 1000
"""The checks of that many manifests are kept."""
_TRACE = "trace"
_FORMER = "former-"
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
    """Keep how an audit of a vault's trace ended, or of one that was adopted."""
    try:
        log = ledger.log
    except VaultError:  # of a trace whose beginning is bad, as the report says
        log = ""
    check = LastTraceCheck(started_ns, log, report.entries, report.root.hex(), report.reason)
    is_current = ledger.path == vault.trace
    _note(vault, _TRACE if is_current else f"{_FORMER}{log}", asdict(check))


def check_former_traces(vault: Vault) -> None:
    """Audit the traces that were adopted and have scrolls, and keep how that ended.

    What it finds is for those scrolls alone: a trace may have been adopted because it was damaged.
    """
    for path in former_traces(vault):
        started_ns = time.time_ns()
        try:
            with (
                translate_content_errors(path),
                Ledger.read(path, key_store(), anchor_store()) as ledger,
            ):
                if read_records(ledger).scrolls:
                    note_audit(vault, ledger, audit(ledger), started_ns)
        except VaultError as error:
            log_warning("An earlier trace could not be checked: %s", error.message)


def note_manifest_check(vault: Vault, sha256: str, check: LastManifestCheck) -> None:
    """Keep how a comparison with a manifest ended; the SHA-256 is that of the manifest's file."""
    if vault.trace.exists():  # else there are no scrolls, and nothing to rely on it
        _note(vault, f"{_MANIFEST}{sha256}", asdict(check))


def last_trace_check(vault: Vault, log: str) -> LastTraceCheck | None:
    """Return the last check of a trace, current or former; None if none is known."""
    found = [_read(vault, name, LastTraceCheck) for name in (_TRACE, f"{_FORMER}{log}")]
    of_it = [each for each in found if each is not None and each.log == log]
    return max(of_it, key=lambda each: each.as_of_ns, default=None)


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
