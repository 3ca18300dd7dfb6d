"""Make a manifest: it states the current content, so every file is read again."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain, islice

from gorillacomb.errors import Interrupted
from gorillacomb.fs.openat import FileIdentity
from gorillacomb.fs.paths import join
from gorillacomb.manifest.model import Manifest, ManifestEntry, OmittedPath
from gorillacomb.manifest.paths import MOST_PATH
from gorillacomb.manifest.tree import TreeContext
from gorillacomb.manifest.walk import TreeEntry, identify_tree, walk_tree
from gorillacomb.manifest.worker import (
    ReadEntry,
    ReadResult,
    ReadTask,
    start_manifest_workers,
)
from gorillacomb.progress import NullProgress, Progress
from gorillacomb.workers.resilient_dispatcher import ResilientDispatcher
from gorillacomb.workers.worker_processes import default_workers

_BATCH = 200
"""Paths per task."""
_SMALL = 300
"""Entries; a smaller tree is read before a pool would have started."""

TraceSeqLookup = Callable[[bytes, bytes], int | None]
"""Returns a file's stamp in the trace (seq), given its absolute path and BLAKE3 digest, or None."""


def build(
    root: bytes,
    created_ns: int,
    *,
    selection: Iterable[tuple[bytes, int | None]] | None = None,
    checkpoint: str | None = None,
    seq_of: TraceSeqLookup = lambda path, digest: None,
    ignored: Collection[bytes] = (),
    own: Collection[FileIdentity] = (),
    workers: int | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Return the manifest of a folder as it is now.

    With ``selection`` (paths below the root with their seqs), of those files only. ``ignored`` are
    paths that do not belong to it, such as that of the manifest itself; ``own`` are our own files,
    by device and inode. What has no entry is in the manifest's ``left_out``. Raises UsageError for
    a root that is not a folder, RootVanished for one that disappears, WorkersFailed, Interrupted.
    """
    root = os.path.realpath(root)
    place = TreeContext(root, identify_tree(root), frozenset(own))
    if selection is None:
        builder = _ManifestBuilder(
            place, seq_of, walk_tree(root, place.identity, place.own), frozenset(ignored)
        )
    else:
        seqs = dict(selection)
        found = (TreeEntry(path, "file") for path in sorted(seqs))
        builder = _ManifestBuilder(
            place, lambda path, digest: seqs[path], found, frozenset(ignored)
        )
        builder.seq_by_relative_path = True
    try:
        builder.run(workers, progress or NullProgress())
    except KeyboardInterrupt:
        raise Interrupted(
            "Interrupted: no manifest was made.", "Run the same command again."
        ) from None
    return Manifest(
        os.path.basename(root) or root,
        tuple(sorted(builder.entries, key=lambda entry: entry.path)),
        created_ns,
        checkpoint,
        selection is None,
        tuple(sorted(builder.left_out, key=lambda each: each.path)),
    )


class _ManifestBuilder:
    """A manifest in progress."""

    def __init__(
        self,
        place: TreeContext,
        seq_of: TraceSeqLookup,
        found: Iterator[TreeEntry],
        ignored: frozenset[bytes],
    ) -> None:
        self.entries: list[ManifestEntry] = []
        self.left_out: list[OmittedPath] = []
        self.seq_by_relative_path = False
        self._place = place
        self._seq_of = seq_of
        self._found = found
        self._ignored = ignored
        self._large: list[tuple[int, bytes]] = []
        self._walked = False

    def run(self, workers: int | None, progress: Progress) -> None:
        """Walk the tree and read all files."""
        self._progress = progress
        first = list(islice(self._found, _SMALL))
        self._found = chain(first, self._found)
        progress.stage("Reading", None, None)
        pool = start_manifest_workers(workers, len(first) < _SMALL, self._place.root, ())
        try:
            ResilientDispatcher(pool, progress).run(self._next_task, self._take)
        finally:
            pool.close()
            progress.close()

    def _next_task(self) -> ReadTask | None:
        if self._large:
            _, path = self._large.pop()
            # The more large files wait, the fewer threads each gets.
            threads = max(1, default_workers() // (len(self._large) + 1))
            return ReadTask(self._place, (path,), threads)
        paths: list[bytes] = []
        while not self._walked and len(paths) < _BATCH:
            found = next(self._found, None)
            if found is None:
                self._walked = True
            elif found.kind == "file" or found.kind == "link" or found.kind == "dir":
                if len(found.path) > MOST_PATH:
                    cause = "its path is too long for a manifest"
                    self.left_out.append(OmittedPath(found.path, "unreadable", cause))
                elif found.path not in self._ignored:
                    paths.append(found.path)
            else:
                self.left_out.append(OmittedPath(found.path, found.kind, found.cause))
        return ReadTask(self._place, paths) if paths else None

    def _take(self, result: ReadResult) -> None:
        self._large = sorted(self._large + result.large)
        self.left_out += [OmittedPath(*each) for each in result.left_out]
        self.entries += map(self._entry, result.read)
        self._progress.advance(len(result.read), 0)

    def _entry(self, read: ReadEntry) -> ManifestEntry:
        if read.kind != "file":
            return ManifestEntry(read.path, read.kind, read.mode, 0, read.mtime_ns, read.target)
        assert read.blake3 is not None
        assert read.sha256 is not None
        path = read.path if self.seq_by_relative_path else join(self._place.root, read.path)
        return ManifestEntry(
            read.path,
            "file",
            read.mode,
            read.size,
            read.mtime_ns,
            None,
            read.blake3.hex(),
            read.sha256.hex(),
            self._seq_of(path, read.blake3),
        )
