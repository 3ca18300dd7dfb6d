"""Compare two open files byte by byte, including the attributes that users gave them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from gorillacomb.fs import mutations
from gorillacomb.fs.drive_errors import UNSUPPORTED
from gorillacomb.fs.location import ContentMissing
from gorillacomb.fs.racy import time_to_settle_ns
from gorillacomb.model import SECOND

ONE_VIEW = "may be the same file, seen through another mount"
_CHUNK = 1 << 20
_EXECUTABLE = 0o111
_CONTENT_ATTRIBUTES = ("user.", "com.apple.ResourceFork", "com.apple.metadata:_kMDItemUserTags")
"""Extended attributes set by users or their programs; all others belong to the system.

macOS has rules of its own for them.
"""


def wait_until_settled(
    descriptor: int, grain_ns: int, now: Callable[[], int], wait: Callable[[float], None]
) -> os.stat_result:
    """Return the stat of an open file once any later write must show in its timestamps.

    The fsync makes the kernel notice the next write through a memory map; a timestamp within the
    clock's grain of now would not be changed by another write.
    """
    mutations.write_back(descriptor)
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
            raise ContentMissing(path, f"has an attribute of its own: {_shown(name)}")


def _shown(name: str) -> str:
    if sys.platform == "darwin":
        from gorillacomb.fs.darwin.attributes import SHOWN

        return SHOWN.get(name, name)
    return name


def has_attributes_of_its_own(path: bytes, other: bytes | None) -> bool:
    """Return whether a file has user-set attributes that another one, if given, lacks.

    Raises OSError.
    """
    ours = _user_attributes(path)
    return bool(ours) and (other is None or ours.items() - _user_attributes(other).items() != set())


def _user_attributes(path: bytes) -> dict[str, bytes]:
    if sys.platform == "darwin":
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return content_attributes(file)
        finally:
            os.close(file)
    return _attributes(path, _CONTENT_ATTRIBUTES)


def content_attributes(descriptor: int) -> dict[str, bytes]:
    """Return those extended attributes of an open file that users set. Raises OSError."""
    if sys.platform == "darwin":
        from gorillacomb.fs.darwin.attributes import is_of_user

        every = extended_attributes(descriptor)
        return {name: value for name, value in every.items() if is_of_user(name)}
    return _attributes(descriptor, _CONTENT_ATTRIBUTES)


def extended_attributes(descriptor: int) -> dict[str, bytes]:
    """Return the extended attributes of an open file; none if the file system has none.

    On macOS with its ACL and flags, which Linux has elsewhere or not at all. Raises OSError.
    """
    if sys.platform == "darwin":
        from gorillacomb.fs.darwin.attributes import read_attributes

        return read_attributes(descriptor)
    return _attributes(descriptor, ("",))


def _attributes(file: int | bytes, beginnings: tuple[str, ...]) -> dict[str, bytes]:
    """Return the attributes of a file, not of what a link leads to, by the names' beginnings."""
    if not hasattr(os, "listxattr"):
        return {}
    follow = isinstance(file, int)
    try:
        names = os.listxattr(file, follow_symlinks=follow)
        wanted = [name for name in names if name.startswith(beginnings)]
        return {name: os.getxattr(file, name, follow_symlinks=follow) for name in wanted}
    except OSError as error:
        if error.errno in UNSUPPORTED:
            return {}
        raise
