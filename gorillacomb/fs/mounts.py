"""List what is mounted where (proc_pid_mountinfo(5); on macOS getfsstat(2))."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache

from gorillacomb.fs.paths import is_below


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of ``/proc/self/mountinfo``, or what macOS says of a mount."""

    device: str
    inner: bytes
    """The folder of the file system that is mounted here."""
    point: bytes
    type: str
    source: str


def mount_of(path: bytes) -> Mount:
    """Return the mount that an absolute path is on."""
    best: Mount | None = None
    for mount in mounts():
        if is_below(path, mount.point) and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    if best is not None:
        return best
    point = path
    while not os.path.ismount(point) and point != b"/":
        point = os.path.dirname(point)
    return Mount(str(os.stat(path).st_dev), b"/", point, sys.platform, os.fsdecode(point))


def mounts_below(path: bytes) -> list[Mount]:
    """Return the mounts strictly inside ``path``, including pseudo file systems."""
    return [mount for mount in mounts() if mount.point != path and is_below(mount.point, path)]


def mounts() -> list[Mount]:
    """Return all mounts in the order in which they were made.

    Empty if the system has no such list.
    """
    if sys.platform == "darwin":
        from gorillacomb.fs.darwin.volumes import mounted_volumes

        return [
            Mount(f"{os.major(device)}:{os.minor(device)}", b"/", point, kind, source)
            for device, point, kind, source in mounted_volumes()
        ]
    try:
        # Asked for very often: buffers and a Path would take as long as the system.
        with open("/proc/self/mountinfo", "rb", buffering=0) as file:
            text = file.read()
    except FileNotFoundError:
        return []
    return _parse_mountinfo(text)


@lru_cache(maxsize=4)
def _parse_mountinfo(text: bytes) -> list[Mount]:
    found = []
    for line in text.split(b"\n")[:-1]:  # a name may contain a carriage return
        head, _, tail = line.partition(b" - ")
        fields, rest = head.split(b" "), tail.split(b" ")
        found.append(
            Mount(
                device=os.fsdecode(fields[2]),
                inner=_unescape(fields[3]),
                point=_unescape(fields[4]),
                type=os.fsdecode(rest[0]),
                source=os.fsdecode(_unescape(rest[1])),
            )
        )
    return found


def _unescape(field: bytes) -> bytes:
    """Decode the kernel's octal escapes (space, tab, newline, backslash)."""
    first, *others = field.split(b"\\")
    return first + b"".join(bytes([int(part[:3], 8)]) + part[3:] for part in others)


def free_bytes(path: bytes | os.PathLike[str]) -> int:
    """Return how many bytes we may still write to the file system of a path. Raises OSError."""
    facts = os.statvfs(path)
    blocks = facts.f_bavail if os.geteuid() else facts.f_bfree  # some are reserved for root
    return blocks * facts.f_frsize
