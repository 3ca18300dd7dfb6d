"""Find the UUID or serial number of a file system."""

from __future__ import annotations

import os
import stat
import struct
import sys
from pathlib import Path

from gorillacomb.fs.mounts import Mount

_BOOT_SECTORS = (
    (b"EXFAT   ", 3, 100, 4),
    (b"NTFS    ", 3, 72, 8),
    (b"FAT32   ", 82, 67, 4),
    (b"FAT1", 54, 39, 4),
)
"""Signature and its offset; offset and size in bytes of the serial number."""

_BTRFS_IOC_FS_INFO = 0x8400941F  # _IOR(0x94, 31, 1024 bytes), include/uapi/linux/btrfs.h
_BTRFS_IOC_INO_LOOKUP = 0xD0009412  # _IOWR(0x94, 18, 4096 bytes), include/uapi/linux/btrfs.h
_BTRFS_FIRST_FREE_OBJECTID = 256  # asks for the id of the subvolume itself
_FS_IOC_GETFSUUID = 0x80111500  # _IOR(0x15, 0, struct fsuuid2), Linux 6.9, include/uapi/linux/fs.h


def uuid_of(path: bytes, mount: Mount) -> str | None:
    """Return the UUID of the file system that a path on ``mount`` is on; None if none is known."""
    if sys.platform == "darwin":
        from gorillacomb.fs.darwin.volumes import volume_uuid

        return volume_uuid(path)
    return (
        _uuid_from_kernel(path)
        or _uuid_from_btrfs(path, mount)
        or _uuid_from_udev(mount.device)
        or _serial_from_device(mount.source)
    )


def _uuid_from_kernel(path: bytes) -> str | None:
    answer = ask_kernel(path, _FS_IOC_GETFSUUID, bytearray(17))
    if answer is None:
        return None  # an older kernel, or a file system without a UUID: udev may know
    uuid = bytes(answer[1 : 1 + answer[0]])
    return uuid.hex() if any(uuid) else None


def _uuid_from_btrfs(path: bytes, mount: Mount) -> str | None:
    if mount.type != "btrfs":
        return None
    answer = ask_kernel(path, _BTRFS_IOC_FS_INFO, bytearray(1024))
    return None if answer is None else bytes(answer[16:32]).hex()


def _serial_from_device(source: str) -> str | None:
    """Return the serial number of FAT, exFAT or NTFS from the boot sector, if readable (root).

    Microsoft, FAT32 File System Specification 1.03; exFAT File System Specification, 3.1.11.
    """
    sector = boot_sector(source)
    for signature, at, serial, size in _BOOT_SECTORS if sector else ():
        assert sector is not None
        if sector[at : at + len(signature)] == signature:
            return sector[serial : serial + size][::-1].hex()
    return None


def boot_sector(source: str) -> bytes | None:
    """Return the first bytes of a device, None if it is none or cannot be read."""
    try:
        if not stat.S_ISBLK(os.stat(source).st_mode):
            return None
        with open(source, "rb", buffering=0) as device:
            return device.read(512)
    except OSError:
        return None  # not readable, or not a device


def btrfs_subvolume(path: bytes) -> int:
    """Return the number of the btrfs subvolume that a path is in; 0 if the kernel does not say."""
    question = bytearray(struct.pack("=QQ4080x", 0, _BTRFS_FIRST_FREE_OBJECTID))
    answer = ask_kernel(path, _BTRFS_IOC_INO_LOOKUP, question)
    return 0 if answer is None else int(struct.unpack_from("=Q", answer)[0])


def ask_kernel(path: bytes, request: int, argument: bytearray) -> bytearray | None:
    """Run an ioctl on a folder that fills its argument; None if it is not supported."""
    if sys.platform != "linux":
        return None
    import fcntl

    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.ioctl(descriptor, request, argument)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return argument


def _uuid_from_udev(device: str) -> str | None:
    try:
        lines = Path(f"/run/udev/data/b{device}").read_text(errors="replace").splitlines()
    except OSError:
        return _uuid_from_links(device)
    for line in lines:
        if line.startswith("E:ID_FS_UUID="):
            return line.removeprefix("E:ID_FS_UUID=").lower().replace("-", "")
    return _uuid_from_links(device)


def _uuid_from_links(device: str) -> str | None:
    major, _, minor = device.partition(":")
    try:
        links = list(os.scandir("/dev/disk/by-uuid"))
    except OSError:
        return None  # no udev on this machine
    for link in links:
        try:
            facts = os.stat(link.path)
        except OSError:
            continue  # unplugged a moment ago
        if (str(os.major(facts.st_rdev)), str(os.minor(facts.st_rdev))) == (major, minor):
            return link.name.lower().replace("-", "")
    return None
