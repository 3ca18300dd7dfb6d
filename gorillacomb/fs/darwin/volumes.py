"""Ask macOS what is mounted where, and for the identity of a volume."""

from __future__ import annotations

import struct

from gorillacomb.fs.darwin import figures
from gorillacomb.fs.darwin.library import call, new_buffer

_MORE = 16
"""Mounts that may be added between counting and listing them."""


def mounted_volumes() -> list[tuple[int, bytes, str, str]]:
    """Return device number, mount point, type and source of each mounted file system.

    Empty if the system does not say.
    """
    size = figures.STATFS64_SIZE
    try:
        # MNT_NOWAIT: a server that does not answer would hold up the listing.
        room = call("getfsstat", None, 0, figures.MNT_NOWAIT) + _MORE
        buffer = new_buffer(room * size)
        count = call("getfsstat", buffer, room * size, figures.MNT_NOWAIT)
    except OSError:
        return []
    return [parse_statfs(buffer.raw[at * size : (at + 1) * size]) for at in range(count)]


def parse_statfs(data: bytes) -> tuple[int, bytes, str, str]:
    """Return device number, mount point, type and source from a struct statfs."""
    fields = struct.unpack(figures.STATFS64, data)
    kind, point, source = (
        fields[at].partition(b"\0")[0]
        for at in (figures.STATFS64_TYPE, figures.STATFS64_POINT, figures.STATFS64_SOURCE)
    )
    device = fields[figures.STATFS64_FSID]
    return device & 0xFFFFFFFF, point, kind.decode(), source.decode(errors="replace")


def volume_uuid(path: bytes) -> str | None:
    """Return the UUID of the volume that a path is on, in hexadecimal digits; None without one.

    APFS and HFS+ have one; for FAT and exFAT the system derives one from the serial number.
    """
    wanted = figures.ATTR_VOL_INFO | figures.ATTR_VOL_UUID
    buffer = new_buffer(_ANSWER.size)
    try:
        call("getattrlist", path, attribute_list(volume=wanted), buffer, _ANSWER.size, 0)
    except OSError:
        return None
    length, uuid = _ANSWER.unpack(buffer.raw)
    return uuid.hex() if length == _ANSWER.size and any(uuid) else None


_ANSWER = struct.Struct("=I16s")
"""The length of the answer, and the uuid_t."""


def attribute_list(volume: int = 0, fork: int = 0) -> bytes:
    """Return a struct attrlist: what is asked for of each group of attributes."""
    return struct.pack("=HHIIIII", figures.ATTR_BIT_MAP_COUNT, 0, 0, volume, 0, 0, fork)
