"""Report what would be lost if a folder were deleted: files whose content exists nowhere else.

The actual folder is listed, and each file in it compared with the index: a file that is not in the
index, or differs from it, is unproven. For the others, the copies elsewhere are checked on disk, as
described in `unique.copy_check`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from gorillacomb.classify.copy_names import meaning_of_name
from gorillacomb.classify.location import LocationKind
from gorillacomb.fs.comparison import ONE_VIEW
from gorillacomb.fs.extents import StorageKey
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import is_below, join, split_path
from gorillacomb.index.database import Index
from gorillacomb.index.file_records import FileRecord, copies_outside
from gorillacomb.index.stamps import stamps_below
from gorillacomb.model import Root
from gorillacomb.progress import Progress
from gorillacomb.unique.copy_check import (
    TREATED_AS_GONE,
    CopyRejected,
    CopyVerifier,
    StoredFile,
)
from gorillacomb.unique.walk import FolderWalk, IndexedOnDisk, WalkedFolder

ONE_COPY = "on the same blocks of the disk, as a reflink or in a snapshot: one copy"


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
class UniqueReport(WalkedFolder):
    """What would be lost if a folder were deleted."""

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
    quarantined: int = 0
    """Quarantined files in `quarantines`, each with a copy that was kept."""
    quarantined_size: int = 0
    """Bytes on disk of those."""
    offline: dict[bytes, int] = field(default_factory=dict)
    """Missing roots that were accepted as vouchers, with the time of their oldest reading, ns."""


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
    there = (each for number, each in vouching.roots.items() if number not in vouching.away)
    walk = FolderWalk(
        *(index, report, root, {each.path: each for each in there}, vouching.noise),
        lambda unproven, cause: report.unproven.append(UnverifiedPath(unproven, cause)),
        progress,
    )
    known = sorted(walk.run(folder), key=_DIGEST)
    vouching.gone_folders |= walk.folders
    digests = [digest for digest, _ in groupby(known, key=_DIGEST)]
    elsewhere = copies_outside(index.connection, vouching.paths, digests, folder)
    after = next(elsewhere, None)
    canonical = {digest for digest, _ in stamps_below(index.connection, folder)}
    planned: set[bytes] = set()
    progress.stage("Checking copies", len(known), sum(map(_SIZE, known)))
    for digest, files in groupby(known, key=_DIGEST):
        copies: Iterable[FileRecord] = ()
        if after is not None and after[0] == digest:
            copies, after = after[1], next(elsewhere, None)
        if vouching.planned:
            planned.update(each.path for each in copies if vouching.is_planned(each.path))
        found: dict[tuple[LocationKind, bytes | None], _VerifiedCopies] = {}
        lost, number = len(report.unique), 0
        name, meaning = b"", None
        for file in files:
            here = file.folder
            if file.name != name:  # copies mostly have one name
                name, meaning = file.name, meaning_of_name(file.name, file.size)
            key = vouching.place(here.known.id, here.root.id, here.path), meaning
            verified = found.get(key)
            if verified is None:
                verified = found[key] = _VerifiedCopies(*key, iter(copies), vouching)
            _judge(file, verified, vouching, report)
            number += 1
        progress.advance(number, number * file.size)
        report.to_keep += digest in canonical and len(report.unique) == lost
    report.planned = sorted(each for each in planned if not is_below(each, path))
    report.unique.sort(key=lambda each: each.path)
    report.unproven.sort(key=lambda each: each.path)
    return report


_DIGEST, _SIZE = itemgetter(0), itemgetter(1)


class _VouchingCopy(NamedTuple):
    """A copy that vouches for a content."""

    record: FileRecord
    file: StoredFile | None
    """Where it is on disk; None for one on a missing drive."""
    folder: bytes
    """The path of the folder that contains it."""


@dataclass(slots=True)
class _VerifiedCopies:
    """Copies of a content, verified one after another until a file needs no more of them."""

    place: LocationKind
    meaning: bytes | None
    unverified: Iterator[FileRecord]
    verifier: CopyVerifier
    found: list[_VouchingCopy] = field(default_factory=list)
    refused: tuple[str, bytes] | tuple[None, None] = (None, None)
    """Why a known copy does not vouch, and its path."""

    def at(self, number: int) -> _VouchingCopy | None:
        """Return one of those that vouch, verifying as many as that takes; None if there is none.

        All before it must have been asked for.
        """
        if number < len(self.found):
            return self.found[number]
        for copy in self.unverified:
            answer = self.verifier.verify_copies(copy, self.place)
            folder, name = split_path(copy.path)
            if (
                not isinstance(answer, CopyRejected)
                and meaning_of_name(name, copy.size) != self.meaning
            ):
                answer = CopyRejected("under another name, which says what a small file is")
            if not isinstance(answer, CopyRejected):
                self.found.append(_VouchingCopy(copy, answer, folder))
                return self.found[number]
            if answer.cause != TREATED_AS_GONE and self.refused[0] is None:
                self.refused = answer.cause, copy.path
        return None


def _judge(
    file: IndexedOnDisk, copies: _VerifiedCopies, vouching: CopyVerifier, report: UniqueReport
) -> None:
    """Decide whether a file is vouched for, preferably by a separate file.

    Otherwise by a hard link of it.
    """
    root, here = file.folder.root.id, None
    refused: tuple[str, bytes] | None = None
    keys: set[StorageKey | None] = set()
    number = 0
    while (copy := copies.at(number)) is not None:
        number += 1
        if here is None:
            try:
                here = vouching.storage_of(root, join(file.folder.path, file.name), file.identity)
            except OSError as error:
                report.unproven.append(UnverifiedPath(file.record.path, os_error_text(error)))
                return
        record, there = copy.record, copy.file
        key = None if there is None else there.key
        if key in keys:
            continue
        keys.add(key)
        if key == here.key:
            refused = ONE_COPY, record.path
        elif vouching.may_be_views(root, record.root) and vouching.may_be_one(file.record, record):
            refused = ONE_VIEW, record.path
        else:
            unknown = here.unknown or (there and there.unknown)
            if unknown and vouching.may_share(root, record.root):
                report.unknown_extents[unknown] += 1
            _note(file, copy, vouching, report)
            return
    for copy in copies.found:
        if copy.file is not None and copy.file.identity == file.identity:
            report.linked += 1
            _note(file, copy, vouching, report)
            return
    cause, where = refused or copies.refused
    report.unique.append(UniqueFile(file.record.path, file.size, file.digest, cause, where))


def _note(
    file: IndexedOnDisk, copy: _VouchingCopy, vouching: CopyVerifier, report: UniqueReport
) -> None:
    report.shared[file.folder.path] += 1
    report.vouchers[copy.folder] += 1
    record = copy.record
    if record.root in vouching.away:
        root = vouching.roots[record.root]
        before = report.offline.get(root.path, record.checked_ns)
        report.offline[root.path] = min(before, record.checked_ns)
