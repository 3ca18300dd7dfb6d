"""Read files that others may have created, without blocking on a pipe or reading forever.

A file's content is what can be read from it. File systems that generate files on read (/proc, /sys,
a mounted cloud drive) may report any size beforehand: usually 0, although the file is not empty.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from typing import TypeVar

from gorillacomb.fs.openat import FILE_FLAGS, is_unchanged, refuse_placeholder

UNTOLD = "holds more or less than its file system tells: nobody sees when it changes"
Content = TypeVar("Content")
PathLike = str | bytes | os.PathLike[str]
STANDARD_INPUT = b"-"
"""The path argument that means standard input."""


class UnexpectedFile(OSError):
    """The path to read is not a regular file, or the file is larger than allowed."""


def open_regular(path: PathLike, *, follow: bool = False, folder: int | None = None) -> int:
    """Open a regular file for reading; the caller closes the descriptor.

    ``path`` is relative to the open ``folder``, if one is given; a symbolic link as its last
    component is followed only if ``follow``. Raises UnexpectedFile if it is not a regular file,
    OSError.
    """
    if sys.platform == "darwin":
        named = os.fsencode(path)
        refuse_placeholder(os.path.realpath(named) if follow and folder is None else named, folder)
    flags = FILE_FLAGS & ~os.O_NOFOLLOW if follow else FILE_FLAGS
    descriptor = os.open(path, flags, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnexpectedFile(errno.EINVAL, "not a regular file", path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_bounded(
    path: PathLike, most: int, *, follow: bool = False, folder: int | None = None
) -> bytes:
    """Read a whole file of at most ``most`` bytes, opened as `open_regular` does.

    Raises UnexpectedFile if it is larger or not a regular file, OSError.
    """
    with os.fdopen(open_regular(path, follow=follow, folder=folder), "rb") as file:
        if os.fstat(file.fileno()).st_size <= most:
            data = file.read(most + 1)  # it may have grown since
            if len(data) <= most:
                return data
    raise UnexpectedFile(errno.EFBIG, os.strerror(errno.EFBIG), path)


def is_standard_input(path: PathLike) -> bool:
    """Return whether a document's path means standard input."""
    return os.fsencode(path) == STANDARD_INPUT


def read_document(path: PathLike, most: int) -> bytes:
    """Read a document that a user named, of at most ``most`` bytes; ``-`` is standard input.

    Raises UnexpectedFile if it is larger or not a regular file, OSError.
    """
    if not is_standard_input(path):
        return read_bounded(path, most, follow=True)
    data = sys.stdin.buffer.read(most + 1)
    if len(data) > most:
        raise UnexpectedFile(errno.EFBIG, os.strerror(errno.EFBIG), "standard input")
    return data


def read_unchanged(
    descriptor: int,
    facts: os.stat_result,
    read: Callable[[int | None], tuple[Content, int]],
) -> tuple[Content, int] | None:
    """Read an open file whose ``facts`` were just taken; None if it changed while being read.

    ``read`` takes the size to read (None: until the end) and returns its result and the number of
    bytes read, as does this function. If that number is not the size that the file system reports,
    the file is read to its end twice, and both results must be equal. Raises OSError.
    """
    found = read(facts.st_size)
    if not is_unchanged(facts, os.fstat(descriptor)):
        return None
    if found[1] == facts.st_size:
        return found
    from gorillacomb.hashing import MOST_UNTOLD  # slow: it loads the hash functions

    os.lseek(descriptor, 0, os.SEEK_SET)
    found = read(None)
    if found[1] >= MOST_UNTOLD:
        return None  # it may be endless
    os.lseek(descriptor, 0, os.SEEK_SET)
    same = read(None) == found and is_unchanged(facts, os.fstat(descriptor))
    return found if same else None


def tells_size(descriptor: int, size: int) -> bool:
    """Return whether an open file ends at the size that its file system reports. Raises OSError."""
    start = max(size - 1, 0)
    return len(os.pread(descriptor, 2, start)) == size - start
