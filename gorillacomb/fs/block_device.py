"""Whether a path lies on a disk that spins, where readers get in each other's way."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from gorillacomb.fs.mounts import mount_of

_VIRTUAL = ("/virtual/", "/virtio", "/vbd-", "/vmbus", "/VMBUS")
"""In the place of a device: disks of virtual machines and the like. They call themselves
rotational whatever they stand on, and so are not believed."""


def is_rotational(path: bytes) -> bool:
    """Whether the disk below an existing absolute path has heads to move, as far as Linux says.

    False where nothing is known.
    """
    try:
        device = device_number(path)
        return is_rotational_device(Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"))
    except OSError:
        return False


def device_number(path: bytes) -> int:
    """The number of the device that an existing absolute path lies on. Raises OSError."""
    device = os.stat(path).st_dev
    if not os.major(device):  # a number of the file system's own, as btrfs gives
        device = os.stat(mount_of(path).source).st_rdev
    return device


def is_rotational_device(entry: Path) -> bool:
    """The same of a device by its entry in sysfs. Raises OSError where that tells nothing.

    A device that is made of others (LVM, RAID, encryption) spins when one of them does.
    """
    device = entry.resolve(strict=True)
    if (device / "partition").exists():
        device = device.parent
    with suppress(OSError):
        parts = list((device / "slaves").iterdir())
        if parts:
            return any(map(is_rotational_device, parts))
    if any(part in str(device) for part in _VIRTUAL):
        return False
    return (device / "queue" / "rotational").read_text().strip() == "1"
