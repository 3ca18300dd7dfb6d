"""Open paths below a folder: component by component from its descriptor, never through a link."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Literal

from gorillacomb.fs.paths import join, parent_path

OUR_FOLDER = b".gorillacomb"
"""The name of folders with quarantines and locks, which are never entered."""

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
NOATIME: int = getattr(os, "O_NOATIME", 0)
_SF_DATALESS = 0x40000000  # macOS, sys/stat.h
ONLY_IN_CLOUD = "only in the cloud"
_RECALL = 0x00400000 | 0x00040000 | 0x00001000  # Windows: RECALL_ON_DATA_ACCESS, _OPEN, OFFLINE
_DEEPEST = 64
_FEWEST_OPEN, _MOST_OPEN = 16, 1024
INT64 = 1 << 63
"""The first number that SQLite cannot store as an integer."""

FileIdentity = tuple[int, int]
"""Device and inode."""


class RootChanged(OSError):
    """The root's path now leads to another folder."""


class OpenFolders:
    """Descriptors of the last used folder and those above it.

    Opening each from its parent reaches paths of any length, and a folder swapped for a link cannot
    lead out of the root. The root itself may be named through links.
    """

    def __init__(self, root: bytes, identity: FileIdentity | None = None) -> None:
        self._root = root
        self._identity = identity
        self._prefixes: list[bytes] = []
        """The prefix of the paths below each of them."""
        self._descriptors: list[int] = []

    def open(self, path: bytes) -> int:
        """Return a descriptor of the folder at ``path`` below the root, valid until the next call.

        Raises OSError: RootChanged if the root does not have the given identity.
        """
        prefixes, descriptors = self._prefixes, self._descriptors
        wanted = path + b"/" if path else b""
        while prefixes and not wanted.startswith(prefixes[-1]):
            prefixes.pop()
            os.close(descriptors.pop())
        if not prefixes:
            descriptors.append(self._open_root())
            prefixes.append(b"")
        prefix = prefixes[-1]
        if wanted != prefix:
            for name in wanted[len(prefix) : -1].split(b"/"):
                descriptors.append(os.open(name, FOLDER_FLAGS, dir_fd=descriptors[-1]))
                prefix += name + b"/"
                prefixes.append(prefix)
                if len(prefixes) > _DEEPEST:
                    prefixes.pop(1)
                    os.close(descriptors.pop(1))
        return descriptors[-1]

    def _open_root(self) -> int:
        descriptor = os.open(self._root, FOLDER_FLAGS & ~os.O_NOFOLLOW)
        if self._identity is not None and identity_of(os.fstat(descriptor)) != self._identity:
            os.close(descriptor)
            raise RootChanged("it is another folder now")
        return descriptor

    def close(self) -> None:
        """Close all descriptors."""
        self._prefixes.clear()
        while self._descriptors:
            os.close(self._descriptors.pop())


