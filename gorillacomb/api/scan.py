"""Scan folders into the index, and report what a scan found."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gorillacomb.api.callbacks import stopped_by_callbacks
from gorillacomb.api.documents.scan import ScanDocument, scan_document
from gorillacomb.api.paths import PathsInput, PatternsInput, encoded_paths, listed_patterns
from gorillacomb.api.rescan import paths_that_runs_deleted, recorder_for
from gorillacomb.api.text import suspect_texts
from gorillacomb.classify.state_text import FILE_CAUSES, FOLDER_CAUSES
from gorillacomb.errors import RootVanished, UsageError
from gorillacomb.fs.paths import common_suffix_parts, is_below, join, path_text
from gorillacomb.fs.volumes import present_path
from gorillacomb.index import content_queries, folder_queries, stamps
from gorillacomb.index.content_queries import GroupTotals
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.roots import all_roots
from gorillacomb.log import log_info
from gorillacomb.model import (
    DAMAGE,
    EntryState,
    FolderState,
    GroupSummary,
    IndexedFile,
    ScanChanges,
    ScanReport,
    UnreadablePath,
)
from gorillacomb.progress import Progress, ProgressCallback, as_progress
from gorillacomb.scan.options import ScanOptions
from gorillacomb.scan.scanner import scan
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault

if TYPE_CHECKING:
    from gorillacomb.api.roots import RootStatus

__all__ = [
    "FILE_CAUSES",
    "FOLDER_CAUSES",
    "EntryState",
    "FolderState",
    "GroupTotals",
    "LargestGroup",
    "ScanChanges",
    "ScanFindings",
    "ScanReport",
    "ScanResult",
    "UnreadablePath",
    "scan_folders",
]

_LARGEST = 3
"""Groups that the findings name."""


@dataclass(frozen=True, slots=True)
class LargestGroup:
    """One of the groups that take the most space, by the name that its copies share.

    Which one to keep depends on how the folders relate, which is unknown until all is read.
    """

    summary: GroupSummary
    name: bytes
    """The longest ending that the paths of all copies share, or else their most common name."""
    is_shared: bool
    """Whether all copies have it."""


@dataclass(frozen=True, slots=True)
class ScanFindings:
    """What is known once the duplicates are; files without a copy may still be unread."""

    report: ScanReport
    roots: int
    """How many roots the vault has, including those that were not scanned now."""
    totals: GroupTotals
    largest: tuple[LargestGroup, ...]
    empty_files: int
    files_by_state: Mapping[EntryState, tuple[int, int]]
    """Files and their bytes, of files that were not read or are damaged."""
    folders_by_state: Mapping[FolderState, int]
    """Folders that were not listed."""

    @classmethod
    def read(cls, index: Index, report: ScanReport) -> ScanFindings:
        """Read the findings of a scan from the index."""
        connection = index.connection
        roots = {root.id: root for root in all_roots(connection)}
        paths = FolderPaths(connection, roots)
        return cls(
            report,
            len(roots),
            content_queries.content_totals(connection),
            tuple(
                _largest_group(index, paths, summary)
                for summary in content_queries.groups(connection, _LARGEST)
            ),
            content_queries.empty_files(connection),
            content_queries.counts_by_state(connection),
            folder_queries.count_folders_by_state(connection),
        )


def _largest_group(index: Index, paths: FolderPaths, summary: GroupSummary) -> LargestGroup:
    found = []
    for folder, name, _ in stamps.holders_of(index.connection, summary.digest):
        place = paths.place(folder)
        if place is not None:
            found.append(join(place[1], name))
    shared = common_suffix_parts(found)
    return LargestGroup(summary, shared or _most_common(found), bool(shared))


def _most_common(paths: Iterable[bytes]) -> bytes:
    numbers = Counter(map(os.path.basename, paths))
    return min(numbers, key=lambda name: (-numbers[name], name), default=b"")


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a scan did, and what it could not read or found damaged in the folders it scanned."""

    report: ScanReport
    """The same in more detail."""
    unreadable: tuple[UnreadablePath, ...]
    unstable: tuple[UnreadablePath, ...]
    """Files that changed each time they were read."""
    damaged: tuple[IndexedFile, ...]
    """Files whose content changed although their size and time did not."""
    totals: GroupTotals
    files_by_state: Mapping[EntryState, tuple[int, int]]
    """Files and their bytes, of files that were not read or are damaged."""
    absent: tuple[RootStatus, ...] = ()
    """Known roots that were to be scanned, but whose drives are not connected."""

    @property
    def files(self) -> int:
        """Files in the folders that were scanned."""
        return self.report.files

    @property
    def size(self) -> int:
        """Bytes of those."""
        return self.report.size

    @property
    def read_files(self) -> int:
        """Files that were read; what had not changed was not."""
        return self.report.hashed_files

    @property
    def read_size(self) -> int:
        """Bytes of those."""
        return self.report.hashed_bytes

    @property
    def changes(self) -> ScanChanges:
        """How the folders differ from what the index knew."""
        return self.report.changes

    @property
    def is_complete(self) -> bool:
        """Whether everything that was asked for could be read."""
        report = self.report
        lost = report.vanished or any(root.suspect is not None for root in report.roots)
        return not (self.unreadable or self.unstable or lost or report.junk)

    def root_warnings(self) -> list[tuple[str, str]]:
        """Report each root that disappeared, or may not be what it was, and what to do."""
        vanished = [
            (
                f"{path_text(path)} disappeared while it was read.",
                "What is known about it is kept; scan again when its drive is back.",
            )
            for path in self.report.vanished
        ]
        suspect = [
            suspect_texts(replace(each.root, suspect=each.suspect))
            for each in self.report.roots
            if each.suspect is not None
        ]
        return vanished + suspect

    @property
    def privacy_advice(self) -> str | None:
        """What to do if macOS kept this program, or this user, from folders; None if it did not."""
        if not self.unreadable:
            return None
        from gorillacomb.fs.darwin.privacy import privacy_advice_for

        return privacy_advice_for([each.cause for each in self.unreadable])

    @property
    def warnings(self) -> tuple[str, ...]:
        """About roots that disappeared or may not be what they were."""
        return tuple(f"{what} {advice}" for what, advice in self.root_warnings())

    def to_dict(self) -> ScanDocument:
        """Return the document of ``scan --json``."""
        return scan_document(
            self.report,
            self.unreadable,
            self.unstable,
            self.damaged,
            self.totals,
            self.files_by_state,
            self.absent,
        )


