"""Reading files that others may have made: never waits for a pipe, never reads without end.

What a file holds is what can be read of it. A file system that makes files as they are read (/proc,
/sys, a mount of a cloud drive) may tell any size before that: mostly 0, which is no empty file.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from typing import TypeVar

from gorillacomb.fs.openat import FILE_FLAGS, is_unchanged

UNTOLD = "holds more or less than its file system tells: nobody sees when it changes"
Content = TypeVar("Content")
PathLike = str | bytes | os.PathLike[str]
STANDARD_INPUT = b"-"
"""What names standard input in the place of a document's path."""


class UnexpectedFile(OSError):
    """What was to be read is not a regular file, or is larger than it may be."""


def open_regular(path: PathLike, *, follow: bool = False, folder: int | None = None) -> int:
    """Open a regular file to read it; the caller closes the descriptor.

    ``path`` is relative to the open ``folder``, if one is given; a symbolic link at its end is
    followed only if ``follow``. Raises UnexpectedFile for what is not a regular file, OSError.
    """
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

    Raises UnexpectedFile for a larger one or no regular file, OSError.
    """
    with os.fdopen(open_regular(path, follow=follow, folder=folder), "rb") as file:
        if os.fstat(file.fileno()).st_size <= most:
            data = file.read(most + 1)  # it may have grown since
            if len(data) <= most:
                return data
    raise UnexpectedFile(errno.EFBIG, os.strerror(errno.EFBIG), path)


def is_standard_input(path: PathLike) -> bool:
    """Return whether the name of a document is that of standard input."""
    return os.fsencode(path) == STANDARD_INPUT


def read_document(path: PathLike, most: int) -> bytes:
    """Read a document that a user named, of at most ``most`` bytes; ``-`` is standard input.

    Raises UnexpectedFile for a larger one or no regular file, OSError.
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
    """Read an open file of which ``facts`` were just seen; None if it changed meanwhile.

    ``read`` takes the size to read, None for all that comes; it returns what it made of the content
    and how many bytes that was, and so does this. Where it is not the size that the file system
    tells, the file is read to its end, and once more: it must give the same. Raises OSError.
    """
    found = read(facts.st_size)
    if not is_unchanged(facts, os.fstat(descriptor)):
        return None
    if found[1] == facts.st_size:
        return found
    from gorillacomb.hashing import MOST_UNTOLD  # it loads the hash functions, which few need

    os.lseek(descriptor, 0, os.SEEK_SET)
    found = read(None)
    if found[1] >= MOST_UNTOLD:
        return None  # it may have no end
    os.lseek(descriptor, 0, os.SEEK_SET)
    same = read(None) == found and is_unchanged(facts, os.fstat(descriptor))
    return found if same else None


def tells_size(descriptor: int, size: int) -> bool:
    """Return whether an open file ends where its file system tells. Raises OSError."""
    start = max(size - 1, 0)
    return len(os.pread(descriptor, 2, start)) == size - start
