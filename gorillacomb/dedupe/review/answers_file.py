"""A file of lines that one process appends to, and others read when that one has ended."""

from __future__ import annotations

import fcntl
import os
import stat
from dataclasses import dataclass
from typing import NamedTuple

from gorillacomb.fs import mutations
from gorillacomb.fs.bounded_read import UnexpectedFile
from gorillacomb.fs.durable_files import sync_folder
from gorillacomb.fs.openat import FOLDER_FLAGS

_MOST_APPENDED = 1 << 30
"""Bytes."""


class FileState(NamedTuple):
    """What changes with each line that is appended to a file."""

    inode: int
    size: int
    mtime_ns: int


class FileInUse(OSError):
    """Another process has the file open for appending."""


@dataclass(slots=True)
class AppendedFile:
    """A file of lines that is only appended to; no other process can read it until it is closed."""

    path: bytes
    descriptor: int

    @classmethod
    def open(cls, path: bytes) -> AppendedFile:
        """Open the file, creating it with mode 0600. Raises FileInUse, OSError."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(path, flags, 0o600)
        try:
            _lock(descriptor, path, fcntl.LOCK_EX)
            sync_folder(os.path.dirname(path) or b".")
        except BaseException:
            os.close(descriptor)
            raise
        return cls(path, descriptor)

    def state(self) -> FileState:
        """Return what changes with each line."""
        return _state(os.fstat(self.descriptor))

    def read(self) -> bytes:
        """Return what the file contains. Raises OSError."""
        return _content(self.descriptor, self.path)

    def cut(self, size: int) -> None:
        """Remove what follows the first ``size`` bytes: a line that was not written to its end."""
        mutations.set_size(self.descriptor, size)
        mutations.fsync(self.descriptor)

    def append(self, data: bytes) -> None:
        """Append whole lines, and return once they are on the disk; all or nothing.

        Raises OSError.
        """
        before = os.fstat(self.descriptor).st_size
        try:
            mutations.append_durably(self.descriptor, data)
        except BaseException:
            mutations.set_size(self.descriptor, before)
            raise

    def close(self) -> None:
        """Close it, so that others can open it; remove it if nothing was appended."""
        try:
            if not os.fstat(self.descriptor).st_size:
                above, name = os.path.split(self.path)
                folder = os.open(above or b".", FOLDER_FLAGS & ~os.O_NOFOLLOW)
                try:
                    mutations.remove(folder, name)
                finally:
                    os.close(folder)
        finally:
            os.close(self.descriptor)


def read_appended(path: bytes) -> bytes | None:
    """Return what an `AppendedFile` contains; None if it does not exist.

    Raises FileInUse, OSError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        _lock(descriptor, path, fcntl.LOCK_SH)
        return _content(descriptor, path)
    finally:
        os.close(descriptor)


def state_of(path: bytes) -> FileState | None:
    """Return what changes with each line of a file; None if it does not exist. Raises OSError."""
    try:
        return _state(os.lstat(path))
    except FileNotFoundError:
        return None


def _state(facts: os.stat_result) -> FileState:
    return FileState(facts.st_ino, facts.st_size, facts.st_mtime_ns)


def _lock(descriptor: int, path: bytes, kind: int) -> None:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise FileInUse(error.errno, "it is in use", path) from error


def _content(descriptor: int, path: bytes) -> bytes:
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > _MOST_APPENDED:
        raise UnexpectedFile(None, "it is not a regular file, or far too large", path)
    pieces = []
    at = 0
    while piece := os.pread(descriptor, 1 << 20, at):
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces)
