"""Identify file systems in a way that survives a reboot and another port.

`st_dev` changes when a drive is plugged in again, so the index never stores it.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache

from gorillacomb.fs.mounts import Mount, mount_of, mounts
from gorillacomb.fs.paths import is_below, join, relative_path
from gorillacomb.fs.volume_uuid import ask_kernel, boot_sector, btrfs_subvolume, uuid_of
from gorillacomb.model import SECOND, Root

MILLISECOND = 1_000_000

FAT_GRAIN_NS = 2 * SECOND
COARSEST_GRAIN_NS = FAT_GRAIN_NS
"""No file system has a coarser one than FAT: for files whose real grain is unknown."""
_GRAIN_NS = {
    "vfat": FAT_GRAIN_NS,
    "msdos": FAT_GRAIN_NS,
    "exfat": FAT_GRAIN_NS,
    "ext2": SECOND,
    "ext3": SECOND,
    "hfs": SECOND,
    "hfsplus": SECOND,
}
_DEFAULT_GRAIN_NS = 20 * MILLISECOND
"""Linux stamps files with the time of the last tick: up to 10 ms ago (CONFIG_HZ=100)."""
_REMOTE_GRAIN_NS = COARSEST_GRAIN_NS

_FAT = frozenset({"vfat", "msdos", "exfat"})
_WEAK = _FAT | {"9p", "cifs", "smb3", "smbfs", "ncpfs", "davfs", "webdav", "afpfs", "virtiofs"}
_HIDING = frozenset({"tmpfs", "ramfs", "virtiofs", "ncpfs"})
_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afpfs", "davfs", "webdav"})
_SHOW_OTHERS = _REMOTE | {"aufs", "ecryptfs", "overlay", "unionfs", "virtiofs"}
_FUSE_OF_MACOS = frozenset({"macfuse", "osxfuse", "fusefs", "lifs"})
"""What drivers outside the kernel are called there. ``lifs``, Apple's own, was not looked up."""
_MODELESS = _FAT | {"cifs", "davfs", "msdosfs", "ncpfs", "ntfs", "smb3", "smbfs", "webdav"}
_MODELESS_DRIVERS = ("fat", "ntfs", "gvfs", "mtp", "rclone", "curlftpfs", "davfs")
_MODELESS_SECTORS = (b"EXFAT   ", b"FAT", b"NTFS    ")
_WINDOWS = _FAT | {"cifs", "msdosfs", "ntfs", "ntfs3", "smb3", "smbfs"}
_ANONYMOUS = ":anonymous:"
CLONE = "#"
"""Precedes the part of a root's volume that distinguishes a clone from its original."""

