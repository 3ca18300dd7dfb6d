"""Hash file contents; the only module that knows which hash functions are used.

BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs) proves what is equal. xxh3 (https://xxhash.com)
over a file's first and last bytes shows cheaply what is not.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from hashlib import sha256
from itertools import chain, cycle
from queue import SimpleQueue
from typing import Protocol

from blake3 import blake3
from xxhash import xxh3_64_intdigest

CHUNK = 1 << 20
"""Bytes per read; from 256 KiB on, single-threaded BLAKE3 is at full speed."""

PROBE_SPAN = 16 << 10
"""Bytes read by a probe at each end of a file."""

EMPTY = blake3(b"").digest()

buffer = memoryview(bytearray(CHUNK))
"""The buffer into which this process reads files."""

MOST_UNTOLD = 1 << 36
"""The most bytes read from a file of unknown size, which may be endless."""
_LEAST_HOLE = 1 << 20
"""Bytes; a shorter hole is read like data."""
_MANY_ZEROS = 64 << 20
"""Bytes; a file with this much in holes is hashed by all processors."""
_zeros = memoryview(bytes(8 << 20))
"""Stands for a hole. The system allocates no memory for it until it is written to."""


def pieces(
    descriptor: int, size: int | None, target: Callable[[], memoryview] = lambda: buffer
) -> Iterator[memoryview]:
    """Yield the content of an open file from its beginning, with holes as zeros that are not read.

    ``size`` is what `fstat` returned, in bytes; at most one byte more than that is read, so that
    this ends for a file that keeps growing. With None, everything is read, up to `MOST_UNTOLD`.
    Data is read into ``target()``, and valid until the next piece. Raises OSError as `read` does.
    """
    at, end = 0, MOST_UNTOLD if size is None else size + 1
    holes = iter(()) if size is None else _holes(descriptor, size)
    for start, data in chain(holes, ((end, end),)):
        os.lseek(descriptor, at, os.SEEK_SET)
        while at < start:
            place = target()[: start - at]
            got = os.readv(descriptor, (place,))
            if not got:
                return
            yield place[:got]
            at += got
        while at < data:
            zeros = _zeros[: data - at]
            yield zeros
            at += len(zeros)


def is_hole(piece: memoryview) -> bool:
    """Return whether a piece of a file is a hole."""
    return piece.obj is _zeros.obj


def _holes(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield where the long holes of an open file begin and end; moves its offset.

    Data written into a hole meanwhile changes the file's times, like any other write.
    """
    at = 0
    with suppress(OSError):  # a file system that does not report holes has none
        while size - at >= _LEAST_HOLE:
            start = os.lseek(descriptor, at, os.SEEK_HOLE)
            if size - start < _LEAST_HOLE:
                return
            try:
                at = os.lseek(descriptor, start, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                at = os.lseek(descriptor, 0, os.SEEK_END)  # there is no data after it
            at = min(at, size)
            if at - start >= _LEAST_HOLE:
                yield start, at
            elif at <= start:
                return  # it was truncated, or its file system reports nonsense


def _threads_for_zeros(descriptor: int, size: int | None) -> int:
    """Return how many threads BLAKE3 gets: more than one for a file that is mostly holes.

    The threads are counted, so that they end before the process forks.
    """
    if size is None or size < _MANY_ZEROS:
        return 1
    if size - os.fstat(descriptor).st_blocks * 512 < _MANY_ZEROS:
        return 1
    return os.cpu_count() or 1


def blake3_of(size: int) -> bytes:
    """Return the digest of the first bytes of `buffer`."""
    return blake3(buffer[:size]).digest()


def blake3_of_short(data: bytes) -> bytes:
    """Return 16 bytes of BLAKE3, enough to rule out collisions, even deliberate ones."""
    return blake3(data).digest(16)


class ContentHasher:
    """Hashes content that comes piece by piece."""

    def __init__(self) -> None:
        self._hasher = blake3()
        self.size = 0
        """Bytes so far."""

    def update(self, data: bytes) -> None:
        """Add a piece."""
        self._hasher.update(data)
        self.size += len(data)

    def digest(self) -> bytes:
        """Return the digest of all pieces."""
        return self._hasher.digest()


def blake3_of_parts(parts: Iterable[bytes | memoryview]) -> bytes:
    """Return the digest of some bytes joined; each is hashed before the next one is asked for."""
    hasher = blake3()
    for part in parts:
        hasher.update(part)
    return hasher.digest()


def sha256_of(size: int) -> bytes:
    """Return the SHA-256 of the first bytes of `buffer`."""
    return sha256(buffer[:size]).digest()


def digest_of_descriptor(
    descriptor: int, size: int | None, advance: Callable[[int], None] | None = None
) -> tuple[bytes, int]:
    """Hash an open file, positioned at its beginning.

    Takes a descriptor and the size in bytes that `fstat` returned, None to read to the end; returns
    the BLAKE3 digest (32 bytes) and the number of bytes read, which differs from ``size`` if the
    file changed while being read, or its size is not the reported one. ``advance`` is called with
    the size of every chunk. Raises OSError as `read` does.
    """
    if size is not None and size < CHUNK:
        got = os.readv(descriptor, (buffer,))
        if got == size:
            if advance is not None:
                advance(got)
            return blake3(buffer[:got]).digest(), got
    hasher = blake3(max_threads=_threads_for_zeros(descriptor, size))
    total = _feed(descriptor, size, [hasher], advance)
    return hasher.digest(), total


def probe_of_descriptor(descriptor: int, size: int) -> int:
    """Return the xxh3 of the first and last `PROBE_SPAN` bytes, as a signed 64-bit integer.

    Equal files have equal probes; files with different probes are different.
    """
    head = os.pread(descriptor, PROBE_SPAN, 0)
    tail = os.pread(descriptor, PROBE_SPAN, max(size - PROBE_SPAN, 0))
    value = xxh3_64_intdigest(head + tail)
    return value - (1 << 64) if value >> 63 else value


def drop_page_cache(descriptor: int) -> None:
    """Make the system read an open file from the disk next time, as far as it can be made to.

    Data not yet written to the disk stays cached (posix_fadvise(2)). macOS can be kept from caching
    what is read from now on (F_NOCACHE in fcntl(2)), but may still serve what it has cached before.
    """
    if sys.platform == "darwin":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_NOCACHE, 1)
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):  # optional: a file system without it can be read all the same
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


