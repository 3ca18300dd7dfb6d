"""Every call that changes a file or folder of the user's: rename, link, unlink, and their syncs.

All of them work relative to the descriptor of an open folder, follow no link and replace nothing.
They raise OSError.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from itertools import pairwise

_RENAME = {
    "linux": "renameat2",  # 3.15, include/uapi/linux/fs.h
    "darwin": "renameatx_np",  # 10.12, sys/stdio.h
}
_EXCLUSIVE = {"linux": 1, "darwin": 4}  # RENAME_NOREPLACE, RENAME_EXCL
_EXCHANGE = 2  # RENAME_EXCHANGE, RENAME_SWAP
_SUPPORTED_NOT = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})


_BLOCK = 4096
"""Bytes that no file system of today keeps apart: what a hole begins and ends with."""
_ZERO_BLOCK = bytes(_BLOCK)

_OTHER_LAYER = (
    "cannot be moved to its quarantine by a rename: an overlay moves no folder that a lower layer"
    " holds, and nothing is moved from one mount to another. Its files may be moved one by one:"
    " --files-only"
)


class CannotMove(OSError):
    """A file system that can neither rename without replacing nor link; its text says so."""


def rename_no_replace(source: int, name: bytes, target: int, new_name: bytes) -> None:
    """Rename ``name`` in the folder ``source`` to ``new_name`` in ``target``, replacing nothing.

    Raises FileExistsError where something stands there already. Where the kernel or the file system
    cannot rename without replacing, a file is linked to its new name and unlinked from the old one,
    and a folder refused with ENOTSUP.
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
    """Have two things, whatever they are, take each other's place: there is no moment without one.

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
        # Somebody put another file here meanwhile: that one stays, and so does the link.
        raise OSError(errno.EBUSY, "another file took its place meanwhile")
    try:
        fsync(target)  # else a power cut may leave the file without any name
        os.unlink(name, dir_fd=source)
    except OSError:
        with suppress(OSError):  # else it has two names, and whoever puts it back sees that
            os.unlink(new_name, dir_fd=target)
        raise


def _rename(source: int, old: bytes, target: int, new: bytes, flag: int) -> int:
    """The system's rename that never replaces; returns 0, or an errno: ENOSYS where it has none."""
    import ctypes  # takes long to load, and many commands only read

    function = _rename_of_system()
    if function is None:
        return errno.ENOSYS
    return 0 if function(source, old, target, new, flag) == 0 else ctypes.get_errno()


@cache
def _rename_of_system():  # type: ignore[no-untyped-def]
    """The function of the C library; None where it has none: musl before 1.2.4, glibc 2.28."""
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
    """Make a folder and sync its parent."""
    os.mkdir(name, mode, dir_fd=parent)
    fsync(parent)


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


def create(folder: int, name: bytes) -> int:
    """Make a file that nobody else may read, where nothing stands; it is open for both."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, 0o600, dir_fd=folder)


def write_at(descriptor: int, data: bytes, at: int) -> None:
    """Write all of some bytes to an open file, from an offset on."""
    view = memoryview(data)
    while view:
        done = os.pwrite(descriptor, view, at)
        view, at = view[done:], at + done


def write_piece(descriptor: int, piece: memoryview, at: int, sparse: bool) -> None:
    """Write a piece of a file, as `hashing.pieces` yields it, from an offset of a new file on.

    A hole stays one, and if ``sparse`` so do blocks of zeros: `set_size` must end the file.
    """
    from gorillacomb.hashing import is_hole  # it loads the hash functions, which few need

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


def has_holes(facts: os.stat_result) -> bool:
    """Return whether a file takes less room than it has bytes."""
    return facts.st_blocks * 512 < facts.st_size


def set_size(descriptor: int, size: int) -> None:
    """Cut an open file to a size in bytes, or let it end in a hole."""
    os.ftruncate(descriptor, size)


def copy_metadata(
    descriptor: int,
    like: os.stat_result,
    worn: Mapping[str, bytes],
    attributes: Mapping[str, bytes],
) -> None:
    """Give an open file, which has the attributes ``worn``, owner, mode and times of another one.

    And that one's extended attributes, and no others. In this order: a change of the owner takes
    capabilities and set-id bits away, one of an ACL changes the mode.
    """
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (like.st_uid, like.st_gid):
        os.fchown(descriptor, like.st_uid, like.st_gid)
    for name in worn.keys() - attributes.keys():
        os.removexattr(descriptor, name)  # an ACL that its folder gives to what is made in it
    for name, value in attributes.items():
        if worn.get(name) != value:
            os.setxattr(descriptor, name, value)
    os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
    os.utime(descriptor, ns=(like.st_atime_ns, like.st_mtime_ns))


def set_mtime(descriptor: int, mtime_ns: int) -> None:
    """Set the time of the last change of an open folder, ns; the access time stays."""
    os.utime(descriptor, ns=(os.fstat(descriptor).st_atime_ns, mtime_ns))


def append_durably(descriptor: int, data: bytes) -> None:
    """Write all of some bytes to an open file, and have them on the disk."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    fsync(descriptor)


def fsync(descriptor: int) -> None:
    """Have what was written to an open file or folder on the disk."""
    os.fsync(descriptor)