PSEUDO = frozenset(
    {"autofs", "binfmt_misc", "devfs", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts"}
    | {"devtmpfs", "efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore"}
    | {"rpc_pipefs", "securityfs", "selinuxfs", "sysfs", "tracefs"}
)
"""File systems without user files."""

_BTRFS_IOC_GET_SUBVOL_INFO = 0x81F8943C  # _IOR(0x94, 60, 504 bytes), Linux 4.18
_BTRFS_SUBVOL_FLAGS, _BTRFS_PARENT_UUID = 288, 312  # their offsets in its answer
_BTRFS_ROOT_SUBVOL_RDONLY = 1  # include/uapi/linux/btrfs_tree.h


@dataclass(frozen=True, slots=True)
class Volume:
    """A mounted file system as seen from one path on it."""

    id: str
    type: str
    inner_path: bytes
    """The path inside the file system, the same under every mount point."""
    device: int
    """`st_dev` while it is mounted as it is now."""
    weak: bool
    grain_ns: int
    hour_shifts: bool
    """FAT stores local time: mtimes shift by whole hours with the time zone."""


def identify_volume(path: bytes) -> Volume:
    """Identify the file system under an existing absolute path; raises OSError."""
    facts = os.stat(path)
    space = os.statvfs(path)
    mount = mount_of(path)
    kind = mount.type
    return Volume(
        id=_identity(path, mount, space),
        type=kind,
        inner_path=inner_path(mount, path),
        device=facts.st_dev,
        weak=has_unstable_inodes(kind),
        grain_ns=timestamp_granularity_ns(kind),
        hour_shifts=is_fat(mount),
    )


def is_online(root: Root) -> bool:
    """Return whether a root is mounted and not suspect, so that its scanned files count."""
    return root.suspect is None and is_there(root)


def is_there(root: Root) -> bool:
    """Return whether a root's volume is mounted where it was last seen, with the root on it."""
    try:
        volume = identify_volume(root.path)
    except OSError:
        return False
    return (volume.id, volume.inner_path) == (base_volume(root.volume), root.inner_path)


def present_path(root: Root) -> bytes | None:
    """Return where a root is now: where it was last seen, else under another mount point.

    None if its volume is not mounted. Servers are not asked, to avoid waiting for them, and clones
    have their original's identity: for both, only where they were last seen counts.
    """
    if is_there(root):
        return root.path
    for mount in mounts() if base_volume(root.volume) == root.volume else ():
        if mount.type in PSEUDO or is_remote(mount.type):
            continue
        if not is_below(root.inner_path, mount.inner):
            continue
        path = join(mount.point, relative_path(root.inner_path, mount.inner))
        if is_there(replace(root, path=path)):
            return path
    return None


def is_remote(kind: str) -> bool:
    """Return whether files on this type of file system may change behind the kernel's back."""
    return kind in _REMOTE or kind.startswith("fuse.")


def changes_elsewhere(kind: str) -> bool:
    """Return whether files on this type of file system may change without an event here."""
    return is_remote(kind) or kind in _FUSE_OF_MACOS


@lru_cache(maxsize=256)
def shows_others(kind: str) -> bool:
    """Return whether a file system of this type may show files of another one."""
    return kind in _SHOW_OTHERS or _is_fuse(kind)


def hides_changes(kind: str) -> bool:
    """Return whether content may change on this type of file system without any time showing it.

    Others may write behind the back of a server's or FUSE driver's client; and tmpfs, which never
    writes pages out, never notices stores to a mapped page.
    """
    return is_remote(kind) or _is_fuse(kind) or kind in _HIDING


def is_mounted(root: Root) -> bool:
    """Return whether a root's volume is mounted anywhere, with the root on it or not.

    Network file systems are judged by name, to avoid waiting for them. If the system lists no
    mounts, the volume is looked for where the root was, as are volumes with parts that are not
    mounts.
    """
    wanted = disk_of(root.volume)
    at = root.path
    while not os.path.isdir(at):
        at = os.path.dirname(at)
    points = [at]
    for mount in mounts():
        if is_remote(mount.type):
            if f"{mount.type}:{mount.source}" == wanted:
                return True
        elif mount.type not in PSEUDO:
            points.append(mount.point)
    for point in points:
        with suppress(OSError):
            if disk_of(identify_volume(point).id) == wanted:
                return True
    return False


def disk_of(volume: str) -> str:
    """Return the identity of a file system: the same for all its subvolumes and its clones."""
    volume = base_volume(volume)
    return volume.rpartition(":")[0] if volume.startswith("btrfs:") else volume


def other_views(path: bytes, roots: Iterable[Root]) -> Iterator[bytes]:
    """Yield other paths under which roots may show a folder of a server or FUSE file system.

    Mounted twice, such a file system may look like two devices. A disk does not, and its clone is a
    different disk.
    """
    try:
        volume = identify_volume(path)
    except OSError:
        return
    for root in roots:
        kind = root.volume_type
        shared = kind in _REMOTE or (has_unstable_inodes(kind) and kind not in _FAT)
        if not shared or base_volume(root.volume) != volume.id:
            continue
        if is_below(volume.inner_path, root.inner_path):
            yield join(root.path, relative_path(volume.inner_path, root.inner_path))
        elif is_below(root.inner_path, volume.inner_path):
            yield root.path


def base_volume(volume: str) -> str:
    """Return the identity of a root's file system, shared by a clone and its original."""
    return volume.partition(CLONE)[0]


def has_unstable_inodes(kind: str) -> bool:
    """Return whether file systems of this type lack stable inodes."""
    return kind in _WEAK or _is_fuse(kind)


def is_identified(volume: str) -> bool:
    """Return whether a root's volume can be recognized after it was unplugged."""
    return _ANONYMOUS not in volume


def _is_fuse(kind: str) -> bool:
    return kind.startswith("fuse") or kind in _FUSE_OF_MACOS


def has_read_only_snapshots() -> bool:
    """Return whether a file system is mounted on which `is_read_only_snapshot` may be true."""
    return any(mount.type == "btrfs" for mount in mounts())


def is_read_only_snapshot(path: bytes) -> bool:
    """Return whether an existing folder is in a read-only btrfs snapshot. Raises OSError."""
    if mount_of(path).type != "btrfs":
        return False
    answer = ask_kernel(path, _BTRFS_IOC_GET_SUBVOL_INFO, bytearray(504))
    if answer is None:
        return False  # the kernel does not support it
    flags = struct.unpack_from("=Q", answer, _BTRFS_SUBVOL_FLAGS)[0]
    parent = answer[_BTRFS_PARENT_UUID : _BTRFS_PARENT_UUID + 16]
    return bool(flags & _BTRFS_ROOT_SUBVOL_RDONLY) and any(parent)


def has_links(kind: str) -> bool:
    """Return whether a type of file system has hard and symbolic links, judging by its name."""
    return not _is_fat_type(kind)


def is_fat(mount: Mount) -> bool:
    """Return whether it stores times as FAT does.

    FUSE drivers hide the type behind the helper's name.
    """
    if mount.type == "fuseblk":
        sector = boot_sector(mount.source)
        return sector is not None and any(sign in sector for sign in (b"EXFAT   ", b"FAT"))
    return _is_fat_type(mount.type)


def _is_fat_type(kind: str) -> bool:
    return kind in _FAT or (kind.startswith("fuse") and "fat" in kind)


def keeps_modes(kind: str, source: str | None = None) -> bool:
    """Return whether a file system of this type stores a mode for each file, not one for all.

    ``source`` is the device that it is mounted from, if any. A device mounted through FUSE is
    assumed to be FAT or NTFS unless the device says otherwise.
    """
    if kind == "fuseblk":
        sector = None if source is None else boot_sector(source)
        return sector is not None and not any(sign in sector for sign in _MODELESS_SECTORS)
    if kind.startswith("fuse."):
        return not any(word in kind for word in _MODELESS_DRIVERS)
    return kind not in _MODELESS


def has_windows_names(kind: str, source: str | None = None) -> bool:
    """Return whether names that Windows reserves are refused, or hidden, on this file system.

    ``source`` is as for `keeps_modes`.
    """
    if kind == "fuseblk":
        return not keeps_modes(kind, source)
    return kind in _WINDOWS or (_is_fuse(kind) and ("fat" in kind or "ntfs" in kind))


def timestamp_granularity_ns(kind: str) -> int:
    """Return the smallest difference between two timestamps on this file system, in ns."""
    if kind in _REMOTE or _is_fuse(kind):
        return _REMOTE_GRAIN_NS
    return _GRAIN_NS.get(kind, _DEFAULT_GRAIN_NS)


def inner_path(mount: Mount, path: bytes) -> bytes:
    """Return the location of ``path`` inside the file system that ``mount`` shows."""
    return join(mount.inner, relative_path(path, mount.point))


def _identity(path: bytes, mount: Mount, space: os.statvfs_result) -> str:
    """Return the most stable name available: UUID, network source, or the kernel's fsid."""
    if mount.type in _REMOTE:
        return f"{mount.type}:{mount.source}"
    uuid = uuid_of(path, mount)
    if sys.platform == "darwin":
        # Its fsid is the device number, which the next drive gets: never an identity.
        size = space.f_blocks * space.f_frsize
        return f"uuid:{uuid}" if uuid else f"{mount.type}{_ANONYMOUS}{mount.source}:{size}"
    if mount.type == "btrfs":
        # One UUID for all subvolumes, but inode numbers repeat in each. The fsid would not do:
        # recent kernels derive it from the device number.
        return f"btrfs:{uuid or mount.source}:{btrfs_subvolume(path)}"
    if uuid:
        return f"uuid:{uuid}"
    if has_unstable_inodes(mount.type) or not space.f_fsid:
        return f"{mount.type}:{mount.source}"
    return f"{mount.type}:fsid:{space.f_fsid:x}"
