"""What changes in folders, as Linux tells of it (inotify(7)): one watch for each folder.

Built on watchdog's `InotifyFD`, which reads the events. Its own recursive emitter passes over a
folder for which no watch is left, and reads the tree again for every folder that moves.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
)

from gorillacomb.fs.drive_errors import is_vanished
from gorillacomb.fs.openat import OpenFolders
from gorillacomb.fs.paths import join, relative_path
from gorillacomb.watch.debounce import ChangeQueue

_C = InotifyConstants
_MASK = Mask(
    _C.IN_MODIFY
    | _C.IN_ATTRIB
    | _C.IN_CLOSE_WRITE
    | _C.IN_MOVED_FROM
    | _C.IN_MOVED_TO
    | _C.IN_CREATE
    | _C.IN_DELETE
    | _C.IN_DELETE_SELF
    | _C.IN_ONLYDIR
    | _C.IN_DONT_FOLLOW
    | _C.IN_EXCL_UNLINK
)
_ROOT_MASK = Mask(_MASK | _C.IN_MOVE_SELF)
"""Of a folder in a root the one around it tells that it moved."""
_ids = count()
_NOBODY = WatchDescriptor(-1)
"""What stands for a watch on a folder that may not be read."""
_LIMITS = "/proc/sys/fs/inotify"
_PATH_MAX = 4096
"""Bytes, with the NUL at its end: a longer path the system does not take (limits.h)."""

# It warns of an overflow, which is told to whoever asks `overflowed`.
logging.getLogger("watchdog").addHandler(logging.NullHandler())


@dataclass(slots=True, eq=False)
class _WatchedFolder:
    """A watched folder; its path is that of its parent and its name, so that it can move."""

    parent: _WatchedFolder | None
    name: bytes
    """Of a root, its path."""
    wd: WatchDescriptor = _NOBODY
    id: CallbackId = field(default_factory=lambda: CallbackId(next(_ids)))
    inside: dict[bytes, _WatchedFolder] = field(default_factory=dict)

    def root(self) -> bytes:
        at = self
        while at.parent is not None:
            at = at.parent
        return at.name

    def path(self) -> bytes:
        names, at = [], self
        while at.parent is not None:
            names.append(at.name)
            at = at.parent
        return join(at.name, b"/".join(reversed(names)))

    def below(self) -> Iterator[_WatchedFolder]:
        """It and all watched folders in it."""
        stack = [self]
        while stack:
            at = stack.pop()
            yield at
            stack += at.inside.values()


class InotifyWatcher:
    """Watches over whole trees; what changes goes on the list of pending folders."""

    def __init__(self, pending: ChangeQueue, left_out: Callable[[bytes], bool]) -> None:
        """``left_out`` says of a folder's path that nothing in it is scanned.

        Raises OSError where the system lets nobody watch.
        """
        self._pending = pending
        self._left_out = left_out
        try:
            self._events = InotifyFD()
        except OSError as error:
            raise OSError(error.errno, _limit("max_user_instances", error)) from error
        self._lock = threading.RLock()
        self._roots: dict[bytes, _WatchedFolder] = {}
        self._by_wd: dict[WatchDescriptor, _WatchedFolder] = {}
        self.overflowed = threading.Event()
        """Set when the system lost events."""
        self._failed: dict[bytes, str | None] = {}
        self._events.start()

    def add(self, root: bytes) -> str | None:
        """Watch a root and all in it, or nothing of it; returns why, in words, then."""
        with self._lock:
            top = self._roots[root] = _WatchedFolder(None, root)
            self._failed.pop(root, None)
            try:
                self._watch(top)
                self._fill(top, mark=False)
            except OSError as error:
                self.drop(root)
                return _words(error)
            return None

    def failed_roots(self) -> dict[bytes, str | None]:
        """The roots that are not watched any more, and why, in words; each is told of once.

        None of one whose folder went: another may stand there already.
        """
        with self._lock:
            if not self._events.is_alive():
                return dict.fromkeys(self._roots, "nobody reads the events any more")
            found, self._failed = self._failed, {}
            return found

    def drop(self, root: bytes) -> None:
        """Watch a root no more."""
        with self._lock:
            top = self._roots.pop(root, None)
            if top is not None:
                self._forget(top)

    def close(self) -> None:
        """End all watches."""
        with self._lock:
            self._roots.clear()
            self._by_wd.clear()
        self._events.stop()
        self._events.join()

    # Called by the thread that reads the events.

    def on_event(self, event: InotifyEvent) -> None:
        with self._lock:
            folder = self._by_wd.get(event.wd)
            if folder is None:
                return
            path = folder.path()
            if event.name and event.mask & _C.IN_ISDIR:
                try:
                    self._folder_changed(folder, path, event)
                except OSError as error:
                    self._failed[folder.root()] = _words(error)
                    self._pending.wake()
            if folder.parent is None and (event.is_delete_self or event.is_move_self):
                self._pending.wake()  # the root itself: whoever scans looks whether it is there
            self._pending.mark(path)

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        with self._lock:
            folder = self._by_wd.pop(wd, None)
            if folder is not None:
                self._leave(folder)
                if self._roots.get(folder.name) is folder:
                    self._failed.setdefault(folder.name, None)
        self._pending.wake()

    def on_queue_overflow(self) -> None:
        self.overflowed.set()
        self._pending.wake()

    def _folder_changed(self, above: _WatchedFolder, path: bytes, event: InotifyEvent) -> None:
        """A folder came, went, or got other rights."""
        known = above.inside.get(event.name)
        if event.is_moved_from or event.is_delete:
            if known is not None:
                self._forget(known)
        elif not self._left_out(join(path, event.name)):
            if known is None:
                known = self._enter(above, event.name)
            elif event.is_create or event.is_moved_to:  # another one than that which stood here
                self._forget(known)
                known = self._enter(above, event.name)
            if known is not None:
                self._fill(known, mark=True)

    # Called with the lock held.

    def _enter(self, above: _WatchedFolder, name: bytes) -> _WatchedFolder | None:
        """Watch a subfolder; None for one that is gone already or may not be read."""
        folder = _WatchedFolder(above, name)
        try:
            self._watch(folder)
        except OSError as error:
            if is_vanished(error):
                return None
            raise
        if folder.wd == _NOBODY:
            return None
        above.inside[name] = folder
        return folder

    def _watch(self, folder: _WatchedFolder) -> None:
        try:
            with _reachable(folder) as path:
                mask = _MASK if folder.parent else _ROOT_MASK
                wd = self._events.add_callback(path, mask, self, folder.id)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise OSError(errno.ENOSPC, _limit("max_user_watches", error)) from error
            raise
        if wd == _NOBODY:
            self._events.remove_callbacks([(wd, folder.id)])
            return
        folder.wd = wd
        known = self._by_wd.get(wd)
        self._by_wd[wd] = folder
        if known is not None:  # it has moved here, of which we have not heard yet
            self._leave(known)
            self._events.remove_callbacks([(wd, known.id)])

    def _fill(self, top: _WatchedFolder, mark: bool) -> None:
        """Watch all that is in a watched folder, and is not yet; ``mark`` has it scanned.

        What changed in a folder before it was watched nobody told of.
        """
        stack = [top]
        while stack:
            at = stack.pop()
            path = at.path()
            if mark:
                self._pending.mark(path)
            for name in _subfolders(at):
                if self._left_out(join(path, name)):
                    continue
                inner = at.inside.get(name) or self._enter(at, name)
                if inner is not None:
                    stack.append(inner)

    def _forget(self, folder: _WatchedFolder) -> None:
        """End the watches of a folder and of all in it."""
        self._leave(folder)
        gone = [each for each in folder.below() if self._by_wd.get(each.wd) is each]
        for each in gone:
            del self._by_wd[each.wd]
        self._events.remove_callbacks([(each.wd, each.id) for each in gone])

    def _leave(self, folder: _WatchedFolder) -> None:
        """Take a folder out of the one around it."""
        if folder.parent is not None and folder.parent.inside.get(folder.name) is folder:
            del folder.parent.inside[folder.name]


@contextmanager
def _reachable(folder: _WatchedFolder) -> Iterator[bytes]:
    """A path by which the system reaches a folder, however deep it lies. Raises OSError."""
    path = folder.path()
    if len(path) < _PATH_MAX:
        yield path
        return
    top = folder.root()
    opened = OpenFolders(top)
    try:
        yield f"/proc/self/fd/{opened.open(relative_path(path, top))}/.".encode()
    finally:
        opened.close()


def _subfolders(folder: _WatchedFolder) -> list[bytes]:
    """The names of the folders in a folder; none for one that is gone or may not be read."""
    try:
        with _reachable(folder) as path, os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError as error:
        if is_vanished(error) or error.errno == errno.EACCES:
            return []
        raise


def _words(error: OSError) -> str:
    return str(error.strerror or error).lower()


def _limit(name: str, error: OSError) -> str:
    """An error of inotify in words, with the setting that it may come from."""
    try:
        with open(f"{_LIMITS}/{name}") as file:
            most = file.read().strip()
    except OSError:
        most = "unknown"
    return f"{error.strerror} (fs.inotify.{name} is {most})"
