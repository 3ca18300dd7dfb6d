"""What takes the place of a copy that was set aside, and sharing the blocks of two files."""

from __future__ import annotations

import errno
import os
import stat
import struct
import sys

from gorillacomb.dedupe.apply.snapshot import Sighting
from gorillacomb.dedupe.model import Action
from gorillacomb.dedupe.quarantine.journal import Move
from gorillacomb.fs import mutations
from gorillacomb.fs.comparison import attributes
from gorillacomb.fs.location import Spot
from gorillacomb.fs.openat import open_file

_FIDEDUPERANGE = 0xC0189436  # _IOWR(0x94, 54, 24 bytes), include/uapi/linux/fs.h
_RANGE = 16 << 20
"""Bytes that file systems are sure to compare and share in one call (ioctl_fideduperange(2))."""
_RANGE_DIFFERS = 1
CANNOT_SHARE = frozenset({errno.ENOTTY, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
"""What a kernel answers on behalf of a file system on which no blocks can be shared."""
_FIEMAP = 0xC020660B  # _IOWR('f', 11, 32 bytes), include/uapi/linux/fiemap.h
_FIEMAP_SYNC = 1
_LAST, _SHARED = 0x1, 0x2000
_EXTENTS = 256
"""How many pieces of a file are asked for at a time."""


def refusal(action: Action, victim: Spot, keep: Spot, sighting: Sighting) -> str | None:
    """Why no link to ``keep`` can stand for a file; None when one can.

    With a hard link the two are one file, so that owner, mode and all attributes must be equal.
    """
    if action is Action.SYMLINK:
        return None
    facts = sighting.victim[b""]
    _, other = sighting.survivors[0]
    if facts.st_dev != other.st_dev:
        return "has its other copy on another file system"
    if (facts.st_uid, facts.st_gid) != (other.st_uid, other.st_gid):
        return "has another owner than its other copy"
    if facts.st_mode != other.st_mode:
        return "has another mode than its other copy"
    if _attributes(victim) != _attributes(keep):
        return "has other attributes than its other copy"
    return None


def _attributes(spot: Spot) -> dict[str, bytes]:
    with spot.opened() as (folder, name):
        file = open_file(name, folder)
        try:
            return attributes(file)
        finally:
            os.close(file)


def put(kind: str, victim: Spot, keep: Spot) -> None:
    """Put a link to ``keep`` where a file stood that was set aside.

    Raises OSError, FileExistsError where something came meanwhile.
    """
    with victim.opened() as (folder, name):
        if kind == Action.HARDLINK:
            with keep.opened() as (other, kept):
                mutations.link(other, kept, folder, name)
        else:
            mutations.symlink(link_text(victim, keep), folder, name)


def link_text(victim: Spot, keep: Spot) -> bytes:
    """What a symbolic link says that is put in the place of a file."""
    return os.path.relpath(keep.path, os.path.dirname(victim.path))


def take_away(move: Move, victim: Spot, keep: bytes) -> None:
    """Remove the link to ``keep`` that was put in the place of a file, if that stands there.

    Raises FileExistsError where something else does.
    """
    if move.put is None:
        return
    with victim.opened() as (folder, name):
        try:
            facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return
        if move.put == Action.HARDLINK:
            # With one name left it would be the last one of that file.
            ours = facts.st_nlink > 1 and (
                facts.st_ino == move.put_inode or is_file_at(facts, keep)
            )
        else:
            ours = stat.S_ISLNK(facts.st_mode) and (
                os.readlink(name, dir_fd=folder) == move.put_text
            )
        if not ours:
            raise FileExistsError("something else stands there now")
        mutations.remove(folder, name)


def is_file_at(facts: os.stat_result, keep: bytes) -> bool:
    """Whether a file is the one at a path: a copy of a drive has its links and other inodes."""
    try:
        return os.path.samestat(facts, os.lstat(keep))
    except OSError:
        return False


def share_blocks(victim: Spot, keep: Spot, size: int) -> int:
    """Have the kernel share the blocks of two files, which it compares itself.

    Returns the bytes that are free by it: those that were the file's alone.
    Raises OSError: ENOTSUP where the file system has no such thing.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOTSUP, "blocks are shared on Linux only")
    import fcntl

    shared = 0
    with keep.opened() as (other, kept), victim.opened() as (folder, name):
        source = open_file(kept, other)
        try:
            target = _open_to_share(folder, name)
            try:
                own = _own_bytes(target, size)
                while shared < size:
                    length = min(_RANGE, size - shared)
                    ask = bytearray(
                        struct.pack("=QQHHI", shared, length, 1, 0, 0)
                        + struct.pack("=qQQiI", target, shared, 0, 0, 0)
                    )
                    fcntl.ioctl(source, _FIDEDUPERANGE, ask)
                    done, status = struct.unpack_from("=Qi", ask, 24 + 16)
                    if status == _RANGE_DIFFERS:
                        raise OSError(errno.EBUSY, "changed while it was compared")
                    if status < 0:
                        raise OSError(-status, os.strerror(-status))
                    if not done:
                        raise OSError(errno.EIO, "the kernel shared nothing")
                    shared += done
            finally:
                os.close(target)
        finally:
            os.close(source)
    return own


def _own_bytes(file: int, size: int) -> int:
    """Bytes on disk that an open file shares with no other; its size where nobody can tell."""
    import fcntl

    own = start = 0
    while True:
        ask = bytearray(
            struct.pack("=QQIIII", start, (1 << 64) - 1 - start, _FIEMAP_SYNC, 0, _EXTENTS, 0)
            + bytes(56 * _EXTENTS)
        )
        try:
            fcntl.ioctl(file, _FIEMAP, ask)
        except OSError:
            return size
        count = struct.unpack_from("=I", ask, 20)[0]
        for number in range(count):
            logical, _, length, _, _, flags = struct.unpack_from("=QQQQQI", ask, 32 + 56 * number)
            own += 0 if flags & _SHARED else length
            start = logical + length
            if flags & _LAST:
                return own
        if not count:
            return own


def _open_to_share(folder: int, name: bytes) -> int:
    """Open for writing where that is allowed: kernels want it of whoever does not own the file."""
    try:
        return os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except PermissionError:
        return open_file(name, folder)
