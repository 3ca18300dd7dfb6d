"""The documents of `gorillacomb status --json` and `gorillacomb roots --json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict, cast

from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.json_paths import path_to_json

if TYPE_CHECKING:
    from gorillacomb.api.roots import ForgottenRoot, RootStatus
    from gorillacomb.api.status import VaultStatus
    from gorillacomb.dedupe.quarantine.inventory import QuarantinedRun


class RootDocument(PathDocument):
    """A drive or folder that was scanned."""

    root: str
    """The root's id, 32 hex digits."""
    name: str | None
    """What the user calls it; null if it was given no name."""
    online: bool
    """Whether its drive is connected, and is the one that was scanned."""
    suspect: str | None
    """Why it may not be what it was; null if nothing suggests that."""
    volume: str
    """The identity of its file system."""
    file_system: str
    """The type of its file system."""
    weak_fingerprint: bool
    """Whether files are known by path, size and mtime alone, because inodes are not stable."""
    files: int
    folders: int
    bytes: int
    last_scan_ns: str | None
    """When it was last scanned to the end, ns since the epoch, as decimal text."""
    exclude: list[str]
    """Patterns that the root remembers."""
    min_size: int
    """Smaller files are left unread, in bytes."""


class RootsDocument(TypedDict):
    """The drives and folders that were scanned."""

    roots: list[RootDocument]


class QuarantineDocument(PathDocument):
    """What one run has in quarantine; the path is the run's folder there."""

    run: str
    files: int
    bytes: int
    """On disk."""
    started_ns: str
    """When the run began, ns since the epoch, as decimal text."""


class QuarantineListDocument(TypedDict):
    """What is in quarantines."""

    items: list[QuarantineDocument]
    files: int
    bytes: int
    """On disk."""
    digest: str
    """BLAKE3 of all that, 64 hex digits: it changes with what is in them."""


class ForgottenRootDocument(PathDocument):
    """The root that was forgotten."""

    root: str
    """The root's id, 32 hex digits."""


class ForgetDocument(TypedDict):
    """What was forgotten."""

    forgotten: ForgottenRootDocument
    quarantine: list[QuarantineDocument]
    """What is in quarantines that no other root leads to."""


class StateTotalsDocument(TypedDict):
    """Files that were not read, or are damaged, for one reason."""

    files: int
    bytes: int


class TraceDocument(TypedDict):
    """The state of the trace."""

    log: str
    """The trace's id, 32 hex digits."""
    entries: int
    root: str
    """The root hash of its Merkle tree, 64 hex digits."""
    stamps: int
    """Canonical files that are recorded."""


class SettingsDocument(TypedDict):
    """The user's settings from config.toml."""

    exclude: list[str]
    min_size: int | None
    prefer: list[str]
    protect: list[str]
    rules: list[str]
    """Which copy to keep, in their order."""
    workers: int | None


class StatusDocument(TypedDict):
    """What the vault knows."""

    vault: PathDocument
    roots: list[RootDocument]
    groups: int
    """Groups of identical files."""
    redundant_files: int
    """Surplus copies, over all groups."""
    redundant_bytes: int
    """Bytes on disk that those take."""
    files_by_state: dict[str, StateTotalsDocument]
    """By ``pending``, ``unreadable``, ``excluded`` and the like; but not files that were read.
    """
    folders_by_state: dict[str, int]
    trace: TraceDocument | None
    """Null if there is none."""
    quarantine: list[QuarantineDocument]
    settings: SettingsDocument


def status_document(status: VaultStatus) -> StatusDocument:
    """Return the status of a vault as a document."""
    totals, trace, settings = status.totals, status.trace, status.settings
    document = {
        "vault": path_to_json(bytes(status.path)),
        "roots": list(map(root_document, status.roots)),
        "groups": totals.groups,
        "redundant_files": totals.redundant_files,
        "redundant_bytes": totals.redundant_bytes,
        **state_documents(status),
        "trace": None
        if trace is None
        else {
            "log": trace.log,
            "entries": trace.entries,
            "root": trace.root.hex(),
            "stamps": trace.stamps,
        },
        "quarantine": quarantine_documents(status.quarantine),
        "settings": {
            "exclude": list(settings.exclude),
            "min_size": settings.min_size,
            "prefer": list(settings.prefer),
            "protect": list(settings.protect),
            "rules": [rule.text for rule in settings.rules],
            "workers": settings.workers,
        },
    }
    return cast(StatusDocument, document)


def state_documents(status: VaultStatus) -> dict[str, object]:
    """Return what was not read as two members of a document."""
    return {
        "files_by_state": {
            state.name.lower(): {"files": files, "bytes": size}
            for state, (files, size) in status.files_by_state.items()
        },
        "folders_by_state": {
            state.name.lower(): number for state, number in status.folders_by_state.items()
        },
    }


def roots_document(roots: Iterable[RootStatus]) -> RootsDocument:
    """Return roots as a document."""
    return {"roots": list(map(root_document, roots))}


def root_document(status: RootStatus) -> RootDocument:
    """Return a root as a document."""
    root, facts = status.root, status.facts
    document = {
        **path_to_json(root.path),
        "root": root.uid,
        "name": root.name,
        "online": status.is_online,
        "suspect": root.suspect,
        "volume": root.volume,
        "file_system": root.volume_type,
        "weak_fingerprint": root.weak,
        "files": facts.files,
        "folders": facts.folders,
        "bytes": facts.bytes,
        "last_scan_ns": None if facts.last_scan_ns is None else str(facts.last_scan_ns),
        "exclude": list(root.exclude),
        "min_size": root.min_size,
    }
    return cast(RootDocument, document)


def forget_document(forgotten: ForgottenRoot) -> ForgetDocument:
    """Return what was forgotten as a document."""
    root = {**path_to_json(forgotten.path), "root": forgotten.id}
    document = {"forgotten": root, "quarantine": quarantine_documents(forgotten.quarantine)}
    return cast(ForgetDocument, document)


def quarantine_documents(waiting: Iterable[QuarantinedRun]) -> list[dict[str, object]]:
    """Return what is in quarantines as a member of a document."""
    return [
        {
            **path_to_json(each.folder),
            "run": each.run,
            "files": each.files,
            "bytes": each.size,
            "started_ns": str(each.started_ns),
        }
        for each in waiting
    ]
