"""The content of a file as digests; the only module that knows which hash functions are used.

BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs) says what is equal. xxh3 (https://xxhash.com)
over a file's first and last bytes says cheaply what is not.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from queue import SimpleQueue
from typing import Protocol

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


def blake3_of_short(data: bytes) -> bytes:
    """16 bytes of BLAKE3: no two data are ever met, or can be made, that have the same."""
    return blake3(data).digest(16)


def sha256_of(size: int) -> bytes:
    """The SHA-256 of the first bytes of `buffer`."""
    return sha256(buffer[:size]).digest()


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


def drop_page_cache(descriptor: int) -> None:
    """Have the system read an open file from the disk the next time, as far as it can be had to.

    What was written and is not on the disk yet stays (posix_fadvise(2)).
    """
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):  # a file system that knows no such advice can be read all the same
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


_PIPED = 8 << 20
"""Bytes; while a larger file is read, threads hash what was read before."""
_PIPE_CHUNK = 2 << 20
_PIPE_BUFFERS = 2

Digests = tuple[bytes, bytes | None]
"""BLAKE3 and SHA-256 of one content, 32 bytes each; None for a SHA-256 that was not asked for."""


class _Hasher(Protocol):
    def update(self, data: memoryview, /) -> object: ...


def digests_of_descriptor(
    descriptor: int,
    size: int,
    both: bool = True,
    threads: int = 1,
    advance: Callable[[int], None] | None = None,
) -> tuple[Digests, int]:
    """As `digest_of_descriptor`, but with the SHA-256 of the same bytes, if ``both``.

    ``threads`` is how many BLAKE3 may use for a large file. The number of bytes read is ``size``
    for a file that did not change meanwhile.
    """
    if size < CHUNK:
        got = os.readv(descriptor, (buffer,)) if size else 0
        if got == size:
            if advance is not None:
                advance(got)
            data = buffer[:got]
            return (blake3(data).digest(), sha256(data).digest() if both else None), got
        os.lseek(descriptor, 0, os.SEEK_SET)  # it changed, or its file system reads by the piece
    tree = blake3(max_threads=threads)
    plain = sha256() if both else None
    hashers: list[_Hasher] = [tree] if plain is None else [tree, plain]
    feed = _feed_piped if size >= _PIPED else _feed
    total = feed(descriptor, size, hashers, advance)
    return (tree.digest(), None if plain is None else plain.digest()), total


def _feed(
    descriptor: int, size: int, hashers: list[_Hasher], advance: Callable[[int], None] | None
) -> int:
    total = 0
    while total <= size and (got := os.readv(descriptor, (buffer,))):
        for hasher in hashers:
            hasher.update(buffer[:got])
        total += got
        if advance is not None:
            advance(got)
    return total


def _feed_piped(
    descriptor: int, size: int, hashers: list[_Hasher], advance: Callable[[int], None] | None
) -> int:
    """Read here, and hash what was read in a thread for each hasher: none of them needs the GIL."""
    lanes = [_HasherThread(hasher) for hasher in hashers]
    buffers = [memoryview(bytearray(_PIPE_CHUNK)) for _ in range(_PIPE_BUFFERS)]
    total = rounds = 0
    try:
        while total <= size:
            if rounds >= _PIPE_BUFFERS:
                for lane in lanes:
                    lane.done.get()  # with what the buffer held
            target = buffers[rounds % _PIPE_BUFFERS]
            got = os.readv(descriptor, (target,))
            if not got:
                break
            for lane in lanes:
                lane.chunks.put(target[:got])
            rounds += 1
            total += got
            if advance is not None:
                advance(got)
    finally:
        for lane in lanes:
            lane.end()
    return total


class _HasherThread:
    """A thread that feeds one hasher."""

    def __init__(self, hasher: _Hasher) -> None:
        self.chunks: SimpleQueue[memoryview | None] = SimpleQueue()
        self.done: SimpleQueue[None] = SimpleQueue()
        self._hasher = hasher
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (chunk := self.chunks.get()) is not None:
            try:
                self._hasher.update(chunk)
            except BaseException as failure:
                self._failure = failure
            self.done.put(None)

    def end(self) -> None:
        """Wait until all that was put in is hashed; raises what the hasher raised."""
        self.chunks.put(None)
        self._thread.join()
        if self._failure is not None:
            raise self._failure
