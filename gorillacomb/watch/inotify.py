"""Report changes in folders on Linux with inotify(7), one watch per folder.

An event only says that something happened under a name, some time ago. The present state is never
concluded from it: the folder is opened, compared with the watched one, and listed. So what is known
of a watched folder was true at some moment after its watch began, and any change after that moment
still produces an event.

Built on watchdog's `InotifyFD`, which reads the events. Its own recursive emitter skips a folder
for which no watch is left, and reads the tree again for every folder that moves.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator

from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, InotifyFD, Mask

from gorillacomb.fs.openat import FOLDER_FLAGS, FileIdentity, identity_of
from gorillacomb.fs.paths import is_below, join, path_parts, relative_path
from gorillacomb.watch.debounce import ChangeQueue
from gorillacomb.watch.watched_folder import (
    NOBODY,
    WatchedFolder,
    is_mount_root,
    is_unreachable,
    open_folder,
    subfolders,
)

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
    | _C.IN_MOVE_SELF
    | _C.IN_ONLYDIR
    | _C.IN_DONT_FOLLOW
    | _C.IN_EXCL_UNLINK
)
"""The same for all watches: if a folder is seen at two paths, the last mask would apply to both."""
_LIMITS = "/proc/sys/fs/inotify"

# It warns of an overflow, which `overflowed` reports.
logging.getLogger("watchdog").addHandler(logging.NullHandler())


_Listed = tuple[WatchedFolder, list[bytes]]
"""A watched folder, and the names of its subfolders."""


class InotifyWatcher:
    """Watches whole trees, and queues folders that change."""

    def __init__(self, pending: ChangeQueue, left_out: Callable[[bytes], bool]) -> None:
        """Start inotify; ``left_out`` decides whether a folder's path is excluded.

        Raises OSError if the system allows no further watches.
        """
        self._pending = pending
        self._left_out = left_out
        try:
            self._events = InotifyFD()
        except OSError as error:
            raise OSError(error.errno, _limit("max_user_instances", error)) from error
        self._lock = threading.RLock()
        self._roots: dict[bytes, WatchedFolder] = {}
        self._due: list[tuple[WatchedFolder, bytes]] = []
        """Watched folders, each with a name in it to look at; an empty name for all of them."""
        self._mounted: set[tuple[WatchedFolder, bytes]] = set()
        """Likewise, where another file system, or another part of this one, was seen mounted."""
        self.overflowed = threading.Event()
        """Set when the system lost events."""
        self._failed: dict[bytes, str | None] = {}
        self._events.start()

    def add(self, root: bytes) -> str | None:
        """Watch a whole root, or nothing of it; return the reason if it failed."""
        with self._lock:
            try:
                descriptor = os.open(root, FOLDER_FLAGS)
                try:
                    top = WatchedFolder(self, None, root, identity_of(os.fstat(descriptor)))
                    self._watch(top, descriptor)
                    self._roots[root] = top
                    names = subfolders(descriptor)
                finally:
                    os.close(descriptor)
                self._fill((top, names), mark=False)
                self._look_where_due()
            except OSError as error:
                self._due.clear()
                self.drop(root)
                return _words(error)
            return None

    def look_at_mounts(self, points: Iterable[bytes]) -> None:
        """Look again at paths where something was mounted or unmounted.

        Paths that were seen as mount points are included: the mount may have been short-lived.
        """
        with self._lock:
            places, self._mounted = self._mounted, set()
            for path in points:
                places.update(self._places(path))
            for folder, name in places:
                if folder.wd == NOBODY:
                    continue
                self._due.append((folder, name))
                self._look_or_fail(folder.chain()[0])
                if name in folder.inside:
                    self._pending.mark(folder.path())

    def _places(self, path: bytes) -> Iterator[tuple[WatchedFolder, bytes]]:
        """Yield the watched folders that contain a path, with its name in each."""
        for top in self._roots.values():
            if path != top.name and is_below(path, top.name):
                *above, name = path_parts(relative_path(path, top.name))
                at: WatchedFolder | None = top
                for each in above:
                    at = at and at.inside.get(each)
                if at is not None:
                    yield at, name

    def failed_roots(self) -> dict[bytes, str | None]:
        """Return the roots that are no longer watched, each once, with the reason.

        The reason is None if the folder disappeared: another may be in its place already.
        """
        with self._lock:
            if not self._events.is_alive():
                return dict.fromkeys(self._roots, "nobody reads the events any more")
            found, self._failed = self._failed, {}
            return found

    def unsure_roots(self) -> set[bytes]:
        """Return no root: if events were lost, all of them are watched again from the start."""
        return set()

    def drop(self, root: bytes) -> None:
        """Stop watching a root."""
        with self._lock:
            top = self._roots.pop(root, None)
            self._failed.pop(root, None)
            if top is not None:
                self._forget(top)

    def watched(self) -> dict[bytes, tuple[int, FileIdentity]]:
        """Return watch and identity of each watched folder, by path."""
        with self._lock:
            every = (each for top in self._roots.values() for each in top.below())
            return {each.path(): (each.wd, each.identity) for each in every if each.wd != NOBODY}

    def close(self) -> None:
        """End all watches."""
        with self._lock:
            for top in self._roots.values():
                for each in top.below():
                    each.wd = NOBODY
            self._roots.clear()
        self._events.stop()
        self._events.join()

    # Called by the thread that reads the events.

    def changed(self, folder: WatchedFolder, event: InotifyEvent) -> None:
        """Handle a change in a watched folder, or of the folder itself."""
        with self._lock:
            if folder.wd == NOBODY:
                return
            top, path = folder.chain()[0], folder.path()
            if event.mask & _C.IN_ISDIR and (event.name or folder is top):
                self._due.append((folder, event.name))
                self._look_or_fail(top)
            if event.is_delete_self or event.is_move_self:
                if folder is not top:
                    return  # its parent reports that too
                self._pending.wake()  # the scanner checks whether the root still exists
            self._pending.mark(path)

    def watch_ended(self, folder: WatchedFolder) -> None:
        """Handle a watch ended by the system: folder deleted or file system unmounted."""
        with self._lock:
            if folder.wd == NOBODY:
                return
            if folder.parent is not None:
                self._due.append((folder.parent, folder.name))
            self._forget(folder)
            self._look_or_fail(folder.chain()[0])

    def events_lost(self) -> None:
        """Handle a queue overflow of the system."""
        self.overflowed.set()
        self._pending.wake()

    # Called with the lock held.

    def _look_or_fail(self, top: WatchedFolder) -> None:
        """Process the due names; if that fails for a root, mark it as failed."""
        try:
            self._look_where_due()
        except OSError as error:
            self._due.clear()
            self._failed[top.name] = _words(error)
            self._pending.wake()

    def _look_where_due(self) -> None:
        """Watch what exists now, and queue it for a scan: earlier changes were not reported."""
        while self._due:
            folder, name = self._due.pop()
            if folder.wd == NOBODY:
                continue
            try:
                descriptor = open_folder(folder)
            except OSError as error:
                self._begin_again(folder, error)
                continue
            try:
                listed = (
                    self._enter(folder, name, descriptor)
                    if name
                    else (folder, subfolders(descriptor))
                )
            finally:
                os.close(descriptor)
            if listed is not None:
                for each in listed[0].below():
                    self._pending.mark(each.path())
                self._fill(listed, mark=True)

    def _begin_again(self, folder: WatchedFolder, error: OSError) -> None:
        """Forget the outermost displaced folder around this one, and look at its place again.

        Raises the error if it has another reason.
        """
        if not is_unreachable(error):
            raise error
        for at in folder.chain():
            try:
                os.close(open_folder(at))
            except OSError as cause:
                if not is_unreachable(cause):
                    raise
                break
        if at.parent is not None:
            self._due.append((at.parent, at.name))
        self._forget(at)

    def _fill(self, listed: _Listed, mark: bool) -> None:
        """Watch everything in a watched folder that is not yet; ``mark`` queues it for a scan."""
        stack = [listed]
        while stack:
            folder, names = stack.pop()
            names = [name for name in names if name not in folder.inside]
            if not names or folder.wd == NOBODY:
                continue
            try:
                descriptor = open_folder(folder)
            except OSError as error:
                self._begin_again(folder, error)
                continue
            try:
                for name in names:
                    inner = self._enter(folder, name, descriptor)
                    if inner is not None:
                        stack.append(inner)
                        if mark:
                            self._pending.mark(inner[0].path())
            finally:
                os.close(descriptor)

    def _enter(self, above: WatchedFolder, name: bytes, descriptor: int) -> _Listed | None:
        """Watch a subfolder of an open folder by name; return None if there is none.

        A known one is kept if its watch is the same, and forgotten otherwise.
        """
        known = above.inside.get(name)
        listed = None
        if not self._left_out(join(above.path(), name)):
            listed = self._watch_subfolder(above, name, descriptor)
        if known is not None:
            if listed is not None and listed[0].wd == known.wd:
                known.identity = listed[0].identity
                self._events.remove_callbacks([(known.wd, listed[0].id)])
                return known, listed[1]
            self._forget(known)
        if listed is not None:
            above.inside[name] = listed[0]
        return listed

    def _watch_subfolder(
        self, above: WatchedFolder, name: bytes, descriptor: int
    ) -> _Listed | None:
        """Watch a subfolder; return None for a non-folder, an unreadable one, or a mount point."""
        try:
            opened = os.open(name, FOLDER_FLAGS, dir_fd=descriptor)
        except OSError as error:
            if is_unreachable(error):
                return None
            raise
        try:
            folder = WatchedFolder(self, above, name, identity_of(os.fstat(opened)))
            if folder.identity[0] != above.identity[0] or is_mount_root(opened):
                self._mounted.add((above, name))
                return None
            self._watch(folder, opened)
            return folder, subfolders(opened)
        except OSError as error:
            self._forget(folder)
            if is_unreachable(error):
                return None
            raise
        finally:
            os.close(opened)

    def _watch(self, folder: WatchedFolder, descriptor: int) -> None:
        """Start watching an open folder. Raises OSError."""
        path = f"/proc/self/fd/{descriptor}/.".encode()  # wherever its own path leads by now
        try:
            wd = self._events.add_callback(path, _MASK, folder, folder.id)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise OSError(errno.ENOSPC, _limit("max_user_watches", error)) from error
            raise
        if wd == NOBODY:  # watchdog's sign for an unreadable folder
            self._events.remove_callbacks([(wd, folder.id)])
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        folder.wd = wd

    def _forget(self, folder: WatchedFolder) -> None:
        """End the watches of a folder and everything in it; report a root as failed."""
        above = folder.parent
        if above is None:
            if self._roots.get(folder.name) is folder:
                self._failed.setdefault(folder.name, None)
                self._pending.wake()
        elif above.inside.get(folder.name) is folder:
            del above.inside[folder.name]
        gone = [(each.wd, each.id) for each in folder.below() if each.wd != NOBODY]
        for each in folder.below():
            each.wd = NOBODY
        self._events.remove_callbacks(gone)


def _words(error: OSError) -> str:
    return str(error.strerror or error).lower()


def _limit(name: str, error: OSError) -> str:
    """Describe an inotify error, with the setting that may have caused it."""
    try:
        with open(f"{_LIMITS}/{name}") as file:
            most = file.read().strip()
    except OSError:
        most = "unknown"
    return f"{error.strerror} (fs.inotify.{name} is {most})"
