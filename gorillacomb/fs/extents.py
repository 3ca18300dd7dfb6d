"""Find where the blocks of files are on disk, which shows what files share (Linux: FIEMAP).

After a single snapshot every block of a btrfs volume is "shared", so only block positions show
whether two files are one copy on disk.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gorillacomb.fs.openat import FileIdentity, identity_of
from gorillacomb.fs.volumes import shows_others

_FIEMAP = 0xC020660B  # _IOWR('f', 11, 32 bytes), include/uapi/linux/fiemap.h
_FIEMAP_SYNC = 1
_LAST, _UNKNOWN, _DELALLOC, _ENCODED = 0x1, 0x2, 0x4, 0x8
_INLINE, _TAIL, _SHARED = 0x200, 0x400, 0x2000
_EXTENTS = 256
"""Number of extents requested per call."""
_BTRFS_IOC_FS_INFO = 0x8400941F  # _IOR(0x94, 31, 1024 bytes), include/uapi/linux/btrfs.h
_CANNOT = frozenset({errno.ENOTTY, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS})

INLINE = "held in the metadata of the file system, as small files are"
ENCODED = "compressed by the file system"
UNTOLD = "on a file system that does not tell where files lie"
NEVER_SHARED = frozenset(
    {"ext2", "ext3", "ext4", "f2fs", "hfs", "hfsplus", "jfs", "ramfs", "tmpfs"}
    | {"exfat", "fuseblk", "msdos", "ntfs3", "vfat"}
)
"""File systems on which files never share blocks."""
ELSEWHERE = "on a file system that shows files of another one, which may keep them"
_UNSETTLED = "not on the disk yet"
SAME_BLOCKS = "lies on the same blocks as its copy: there is one copy of it on the disk"
SHARED_TWICE = "sharing blocks with others that go too"

BlockRange = tuple[int, int]
"""Start on its device and length of an extent, in bytes."""
StorageKey = tuple[int | bytes, int | tuple[BlockRange, ...]]


class FileBlocks(NamedTuple):
    """Where a file's blocks are on its device."""

    size: int
    """Bytes on disk, as counted by du(1)."""
    own: tuple[BlockRange, ...] = ()
    shared: tuple[BlockRange, ...] = ()
    """Blocks also held elsewhere: by another file or a snapshot."""
    unknown: str | None = None
    """Why the space that the file alone uses is unknown; None if it is known."""
    located: bool = True
    """Whether `own` and `shared` cover the whole file, at the given positions."""

    @property
    def freed(self) -> int:
        """Bytes freed by removing the file's last name; 0 if unknown."""
        if self.unknown is not None:
            return 0
        if not self.shared:
            return self.size
        return max(self.size - sum(length for _, length in self.shared), 0)


def blocks_of_file(file: int, facts: os.stat_result, kind: str) -> FileBlocks:
    """Return where an open file's blocks are, as far as it matters on this type of file system.

    ``facts`` is its stat.
    Raises OSError.
    """
    if kind in NEVER_SHARED:
        return FileBlocks(facts.st_blocks * 512, located=False)
    if shows_others(kind):
        return FileBlocks(facts.st_blocks * 512, unknown=ELSEWHERE, located=False)
    return file_blocks(file)


def file_blocks(file: int) -> FileBlocks:
    """Sync an open file and return where its blocks are. Raises OSError for a failing disk."""
    facts = os.fstat(file)
    size = facts.st_blocks * 512
    if sys.platform == "darwin":
        return _blocks_of_clone(file, size)
    own: list[BlockRange] = []
    shared: list[BlockRange] = []
    unknown: str | None = None
    located = True
    try:
        for physical, length, flags in _extents(file):
            if flags & (_INLINE | _TAIL):
                unknown, located = INLINE, False
            elif flags & (_UNKNOWN | _DELALLOC):
                unknown, located = _UNSETTLED, False
            else:
                if flags & _ENCODED:
                    unknown = unknown or ENCODED
                (shared if flags & _SHARED else own).append((physical, length))
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        return FileBlocks(size, unknown=UNTOLD, located=False)
    return FileBlocks(size, tuple(own), tuple(shared), unknown, located)


def _blocks_of_clone(file: int, size: int) -> FileBlocks:
    """Return how much of an open file macOS says that it shares: not where, nor with what."""
    from gorillacomb.fs.darwin.clones import private_size

    private = private_size(file)
    if private is None:
        return FileBlocks(size, unknown=UNTOLD, located=False)
    shared = size - private
    return FileBlocks(size, shared=((0, shared),) if shared > 0 else (), located=False)


def storage_key(file: int) -> tuple[StorageKey, str | None]:
    """Return a key that two open files share if, and only if, they are one copy on the disk.

    The second value says why the file's blocks do not show this; the key is then the inode, as hard
    links are one copy in any case. Raises OSError.
    """
    facts = os.fstat(file)
    inode: StorageKey = (facts.st_dev, facts.st_ino)
    if not facts.st_blocks:
        return inode, None  # it is one big hole
    blocks = file_blocks(file)
    if not blocks.located:
        return inode, blocks.unknown
    places = _merged((*blocks.own, *blocks.shared))
    return (_file_system(file, facts), tuple(places)), None


