"""Every call that changes a user's file or folder: rename, link, unlink, and their fsyncs.

All of them work relative to the descriptor of an open folder, never follow links and never replace
anything. They raise OSError.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from itertools import pairwise

from gorillacomb.fs.durable_files import sync

_RENAME = {
    "linux": "renameat2",  # 3.15, include/uapi/linux/fs.h
    "darwin": "renameatx_np",  # 10.12, sys/stdio.h
}
_EXCLUSIVE = {"linux": 1, "darwin": 4}  # RENAME_NOREPLACE, RENAME_EXCL
_EXCHANGE = 2  # RENAME_EXCHANGE, RENAME_SWAP
_SUPPORTED_NOT = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})


_BLOCK = 4096
"""Bytes that no current file system splits: where a hole begins and ends."""
_ZERO_BLOCK = bytes(_BLOCK)

_OTHER_LAYER = (
    "cannot be moved to its quarantine by a rename: an overlay moves no folder that a lower layer"
    " holds, and nothing is moved from one mount to another. Its files may be moved one by one:"
    " --files-only"
)


class CannotMove(OSError):
    """The file system can neither rename without replacing nor link; the text says so."""


_FICLONE = 0x40049409  # _IOW(0x94, 9, int), include/uapi/linux/fs.h
_CANNOT_CLONE = frozenset(
    {
        *(errno.ENOTTY, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP),
        *(errno.EXDEV, errno.EINVAL, errno.EPERM, errno.ETXTBSY),
    }
)
"""Errors of a file system, or of two files, that cannot share blocks."""


def rename_no_replace(source: int, name: bytes, target: int, new_name: bytes) -> None:
    """Rename ``name`` in the folder ``source`` to ``new_name`` in ``target``, replacing nothing.

    Raises FileExistsError if the new name exists. Where the kernel or the file system cannot rename
    without replacing, a file is linked to its new name and unlinked from the old one, and a folder
    is refused with ENOTSUP.
    """
    error = _rename(source, name, target, new_name, _EXCLUSIVE.get(sys.platform, 0))
    if not error:
        return
    if error == errno.EXDEV:
        raise CannotMove(error, _OTHER_LAYER)
    if error not in _SUPPORTED_NOT:
        raise OSError(error, os.strerror(error), os.fsdecode(name))
    _move_by_link(source, name, target, new_name)


def rename_exchange(folder: int, name: bytes, other: int, other_name: bytes) -> None:
    """Swap two entries of any kind atomically: neither name is missing at any moment.

    Raises CannotMove where the kernel or the file system cannot.
    """
    error = _rename(folder, name, other, other_name, _EXCHANGE)
    if error == errno.EXDEV:
        raise CannotMove(error, _OTHER_LAYER)
    if error in _SUPPORTED_NOT:
        raise CannotMove(errno.ENOTSUP, "is on a file system that cannot exchange two files")
    if error:
        raise OSError(error, os.strerror(error), os.fsdecode(name))


def _move_by_link(source: int, name: bytes, target: int, new_name: bytes) -> None:
    facts = os.stat(name, dir_fd=source, follow_symlinks=False)
    if not stat.S_ISREG(facts.st_mode):
        raise CannotMove(
            errno.ENOTSUP, "is on a file system that cannot move a folder without risk"
        )
    try:
        os.link(name, new_name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.EPERM, *_SUPPORTED_NOT):
            raise CannotMove(
                errno.ENOTSUP, "is on a file system that cannot move a file without risk"
            ) from error
        raise
    linked = os.stat(new_name, dir_fd=target, follow_symlinks=False)
    here = os.stat(name, dir_fd=source, follow_symlinks=False)
    if not os.path.samestat(linked, here):
        # Another file took the name since: keep that one, and the link.
        raise OSError(errno.EBUSY, "another file took its place meanwhile")
    try:
        fsync(target)  # otherwise a power cut may leave the file without any name
        os.unlink(name, dir_fd=source)
    except OSError:
        with suppress(OSError):  # otherwise it has two names, which putting it back detects
            os.unlink(new_name, dir_fd=target)
        raise


def _rename(source: int, old: bytes, target: int, new: bytes, flag: int) -> int:
    """Call the system's non-replacing rename; return 0 or an errno, ENOSYS if it has none."""
    import ctypes  # slow to load, and many commands only read

    function = _rename_of_system()
    if function is None:
        return errno.ENOSYS
    return 0 if function(source, old, target, new, flag) == 0 else ctypes.get_errno()


@cache
def _rename_of_system():  # type: ignore[no-untyped-def]
    """Return the C library's function.

    None if it has none: musl before 1.2.4, glibc before 2.28.
    """
    import ctypes

    if sys.platform not in _RENAME:
        return None
    function = getattr(ctypes.CDLL(None, use_errno=True), _RENAME[sys.platform], None)
    if function is None:
        return None
    function.argtypes = [
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_uint,
    ]

    return function


