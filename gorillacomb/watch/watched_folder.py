"""A watched folder: its place in the tree, its watch, and its identity."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from watchdog.observers.inotify_c import CallbackId, InotifyEvent, WatchDescriptor

from gorillacomb.fs.drive_errors import is_vanished
from gorillacomb.fs.openat import FOLDER_FLAGS, FileIdentity, OpenFolders, identity_of
from gorillacomb.fs.paths import join, relative_path

NOBODY = WatchDescriptor(-1)
"""Instead of a watch: the folder is unreadable, or no longer watched."""
# statx(2): since Linux 5.8 the kernel reports whether a folder is the root of a mount.
_statx = getattr(ctypes.CDLL(None), "statx", None)
_AT_EMPTY_PATH = 0x1000
_SIZE, _ATTRIBUTES = 256, 8
"""Size of its result in bytes, and offset of the attributes."""
_MOUNT_ROOT = 0x2000
_PATH_MAX = 4096
"""Bytes, with the terminating NUL: the system rejects longer paths (limits.h)."""


class EventReceiver(Protocol):
    """Receives events of watched folders, in the thread that reads them."""

    def changed(self, folder: WatchedFolder, event: InotifyEvent) -> None:
        """Handle a change in a folder, or of the folder itself."""

    def watch_ended(self, folder: WatchedFolder) -> None:
        """Handle a watch ended by the system: folder deleted or file system unmounted."""

    def events_lost(self) -> None:
        """Handle a queue overflow of the system."""


@dataclass(slots=True, eq=False)
class WatchedFolder:
    """A watched folder; its path is its parent's path and its name, so that it can move."""

    receiver: EventReceiver
    parent: WatchedFolder | None
    name: bytes
    """The path, for a root."""
    identity: FileIdentity
    wd: WatchDescriptor = NOBODY
    inside: dict[bytes, WatchedFolder] = field(default_factory=dict)

    @property
    def id(self) -> CallbackId:
        """What distinguishes it from another folder with the same watch at another path."""
        return CallbackId(id(self))

    def chain(self) -> list[WatchedFolder]:
        """Return the folders along its path: the root first, itself last."""
        found = [self]
        while (above := found[-1].parent) is not None:
            found.append(above)
        return found[::-1]

    def path(self) -> bytes:
        top, *others = self.chain()
        return join(top.name, b"/".join([each.name for each in others]))

    def below(self) -> Iterator[WatchedFolder]:
        """Yield it and all watched folders in it."""
        stack = [self]
        while stack:
            at = stack.pop()
            yield at
            stack += at.inside.values()

    # Called by the thread that reads the events.

    def on_event(self, event: InotifyEvent) -> None:
        self.receiver.changed(self, event)

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        self.receiver.watch_ended(self)

    def on_queue_overflow(self) -> None:
        self.receiver.events_lost()


def open_folder(folder: WatchedFolder) -> int:
    """Open a watched folder, at any depth.

    Raises OSError; FileNotFoundError too if its path leads to another folder.
    """
    path = folder.path()
    if len(path) < _PATH_MAX:
        descriptor = os.open(path, FOLDER_FLAGS)
    else:
        top = folder.chain()[0].name
        opened = OpenFolders(top)
        try:
            descriptor = os.dup(opened.open(relative_path(path, top)))
        finally:
            opened.close()
    if identity_of(os.fstat(descriptor)) != folder.identity:
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return descriptor


def is_unreachable(error: OSError) -> bool:
    """Return whether an error means that a path leads to no folder, or to an unreadable one."""
    return is_vanished(error) or error.errno == errno.EACCES


def subfolders(descriptor: int) -> list[bytes]:
    """Return the names of the subfolders of an open folder. Raises OSError."""
    with os.scandir(descriptor) as entries:
        return [os.fsencode(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False)]


def is_mount_root(descriptor: int) -> bool:
    """Return whether an open folder is the root of a mount; False if unknown."""
    facts = ctypes.create_string_buffer(_SIZE)
    if _statx is None or _statx(descriptor, b"", _AT_EMPTY_PATH, 0, facts):
        return False
    (attributes,) = struct.unpack_from("=Q", facts, _ATTRIBUTES)
    return bool(attributes & _MOUNT_ROOT)
