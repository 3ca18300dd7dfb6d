"""The content of a file as digests; the only module that knows which hash functions are used.

BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs) says what is equal. xxh3 (https://xxhash.com)
over a file's first and last bytes says cheaply what is not.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from blake3 import blake3
from xxhash import xxh3_64_intdigest

CHUNK = 1 << 20
"""Bytes read at once; from 256 KiB on BLAKE3 in one thread is as fast as it gets."""

PROBE_SPAN = 16 << 10
"""Bytes at each end of a file that a probe reads."""

EMPTY = blake3(b"").digest()

buffer = memoryview(bytearray(CHUNK))
"""Where this process reads files into."""


def blake3_of(size: int) -> bytes:
    """The digest of the first bytes of `buffer`."""
    return blake3(buffer[:size]).digest()


def digest_of_descriptor(
    descriptor: int, size: int, advance: Callable[[int], None] | None = None
) -> tuple[bytes, int]:
    """Hash a file from its current offset to its end.

    Takes an open descriptor and the size in bytes that `fstat` gave; returns the BLAKE3 digest
    (32 bytes) and the number of bytes read, which differs from ``size`` when the file changed
    meanwhile. ``advance`` is told of every chunk. Raises OSError as `read` does.
    """
    got = os.readv(descriptor, (buffer,)) if size else 0
    if got == size and size < CHUNK:
        if advance is not None:
            advance(got)
        return blake3(buffer[:got]).digest(), got
    hasher = blake3()
    total = 0
    # One byte more than was promised tells that it grew; a file that grows for ever ends here.
    while got and total <= size:
        hasher.update(buffer[:got])
        total += got
        if advance is not None:
            advance(got)
        got = os.readv(descriptor, (buffer,))
    return hasher.digest(), total


def probe_of_descriptor(descriptor: int, size: int) -> int:
    """The xxh3 of the first and the last `PROBE_SPAN` bytes, as a signed 64-bit integer.

    Equal files have equal probes; files with different probes are different.
    """
    head = os.pread(descriptor, PROBE_SPAN, 0)
    tail = os.pread(descriptor, PROBE_SPAN, max(size - PROBE_SPAN, 0))
    value = xxh3_64_intdigest(head + tail)
    return value - (1 << 64) if value >> 63 else value
