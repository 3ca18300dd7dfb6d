"""Report changes in folders on macOS with FSEvents, one stream per root.

An event only says that something changed at a path, perhaps some time ago, and perhaps long before
the stream began. The present state is never concluded from it: the folder is queued, and the scan
looks. Several events may be merged into one, of the same file or, if there are too many, of a whole
subtree (kFSEventStreamEventFlagMustScanSubDirs in <FSEvents.h>): all folders below it are queued.

Built on watchdog's `FSEventsEmitter`, which starts and ends a stream. What it makes of the events
is not used: it leaves out those that ask for a subtree to be read, and those that it takes for old.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

from watchdog.observers.api import EventQueue, ObservedWatch
from watchdog.observers.fsevents import FSEventsEmitter

from gorillacomb.fs.darwin import figures
from gorillacomb.fs.darwin.true_path import true_path
from gorillacomb.fs.openat import FileIdentity, root_identity
from gorillacomb.fs.paths import (
    is_below,
    join,
    parent_path,
    path_parts,
    spelling_key,
)
from gorillacomb.fs.real_path import real_path
from gorillacomb.watch.debounce import ChangeQueue

_LATENCY = 0.2
"""Seconds for which the system collects events before it delivers them."""
_DROPPED = figures.FSEVENT_USER_DROPPED | figures.FSEVENT_KERNEL_DROPPED
_SUBTREE = figures.FSEVENT_MUST_SCAN_SUB_DIRS | figures.FSEVENT_MOUNT | figures.FSEVENT_UNMOUNT
_APPEARED = (
    figures.FSEVENT_ITEM_CREATED | figures.FSEVENT_ITEM_RENAMED | figures.FSEVENT_ITEM_CLONED
)
"""A folder may have come with all that is in it, which is not reported by itself."""
_NO_FOLDER = figures.FSEVENT_ITEM_IS_FILE | figures.FSEVENT_ITEM_IS_SYMLINK

_Receive = Callable[[Sequence[str | bytes], Sequence[int]], None]
"""Receives the paths of events, and their flags."""


class _RootStream(FSEventsEmitter):
    """The events of one root, as the system delivers them."""

    def __init__(self, root: bytes, receive: _Receive):
        # Strictly: the system takes paths in UTF-8 only.
        watch = ObservedWatch(root.decode("utf-8"), recursive=True)
        super().__init__(EventQueue(), watch, latency=_LATENCY)
        self._receive = receive

    def events_callback(
        self, paths: Sequence[str | bytes], inodes: object, flags: Sequence[int], ids: object
    ) -> None:
        """Receive events, in the thread of the stream; paths are text (CFString_AsPyUnicode).

        An exception ends the stream (`watchdog_FSEventStreamCallback`), which is noticed.
        """
        self._receive(paths, flags)


class FSEventsWatcher:
    """Watches whole trees, and queues folders that change."""

    def __init__(self, pending: ChangeQueue, left_out: Callable[[bytes], bool]) -> None:
        """Prepare to watch; ``left_out`` decides whether a folder's path is excluded."""
        self._pending = pending
        self._left_out = left_out
        self._lock = threading.Lock()
        self._streams: dict[bytes, _RootStream] = {}
        self._due: set[bytes] = set()
        """Folders below which everything is to be queued."""
        self._failed: dict[bytes, str | None] = {}
        self._unsure: set[bytes] = set()
        self.overflowed = threading.Event()
        """Never set: a stream goes on after it lost events."""

    def add(self, root: bytes) -> str | None:
        """Watch a whole root; return the reason if it failed."""
        try:
            stream = _RootStream(root, lambda paths, flags: self._hear(root, paths, flags))
            stream.start()
        except (OSError, RuntimeError, SystemError, ValueError) as error:
            return str(error).rstrip(".").lower()
        with self._lock:
            self._streams[root] = stream
        return None

    def drop(self, root: bytes) -> None:
        """Stop watching a root."""
        with self._lock:
            stream = self._streams.pop(root, None)
            self._failed.pop(root, None)
            self._unsure.discard(root)
        if stream is not None:
            _end(stream)

    def close(self) -> None:
        """End all streams."""
        for root in list(self._streams):
            self.drop(root)

    def failed_roots(self) -> dict[bytes, str | None]:
        """Return the roots that are no longer watched, each once, with the reason.

        The reason is None if the folder disappeared: another may be in its place already.
        """
        with self._lock:
            found, self._failed = self._failed, {}
            for root, stream in self._streams.items():
                if not stream.is_alive():
                    found.setdefault(root, "nobody reads the events any more")
            return {root: cause for root, cause in found.items() if root in self._streams}

    def unsure_roots(self) -> set[bytes]:
        """Return the roots in which anything may have changed unreported, each once.

        They are watched all the same, by the same streams: a new one may deliver once more what
        made the one before it unsure, as events of the last 30 s are.
        """
        with self._lock:
            found, self._unsure = self._unsure, set()
            return found

    def look_at_mounts(self, points: Iterable[bytes]) -> None:
        """Look at paths where something was mounted or unmounted, and where events ask for it."""
        with self._lock:
            due, self._due = self._due, set()
            roots = list(self._streams)
        due.update(point for point in points for root in roots if is_below(point, root))
        for top in due:
            for path in self._folders_below(top):
                self._pending.mark(path)

    def watched(self) -> dict[bytes, tuple[int, FileIdentity]]:
        """Return 0 and the identity of each watched root, by path: folders have no watches here."""
        with self._lock:
            roots = list(self._streams)
        found = ((root, root_identity(root)) for root in roots)
        return {root: (0, identity) for root, identity in found if identity is not None}

    def _folders_below(self, top: bytes) -> Iterator[bytes]:
        """Yield a folder and those in it, as far as they can be read and are not excluded.

        What cannot be listed now is noticed by the scan of the folder it is in.
        """
        stack = [top]
        while stack:
            at = stack.pop()
            try:
                with os.scandir(at) as entries:
                    inner = [
                        join(at, os.fsencode(each.name))
                        for each in entries
                        if each.is_dir(follow_symlinks=False)
                    ]
            except OSError:
                continue
            yield at
            stack += [each for each in inner if not self._left_out(each)]

    # In the thread of a stream.

    def _hear(self, root: bytes, paths: Sequence[str | bytes], flags: Sequence[int]) -> None:
        """Queue the folders that events are about."""
        changed: set[bytes] = set()
        whole: set[bytes] = set()
        is_unsure = is_elsewhere = False
        for text, flag in zip(paths, flags, strict=True):
            if flag & _DROPPED:
                is_unsure = True
            elif flag & figures.FSEVENT_HISTORY_DONE:
                continue  # its path means nothing
            elif flag & figures.FSEVENT_ROOT_CHANGED:
                is_elsewhere = True
            elif (path := _below(root, os.fsencode(text))) is None:
                is_unsure = True  # an unreadable path, or a folder around this one
            elif path == root:
                is_unsure |= bool(flag & _SUBTREE)
                changed.add(root)
            else:
                changed.add(parent_path(path))
                if not flag & _NO_FOLDER:
                    changed.add(path)
                    if flag & (_SUBTREE | _APPEARED):
                        whole.add(path)
        with self._lock:
            if is_elsewhere:
                self._failed[root] = None
            if is_unsure:
                self._unsure.add(root)
        self._queue(root, changed, whole)
        if is_elsewhere or is_unsure or whole:
            self._pending.wake()

    def _queue(self, root: bytes, changed: set[bytes], whole: set[bytes]) -> None:
        known: dict[bytes, bool] = {root: False}

        def is_left_out(path: bytes) -> bool:
            if path not in known:
                known[path] = is_left_out(parent_path(path)) or self._left_out(path)
            return known[path]

        with self._lock:
            self._due.update(_as_listed(path) for path in whole if not is_left_out(path))
        for path in changed:
            if not is_left_out(path):
                self._pending.mark(_as_listed(path))


def _below(root: bytes, path: bytes) -> bytes | None:
    """Return the path of an event, spelled as the root; None if it is not in the root."""
    path = path.rstrip(b"/") or b"/"
    if is_below(path, root):
        return path
    parts, names = path_parts(path), len(path_parts(root))
    if spelling_key(b"/".join(parts[:names])) == spelling_key(root):
        return join(root, b"/".join(parts[names:]))
    real = real_path(path)  # through another mount of the same volume
    return real if is_below(real, root) else None


def _as_listed(path: bytes) -> bytes:
    """Return the path of a folder as it is listed: its volume may accept another spelling."""
    made = true_path(path)
    return made if made and spelling_key(made) == spelling_key(path) else path


def _end(stream: _RootStream) -> None:
    stream.stop()
    if stream is not threading.current_thread():
        stream.join()
