"""Detect whether a path is on a spinning disk, where concurrent readers slow each other down."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from gorillacomb.fs.mounts import mount_of

_VIRTUAL = ("/virtual/", "/virtio", "/vbd-", "/vmbus", "/VMBUS")
"""Found in the sysfs paths of virtual disks, which report themselves as rotational whatever they
are backed by, and so are not believed."""


def is_rotational(path: bytes) -> bool:
    """Return whether the disk under an existing absolute path is rotational.

    False where unknown.
    """
    try:
        if sys.platform == "darwin":
            from gorillacomb.fs.darwin.disk_kind import is_rotational_source

            return is_rotational_source(mount_of(path).source)
        device = device_number(path)
        return is_rotational_device(Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"))
    except OSError:
        return False


def device_number(path: bytes) -> int:
    """Return the number of the device that holds an existing absolute path. Raises OSError."""
    device = os.stat(path).st_dev
    if not os.major(device):  # an anonymous device number, as btrfs reports
        device = os.stat(mount_of(path).source).st_rdev
    return device


def is_rotational_device(entry: Path) -> bool:
    """Return the same for a device, given its sysfs entry. Raises OSError if sysfs does not say.

    A device built from others (LVM, RAID, encryption) is rotational if any of them is.
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
