"""Checking a manifest against what stands in a folder now."""

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
from gorillacomb.workers.dispatcher import Dispatcher
from gorillacomb.workers.pool import Workers, default_workers

_BATCH = 512
"""Entries in a task."""
_BATCH_BYTES = 16 << 20
_SMALL = 300
"""Entries; fewer, with few bytes, are checked before a pool would have started."""
_STEP = 400
"""Entries that the walk meets between two tasks handed out."""


@dataclass(frozen=True, slots=True)
class PathDifference:
    """One path that is not as the manifest says."""

    path: bytes
    cause: str = ""
    """In words; empty where the path says it all."""


@dataclass(frozen=True, slots=True)
class RenamedPath:
    """A missing content that stands under another path."""

    origin: bytes
    path: bytes
    cause: str = ""
    """How the two differ, where that is in their spelling alone."""


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """How a folder compares with its manifest; all sorted by path bytes."""

    ok: int
    """Entries of which everything is as recorded."""
    changed: tuple[PathDifference, ...]
    damaged: tuple[PathDifference, ...]
    """The content changed while size and mtime did not."""
    suspect: tuple[PathDifference, ...]
    """The same, on a file system that may let content change without any time's showing it."""
    missing: tuple[PathDifference, ...]
    extra: tuple[PathDifference, ...]
    renamed: tuple[RenamedPath, ...]
    mode: tuple[PathDifference, ...]
    unreadable: tuple[PathDifference, ...]
    unproven: tuple[PathDifference, ...]
    """What the manifest itself has no content of."""
    whole: bool
    """The manifest speaks of the whole folder: what is extra differs from it."""
    modes: bool = True
    """Modes were compared: the file system keeps them."""

    @property
    def differs(self) -> bool:
        """Whether anything is not as the manifest says."""
        return any(found for kind, found in self.kinds().items() if kind != "unreadable")

    def kinds(self) -> dict[str, tuple[PathDifference, ...] | tuple[RenamedPath, ...]]:
        """What keeps the folder from being as the manifest says, by the name of its kind."""
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
        """Whether not everything could be compared."""
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
    """Compare all that stands in ``root`` with a manifest.

    ``both`` digests of each file must match, else its BLAKE3 alone. ``ignored`` are paths below the
    root that are not extra, such as the manifest's own; ``own`` are our own files by device and
    inode. Nothing outside the root is opened, and no link in it is followed. Raises UsageFault for
    a root that is no folder, RootVanished for one that goes away, WorkersFailed, Interrupted.
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
    """A verification under way."""

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
        """Check the entries, walk the folder meanwhile, then look for what was renamed."""
        entries, place = self._manifest.entries, self._place
        size = sum(entry.size for entry in entries)
        self.progress.stage("Verifying", len(entries), size)
        tasks = _tasks(entries, place)
        found = walk_tree(place.root, place.identity, place.own, self._has_below)
        dispatcher = Dispatcher(pool, self.progress)

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
        """Go on with the walk, and note what it meets that the manifest does not know."""
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
        """Note the folders that could not be listed; one recorded as empty is not known to be."""
        noted = {each.path for each in self._lists.unreadable} | self._lacks  # those are unproven
        for path, cause in self._unlisted.items():
            if path not in noted:
                self._lists.unreadable.append(PathDifference(path, cause))
        standing = self._unlisted.keys() - self._differing
        self._ok -= sum(entry.path in standing for entry in self._manifest.entries)

    def _has_below(self, folder: bytes) -> bool:
        """Whether the manifest speaks of something in a folder."""
        start = folder + b"/"
        at = bisect_left(self._sorted_paths, start)
        return at < len(self._sorted_paths) and self._sorted_paths[at].startswith(start)

    @cached_property
    def _sorted_paths(self) -> list[bytes]:
        return sorted(self._known)

    def _find_spelled_otherwise(self, dispatcher: Dispatcher) -> None:
        """Match extra paths with entries that differ from them in their spelling alone.

        Where the system tells the spellings apart, the entry is missing, and is compared with what
        is at the other path. Where it does not, the entry was found at its own.
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

    def _find_renamed(self, dispatcher: Dispatcher) -> None:
        """Match missing files and links with extra ones of the same content, each with one."""
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
        """All that was found."""
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
    """The large files one by one, the largest first, then batches of the others."""
    large = [number for number, entry in enumerate(entries) if entry.size >= LARGE]
    large.sort(key=lambda number: -entries[number].size)
    for left, number in zip(range(len(large), 0, -1), large, strict=True):
        # The fewer large files are left, the more threads each may have.
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
    """Each origin with one place where its content stands: one of its own name first."""
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
