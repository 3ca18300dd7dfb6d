"""Reading files that others may have made: never waits for a pipe, never reads without end."""

from __future__ import annotations

import errno
import os
import stat

from gorillacomb.fs.openat import FILE_FLAGS

PathLike = str | bytes | os.PathLike[str]


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