def make_folder(parent: int, name: bytes, mode: int = 0o700) -> None:
    """Create a folder and sync its parent."""
    os.mkdir(name, mode, dir_fd=parent)
    fsync(parent)


def link(source: int, name: bytes, target: int, new_name: bytes) -> None:
    """Create a hard link."""
    os.link(name, new_name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)


def symlink(text: bytes, folder: int, name: bytes) -> None:
    """Create a symbolic link."""
    os.symlink(text, name, dir_fd=folder)


def remove(folder: int, name: bytes) -> None:
    """Remove a file or a link, never a folder."""
    os.unlink(name, dir_fd=folder)


def remove_folder(parent: int, name: bytes) -> None:
    """Remove an empty folder."""
    os.rmdir(name, dir_fd=parent)


def create(folder: int, name: bytes) -> int:
    """Create a file that nobody else may read, where none exists.

    Open it for reading and writing.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, 0o600, dir_fd=folder)


def write_at(descriptor: int, data: bytes, at: int) -> None:
    """Write all of the data to an open file at an offset."""
    view = memoryview(data)
    while view:
        done = os.pwrite(descriptor, view, at)
        view, at = view[done:], at + done


def write_piece(descriptor: int, piece: memoryview, at: int, sparse: bool) -> None:
    """Write a piece of a file, as `hashing.pieces` yields it, at an offset of a new file.

    Holes are preserved, and if ``sparse``, blocks of zeros become holes: `set_size` must then set
    the final size.
    """
    from gorillacomb.hashing import is_hole  # slow: it loads the hash functions

    if is_hole(piece):
        return
    data = bytes(piece)
    begun = 0
    if sparse:
        for start, end in pairwise([0, *range(_BLOCK - at % _BLOCK, len(data), _BLOCK), len(data)]):
            if data.startswith(_ZERO_BLOCK[: end - start], start):
                write_at(descriptor, data[begun:start], at + begun)
                begun = end
    write_at(descriptor, data[begun:], at + begun)


def clone_content(file: int, source: int) -> bool:
    """Let a new, empty file share the blocks of another one, as its copy.

    Return False where the file system cannot do that (ioctl_ficlone(2)). Raises OSError.
    """
    if sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(file, _FICLONE, source)
    except OSError as error:
        if error.errno in _CANNOT_CLONE:
            return False
        raise
    return True


def has_holes(facts: os.stat_result) -> bool:
    """Return whether a file uses less disk space than its size."""
    return facts.st_blocks * 512 < facts.st_size


def set_size(descriptor: int, size: int) -> None:
    """Truncate an open file to a size in bytes, or extend it with a hole."""
    os.ftruncate(descriptor, size)


def copy_metadata(
    descriptor: int,
    like: os.stat_result,
    worn: Mapping[str, bytes],
    attributes: Mapping[str, bytes],
) -> None:
    """Give an open file the owner, mode, times and extended attributes of another one.

    ``worn`` are the extended attributes that it has; those that the other file lacks are removed.
    The order matters: a change of owner clears capabilities and set-id bits, and a change of ACL
    changes the mode.
    """
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (like.st_uid, like.st_gid):
        os.fchown(descriptor, like.st_uid, like.st_gid)
    if sys.platform == "darwin":
        from gorillacomb.fs.darwin.attributes import remove_attribute, write_attribute
    else:
        remove_attribute, write_attribute = os.removexattr, os.setxattr
    last = {"com.apple.system.flags"}  # darwin.attributes.FLAGS, which may lock the file
    for name in worn.keys() - attributes.keys():
        remove_attribute(descriptor, name)  # e.g. a default ACL inherited from its folder
    for name, value in attributes.items():
        if worn.get(name) != value and name not in last:
            write_attribute(descriptor, name, value)
    os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
    os.utime(descriptor, ns=(like.st_atime_ns, like.st_mtime_ns))
    for name in last & attributes.keys():
        write_attribute(descriptor, name, attributes[name])


def set_mode(descriptor: int, mode: int) -> None:
    """Set the permissions of an open file."""
    os.fchmod(descriptor, mode)


def set_mtime(descriptor: int, mtime_ns: int) -> None:
    """Set the mtime of an open folder, ns, keeping the access time."""
    os.utime(descriptor, ns=(os.fstat(descriptor).st_atime_ns, mtime_ns))


def set_link_times(folder: int, name: bytes, like: os.stat_result) -> None:
    """Give a symbolic link the times of another one."""
    times = like.st_atime_ns, like.st_mtime_ns
    os.utime(name, ns=times, dir_fd=folder, follow_symlinks=False)


def append_durably(descriptor: int, data: bytes) -> None:
    """Append all of the data to an open file and fsync it."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    fsync(descriptor)


def fsync(descriptor: int) -> None:
    """Flush what was written to an open file or folder to the disk."""
    sync(descriptor)


def write_back(descriptor: int) -> None:
    """Have the kernel write what it holds of an open file, so that later writes change its times.

    The disk may still keep it in its cache.
    """
    os.fsync(descriptor)
