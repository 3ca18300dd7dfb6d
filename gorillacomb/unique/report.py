"""Report what would be lost if a folder were deleted: files whose content exists nowhere else.

The actual folder is listed, and each file in it compared with the index: a file that is not in the
index, or differs from it, is unproven. For the others, the copies elsewhere are checked on disk, as
described in `unique.copy_check`.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from gorillacomb.classify.copy_names import meaning_of_name
from gorillacomb.classify.location import LocationKind
from gorillacomb.classify.state_text import FILE_CAUSES
from gorillacomb.classify.stores import is_ours
from gorillacomb.fs.bounded_read import UNTOLD, tells_size
from gorillacomb.fs.comparison import ONE_VIEW
from gorillacomb.fs.extents import StorageKey
from gorillacomb.fs.openat import (
    FileIdentity,
    OpenFolders,
    clamp_int64,
    identity_of,
    is_placeholder,
    open_file,
    os_error_text,
)
from gorillacomb.fs.paths import base_name, is_below, join, join_relative, parent_path
from gorillacomb.index.database import Index
from gorillacomb.index.file_records import (
    FileRecord,
    copies_outside,
    files_in,
    folders_in,
    known_folder,
)
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.stamps import stamps_below
from gorillacomb.model import EntryState, FolderState, Root
from gorillacomb.progress import Progress
from gorillacomb.unique.copy_check import (
    TREATED_AS_GONE,
    CopyRejected,
    CopyVerifier,
    StoredFile,
    list_with_stat,
    matches_record,
)

ONE_COPY = "on the same blocks of the disk, as a reflink or in a snapshot: one copy"
_FOLDER_CAUSES = {
    FolderState.UNLISTED: "not listed by a scan yet",
    FolderState.UNREADABLE: "could not be read when it was scanned",
    FolderState.EXCLUDED: "excluded",
    FolderState.OTHER_FILE_SYSTEM: "on another file system",
}
_CAUSES = {
    **FILE_CAUSES,
    EntryState.FRESH: "written while it was scanned",
    EntryState.UNREADABLE: "could not be read when it was scanned",
    EntryState.UNSTABLE: "changed while it was read",
}


@dataclass(frozen=True, slots=True)
class UniqueFile:
    """A file whose content exists nowhere else."""

    path: bytes
    """Absolute."""
    size: int
    digest: bytes
    cause: str | None = None
    """Why a copy in the index does not count; None if there is none."""
    copy: bytes | None = None
    """The absolute path of that copy."""


@dataclass(frozen=True, slots=True)
class UnverifiedPath:
    """A file or folder whose status cannot be determined."""

    path: bytes
    cause: str


@dataclass(slots=True)
class UniqueReport:
    """What would be lost if a folder were deleted."""

    path: bytes
    files: int = 0
    """Regular files found on disk."""
    size: int = 0
    """Bytes of all files."""
    noise: int = 0
    """Files that systems leave behind, which need no copy."""
    empty: int = 0
    """Empty files, for which nothing vouches: only their names would be lost."""
    links: int = 0
    """Symbolic links."""
    odd: int = 0
    """FIFOs, sockets, devices."""
    unique: list[UniqueFile] = field(default_factory=list)
    unproven: list[UnverifiedPath] = field(default_factory=list)
    unknown_extents: Counter[str] = field(default_factory=Counter)
    """Number of files whose copy may share blocks with them, by the cause of the uncertainty."""
    linked: int = 0
    """Number of files kept because another hard link of the same file exists elsewhere."""
    vouchers: Counter[bytes] = field(default_factory=Counter)
    """Number of files vouched for, by the folder of the copies."""
    shared: Counter[bytes] = field(default_factory=Counter)
    """The same by their own folder."""
    to_keep: int = 0
    """Contents that exist elsewhere too, but with their canonical copy here."""
    planned: list[bytes] = field(default_factory=list)
    """Copies elsewhere that do not count because a plan removes them; absolute paths, sorted."""
    quarantines: list[bytes] = field(default_factory=list)
    """Folders in it that contain a folder of ours, which may have a quarantine."""
    quarantined: int = 0
    """Quarantined files there, each with a copy that was kept."""
    quarantined_size: int = 0
    """Bytes on disk of those."""
    offline: dict[bytes, int] = field(default_factory=dict)
    """Missing roots that were accepted as vouchers, with the time of their oldest reading, ns."""


class _IndexedOnDisk(NamedTuple):
    """A file on disk that matches the index."""

    file: FileRecord
    identity: FileIdentity


def unique_report(
    index: Index,
    path: bytes,
    root: Root,
    folder: int,
    vouching: CopyVerifier,
    progress: Progress,
) -> UniqueReport:
    """Report what exists in a folder and nowhere else.

    ``path`` is absolute and is the index's ``folder`` in ``root``. Raises VaultError.
    """
    report = UniqueReport(path)
    progress.stage("Listing", None, None)
    there = [each for number, each in vouching.roots.items() if number not in vouching.away]
    walk = _UniqueWalk(index, root, there, report, progress, vouching.noise)
    known = sorted(walk.run(folder), key=_digest)
    vouching.gone_folders |= walk.folders
    paths = FolderPaths(index.connection, vouching.roots)
    paths.load()
    digests = [digest for digest, _ in groupby(known, key=_digest)]
    elsewhere = copies_outside(index.connection, paths, digests, folder)
    after = next(elsewhere, None)
    canonical = {digest for digest, _ in stamps_below(index.connection, folder)}
    planned: set[bytes] = set()
    progress.stage("Checking copies", len(known), sum(each.file.size for each in known))
    for digest, files in groupby(known, key=_digest):
        copies: Iterable[FileRecord] = ()
        if after is not None and after[0] == digest:
            copies, after = after[1], next(elsewhere, None)
        if vouching.planned:
            planned.update(each.path for each in copies if vouching.is_planned(each.path))
        found: dict[tuple[LocationKind, bytes | None], _VerifiedCopies] = {}
        lost = len(report.unique)
        for each in files:
            key = vouching.place(each.file), _meaning(each.file)
            if key not in found:
                found[key] = _VerifiedCopies(*key, iter(copies), vouching)
            _judge(each, found[key], vouching, report)
            progress.advance(1, each.file.size)
        report.to_keep += digest in canonical and len(report.unique) == lost
    report.planned = sorted(each for each in planned if not is_below(each, path))
    report.unique.sort(key=lambda each: each.path)
    report.unproven.sort(key=lambda each: each.path)
    return report


def _digest(file: _IndexedOnDisk) -> bytes:
    assert file.file.digest is not None, "it matches what was read"
    return file.file.digest


def _meaning(file: FileRecord) -> bytes | None:
    return meaning_of_name(base_name(file.path), file.size)


@dataclass(slots=True)
class _VerifiedCopies:
    """Copies of a content, verified one after another until a file needs no more of them."""

    place: LocationKind
    meaning: bytes | None
    unverified: Iterator[FileRecord]
    verifier: CopyVerifier
    found: list[tuple[FileRecord, StoredFile | None]] = field(default_factory=list)
    """Those that vouch, with where they are on disk; None for one on a missing drive."""
    refused: tuple[str, bytes] | tuple[None, None] = (None, None)
    """Why a known copy does not vouch, and its path."""

    def __iter__(self) -> Iterator[tuple[FileRecord, StoredFile | None]]:
        yield from self.found
        for copy in self.unverified:
            answer = self.verifier.verify_copies(copy, self.place)
            if not isinstance(answer, CopyRejected) and _meaning(copy) != self.meaning:
                answer = CopyRejected("under another name, which says what a small file is")
            if not isinstance(answer, CopyRejected):
                self.found.append((copy, answer))
                yield self.found[-1]
            elif answer.cause != TREATED_AS_GONE and self.refused[0] is None:
                self.refused = answer.cause, copy.path


def _judge(
    file: _IndexedOnDisk, copies: _VerifiedCopies, vouching: CopyVerifier, report: UniqueReport
) -> None:
    """Decide whether a file is vouched for, preferably by a separate file.

    Otherwise by a hard link of it.
    """
    record, here = file.file, None
    refused: tuple[str, bytes] | None = None
    keys: set[StorageKey | None] = set()
    for copy, there in copies:
        try:
            here = here or vouching.storage_of(record, file.identity)
        except OSError as error:
            report.unproven.append(UnverifiedPath(record.path, os_error_text(error)))
            return
        key = None if there is None else there.key
        if key in keys:
            continue
        keys.add(key)
        if key == here.key:
            refused = ONE_COPY, copy.path
        elif vouching.may_be_one(record, copy):
            refused = ONE_VIEW, copy.path
        else:
            unknown = [each.unknown for each in (here, there) if each and each.unknown]
            if unknown and vouching.may_share(record, copy):
                report.unknown_extents[unknown[0]] += 1
            _note(record, copy, vouching, report)
            return
    for copy, there in copies.found:
        if there is not None and there.identity == file.identity:
            report.linked += 1
            _note(record, copy, vouching, report)
            return
    assert record.digest is not None
    report.unique.append(
        UniqueFile(record.path, record.size, record.digest, *(refused or copies.refused))
    )


def _note(file: FileRecord, copy: FileRecord, vouching: CopyVerifier, report: UniqueReport) -> None:
    report.shared[parent_path(file.path)] += 1
    report.vouchers[parent_path(copy.path)] += 1
    root = vouching.roots[copy.root]
    if root.id in vouching.away:
        before = report.offline.get(root.path, copy.checked_ns)
        report.offline[root.path] = min(before, copy.checked_ns)


@dataclass(slots=True)
class _UniqueWalk:
    """Walks the actual folder and the index side by side."""

    index: Index
    root: Root
    there: list[Root]
    report: UniqueReport
    progress: Progress
    noise: frozenset[bytes]
    folders: set[FileIdentity] = field(default_factory=set)

    def run(self, folder: int) -> Iterator[_IndexedOnDisk]:
        """Yield every nonempty file that matches the index; the others are added to the report."""
        at_path = {root.path: root for root in self.there}
        connection = self.index.connection
        open_folders = OpenFolders(self.report.path)
        try:
            waiting = [(b"", self.root, known_folder(connection, folder))]
            while waiting:
                relative, root, known = waiting.pop()
                path = join(self.report.path, relative)
                if known.state != FolderState.LISTED:
                    self._unproven(path, known.cause or _FOLDER_CAUSES[known.state])
                    continue
                try:
                    descriptor = open_folders.open(relative)
                    entries = list(list_with_stat(descriptor))
                    self.folders.add(identity_of(os.fstat(descriptor)))
                except OSError as error:
                    self._unproven(path, os_error_text(error))
                    continue
                below_here = folders_in(connection, known.id)
                rows = files_in(connection, root.id, known.id, path)
                for name, facts in entries:
                    if isinstance(facts, OSError):
                        self._unproven(join(path, name), os_error_text(facts))
                        continue
                    if not stat.S_ISDIR(facts.st_mode):
                        file = rows.get(name)
                        if self._matches(open_folders, relative, path, name, facts, file):
                            assert file is not None, "it matches"
                            yield _IndexedOnDisk(file, identity_of(facts))
                        continue
                    if is_ours(name):
                        self.report.quarantines.append(path)
                        continue
                    inner = join_relative(relative, name)
                    other = at_path.get(join(path, name))
                    child = below_here.get(name)
                    if other is not None and (child is None or child.state != FolderState.LISTED):
                        waiting.append((inner, other, known_folder(connection, other.folder)))
                    elif child is not None:
                        waiting.append((inner, root, child))
                    else:
                        self._unproven(join(path, name), "not in the index")
        finally:
            open_folders.close()

    def _matches(
        self,
        open_folders: OpenFolders,
        relative: bytes,
        folder: bytes,
        name: bytes,
        facts: os.stat_result,
        known: FileRecord | None,
    ) -> bool:
        """Return whether a file is not empty and as the index has it; add any other to the report.

        ``relative`` is the path of its ``folder`` below the open one.
        """
        if stat.S_ISLNK(facts.st_mode):
            self.report.links += 1
            return False
        if not stat.S_ISREG(facts.st_mode):
            self.report.odd += 1
            return False
        if name in self.noise:
            self.report.noise += 1
            return False
        self.report.files += 1
        self.report.size += facts.st_size
        self.progress.advance(1, 0)
        path = known.path if known is not None else join(folder, name)
        if is_placeholder(facts):
            self._unproven(path, "only in the cloud")
        elif not facts.st_size and self._is_empty(open_folders, relative, name):
            self.report.empty += 1
        elif known is None:
            self._unproven(path, "not in the index")
        elif known.state != EntryState.HASHED:
            self._unproven(path, known.cause or _CAUSES.get(EntryState(known.state), "not read"))
        elif not facts.st_size or _is_untold(known, facts):
            self._unproven(path, UNTOLD)
        elif known.digest is None or not matches_record(known, facts):
            self._unproven(path, "changed since the scan")
        else:
            return True
        return False

    def _is_empty(self, open_folders: OpenFolders, relative: bytes, name: bytes) -> bool:
        """Return whether an allegedly empty file is really empty; False if it cannot be read."""
        try:
            file = open_file(name, open_folders.open(relative))
        except OSError:
            return False
        try:
            return tells_size(file, 0)
        except OSError:
            return False
        finally:
            os.close(file)

    def _unproven(self, path: bytes, cause: str) -> None:
        self.report.unproven.append(UnverifiedPath(path, cause))


def _is_untold(known: FileRecord, facts: os.stat_result) -> bool:
    """Return whether a file's times are unchanged since it was read, but its size differs."""
    times = clamp_int64(facts.st_mtime_ns), known.ctime_ns and clamp_int64(facts.st_ctime_ns)
    return known.size != facts.st_size and times == (known.mtime_ns, known.ctime_ns)