def _merged(pieces: Iterable[BlockRange]) -> list[BlockRange]:
    """Sort extents and merge adjacent ones."""
    found: list[BlockRange] = []
    for start, length in sorted(pieces):
        if found and found[-1][0] + found[-1][1] == start:
            found[-1] = found[-1][0], found[-1][1] + length
        else:
            found.append((start, length))
    return found


def _file_system(file: int, facts: os.stat_result) -> int | bytes:
    """Identify an open file's file system: btrfs subvolumes share blocks but differ in device."""
    return _btrfs_uuid(file, facts) or facts.st_dev


def _btrfs_uuid(file: int, facts: os.stat_result) -> bytes | None:
    if sys.platform != "linux" or os.major(facts.st_dev):
        return None
    import fcntl

    answer = bytearray(1024)
    try:
        fcntl.ioctl(file, _BTRFS_IOC_FS_INFO, answer)
    except OSError:
        return None  # not btrfs
    return bytes(answer[16:32])


def _extents(file: int) -> Iterator[tuple[int, int, int]]:
    """Yield an open file's extents: position on the device, length, flags. Raises OSError."""
    if sys.platform != "linux":
        raise OSError(errno.ENOTSUP, "only Linux tells where files lie")
    import fcntl

    start = 0
    while True:
        ask = bytearray(
            struct.pack("=QQIIII", start, (1 << 64) - 1 - start, _FIEMAP_SYNC, 0, _EXTENTS, 0)
            + bytes(56 * _EXTENTS)
        )
        fcntl.ioctl(file, _FIEMAP, ask)
        count = struct.unpack_from("=I", ask, 20)[0]
        for number in range(count):
            logical, physical, length, _, _, flags = struct.unpack_from(
                "=QQQQQI", ask, 32 + 56 * number
            )
            yield physical, length, flags
            start = logical + length
            if flags & _LAST:
                return
        if not count:
            return


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """Disk space that a set of files uses; bytes."""

    held: int = 0
    """As counted by du(1), each file once."""
    freed: int = 0
    """Freed by removing them, as far as is known."""
    unknown: tuple[str, ...] = ()
    """Why more may be freed; empty if `freed` is exact."""

    def __add__(self, other: DiskSpace) -> DiskSpace:
        return total_space((self, other))


def total_space(spaces: Iterable[DiskSpace]) -> DiskSpace:
    """Add up the space that several sets of files use."""
    held = freed = 0
    unknown: dict[str, None] = {}
    for each in spaces:
        held += each.held
        freed += each.freed
        if each.unknown:
            unknown |= dict.fromkeys(each.unknown)
    return DiskSpace(held, freed, tuple(unknown))


@dataclass(slots=True)
class RemovedFiles:
    """Adds up the space of files removed one after another, counting hard links of a file once."""

    by_name: bool = True
    """Whether names are removed; otherwise blocks are, and all names of a file are kept."""
    _names: dict[tuple[int, int], int] = field(default_factory=dict)
    """How many names of each inode are removed; without the next ones."""
    _single: dict[int, set[int]] = field(default_factory=dict)
    """By device: the inodes of removed files that had no other name, which most are."""
    _shared: set[tuple[int, BlockRange]] = field(default_factory=set)

    def forget_names(self) -> None:
        """Start counting names again: those already removed are no longer among a file's links.

        Blocks already removed are remembered: file systems free them later, and show them as shared
        until then.
        """
        self._names.clear()
        self._single.clear()

    def add(self, facts: os.stat_result, blocks: FileBlocks, stays: bool = False) -> DiskSpace:
        """Return what is removed with one more name of a file.

        Its blocks are quarantined with its first name and freed with its last; nothing is counted
        if another name ``stays`` that is relied on.
        """
        return self.add_name(identity_of(facts), facts.st_nlink, blocks, stays)

    def add_name(
        self, file: FileIdentity, links: int, blocks: FileBlocks, stays: bool = False
    ) -> DiskSpace:
        """Like `add`, for a file with this many names."""
        number = self._count(file, links)
        if stays:
            return DiskSpace()
        held = blocks.size if number == 1 else 0
        if number != (links if self.by_name else 1):
            return DiskSpace(held)
        unknown = blocks.unknown
        for piece in blocks.shared:
            place = file[0], piece
            if place in self._shared:
                unknown = unknown or SHARED_TWICE
            self._shared.add(place)
        if unknown is not None and blocks.size:
            return DiskSpace(held, 0, (unknown,))
        return DiskSpace(held, blocks.freed)

    def _count(self, file: FileIdentity, links: int) -> int:
        """Count one more name of a file; return how many of its names are removed now."""
        device, inode = file
        single = self._single.setdefault(device, set())
        number = self._names.get(file, 0) + (inode in single) + 1
        if links == 1 and number == 1:
            single.add(inode)
        else:
            self._names[file] = number - (inode in single)
        return number
