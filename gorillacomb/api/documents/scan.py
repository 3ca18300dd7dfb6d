"""The document of `gorillacomb scan --json`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, TypedDict, cast

from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.index.content_queries import GroupTotals
from gorillacomb.json_paths import path_to_json
from gorillacomb.model import EntryState, IndexedFile, ScanReport, UnreadablePath

if TYPE_CHECKING:
    from gorillacomb.api.roots import RootStatus


class UnreadableDocument(PathDocument):
    """A file or folder that could not be read."""

    kind: Literal["file", "folder"]
    cause: str


class DamagedFileDocument(PathDocument):
    """A file whose content changed although its size and modification time did not."""

    state: Literal["damaged", "suspect"]
    """``suspect`` if its ctime changed, which rewriting the same bytes or a restore can cause."""


class ScannedRootDocument(PathDocument):
    """A root, or the one folder in it that was scanned."""

    root: str
    """The root's id, 32 hex digits."""
    files: int
    folders: int
    bytes: int
    vanished: bool
    """Whether its drive disappeared while it was read."""
    suspect: str | None
    """Why it may not be what it was; null if nothing suggests that."""


class AbsentRootDocument(PathDocument):
    """A known root whose drive is not connected."""

    root: str
    """The root's id, 32 hex digits."""
    name: str | None
    """What the user calls it; null if it was given no name."""
    last_scan_ns: str | None
    """When it was last scanned to the end, ns since the epoch, as decimal text."""


class ScanDocument(TypedDict):
    """What a scan did."""

    scan: int
    """The number of the scan in the index."""
    roots: list[ScannedRootDocument]
    files: int
    """Regular files in what was scanned."""
    folders: int
    bytes: int
    """Bytes of those files."""
    hashed_files: int
    """Files that were read."""
    hashed_bytes: int
    reused_files: int
    """Files that did not have to be read again."""
    read_again_young: int
    """Files that were read again only because they had been read soon after they were written."""
    new: int
    """Files that were not in the index before."""
    changed: int
    moved: int
    gone: int
    folders_moved: int
    unreadable: list[UnreadableDocument]
    unstable: list[UnreadableDocument]
    """Files that changed each time they were read."""
    damaged: list[DamagedFileDocument]
    suspect: list[DamagedFileDocument]
    not_listed: list[UnreadableDocument]
    """Lines of ``--files-from`` that cannot be scanned."""
    other_file_systems: list[PathDocument]
    """Mount points that were not entered."""
    placeholders: int
    """Files in the vault that are only in the cloud."""
    excluded: int
    """Files in the vault that are excluded."""
    pending: int
    """Files in the vault that are not read yet."""
    groups: int
    """Groups of identical files in the vault."""
    redundant_files: int
    """Surplus copies, over all groups."""
    redundant_bytes: int
    """Bytes on disk that those take."""
    stamped: int
    """Canonical files that were recorded in the trace for the first time."""
    restamped: int
    """Contents whose canonical copy is now another file."""
    moved_stamps: int
    retired: int
    """Contents that no file has any more."""
    seconds: float
    absent: list[AbsentRootDocument]
    """Known roots that were not scanned, because their drives are not connected; empty if the scan
    was given paths."""


def scan_document(
    report: ScanReport,
    unreadable: Iterable[UnreadablePath],
    unstable: Iterable[UnreadablePath],
    damaged: Iterable[IndexedFile],
    totals: GroupTotals,
    states: Mapping[EntryState, tuple[int, int]],
    absent: Iterable[RootStatus],
) -> ScanDocument:
    """Return a scan as a document. ``states`` has files and bytes by state, of the whole vault."""
    changes, stamps, damaged = report.changes, report.stamps, list(damaged)
    document = {
        "scan": report.scan,
        "roots": [
            {
                **path_to_json(root.scopes[0] if len(root.scopes) == 1 else root.root.path),
                "root": root.root.uid,
                "files": root.files,
                "folders": root.folders,
                "bytes": root.size,
                "vanished": root.vanished,
                "suspect": root.suspect,
            }
            for root in report.roots
        ],
        "files": report.files,
        "folders": report.folders,
        "bytes": report.size,
        "hashed_files": report.hashed_files,
        "hashed_bytes": report.hashed_bytes,
        "reused_files": report.reused_files,
        "read_again_young": len(report.read_again_young),
        "new": changes.new,
        "changed": changes.changed,
        "moved": changes.moved,
        "gone": changes.gone,
        "folders_moved": changes.folders_moved,
        "unreadable": list(map(_unreadable, unreadable)),
        "unstable": list(map(_unreadable, unstable)),
        "damaged": _in_state(damaged, EntryState.DAMAGED),
        "suspect": _in_state(damaged, EntryState.SUSPECT),
        "not_listed": list(map(_unreadable, report.junk)),
        "other_file_systems": [path_to_json(path) for path in report.other_file_systems],
        "placeholders": _count(states, EntryState.PLACEHOLDER),
        "excluded": _count(states, EntryState.EXCLUDED),
        "pending": _count(states, EntryState.PENDING),
        "groups": totals.groups,
        "redundant_files": totals.redundant_files,
        "redundant_bytes": totals.redundant_bytes,
        "stamped": stamps.stamped,
        "restamped": stamps.restamped,
        "moved_stamps": stamps.moved,
        "retired": stamps.retired,
        "seconds": round(report.seconds, 3),
        "absent": list(map(_absent, absent)),
    }
    return cast(ScanDocument, document)


def _absent(status: RootStatus) -> dict[str, object]:
    last = status.facts.last_scan_ns
    return {
        **path_to_json(status.path),
        "root": status.id,
        "name": status.name,
        "last_scan_ns": None if last is None else str(last),
    }


def _unreadable(failure: UnreadablePath) -> dict[str, str]:
    kind = "folder" if failure.folder else "file"
    return {**path_to_json(failure.path), "kind": kind, "cause": failure.cause}


def _in_state(files: Iterable[IndexedFile], state: EntryState) -> list[dict[str, str]]:
    word = state.name.lower()
    return [{**path_to_json(file.path), "state": word} for file in files if file.state == state]


def _count(states: Mapping[EntryState, tuple[int, int]], state: EntryState) -> int:
    return states.get(state, (0, 0))[0]