class RecentFolders:
    """Descriptors of the folders used last, for work that alternates between them.

    Like those of `OpenFolders`, each is opened from the one above it; but one that is still open is
    the folder that was at its path then.
    """

    def __init__(self, most: int | None = None) -> None:
        """``most`` is how many stay open; if not given, a part of those that a process may open."""
        import resource  # not needed by commands that only read the index

        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._most = most or max(min(limit // 4, _MOST_OPEN), _FEWEST_OPEN)
        self._opened: dict[bytes, int] = {}
        """By absolute path, the least recently used first."""

    def open(self, path: bytes, root: bytes) -> int:
        """Return a descriptor of a folder, valid until the next call; both paths are absolute.

        Raises OSError.
        """
        opened, missing = self._opened, list[bytes]()
        found = opened.pop(path, -1)
        if found >= 0:
            opened[path] = found
            return found
        while path not in opened and len(path) > len(root):
            missing.append(path.rpartition(b"/")[2])
            path = parent_path(path)
        found = opened.pop(path, -1)
        if found < 0:
            found = os.open(root, FOLDER_FLAGS & ~os.O_NOFOLLOW)
        opened[path] = found
        while missing:
            name = missing.pop()
            found = os.open(name, FOLDER_FLAGS, dir_fd=found)
            path = join(path, name)
            opened[path] = found
            if len(opened) > self._most:
                os.close(opened.pop(next(iter(opened))))
        return found

    def close(self) -> None:
        """Close all descriptors."""
        while self._opened:
            os.close(self._opened.popitem()[1])


def identity_of(facts: os.stat_result) -> FileIdentity:
    """Return the identity of a file or folder, independent of its path."""
    return facts.st_dev, facts.st_ino


def are_one_file(a: os.stat_result, b: os.stat_result) -> bool:
    """Return whether two stats are of one file, under the same or another name.

    The exFAT and FAT drivers of macOS number files by their first cluster, so that all empty ones
    have one number: with a single name each, they are not taken for one.
    """
    if sys.platform == "darwin" and not a.st_size and a.st_nlink == 1:
        return False
    return identity_of(a) == identity_of(b)


def lstat_of_any_length(path: bytes) -> os.stat_result:
    """Return what `os.lstat` does, also for an absolute path longer than a call takes.

    No link in such a path is followed. Raises OSError.
    """
    try:
        return os.lstat(path)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
    folder, _, name = path.rpartition(b"/")
    folders = OpenFolders(b"/")
    try:
        return os.stat(name, dir_fd=folders.open(folder.strip(b"/")), follow_symlinks=False)
    finally:
        folders.close()


def root_identity(path: bytes) -> FileIdentity | None:
    """Return which folder a root's path leads to now; None if none."""
    try:
        return identity_of(os.stat(path))
    except OSError:
        return None


def is_same_root(path: bytes, identity: FileIdentity) -> bool:
    """Return whether a root's path still leads to the folder with that identity."""
    return root_identity(path) == identity


def to_signed64(inode: int) -> int:
    """Convert an unsigned 64-bit inode to the signed integer that SQLite stores."""
    return inode if inode < INT64 else inode - 2 * INT64


def clamp_int64(time_ns: int) -> int:
    """Clamp a time in ns to what SQLite can store (until the year 2262)."""
    return time_ns if -INT64 <= time_ns < INT64 else (INT64 - 1 if time_ns > 0 else -INT64)


def os_error_text(error: OSError) -> str:
    """Return the usual wording of a system error."""
    if error.errno == errno.EDEADLK and sys.platform == "darwin":
        return ONLY_IN_CLOUD  # what reading such a file gives, as `darwin.downloads` asks for
    return os.strerror(error.errno).lower() if error.errno else str(error)


def open_file(name: bytes, folder: int, download: bool = False) -> int:
    """Open for reading without following a link, updating the atime or blocking on a FIFO.

    Raises OSError, on macOS also for a file that is only in the cloud, unless it may be downloaded.
    """
    if sys.platform == "darwin" and not download:
        refuse_placeholder(name, folder)
    try:
        return os.open(name, FILE_FLAGS | NOATIME, dir_fd=folder)
    except PermissionError:
        return os.open(name, FILE_FLAGS, dir_fd=folder)  # O_NOATIME is reserved for the owner


@contextmanager
def opened_file(name: bytes, folder: int) -> Iterator[int]:
    """Open a file as `open_file` does; yield its descriptor. Raises OSError."""
    file = open_file(name, folder)
    try:
        yield file
    finally:
        os.close(file)


def is_own_readable_file(facts: os.stat_result) -> bool:
    """Return whether the stat of a file says that this user may read it: they own it."""
    return (
        facts.st_uid == os.geteuid()
        and bool(facts.st_mode & stat.S_IRUSR)
        and stat.S_ISREG(facts.st_mode)
    )


def is_unchanged(before: os.stat_result, after: os.stat_result) -> bool:
    """Return whether two stats are of the same file, unmodified in between."""
    return (
        before.st_ino == after.st_ino
        and before.st_ctime_ns == after.st_ctime_ns
        and before.st_mtime_ns == after.st_mtime_ns
        and before.st_size == after.st_size
        and before.st_dev == after.st_dev
    )


def is_placeholder(facts: os.stat_result) -> bool:
    """Return whether a file's content is only in the cloud.

    For macOS File Provider and Windows Cloud Files.
    """
    flags: int = getattr(facts, "st_flags", 0)
    attributes: int = getattr(facts, "st_file_attributes", 0)
    return bool(flags & _SF_DATALESS or attributes & _RECALL)


def refuse_placeholder(name: bytes, folder: int | None) -> None:
    """Raise OSError if a file in an open folder is only in the cloud: reading it downloads it."""
    if is_placeholder(os.stat(name, dir_fd=folder, follow_symlinks=False)):
        raise OSError(errno.EDEADLK, ONLY_IN_CLOUD, name)


def special_kind(mode: int) -> Literal["fifo", "socket", "device"] | None:
    """Return the kind of an entry that is not a file, folder or link; None for those."""
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode):
        return None
    if stat.S_ISFIFO(mode):
        return "fifo"
    return "socket" if stat.S_ISSOCK(mode) else "device"


class DiskFolder:
    """A folder below an open root, listed once, on first use."""

    def __init__(self, opened: OpenFolders, inner: bytes, may_be_gone: bool = False) -> None:
        """``inner`` is the path below the root, empty for the root itself.

        If it ``may_be_gone`` and is missing, it is treated as empty.
        """
        self._opened = opened
        self._inner = inner
        self._may_be_gone = may_be_gone

    @cached_property
    def _names(self) -> tuple[list[bytes], list[bytes]]:
        files: list[bytes] = []
        folders: list[bytes] = []
        try:
            with os.scandir(self._opened.open(self._inner)) as entries:
                for entry in entries:
                    found = folders if entry.is_dir(follow_symlinks=False) else files
                    found.append(os.fsencode(entry.name))
        except (FileNotFoundError, NotADirectoryError):
            if not self._may_be_gone:
                raise
        return files, folders

    @property
    def files(self) -> list[bytes]:
        """Names of entries other than folders. Raises OSError."""
        return self._names[0]

    @property
    def folders(self) -> list[bytes]:
        """Names of subfolders. Raises OSError."""
        return self._names[1]

    def enter(self, name: bytes) -> DiskFolder:
        """Return a subfolder that was seen here.

        If it has disappeared since, it counts as empty.
        """
        inner = join(self._inner, name) if self._inner else name
        return DiskFolder(self._opened, inner, may_be_gone=True)


_FS_IOC_GETFLAGS = 0x80086601  # _IOR('f', 1, long), include/uapi/linux/fs.h


_IMMUTABLE, _APPEND = 0x10, 0x20


def is_locked(descriptor: int) -> bool:
    """Return whether an open file or folder is immutable or append-only, and so cannot be moved."""
    if sys.platform != "linux":
        flags: int = getattr(os.fstat(descriptor), "st_flags", 0)
        forbidding: int = stat.UF_IMMUTABLE | stat.UF_APPEND | stat.SF_IMMUTABLE | stat.SF_APPEND
        return bool(flags & forbidding)
    import fcntl

    try:
        answer = fcntl.ioctl(descriptor, _FS_IOC_GETFLAGS, bytes(8))
    except OSError:
        return False  # a file system without such flags
    return bool(int.from_bytes(answer[:4], sys.byteorder) & (_IMMUTABLE | _APPEND))


def owner_text(uid: int) -> str:
    """Return how to refer to a user: by name, or by number if it has none."""
    import pwd  # needed only for errors

    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the user with the number {uid}"


def owner_advice(path: str, error: OSError | None = None) -> str:
    """Say who owns a path, or its innermost visible parent, and what to do.

    Empty if the user owns it, and after an ``error`` unrelated to ownership.
    """
    if error is not None and error.errno not in (errno.EACCES, errno.EPERM):
        return ""
    at = os.path.abspath(path)
    while not os.path.lexists(at):
        at = os.path.dirname(at)
    owner, own = os.lstat(at).st_uid, os.geteuid()
    if owner == own:
        return ""
    if owner:
        return f"{at} belongs to {owner_text(owner)}: ask them for access."
    import shlex  # takes longer to import than most calls here take to run

    return (
        f"{at} belongs to root, as a run with sudo leaves it: sudo chown -R {own} {shlex.quote(at)}"
    )
