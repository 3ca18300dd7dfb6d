"""The worker processes' part in a manifest: read files, and compare them with entries."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Sequence
from functools import partial
from typing import NamedTuple

from gorillacomb.errors import RootVanished
from gorillacomb.fs.block_device import is_rotational
from gorillacomb.fs.bounded_read import read_unchanged
from gorillacomb.fs.drive_errors import DriveFailureCounter, is_vanished
from gorillacomb.fs.openat import (
    FileIdentity,
    OpenFolders,
    RootChanged,
    identity_of,
    is_placeholder,
    is_unchanged,
    open_file,
    os_error_text,
)
from gorillacomb.hashing import CHUNK, Digests, blake3_of, buffer, digests_of_descriptor, sha256_of
from gorillacomb.manifest.model import EntryKind, Lack, ManifestEntry
from gorillacomb.manifest.tree import DifferenceKind, TreeContext, ends_as_told, judge_file
from gorillacomb.manifest.walk import root_vanished
from gorillacomb.workers.pool import start_pool
from gorillacomb.workers.worker import Advance, InlineWorkers, Workers

ATTEMPTS = 3
"""How often to try reading a file that changes while it is read."""
LARGE = 8 << 20
"""Bytes; a file of this size is a task of its own."""
_WORDS = {"file": "file", "link": "link", "dir": "folder", None: "special file"}
_BUFFERS = (buffer,)
_UNSTABLE = "changed each time it was read"


class ReadTask(NamedTuple):
    """Describe what is at these paths, and read the files among them."""

    place: TreeContext
    paths: Sequence[bytes]
    threads: int = 0
    """For a large file; 0 leaves those to other tasks."""
    sizes: frozenset[int] | None = None
    """Read only files of these sizes; None for all."""


class ReadEntry(NamedTuple):
    """What is at a path, with both digests of a file."""

    path: bytes
    kind: EntryKind
    mode: int
    size: int
    mtime_ns: int
    target: bytes | None
    blake3: bytes | None
    sha256: bytes | None


class ReadResult(NamedTuple):
    """Read entries, large files left for later, and paths without an entry, with the reasons."""

    read: list[ReadEntry]
    large: list[tuple[int, bytes]]
    left_out: list[tuple[bytes, Lack, str]]


class CheckTask(NamedTuple):
    """Compare entries, given by number, with what is at their paths."""

    place: TreeContext
    numbers: Sequence[int]
    threads: int = 1
    spelled: Sequence[bytes] | None = None
    """The paths where they are; None for their own."""


class CheckResult(NamedTuple):
    """The number of matching entries; and the others: number, kind of difference, cause."""

    checked: int
    ok: int
    found: list[tuple[int, DifferenceKind, str]]


ManifestTask = ReadTask | CheckTask


def start_manifest_workers(
    count: int | None, small: bool, root: bytes, entries: Sequence[ManifestEntry]
) -> Workers:
    """Start ``count`` processes; 0 for none, None to suit the machine, the disk and the work.

    They hold the entries that `CheckTask` refers to: a forked process has them already.
    """
    make_worker = partial(ManifestWorker, entries)
    if count == 0 or (count is None and small):
        return InlineWorkers(make_worker)
    return start_pool(count, make_worker, lambda: is_rotational(root))


class _UnstableFile(Exception):
    """The file changed during every attempt to read it."""


class _NotOpened(Exception):
    """A file that must not be opened, and why."""

    def __init__(self, kind: Lack, cause: str) -> None:
        super().__init__(cause)
        self.kind: Lack = kind


class ManifestWorker:
    """Performs tasks one after the other; keeps recently used folders open."""

    def __init__(self, entries: Sequence[ManifestEntry]) -> None:
        self._entries = entries
        self._root: _OpenRoot | None = None

    def perform(self, task: ManifestTask, advance: Advance) -> ReadResult | CheckResult:
        """Perform a task.

        Raises RootVanished if the root is another folder now, or its drive is missing.
        """
        if self._root is None or self._root.place != task.place:
            self.close()
            self._root = _OpenRoot(task.place)
        root = self._root

        def note_read(size: int) -> None:
            root.failures.reset()
            advance(size)

        try:
            if isinstance(task, ReadTask):
                return _read(root, task, note_read)
            return _CheckRun(root, self._entries, task, note_read).run()
        except RootChanged as error:
            raise RootVanished(
                f"{os.fsdecode(task.place.root)} is not the folder that it was a moment ago.",
                "Make sure that nothing moves it, and run this again.",
            ) from error

    def close(self) -> None:
        """Close the folders."""
        if self._root is not None:
            self._root.folders.close()
            self._root = None


class _OpenRoot:
    """The folder in which a worker reads, and the drive failures since the last byte read."""

    def __init__(self, place: TreeContext) -> None:
        self.place = place
        self.folders = OpenFolders(place.root, place.identity)
        self.failures = DriveFailureCounter(place.root, place.identity)

    def is_missing(self, error: OSError) -> bool:
        """Return whether an error says that nothing exists at a path.

        A manifest may list paths that no folder can have. Raises RootVanished if the error means
        that the root or its drive is missing.
        """
        if self.failures.note_error(error):
            raise root_vanished(self.place.root, error) from error
        return is_vanished(error) or error.errno == errno.ENAMETOOLONG


def _read(root: _OpenRoot, task: ReadTask, advance: Advance) -> ReadResult:
    result = ReadResult([], [], [])
    for path in task.paths:
        try:
            _read_one(root.folders, path, task, advance, result)
        except RootChanged:
            raise
        except _UnstableFile:
            result.left_out.append((path, "unstable", _UNSTABLE))
        except _NotOpened as withheld:
            result.left_out.append((path, withheld.kind, str(withheld)))
        except OSError as error:
            kind: Lack = "gone" if root.is_missing(error) else "unreadable"
            result.left_out.append((path, kind, os_error_text(error)))
    return result


def _read_one(
    folders: OpenFolders, path: bytes, task: ReadTask, advance: Advance, result: ReadResult
) -> None:
    above, _, name = path.rpartition(b"/")
    folder = folders.open(above)
    facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
    size, kind = facts.st_size, _kind(facts.st_mode)
    target: bytes | None = None
    digests: tuple[bytes | None, bytes | None] = (None, None)
    if kind is None:
        raise _NotOpened("unstable", "was replaced meanwhile")
    if kind == "link":
        target = os.readlink(name, dir_fd=folder)
    if kind != "file":
        size = 0
    elif task.sizes is not None and size not in task.sizes:
        return
    elif size >= LARGE and not task.threads:
        result.large.append((size, path))
        return
    else:
        threads = task.threads or 1
        facts, digests, size = _content(folder, name, facts, task.place, threads, advance)
    mode, mtime = stat.S_IMODE(facts.st_mode), facts.st_mtime_ns
    result.read.append(ReadEntry(path, kind, mode, size, mtime, target, *digests))


def _kind(mode: int) -> EntryKind | None:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "dir"
    return "link" if stat.S_ISLNK(mode) else None


def _content(
    folder: int,
    name: bytes,
    facts: os.stat_result,
    place: TreeContext,
    threads: int,
    advance: Advance,
) -> tuple[os.stat_result, Digests, int]:
    """Read a regular file with these just-read ``facts``; return the facts that hold for it.

    Also its digests, and how many bytes were read. Raises OSError, _NotOpened, and _UnstableFile if
    it changed during every attempt.
    """

    def read(size: int | None) -> tuple[Digests, int]:
        return digests_of_descriptor(descriptor, size, place.both, threads, advance)

    for _ in range(ATTEMPTS):
        _refuse_to_open(facts, place.own)
        descriptor = open_file(name, folder)
        try:
            found = read_unchanged(descriptor, facts, read)
        finally:
            os.close(descriptor)
        if found is not None:
            return facts, *found
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
    raise _UnstableFile


def _refuse_to_open(facts: os.stat_result, own: Collection[FileIdentity]) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise _UnstableFile
    if own and identity_of(facts) in own:
        raise _NotOpened("unreadable", "belongs to Gorilla Comb")
    if is_placeholder(facts):
        raise _NotOpened("placeholder", "its content is only in the cloud")


class _CheckRun:
    """A `CheckTask` in progress."""

    def __init__(
        self,
        root: _OpenRoot,
        entries: Sequence[ManifestEntry],
        task: CheckTask,
        advance: Advance,
    ) -> None:
        self._root = root
        self._entries = entries
        self._task = task
        self._advance = advance
        self._found: list[tuple[int, DifferenceKind, str]] = []

    def run(self) -> CheckResult:
        """Check each entry."""
        ok = 0
        for place, number in enumerate(self._task.numbers):
            entry, spelled = self._entries[number], self._task.spelled
            before = len(self._found)
            try:
                path = entry.path if spelled is None else spelled[place]
                above, _, name = path.rpartition(b"/")
                folder = self._root.folders.open(above)
                if not self._is_plainly_ok(entry, folder, name):
                    self._check(number, entry, folder, name)
            except RootChanged:
                raise
            except (_UnstableFile, _NotOpened) as error:
                self._note(number, "unreadable", str(error) or _UNSTABLE)
            except OSError as error:
                missing = self._root.is_missing(error)
                what: DifferenceKind = "missing" if missing else "unreadable"
                self._note(number, what, _cause_of_missing(error))
            ok += len(self._found) == before
        return CheckResult(len(self._task.numbers), ok, self._found)

    def _is_plainly_ok(self, entry: ManifestEntry, folder: int, name: bytes) -> bool:
        """Return whether an entry is a small matching file; if not, `_check` decides.

        A verification spends its time here, on file after file that has not changed.
        """
        size, place = entry.size, self._task.place
        if size >= CHUNK or entry.blake3 is None:
            return False
        before = os.stat(name, dir_fd=folder, follow_symlinks=False)
        mode = before.st_mode
        if mode != stat.S_IFREG | entry.mode and (place.modes or not stat.S_ISREG(mode)):
            return False
        if before.st_size != size:
            return False
        if (before.st_dev, before.st_ino) in place.own or is_placeholder(before):
            return False
        descriptor = open_file(name, folder)
        try:
            if os.readv(descriptor, _BUFFERS) != size:
                return False
            if blake3_of(size).hex() != entry.blake3:
                return False
            if place.both and sha256_of(size).hex() != entry.sha256:
                return False
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        self._advance(size)
        return is_unchanged(before, after)

    def _note(self, number: int, what: DifferenceKind, cause: str) -> None:
        self._found.append((number, what, cause))

    def _check(self, number: int, entry: ManifestEntry, folder: int, name: bytes) -> None:
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        kind = _kind(facts.st_mode)
        if kind != entry.type:
            self._note(number, "changed", f"is a {_WORDS[kind]} now")
            return
        if kind == "link":
            if os.readlink(name, dir_fd=folder) != entry.target:
                self._note(number, "changed", "leads elsewhere now")
            return  # the mode of a link differs between systems and never means anything
        mode = stat.S_IMODE(facts.st_mode)
        if mode != entry.mode and self._task.place.modes:
            self._note(number, "mode", f"{mode:04o}, was {entry.mode:04o}")
        if kind == "file":
            self._check_content(number, entry, folder, name, facts)

    def _check_content(
        self, number: int, entry: ManifestEntry, folder: int, name: bytes, facts: os.stat_result
    ) -> None:
        place, size = self._task.place, facts.st_size
        _refuse_to_open(facts, place.own)
        if size == entry.size or not ends_as_told(folder, name, size):
            facts, (blake3, sha256), size = _content(
                folder, name, facts, place, self._task.threads, self._advance
            )
            same = blake3.hex() == entry.blake3 and size == entry.size
            if same and (sha256 is None or sha256.hex() == entry.sha256):
                return
        if size != entry.size:
            self._note(number, "changed", f"{size} bytes, was {entry.size}")
        elif (facts.st_size, facts.st_mtime_ns) == (entry.size, entry.mtime_ns):
            self._note(number, *judge_file(entry, place, folder, name))
        else:
            self._note(number, "changed", "its content is another one")


def _cause_of_missing(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return ""
    if is_vanished(error):
        return "a part of its path is not a folder, or is a link, which is not followed"
    return os_error_text(error)
