"""Read files again, least recently read first, and tell damage from edits."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from gorillacomb.api.documents.scrub import (
    AcceptDocument,
    ScrubDocument,
    accept_document,
    scrub_document,
)
from gorillacomb.api.lookup import away_notes, look_up_path, unknown_path_error
from gorillacomb.api.paths import PathsInput, encoded_paths, is_below, path_text
from gorillacomb.api.rescan import rescan
from gorillacomb.errors import ExitCode, Interrupted, UsageError
from gorillacomb.fs.volumes import is_online
from gorillacomb.index import content_queries, scrub_queries
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.roots import all_roots, folder_paths
from gorillacomb.model import (
    DAMAGE,
    READ,
    EntryState,
    IndexedFile,
    Root,
    ScanReport,
    UnreadablePath,
)
from gorillacomb.progress import NullProgress, Progress, ProgressCallback, as_progress
from gorillacomb.scan.read_file import IN_USE
from gorillacomb.scan.scrub_queue import ScrubQueue
from gorillacomb.stamping.damage_entries import good_copies
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault

__all__ = ["AcceptResult", "FoundDamage", "ScrubResult", "accept_damage", "scrub"]

_BATCH = 4 << 30
_SPAN = 2
"""Seconds' worth of bytes that are read at a time if there is a rate limit."""


@dataclass(frozen=True, slots=True)
class FoundDamage:
    """A file whose content changed while its size and mtime did not."""

    path: bytes
    is_suspect: bool
    """Whether its ctime or inode changed: a program that sets times back does that too."""
    digest: bytes | None
    """The BLAKE3 digest of its good content."""
    good: tuple[bytes, ...]
    """The paths of files that have the good content."""


@dataclass(frozen=True, slots=True)
class ScrubResult:
    """What was read again, and what is wrong in the folders that were checked."""

    files: int
    """Files that were read."""
    size: int
    """Bytes of those."""
    due: int
    """Files that were due to be read."""
    left: int
    """Files that are still due, if it was interrupted."""
    changed: int
    """Files that were edited since the last scan."""
    is_interrupted: bool
    seconds: float
    away: tuple[bytes, ...]
    """The paths of roots that are not connected."""
    damaged: tuple[FoundDamage, ...]
    """Including suspects."""
    in_use: tuple[bytes, ...]
    """Files that differ while a program has them open for writing."""
    unreadable: tuple[UnreadablePath, ...]
    warnings: tuple[str, ...]
    """About other drives that were scanned at a path and are not connected now."""

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        if self.is_interrupted:
            return ExitCode.INTERRUPTED
        return ExitCode.of_check(
            found=bool(self.damaged), incomplete=bool(self.unreadable or self.in_use)
        )

    def to_dict(self) -> ScrubDocument:
        """Return the document of ``scrub --json``."""
        return scrub_document(self)


@dataclass(frozen=True, slots=True)
class AcceptResult:
    """Which damaged files were accepted as they are now."""

    accepted: tuple[bytes, ...]
    missing: tuple[bytes, ...]
    """Those that do not exist, or could not be read."""

    def to_dict(self) -> AcceptDocument:
        """Return the document of ``scrub --accept FILE --json``."""
        return accept_document(self.accepted)


def scrub(
    vault: Vault,
    paths: PathsInput = (),
    *,
    rate: int | None = None,
    older_than_ns: int = 0,
    progress: Progress | ProgressCallback | None = None,
) -> ScrubResult:
    """Read files again, as `OpenVault.scrub` says."""
    shown = as_progress(progress)
    work = _ScrubPass(vault, encoded_paths(paths), time.time_ns() - older_than_ns, shown)
    try:
        work.run(rate)
    except (KeyboardInterrupt, Interrupted):
        work.is_interrupted = True
    finally:
        shown.close()
    with Index.read(vault) as index, translate_errors(vault):
        return work.result(index)


