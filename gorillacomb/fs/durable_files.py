"""Write files so that they survive a crash: complete and on the disk, or not there at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gorillacomb.fs.bounded_read import UnexpectedFile

PathLike = str | bytes | os.PathLike[str]


_CHUNK = 1 << 20
"""Bytes."""
_MOST_APPENDED = 1 << 30
"""Bytes."""


def create_file(
    place: PathLike, chunks: Iterable[bytes], mode: int = 0o666, synced: bool = True
) -> None:
    """Write data to a new file, which is removed again on failure.

    Raises FileExistsError, OSError. ``mode`` is subject to the umask; ``synced`` waits for the
    disk. The name is on the disk only after `sync_folder`.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(place, flags, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            if synced:
                os.fsync(descriptor)
    except BaseException:
        os.unlink(place)
        raise


def copy_file(source: PathLike, place: PathLike, mode: int = 0o666) -> None:
    """Copy a file's data to a new file, as `create_file` does."""
    with open(source, "rb") as file:
        create_file(place, iter(lambda: file.read(_CHUNK), b""), mode)


def write_temporary(place: PathLike, data: bytes, mode: int = 0o666, synced: bool = True) -> bytes:
    """Write data to a new hidden file in the folder of ``place`` and return its path.

    Raises OSError as `create_file` does.
    """
    folder, name = os.path.split(os.fsencode(place))
    aside = os.path.join(folder, b".%s.%s" % (name[:200], secrets.token_hex(4).encode()))
    create_file(aside, (data,), mode, synced)
    return aside


def replace_file(place: PathLike, data: bytes, mode: int = 0o666, synced: bool = True) -> None:
    """Write a file atomically, replacing any file of that name. Raises OSError."""
    path = os.fsencode(place)
    aside = write_temporary(path, data, mode, synced)
    try:
        os.rename(aside, path)
    except BaseException:
        os.unlink(aside)
        raise
    if synced:
        sync_folder(os.path.dirname(path) or b".")


def remove_new_folder(folder: Path, names: Iterable[str]) -> None:
    """Remove a folder that was just created, and the files that were written to it."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # something else was put into it
        folder.rmdir()


def sync_folder(folder: PathLike) -> None:
    """Make the names in a folder survive a crash. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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

    def read(self) -> bytes:
        """Return what the file contains. Raises OSError."""
        return _content(self.descriptor, self.path)

    def cut(self, size: int) -> None:
        """Remove what follows the first ``size`` bytes: a line that was not written to its end."""
        os.ftruncate(self.descriptor, size)
        os.fsync(self.descriptor)

    def append(self, data: bytes) -> None:
        """Append whole lines, and return once they are on the disk; all or nothing.

        Raises OSError.
        """
        before = os.fstat(self.descriptor).st_size
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self.descriptor, rest) :]
            os.fsync(self.descriptor)
        except BaseException:
            os.ftruncate(self.descriptor, before)
            raise

    def close(self) -> None:
        """Close it, so that others can open it; remove it if nothing was appended."""
        if not os.fstat(self.descriptor).st_size:
            os.unlink(self.path)
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
