"""Zips as others make them, and as nobody should."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache


@dataclass
class Entry:
    """A member, with what its headers claim."""

    name: bytes
    data: bytes = b"data"
    method: int = zipfile.ZIP_STORED
    flags: int = 0
    mode: int = 0o100644
    size: int | None = None
    """What it claims to be large, if that is not true."""
    crc: int | None = None
    system: int = 3
    local_name: bytes | None = None
    """Its name in its own header, if that is another one."""
    offset: int | None = None
    """Where it claims to be."""

    def packed(self) -> bytes:
        return deflated(self.data) if self.method == zipfile.ZIP_DEFLATED else self.data


@cache
def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def made(entries: Iterable[Entry]) -> bytes:
    """A zip of entries, byte by byte."""
    body, directory, number = bytearray(), bytearray(), 0
    for each in entries:
        number += 1
        packed = each.packed()
        size = len(each.data) if each.size is None else each.size
        crc = zlib.crc32(each.data) if each.crc is None else each.crc
        facts = (20, each.flags, each.method, 0, 0x5A21, crc, len(packed), size)
        local = each.name if each.local_name is None else each.local_name
        at = len(body) if each.offset is None else each.offset
        body += struct.pack("<4s5H3I2H", b"PK\3\4", *facts, len(local), 0) + local + packed
        directory += struct.pack(
            "<4s6H3I5H2I",
            *(b"PK\1\2", 20 | each.system << 8, *facts, len(each.name), 0, 0, 0, 0),
            *(each.mode << 16, at),
        )
        directory += each.name
    counted = number & 0xFFFF  # the library counts by itself
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, counted, counted, len(directory), len(body), 0)
    return bytes(body + directory + end)


def plain(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip as the standard library makes it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return target.getvalue()


def overlapping(times: int, kernel: int) -> bytes:
    """Many members that are all the same bytes, as in David Fifield's zip bomb."""
    data = b"\0" * kernel
    first = Entry(b"0", data, zipfile.ZIP_DEFLATED)
    packed = first.packed()
    body = made([first])[: 30 + 1 + len(packed)]
    directory, crc = bytearray(), zlib.crc32(data)
    for number in range(times):
        name = b"%d" % number
        facts = (20, 0, 8, 0, 0x5A21, crc, len(packed), kernel)
        directory += struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", 20, *facts, len(name), 0, 0, 0, 0, 0o100644 << 16, 0
        )
        directory += name
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, times, times, len(directory), len(body), 0)
    return body + bytes(directory) + end


def nested(levels: int, width: int) -> bytes:
    """Zips in zips, as in 42.zip."""
    inner = plain({"bottom": b"\0" * 10_000_000})
    for _ in range(levels):
        inner = plain({f"{number}.zip": inner for number in range(width)})
    return inner