@stopped_by_callbacks
def scan_folders(
    vault: Vault,
    paths: PathsInput | None = None,
    *,
    exclude: PatternsInput = (),
    clear_excludes: bool = False,
    min_size: int | None = None,
    quick: bool = False,
    rehash: bool = False,
    cross_file_systems: bool = False,
    file_list: PathsInput | None = None,
    accept_loss: bool = False,
    hydrate_limit: int | None = None,
    workers: int | None = None,
    progress: Progress | ProgressCallback | None = None,
    on_findings: Callable[[ScanFindings], object] | None = None,
) -> ScanResult:
    """Read folders into the index, as `OpenVault.scan` says."""
    if quick and rehash:
        raise UsageError(
            "Quick and rehash exclude each other: one leaves files unread, the other reads all.",
            "Choose one of them.",
        )
    concerns_one = (exclude, clear_excludes, accept_loss, (min_size, file_list) != (None, None))
    tops, absent = _tops(vault, paths, any(concerns_one))
    settings = load_settings()
    options = ScanOptions(
        workers=settings.workers if workers is None else workers,
        exclude=tuple(listed_patterns(exclude)),
        clear_excludes=clear_excludes,
        standing_excludes=settings.exclude,
        min_size=min_size,
        standing_min_size=settings.min_size or 0,
        quick=quick,
        rehash=rehash,
        cross_file_systems=cross_file_systems,
        file_list=None if file_list is None else tuple(encoded_paths(file_list)),
        accept_loss=accept_loss,
        deleted=paths_that_runs_deleted,
        hydrate_limit=hydrate_limit,
    )

    tell = None
    if on_findings is not None:
        found = on_findings

        def tell(index: Index, report: ScanReport) -> None:
            found(ScanFindings.read(index, report))

    log_info("Scanning %s", ", ".join(map(path_text, tops)))
    with ExitStack() as during_scan:
        if hydrate_limit is not None:
            from gorillacomb.fs.darwin.downloads import downloads_allowed  # for this alone

            during_scan.enter_context(downloads_allowed())
        report = scan(vault, tops, options, as_progress(progress), tell, recorder_for(settings))
    log_info("Scanned %d files, read %d of them", report.files, report.hashed_files)
    with Index.read(vault) as index, translate_errors(vault):
        return replace(_result(index, report), absent=absent)


