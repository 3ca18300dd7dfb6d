"""Compare a manifest with the current content of a folder."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from gorillacomb.errors import Interrupted
from gorillacomb.fs.openat import FileIdentity
from gorillacomb.fs.paths import pair_spellings, spelling_difference, spelling_key, unicode_key
from gorillacomb.manifest import worker
from gorillacomb.manifest.model import Manifest, ManifestEntry
from gorillacomb.manifest.tree import TreeContext, tree_to_check
from gorillacomb.manifest.walk import TreeEntry, walk_tree
from gorillacomb.manifest.worker import LARGE, CheckTask, ReadEntry, ReadTask
from gorillacomb.progress import NullProgress, Progress
from gorillacomb.workers.resilient_dispatcher import ResilientDispatcher
from gorillacomb.workers.worker import Workers
from gorillacomb.workers.worker_processes import default_workers

_BATCH = 512
"""Entries per task."""
_BATCH_BYTES = 16 << 20
_SMALL = 300
"""Entries; fewer, with few bytes, are checked before a pool would have started."""
_STEP = 400
"""Entries walked between handing out two tasks."""


@dataclass(frozen=True, slots=True)
class PathDifference:
    """A path that differs from the manifest."""

    path: bytes
    cause: str = ""
    """In words; empty if the path says it all."""


@dataclass(frozen=True, slots=True)
class RenamedPath:
    """A missing content that was found at another path."""

    origin: bytes
    path: bytes
    cause: str = ""
    """How the two paths differ, if only in spelling."""


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """How a folder compares with its manifest; everything sorted by path bytes."""

    ok: int
    """Entries that match in every respect."""
    changed: tuple[PathDifference, ...]
    damaged: tuple[PathDifference, ...]
    """The content changed while size and mtime did not."""
    suspect: tuple[PathDifference, ...]
    """Likewise, on a file system where content may change without changing any timestamp."""
    missing: tuple[PathDifference, ...]
    extra: tuple[PathDifference, ...]
    renamed: tuple[RenamedPath, ...]
    mode: tuple[PathDifference, ...]
    unreadable: tuple[PathDifference, ...]
    unproven: tuple[PathDifference, ...]
    """Paths whose content the manifest itself lacks."""
    whole: bool
    """Whether the manifest describes the whole folder, so that extra paths are differences."""
    modes: bool = True
    """Whether modes were compared: the file system keeps them."""

    @property
    def differs(self) -> bool:
        """Whether anything differs from the manifest."""
        return any(found for kind, found in self.kinds().items() if kind != "unreadable")

    def kinds(self) -> dict[str, tuple[PathDifference, ...] | tuple[RenamedPath, ...]]:
        """Return all differences, by kind."""
        return {
            "changed": self.changed,
            "damaged": self.damaged,
            "suspect": self.suspect,
            "missing": self.missing,
            "extra": self.extra if self.whole else (),
            "renamed": self.renamed,
            "mode": self.mode,
            "unreadable": self.unreadable,
        }

    @property
    def incomplete(self) -> bool:
        """Whether something could not be compared."""
        return bool(self.unreadable or self.unproven)


def verify(
    manifest: Manifest,
    root: bytes,
    *,
    both: bool = True,
    ignored: Collection[bytes] = (),
    own: Collection[FileIdentity] = (),
    workers: int | None = None,
    progress: Progress | None = None,
) -> VerificationReport:
    """Compare everything in ``root`` with a manifest.

    ``both`` digests of each file must match, otherwise only its BLAKE3. ``ignored`` are paths below
    the root that do not count as extra, such as the manifest's own; ``own`` are our own files by
    device and inode. Nothing outside the root is opened, and no link in it is followed. Raises
    UsageError for a root that is not a folder, RootVanished for one that disappears, WorkersFailed,
    Interrupted.
    """
    root = os.path.realpath(root)
    place = tree_to_check(root, manifest.created_ns, own, both)
    check = _VerificationRun(manifest, place, frozenset(ignored), progress or NullProgress())
    size = sum(entry.size for entry in manifest.entries)
    small = len(manifest.entries) < _SMALL and size < LARGE
    try:
        pool = worker.start_manifest_workers(workers, small, root, manifest.entries)
        try:
            check.run(pool)
        finally:
            pool.close()
            check.progress.close()
    except KeyboardInterrupt:
        raise Interrupted("Interrupted: not everything was compared.") from None
    return check.result()


@dataclass(slots=True)
class _DifferenceLists:
    changed: list[PathDifference] = field(default_factory=list)
    damaged: list[PathDifference] = field(default_factory=list)
    suspect: list[PathDifference] = field(default_factory=list)
    missing: list[PathDifference] = field(default_factory=list)
    mode: list[PathDifference] = field(default_factory=list)
    unreadable: list[PathDifference] = field(default_factory=list)


class _VerificationRun:
    """A verification in progress."""

    def __init__(
        self, manifest: Manifest, place: TreeContext, ignored: frozenset[bytes], progress: Progress
    ) -> None:
        self.progress = progress
        self._manifest = manifest
        self._place = place
        self._known = {entry.path for entry in manifest.entries}
        self._known |= ignored
        self._known |= {each.path for each in manifest.left_out}
        self._lacks = {each.path for each in manifest.lacks}
        self._missing: dict[int, str] = {}
        self._differing: set[bytes] = set()
        self._met: set[bytes] = set()
        self._unlisted: dict[bytes, str] = {}
        self._extra: dict[bytes, str] = {}
        self._renamed: list[RenamedPath] = []
        self._lists = _DifferenceLists()
        self._ok = 0

    def run(self, pool: Workers) -> None:
        """Check the entries while walking the folder, then look for renamed files."""
        entries, place = self._manifest.entries, self._place
        size = sum(entry.size for entry in entries)
        self.progress.stage("Verifying", len(entries), size)
        tasks = _tasks(entries, place)
        found = walk_tree(place.root, place.identity, place.own, self._has_below)
        dispatcher = ResilientDispatcher(pool, self.progress)

        def next_task() -> CheckTask | None:
            task = next(tasks, None)
            self._meet(found, _STEP)
            return task

        dispatcher.run(next_task, self._take)
        self._meet(found, None)
        self._note_unlisted()
        self._find_spelled_otherwise(dispatcher)
        self._find_renamed(dispatcher)

    def _take(self, result: worker.CheckResult) -> None:
        self._ok += result.ok
        self.progress.advance(result.checked, 0)
        for number, what, cause in result.found:
            path = self._manifest.entries[number].path
            self._differing.add(path)
            if what == "missing":
                self._missing[number] = cause
            else:
                getattr(self._lists, what).append(PathDifference(path, cause))

    def _meet(self, found: Iterator[TreeEntry], most: int | None) -> None:
        """Continue the walk, and note paths that the manifest does not list."""
        for path, kind, cause in found:
            if kind == "unreadable":
                self._unlisted[path] = cause
            elif path in self._known:
                self._met.add(path)
            elif kind != "dir" or not self._has_below(path):
                self._extra[path] = kind
            if most is not None:
                most -= 1
                if not most:
                    return

    def _note_unlisted(self) -> None:
        """Note the unlisted folders; one recorded as empty may no longer be."""
        noted = {each.path for each in self._lists.unreadable} | self._lacks  # lacks are unproven
        for path, cause in self._unlisted.items():
            if path not in noted:
                self._lists.unreadable.append(PathDifference(path, cause))
        standing = self._unlisted.keys() - self._differing
        self._ok -= sum(entry.path in standing for entry in self._manifest.entries)

    def _has_below(self, folder: bytes) -> bool:
        """Return whether the manifest lists something in a folder."""
        start = folder + b"/"
        at = bisect_left(self._sorted_paths, start)
        return at < len(self._sorted_paths) and self._sorted_paths[at].startswith(start)

    @cached_property
    def _sorted_paths(self) -> list[bytes]:
        return sorted(self._known)

    def _find_spelled_otherwise(self, dispatcher: ResilientDispatcher) -> None:
        """Match extra paths with entries that differ only in spelling.

        If the system distinguishes the spellings, the entry is missing, and is compared with the
        file at the other path. If it does not, the entry was found at its own path.
        """
        if not self._extra:
            return
        entries = self._manifest.entries
        numbers = {entries[number].path: number for number in self._missing}
        apart = pair_spellings(numbers, self._extra, unicode_key)
        paths = {numbers[path]: other for path, other in apart.items()}
        there = list(paths)
        tasks = (
            CheckTask(self._place, some, default_workers(), [paths[number] for number in some])
            for some in (there[start : start + _BATCH] for start in range(0, len(there), _BATCH))
        )
        vanished: set[int] = set()

        def take(result: worker.CheckResult) -> None:
            for number, what, cause in result.found:
                if what == "missing":
                    vanished.add(number)
                else:
                    getattr(self._lists, what).append(PathDifference(paths[number], cause))

        dispatcher.run(lambda: next(tasks, None), take)
        for number in paths.keys() - vanished:
            del self._missing[number]
            self._note_spelled(entries[number].path, paths[number])
        unmet = {entry.path for entry in entries} - self._met - numbers.keys()
        for key in (unicode_key, spelling_key):
            for path, other in pair_spellings(unmet, self._extra, key).items():
                unmet.discard(path)
                self._ok -= path not in self._differing
                self._note_spelled(path, other)

    def _note_spelled(self, path: bytes, other: bytes) -> None:
        del self._extra[other]
        self._renamed.append(RenamedPath(path, other, spelling_difference(path, other)))

    def _find_renamed(self, dispatcher: ResilientDispatcher) -> None:
        """Match missing files and links with extra ones of the same content, one to one."""
        entries = self._manifest.entries
        wanted = [entries[number] for number in sorted(self._missing)]
        sizes = frozenset(entry.size for entry in wanted if entry.type == "file")
        sought = {entry.type for entry in wanted} - {"dir"}
        paths = sorted(path for path, kind in self._extra.items() if kind in sought)
        if not paths:
            return
        self.progress.stage("Looking for what was renamed", len(paths), None)
        batches = (
            ReadTask(self._place, paths[start : start + _BATCH], default_workers(), sizes)
            for start in range(0, len(paths), _BATCH)
        )
        standing: dict[object, list[ReadEntry]] = defaultdict(list)

        def take(result: worker.ReadResult) -> None:
            for read in result.read:
                standing[_content_of_read(read)].append(read)

        dispatcher.run(lambda: next(batches, None), take)
        gone: dict[object, list[ManifestEntry]] = defaultdict(list)
        for entry in wanted:
            gone[_content_of_entry(entry, self._place.both)].append(entry)
        for content, origins in gone.items():
            for entry, read in _pairs(origins, standing.get(content, [])):
                self._renamed.append(RenamedPath(entry.path, read.path))
                del self._extra[read.path]
                if entry.type == "file" and entry.mode != read.mode and self._place.modes:
                    cause = f"{read.mode:04o}, was {entry.mode:04o}"
                    self._lists.mode.append(PathDifference(read.path, cause))

    def result(self) -> VerificationReport:
        """Return the report."""
        entries = self._manifest.entries
        moved = {each.origin for each in self._renamed}
        missing = (PathDifference(entries[n].path, cause) for n, cause in self._missing.items())
        return VerificationReport(
            self._ok,
            _sorted(self._lists.changed),
            _sorted(self._lists.damaged),
            _sorted(self._lists.suspect),
            _sorted(each for each in missing if each.path not in moved),
            _sorted(
                PathDifference(path, _NOTES.get(kind, "")) for path, kind in self._extra.items()
            ),
            tuple(sorted(self._renamed, key=lambda each: each.origin)),
            _sorted(self._lists.mode),
            _sorted(self._lists.unreadable),
            _sorted(PathDifference(each.path, each.cause) for each in self._manifest.lacks),
            self._manifest.whole,
            self._place.modes,
        )


_NOTES = {
    "link": "a link",
    "dir": "an empty folder",
    "fifo": "a FIFO",
    "socket": "a socket",
    "device": "a device",
    "mount": "another file system",
}


def _sorted(differences: Iterable[PathDifference]) -> tuple[PathDifference, ...]:
    return tuple(sorted(differences, key=lambda each: each.path))


def _tasks(entries: tuple[ManifestEntry, ...], place: TreeContext) -> Iterator[CheckTask]:
    """Yield the large files one by one, largest first, then batches of the others."""
    large = [number for number, entry in enumerate(entries) if entry.size >= LARGE]
    large.sort(key=lambda number: -entries[number].size)
    for left, number in zip(range(len(large), 0, -1), large, strict=True):
        # The fewer large files are left, the more threads each gets.
        threads = max(1, default_workers() // left)
        yield CheckTask(place, (number,), threads)
    batch: list[int] = []
    size = 0
    for number, entry in enumerate(entries):
        if entry.size >= LARGE:
            continue
        batch.append(number)
        size += entry.size
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            yield CheckTask(place, batch)
            batch, size = [], 0
    if batch:
        yield CheckTask(place, batch)


def _content_of_entry(entry: ManifestEntry, both: bool) -> object:
    if entry.type != "file":
        return entry.type, entry.target
    return entry.blake3, entry.sha256 if both else None


def _content_of_read(read: ReadEntry) -> object:
    if read.blake3 is None:
        return read.kind, read.target
    return read.blake3.hex(), None if read.sha256 is None else read.sha256.hex()


def _pairs(
    origins: list[ManifestEntry], standing: list[ReadEntry]
) -> Iterator[tuple[ManifestEntry, ReadEntry]]:
    """Pair each origin with a path that has its content now, preferably of the same name."""
    by_name: dict[bytes, list[ReadEntry]] = defaultdict(list)
    for read in sorted(standing, key=lambda read: read.path, reverse=True):
        by_name[_name(read.path)].append(read)
    later = []
    for entry in origins:
        same = by_name.get(_name(entry.path))
        if same:
            yield entry, same.pop()
        else:
            later.append(entry)
    free = sorted(chain.from_iterable(by_name.values()), key=lambda read: read.path)
    yield from zip(later, free, strict=False)


def _name(path: bytes) -> bytes:
    return path.rpartition(b"/")[2]
