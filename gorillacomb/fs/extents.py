"""Ask a file system which bytes of a file are shared with others (FIEMAP)."""

from __future__ import annotations

import struct

_FIEMAP = 0xC020660B  # _IOWR('f', 11, 32 bytes), include/uapi/linux/fiemap.h
_FIEMAP_SYNC = 1
_LAST, _SHARED = 0x1, 0x2000
_EXTENTS = 256
"""How many pieces of a file are asked for at a time."""


def own_bytes(file: int, size: int) -> int:
    """Bytes on disk that an open file shares with no other; its size where nobody can tell."""
    import fcntl

    own = start = 0
    while True:
        ask = bytearray(
            struct.pack("=QQIIII", start, (1 << 64) - 1 - start, _FIEMAP_SYNC, 0, _EXTENTS, 0)
            + bytes(56 * _EXTENTS)
        )
        try:
            fcntl.ioctl(file, _FIEMAP, ask)
        except OSError:
            return size
        count = struct.unpack_from("=I", ask, 20)[0]
        for number in range(count):
            logical, _, length, _, _, flags = struct.unpack_from("=QQQQQI", ask, 32 + 56 * number)
            own += 0 if flags & _SHARED else length
            start = logical + length
            if flags & _LAST:
                return own
        if not count:
            return own
