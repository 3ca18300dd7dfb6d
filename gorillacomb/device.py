"""Whether a path lies on a disk that spins, where readers get in each other's way."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from gorillacomb.mounts import mount_of

_VIRTUAL = ("/virtual/", "/virtio", "/vbd-", "/vmbus", "/VMBUS")
"""In the place of a device: disks of virtual machines and the like. They call themselves
rotational whatever they stand on, and so are not believed."""


def is_spinning(path: bytes, system: Path = Path("/sys")) -> bool:
    """Whether the disk below an existing absolute path has heads to move, as far as Linux says.

    ``system`` is where sysfs is mounted. A device that is made of others (LVM, RAID, encryption)
    spins when one of them does. False where nothing is known.
    """
    try:
        device = os.stat(path).st_dev
        if not os.major(device):  # a number of the file system's own, as btrfs gives
            device = os.stat(mount_of(path).source).st_rdev
        entry = system / "dev" / "block" / f"{os.major(device)}:{os.minor(device)}"
        return _spins(entry.resolve(strict=True))
    except OSError:
        return False


def _spins(device: Path) -> bool:
    if (device / "partition").exists():
        device = device.parent
    with suppress(OSError):
        parts = list((device / "slaves").iterdir())
        if parts:
            return any(_spins(part.resolve()) for part in parts)
    if any(part in str(device) for part in _VIRTUAL):
        return False
    return (device / "queue" / "rotational").read_text().strip() == "1"