_PIPED = 8 << 20
"""Bytes; a larger file is hashed in threads while it is being read."""
_PIPE_CHUNK = 2 << 20
_PIPE_BUFFERS = 2

Digests = tuple[bytes, bytes | None]
"""BLAKE3 and SHA-256 of one content, 32 bytes each; None for a SHA-256 that was not requested."""


class _Hasher(Protocol):
    def update(self, data: memoryview, /) -> object: ...


def digests_of_descriptor(
    descriptor: int,
    size: int | None,
    both: bool = True,
    threads: int = 1,
    advance: Callable[[int], None] | None = None,
) -> tuple[Digests, int]:
    """Hash as `digest_of_descriptor` does, with the SHA-256 of the same bytes too, if ``both``.

    ``threads`` is how many BLAKE3 may use for a large file. The number of bytes read is ``size`` if
    the file did not change while being read.
    """
    if size is not None and size < CHUNK:
        got = os.readv(descriptor, (buffer,))
        if got == size:
            if advance is not None:
                advance(got)
            data = buffer[:got]
            return (blake3(data).digest(), sha256(data).digest() if both else None), got
    tree = blake3(max_threads=max(threads, _threads_for_zeros(descriptor, size)))
    plain = sha256() if both else None
    hashers: list[_Hasher] = [tree] if plain is None else [tree, plain]
    feed = _feed if size is not None and size < _PIPED else _feed_piped
    total = feed(descriptor, size, hashers, advance)
    return (tree.digest(), None if plain is None else plain.digest()), total


def _feed(
    descriptor: int, size: int | None, hashers: list[_Hasher], advance: Callable[[int], None] | None
) -> int:
    total = 0
    for piece in pieces(descriptor, size):
        for hasher in hashers:
            hasher.update(piece)
        total += len(piece)
        if advance is not None:
            advance(len(piece))
    return total


def _feed_piped(
    descriptor: int, size: int | None, hashers: list[_Hasher], advance: Callable[[int], None] | None
) -> int:
    """Read in this thread, and hash in one thread per hasher: none of them needs the GIL."""
    lanes = [_HasherThread(hasher) for hasher in hashers]
    buffers = cycle([memoryview(bytearray(_PIPE_CHUNK)) for _ in range(_PIPE_BUFFERS)])
    total = rounds = 0
    try:
        for piece in pieces(descriptor, size, partial(next, buffers)):
            for lane in lanes:
                lane.chunks.put(piece)
            rounds += 1
            total += len(piece)
            if rounds >= _PIPE_BUFFERS:
                for lane in lanes:
                    lane.done.get()  # until the buffer that is used next is free
            if advance is not None:
                advance(len(piece))
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
        """Wait until everything queued is hashed; raises what the hasher raised."""
        self.chunks.put(None)
        self._thread.join()
        if self._failure is not None:
            raise self._failure
