"""Compare two open files byte by byte, including the attributes that users gave them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from gorillacomb.fs import mutations
from gorillacomb.fs.location import ContentMissing
from gorillacomb.fs.racy import time_to_settle_ns
from gorillacomb.model import SECOND

ONE_VIEW = "may be the same file, seen through another mount"
_CHUNK = 1 << 20
_EXECUTABLE = 0o111
_CONTENT_ATTRIBUTES = ("user.", "com.apple.ResourceFork", "com.apple.metadata:_kMDItemUserTags")
"""Extended attributes set by users or their programs; all others belong to the system."""


def wait_until_settled(
    descriptor: int, grain_ns: int, now: Callable[[], int], wait: Callable[[float], None]
) -> os.stat_result:
    """Return the stat of an open file once any later write must show in its timestamps.

    The fsync makes the kernel notice the next write through a memory map; a timestamp within the
    clock's grain of now would not be changed by another write.
    """
    mutations.fsync(descriptor)
    facts = os.fstat(descriptor)
    left = time_to_settle_ns(facts, now(), grain_ns)
    if left:
        wait(left / SECOND)
    return facts


def contents_equal(a: int, b: int, size: int, advance: Callable[[int], None]) -> bool:
    """Return whether two open files hold the same bytes, at least ``size`` of them."""
    at = 0
    while True:
        ours, theirs = os.pread(a, _CHUNK, at), os.pread(b, _CHUNK, at)
        if len(ours) != len(theirs):  # a file system that returns short reads
            shorter = min(len(ours), len(theirs))
            if not shorter:
                return False
            ours, theirs = ours[:shorter], theirs[:shorter]
        if ours != theirs:
            return False
        if not ours:
            return at >= size
        at += len(ours)
        advance(len(ours))


def is_prefix_of(a: int, b: int) -> bool:
    """Return whether an open file begins with the whole content of another."""
    at = 0
    while part := os.pread(b, _CHUNK, at):
        whole = os.pread(a, len(part), at)
        if whole != part:
            return False
        at += len(part)
    return True


def may_be_one_file(a: os.stat_result, b: os.stat_result) -> bool:
    """Return whether two stats from different devices may be of the same file.

    An overlay shows a file's own timestamps, and an inode's ctime cannot be set by anyone.
    """
    return (
        a.st_dev != b.st_dev
        and a.st_size == b.st_size
        and a.st_ctime_ns == b.st_ctime_ns
        and a.st_mtime_ns == b.st_mtime_ns
    )


def refuse_unlike_modes(a: os.stat_result, b: os.stat_result, path: bytes) -> None:
    """Raise ContentDiffers if only one of two files is executable."""
    if (a.st_mode ^ b.st_mode) & _EXECUTABLE:
        raise ContentMissing(path, "can be executed in one place and not in the other")


def extended_attributes_equal(a: int, b: int, path: bytes) -> None:
    """Refuse a file with user-set attributes that the other file lacks.

    Raises ContentDiffers, OSError.
    """
    ours = content_attributes(a)
    theirs = extended_attributes(b) if ours else {}
    for name, value in ours.items():
        if theirs.get(name) != value:
            raise ContentMissing(path, f"has an attribute of its own: {name}")


def has_attributes_of_its_own(path: bytes, other: bytes | None) -> bool:
    """Return whether a file has user-set attributes that another one, if given, lacks.

    Raises OSError.
    """
    ours = _user_attributes(path)
    return bool(ours) and (other is None or ours.items() - _user_attributes(other).items() != set())


def _user_attributes(path: bytes) -> dict[str, bytes]:
    if not hasattr(os, "listxattr"):
        return {}
    try:
        names = [
            name
            for name in os.listxattr(path, follow_symlinks=False)
            if name.startswith(_CONTENT_ATTRIBUTES)
        ]
        return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.EOPNOTSUPP):
            return {}
        raise


def content_attributes(descriptor: int) -> dict[str, bytes]:
    """Return those extended attributes of an open file that users set. Raises OSError."""
    return extended_attributes(descriptor, _CONTENT_ATTRIBUTES)


def extended_attributes(descriptor: int, beginnings: tuple[str, ...] = ("",)) -> dict[str, bytes]:
    """Return the extended attributes of an open file; none if the file system has none.

    Only those whose names have one of these ``beginnings``. Raises OSError.
    """
    if not hasattr(os, "listxattr"):
        return {}
    try:
        names = [each for each in os.listxattr(descriptor) if each.startswith(beginnings)]
        return {name: os.getxattr(descriptor, name) for name in names}
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.EOPNOTSUPP):
            return {}
        raise