def _tops(
    vault: Vault, paths: PathsInput | None, concerns_one: bool
) -> tuple[list[bytes], tuple[RootStatus, ...]]:
    """Return the paths to scan: those given, else those of the known roots that are connected.

    Also return the known roots that are not. A root that may not be what it was is scanned, too:
    that shows whether it is. Options that concern one folder need its path.
    """
    if paths is not None:
        tops = encoded_paths(paths)
        if not tops:
            raise UsageError(
                "There is nothing to scan: the list of paths is empty.",
                "Name a path, or no list for all known roots.",
            )
        return tops, ()
    if concerns_one:
        raise UsageError(
            "What is excluded, a minimum size, a file list and an accepted loss concern one"
            " folder, and none was named.",
            "Name it: gorillacomb scan PATH",
        )
    from gorillacomb.api.roots import list_roots  # most scans are given paths

    roots = list_roots(vault) if vault.index.exists() else ()
    if not roots:
        raise UsageError("No folder has been scanned yet.", "Name one: gorillacomb scan PATH")
    present = {each.id: present_path(each.root) for each in roots}
    absent = tuple(each for each in roots if present[each.id] is None)
    if len(absent) == len(roots):
        names = ", ".join(path_text(each.path) for each in roots)
        raise RootVanished(
            f"None of the known drives and folders is connected: {names}.",
            "Connect one and scan again, or name a folder: gorillacomb scan PATH",
        )
    return [path for path in present.values() if path is not None], absent


def _result(index: Index, report: ScanReport) -> ScanResult:
    """Read from the index what a scan could not read or found damaged in its folders."""
    connection = index.connection
    paths = FolderPaths(connection, {root.id: root for root in all_roots(connection)})
    scopes = [scope for root in report.roots for scope in root.scopes]
    states = (EntryState.UNREADABLE, EntryState.UNSTABLE, EntryState.DAMAGED, EntryState.SUSPECT)
    files = [
        file
        for file in content_queries.files_in_states(connection, paths, states)
        if _is_in(file.path, scopes)
    ]
    folders = [
        each
        for each in folder_queries.folders_in_states(connection, paths, (FolderState.UNREADABLE,))
        if _is_in(each.path, scopes)
    ]
    return ScanResult(
        report,
        (*folders, *_failures(files, EntryState.UNREADABLE)),
        _failures(files, EntryState.UNSTABLE),
        tuple(file for file in files if file.state in DAMAGE),
        content_queries.content_totals(connection),
        content_queries.counts_by_state(connection),
    )


def _is_in(path: bytes, scopes: Iterable[bytes]) -> bool:
    return any(is_below(path, scope) for scope in scopes)


def _failures(files: Iterable[IndexedFile], state: EntryState) -> tuple[UnreadablePath, ...]:
    return tuple(
        UnreadablePath(each.path, each.cause or "") for each in files if each.state == state
    )
