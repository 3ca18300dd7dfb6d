"""Every call that changes a file or folder of the user's: rename, link, unlink, and their syncs.

All of them work relative to the descriptor of an open folder, follow no link and replace nothing.
They raise OSError.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from functools import cache

_RENAME_NOREPLACE = 1  # Linux 3.15, include/uapi/linux/fs.h
_RENAME_EXCL = 4  # macOS 10.12, sys/stdio.h
_SUPPORTED_NOT = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})


class Unmovable(OSError):
    """A file system that can neither rename without replacing nor link; its text says so."""


def move(source: int, name: bytes, target: int, new_name: bytes) -> None:
    """Rename ``name`` in the folder ``source`` to ``new_name`` in ``target``, replacing nothing.

    Raises FileExistsError where something stands there already. Where the kernel or the file system
    cannot rename without replacing, a file is linked to its new name and unlinked from the old one,
    and a folder refused with ENOTSUP.
    """
    rename = _exclusive_rename()
    if rename is not None:
        error = rename(source, name, target, new_name)
        if not error:
            return
        if error not in _SUPPORTED_NOT:
            raise OSError(error, os.strerror(error), os.fsdecode(name))
    _move_by_link(source, name, target, new_name)


def _move_by_link(source: int, name: bytes, target: int, new_name: bytes) -> None:
    facts = os.stat(name, dir_fd=source, follow_symlinks=False)
    if not stat.S_ISREG(facts.st_mode):
        raise Unmovable(errno.ENOTSUP, "is on a file system that cannot move a folder without risk")
    try:
        os.link(name, new_name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.EPERM, *_SUPPORTED_NOT):
            raise Unmovable(
                errno.ENOTSUP, "is on a file system that cannot move a file without risk"
            ) from error
        raise
    linked = os.stat(new_name, dir_fd=target, follow_symlinks=False)
    here = os.stat(name, dir_fd=source, follow_symlinks=False)
    if not os.path.samestat(linked, here):
        # Somebody put another file here meanwhile: that one stays, and so does the link.
        raise OSError(errno.EBUSY, "another file took its place meanwhile")
    try:
        os.unlink(name, dir_fd=source)
    except OSError:
        with suppress(OSError):  # else it has two names, and whoever puts it back sees that
            os.unlink(new_name, dir_fd=target)
        raise


@cache
def _exclusive_rename():  # type: ignore[no-untyped-def]
    """The system's rename that never replaces, as a function that returns 0 or an errno."""
    import ctypes  # takes long to load, and many commands only read

    names = {"linux": ("renameat2", _RENAME_NOREPLACE), "darwin": ("renameatx_np", _RENAME_EXCL)}
    if sys.platform not in names:
        return None
    name, flag = names[sys.platform]
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if function is None:
        return None  # musl before 1.2.4, glibc before 2.28
    function.argtypes = [
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_uint,
    ]

    def rename(source: int, old: bytes, target: int, new: bytes) -> int:
        return 0 if function(source, old, target, new, flag) == 0 else ctypes.get_errno()

    return rename


def make_folder(parent: int, name: bytes, mode: int = 0o700) -> None:
    """Make a folder and sync its parent."""
    os.mkdir(name, mode, dir_fd=parent)
    sync(parent)


def link(source: int, name: bytes, target: int, new_name: bytes) -> None:
    """Give a file a second name, a hard link."""
    os.link(name, new_name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)


def symlink(text: bytes, folder: int, name: bytes) -> None:
    """Make a symbolic link."""
    os.symlink(text, name, dir_fd=folder)


def remove(folder: int, name: bytes) -> None:
    """Remove a file or a link, never a folder."""
    os.unlink(name, dir_fd=folder)


def remove_folder(parent: int, name: bytes) -> None:
    """Remove a folder, which must be empty."""
    os.rmdir(name, dir_fd=parent)


def set_mtime(descriptor: int, mtime_ns: int) -> None:
    """Set the time of the last change of an open folder, ns; the access time stays."""
    os.utime(descriptor, ns=(os.fstat(descriptor).st_atime_ns, mtime_ns))


def append(descriptor: int, data: bytes) -> None:
    """Write all of some bytes to an open file, and have them on the disk."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    sync(descriptor)


def sync(descriptor: int) -> None:
    """Have what was written to an open file or folder on the disk."""
    os.fsync(descriptor)