class _ScrubPass(NullProgress):
    """Reads all that is due, and adds up; as a progress, it passes on bytes that scans report."""

    def __init__(
        self, vault: Vault, paths: Sequence[bytes], before_ns: int, shown: Progress
    ) -> None:
        """Raises VaultError, UsageError."""
        self.is_interrupted = False
        self._files = self._bytes = self._changed = 0
        self._started = time.monotonic()
        self._vault = vault
        self._before_ns = before_ns
        self._shown = shown
        self._settings = load_settings()
        self._warnings: list[str] = []
        with Index.read(vault) as index, translate_errors(vault):
            self._scopes, self._away = self._find_scopes(index, paths)
            self._queue = ScrubQueue(vault, partial(_tops, scopes=self._scopes), before_ns)
            self._due, self._due_size = self._totals(index)

    def _find_scopes(self, index: Index, paths: Sequence[bytes]) -> tuple[list[bytes], list[Root]]:
        """Return the folders to check, as in the index, and the roots that are not connected."""
        roots = all_roots(index.connection)
        away = [root for root in roots if not is_online(root)]
        found = []
        for path in paths:
            known = look_up_path(index, path)
            shown = path_text(known.path)
            if known.folder is None:
                if known.file is not None:
                    raise UsageError(f"{shown} is a file.", "Name the folder it is in.")
                raise unknown_path_error(known)
            self._warnings += away_notes(known)
            if known.root in away:
                raise UsageError(
                    f"{shown} is missing.", "Connect its drive, or scan where it is now."
                )
            found.append(known.path)
        there = [root.path for root in roots if root not in away]
        return found or list(dict.fromkeys(there)), away

    def _totals(self, index: Index) -> tuple[int, int]:
        """Return how many files are due, and their bytes."""
        tops = _tops(index, self._scopes)
        return scrub_queries.due_totals(index.connection, tops, self._before_ns, time.time_ns())

    def run(self, rate: int | None) -> None:
        """Read everything, no faster than ``rate`` bytes per second. Raises GorillaCombError."""
        self._shown.stage("Reading again", self._due, self._due_size or 1)
        while (batch := self._queue.next(rate * _SPAN if rate else _BATCH)) is not None:
            begun = time.monotonic()
            self._sum_up(
                rescan(self._vault, batch.roots, self._settings, again=batch.entries, progress=self)
            )
            if rate:
                time.sleep(max(0.0, begun + batch.size / rate - time.monotonic()))

    def _sum_up(self, report: ScanReport) -> None:
        self._files += report.hashed_files
        self._bytes += report.hashed_bytes
        self._changed += report.changes.changed

    def advance(self, files: int, size: int) -> None:
        self._shown.advance(files, size)

    def result(self, index: Index) -> ScrubResult:
        """Return what was done, and what is wrong in the folders that were checked."""
        paths = folder_paths(index.connection)
        files = list(self._problems(index, paths))
        # Some files of an interrupted batch may have been read.
        left = self._totals(index)[0] if self.is_interrupted else 0
        return ScrubResult(
            self._files,
            self._bytes,
            self._due,
            left,
            self._changed,
            self.is_interrupted,
            time.monotonic() - self._started,
            tuple(root.path for root in self._away),
            tuple(_damage(index, paths, each) for each in files if each.state in DAMAGE),
            tuple(each.path for each in files if _is_in_use(each)),
            tuple(
                UnreadablePath(each.path, each.cause or "")
                for each in files
                if each.state == EntryState.UNREADABLE
            ),
            tuple(self._warnings),
        )

    def _problems(self, index: Index, paths: FolderPaths) -> list[IndexedFile]:
        states = (
            EntryState.DAMAGED,
            EntryState.SUSPECT,
            EntryState.UNREADABLE,
            EntryState.UNSTABLE,
        )
        away = {root.id for root in self._away}
        return [
            file
            for file in content_queries.files_in_states(index.connection, paths, states)
            if file.root not in away and any(is_below(file.path, each) for each in self._scopes)
        ]


def _tops(index: Index, scopes: Sequence[bytes]) -> list[int]:
    """Return the ids of folders, without those that no longer exist."""
    found = (look_up_path(index, each).folder for each in scopes)
    return [each for each in found if each is not None]


def _is_in_use(file: IndexedFile) -> bool:
    return file.state == EntryState.UNSTABLE and file.cause == IN_USE


def _damage(index: Index, paths: FolderPaths, file: IndexedFile) -> FoundDamage:
    good = () if file.digest is None else tuple(good_copies(index, paths, file.digest))
    return FoundDamage(file.path, file.state == EntryState.SUSPECT, file.digest, good)


def accept_damage(vault: Vault, paths: PathsInput) -> AcceptResult:
    """Take damaged files as they are now, as `OpenVault.accept_damage` says."""
    with Index.read(vault) as index, translate_errors(vault):
        damaged = [_damaged_file(index, path) for path in encoded_paths(paths)]
        files = {file.path: file for file in damaged}
        roots = {
            root.path for path in files if (root := look_up_path(index, path).root) is not None
        }
    known = tuple((file.folder, os.path.basename(path)) for path, file in files.items())
    rescan(vault, sorted(roots), load_settings(), again=known, accept=True)
    with Index.read(vault) as index, translate_errors(vault):
        now = {path: look_up_path(index, path).file for path in files}
    taken = [path for path, file in now.items() if file is not None and file.state in READ]
    return AcceptResult(tuple(taken), tuple(sorted(files.keys() - set(taken))))


def _damaged_file(index: Index, path: bytes) -> IndexedFile:
    """Return a file that is known to be damaged. Raises UsageError."""
    known = look_up_path(index, path)
    shown = path_text(known.path)
    if known.folder is not None:
        raise UsageError(f"{shown} is a folder.", "Name the file itself.")
    if known.file is None:
        raise unknown_path_error(known)
    if known.file.state not in DAMAGE:
        raise UsageError(f"{shown} is not known to be damaged.")
    return known.file
