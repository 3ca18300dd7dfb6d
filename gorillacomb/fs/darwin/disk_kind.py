"""Ask macOS whether a disk rotates, as its driver says in the I/O Registry.

The keys are those of <IOKit/storage/IOStorageDeviceCharacteristics.h> (IOStorageFamily): a device
has a dictionary ``Device Characteristics``, in which ``Medium Type`` is ``Rotational`` or ``Solid
State``. It is optional: many USB adapters do not say. The disks and volumes made from a device are
below it in the registry, each with its name in ``BSD Name``.

`ioreg` prints that tree (ioreg(8)). It is asked rather than ``diskutil info``, which calls a USB
stick not solid, and rather than ``DKIOCISSOLIDSTATE`` of <sys/disk.h>, for which the device must be
open: only root may.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import Any

_IOREG = (
    *("/usr/sbin/ioreg", "-a", "-l", "-r"),  # XML, all properties, subtrees of what matches:
    *("-c", "IOBlockStorageDevice"),
)
_PATIENCE = 10
"""Seconds; it takes a fraction of one."""
_CHARACTERISTICS, _MEDIUM, _ROTATIONAL = "Device Characteristics", "Medium Type", "Rotational"
_NAME, _CHILDREN = "BSD Name", "IORegistryEntryChildren"


def is_rotational_source(source: str) -> bool:
    """Return whether what a volume is mounted from, such as ``/dev/disk3s1``, rotates.

    A volume on several devices (a Fusion drive) rotates if one of them does. False where unknown.
    """
    disk = _whole_disk(source.removeprefix("/dev/"))
    if disk is None or not source.startswith("/dev/"):  # a server, or a driver of its own
        return False
    return disk in map(_whole_disk, _rotational_names())


def _whole_disk(name: str) -> str | None:
    """Return the disk that a volume is on: ``disk3`` for ``disk3s1``, or for ``disk3s1s1``."""
    found = re.match("disk[0-9]+", name)
    return None if found is None else found[0]


def _rotational_names() -> Iterator[str]:
    """Yield the names of all disks and volumes on rotating devices."""
    import plistlib  # only where a pool is started
    from xml.parsers.expat import ExpatError

    try:
        found = subprocess.run(
            _IOREG, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=True
        )
        tree = plistlib.loads(found.stdout)
    except (OSError, subprocess.SubprocessError, ExpatError, ValueError):
        return
    for device in tree if isinstance(tree, list) else [tree]:
        yield from _names_below(device)


def _names_below(top: Any) -> Iterator[str]:
    waiting: list[tuple[Any, bool]] = [(top, False)]
    while waiting:
        entry, rotates = waiting.pop()
        if not isinstance(entry, dict):
            continue
        told = entry.get(_CHARACTERISTICS)
        if isinstance(told, dict) and _MEDIUM in told:
            rotates = told[_MEDIUM] == _ROTATIONAL
        if rotates and isinstance(entry.get(_NAME), str):
            yield entry[_NAME]
        children = entry.get(_CHILDREN)
        waiting += [(each, rotates) for each in (children if isinstance(children, list) else [])]
